//! What every program has, whatever its modules are.

use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;
use wilco_domain::kernel::{Activity, Pause, Policy, Within};

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

    /// For a day, longer and longer apart.
    fn policy() -> Policy {
        const DAY: Duration = Duration::from_secs(86400);
        Policy {
            attempts: 100,
            pause: Pause {
                first: Duration::from_secs(1),
                factor: 2.0,
                most: Duration::from_secs(3600),
                jitter: 0.2,
            },
            within: Within { attempt: Duration::from_secs(15), all: DAY, key: DAY },
        }
    }
}
