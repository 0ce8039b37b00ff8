//! What every program has, whatever its modules are.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;
use wilco_domain::kernel::{Activity, Policy};

/// Post how a command ended to the address that was given with it
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DeliverCallback {
    /// Where to.
    pub url: String,
    /// The command that is told of.
    pub command: Uuid,
}

impl Activity for DeliverCallback {
    const TYPE: &'static str = "callback.deliver";

    fn policy() -> Policy {
        Policy::of_messages()
    }
}
