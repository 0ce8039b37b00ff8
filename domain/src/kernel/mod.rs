//! What the engine's users implement and name.

mod command;
mod ids;
mod problem;
mod rejection;

pub use command::{CommandKind, Effect};
pub use ids::{AggregateId, InvalidId};
pub use problem::{FieldError, Problem};
pub use rejection::{Rejection, RejectionKind, Rule};
