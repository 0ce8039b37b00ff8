//! What the engine's users implement and name.

mod activity;
mod caller;
mod command;
mod decided;
mod decider;
mod given;
mod ids;
mod observed;
mod problem;
mod process;
mod process_test;
mod race;
mod rejection;
mod shown;

pub use activity::{Activity, Pause, Policy, Within};
pub use caller::{Caller, InvalidTenant, Scope, Scopes, Tenant};
pub use command::{CommandShape, Commands, Effect, Existence};
pub use decided::{Asked, Decided, Happened, Refused};
pub use decider::{Context, Decider, Events, Refusals};
pub use given::{Given, When, given};
pub use ids::{AggregateId, InvalidId};
pub use observed::{Concern, Observed};
pub use problem::{FieldError, Problem, title};
pub use process::{Effects, Held, Input, Issued, Process, Progress, Reply, Success, Then};
pub use process_test::{ProcessTest, Replied, done, failed};
pub use race::Race;
pub use rejection::{Rejection, RejectionKind, Rule};
pub use shown::{Landing, LandingView, Shown};
pub use wilco_derive::{commands, events, refusals, state, value};
