//! What an aggregate is written with: `use wilco::prelude::*;`.

pub use chrono::{DateTime, NaiveDate, Utc};
pub use wilco_domain::kernel::{Context, Decider, Landing, commands, events, given, refusals, state, value};
pub use wilco_domain::money::{Currency, Money};
