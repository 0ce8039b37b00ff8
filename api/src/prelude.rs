//! What an aggregate is written with: `use wilco::prelude::*;`.

pub use chrono::{DateTime, NaiveDate, Utc};
pub use wilco_domain::kernel::{Context, Decider, Landing, commands, events, given, refusals, state, value};
// And a process: work of several steps, and what it asks of third parties.
pub use wilco_application::catalog::Undecodable;
pub use wilco_application::ports::{
    Answer, Call, Command, Look, OutboundMethod, OutboundRequest, Runner, Setback,
};
pub use wilco_domain::kernel::{
    Activity, Held, Input, Policy, Problem, Process, ProcessTest, Reply, Success, Then, done, failed,
};
pub use wilco_domain::money::{Currency, Money};
