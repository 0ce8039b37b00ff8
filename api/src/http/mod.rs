//! The server: connections, limits, and what every answer has in common.
//!
//! | module | holds |
//! | --- | --- |
//! | [`serve`] | the accept loop, connections and their limits, the soft end |
//! | `framing` | refuses requests that two servers may read differently, before they are parsed |
//! | `edge` | the layer around every route: request id, problems, security headers, counting |
//! | `call`, `caller` | a request as handlers see it, and who sent it |
//! | `accept`, `conditions`, `headers`, `query`, `json` | how its parts are read |
//! | `answer` | how answers are written |
//! | `base` | below which path clients see the server |
//! | `coding` | gzip, in both directions |
//! | `trace` | the span of a request |
//! | `visitor` | what pages of others may have a browser do here |
//! | `settings`, `state`, `traffic` | what the interface takes, has at hand, and counts |

mod accept;
pub(crate) mod answer;
mod base;
mod call;
mod caller;
mod coding;
mod conditions;
mod edge;
mod framing;
pub(crate) mod headers;
pub(crate) mod json;
mod query;
mod server;
mod settings;
mod shown;
mod state;
mod trace;
mod traffic;
mod visitor;

pub(crate) use accept::Media;
pub use base::{BasePath, InvalidBase};
pub use call::Call;
pub(crate) use call::Content;
pub(crate) use conditions::{Preconditions, Tag};
pub(crate) use edge::edge;
pub(crate) use headers::single;
pub(crate) use query::Query;
pub use server::serve;
pub use settings::{ApiSettings, Limits};
pub(crate) use shown::Shown;
pub use state::{AppState, ReadinessCheck};
pub(crate) use traffic::OpenStream;
