//! How others are called, and how they call back.

use std::collections::BTreeMap;

use ipnet::IpNet;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use wilco_application::activities::DestinationSettings;
use wilco_application::webhook::SigningKey;
use wilco_domain::kernel::Policy;

use super::Error;
use super::bounds::{number_within, within};
use super::duration::Span;
use super::nats::Secret;
use super::sections::list;

/// Who may be called, and how many at once.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Egress {
    /// Ranges of addresses that may be called although they are not public, such as `127.0.0.0/8`: a list, or a text with
    /// commas.
    #[serde(deserialize_with = "list")]
    pub allow: Vec<String>,
    /// Calls to one destination that may be under way at once, by all replicas together.
    #[schemars(extend("x-unit" = "calls"))]
    pub slots: usize,
    /// Calls that may be under way at once, whomever they ask, in each replica.
    #[schemars(extend("x-unit" = "calls"))]
    pub slots_in_all: usize,
    /// Failures in a row after which a destination is left alone for a while.
    #[schemars(extend("x-unit" = "failures"))]
    pub failures: u32,
    /// How long it is left alone; then one call shows whether it is well again.
    pub rest: Span,
}

impl Default for Egress {
    fn default() -> Self {
        let DestinationSettings { slots, in_all, failures, rest } = DestinationSettings::default();
        Self { allow: Vec::new(), slots, slots_in_all: in_all, failures, rest: Span(rest) }
    }
}

impl Egress {
    pub(super) fn validate(&self) -> Result<(), Error> {
        within("egress.slots", self.slots as u64, 1, 10_000)?;
        within("egress.slots_in_all", self.slots_in_all as u64, 1, 100_000)?;
        within("egress.failures", self.failures.into(), 1, 1_000_000)?;
        self.ranges().map(drop)
    }

    /// The ranges that may be called.
    pub fn ranges(&self) -> Result<Vec<IpNet>, Error> {
        let range = |text: &String| {
            let wrong =
                |_| Error::invalid("egress.allow", "ranges of addresses, such as 127.0.0.0/8 or fd00::/8");
            text.parse().map_err(wrong)
        };
        self.allow.iter().map(range).collect()
    }

    /// Bounds of what is asked of one destination.
    pub const fn destinations(&self) -> DestinationSettings {
        DestinationSettings {
            slots: self.slots,
            in_all: self.slots_in_all,
            failures: self.failures,
            rest: self.rest.0,
        }
    }
}

/// How callbacks are signed.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Callbacks {
    /// Secrets (`whsec_…`) that callbacks and what clients are told are signed with, as Standard Webhooks say: a list, or a
    /// text with commas. The first signs; without any nobody is called back.
    #[serde(deserialize_with = "secrets")]
    pub secrets: Vec<Secret>,
}

/// Who may send messages to `/v1/hooks/{source}`.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Hook {
    /// Secrets (`whsec_…`), any of which a message may be signed with: a list, or a text with commas.
    #[serde(deserialize_with = "secrets")]
    pub secrets: Vec<Secret>,
}

/// The keys that are made of secrets; `setting` says where they stand.
pub fn keys(setting: &str, secrets: &[Secret]) -> Result<Vec<SigningKey>, Error> {
    let key = |secret: &Secret| {
        secret.reveal().parse().map_err(|error| Error::invalid(setting, format!("{error}")))
    };
    secrets.iter().map(key).collect()
}

fn secrets<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Vec<Secret>, D::Error> {
    Ok(list(deserializer)?.into_iter().map(Secret::from).collect())
}

/// When an activity is tried again, as far as it is said.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct ActivityPolicy {
    /// How often it is tried at most.
    pub attempts: Option<u32>,
    /// How long to wait between two attempts.
    pub pause: PauseBetween,
    /// How long all may take.
    pub within: WithinBounds,
}

/// How long to wait between two attempts, as far as it is said.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct PauseBetween {
    /// After the first.
    pub first: Option<Span>,
    /// What each is multiplied by for the next.
    pub factor: Option<f64>,
    /// The longest.
    pub most: Option<Span>,
    /// The share that is left to chance, 0 to 1.
    pub jitter: Option<f64>,
}

/// Bounds in time, as far as they are said.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct WithinBounds {
    /// Of one attempt.
    pub attempt: Option<Span>,
    /// Of all of them.
    pub all: Option<Span>,
    /// For so long the other side knows a request by its key.
    pub key: Option<Span>,
}

impl ActivityPolicy {
    pub(super) fn validate(&self, name: &str) -> Result<(), Error> {
        let setting = |member: &str| format!("activity.{name}.{member}");
        within(&setting("attempts"), self.attempts.unwrap_or(1).into(), 1, 1_000_000)?;
        number_within(&setting("pause.factor"), self.pause.factor.unwrap_or(1.0), 1.0, 1000.0)?;
        number_within(&setting("pause.jitter"), self.pause.jitter.unwrap_or(0.0), 0.0, 1.0)
    }

    /// A policy with what is said here in it.
    pub fn over(&self, policy: &Policy) -> Policy {
        let mut policy = policy.clone();
        let span = |to: &mut std::time::Duration, said: Option<Span>| *to = said.map_or(*to, |span| span.0);
        policy.attempts = self.attempts.unwrap_or(policy.attempts);
        policy.pause.factor = self.pause.factor.unwrap_or(policy.pause.factor);
        policy.pause.jitter = self.pause.jitter.unwrap_or(policy.pause.jitter);
        span(&mut policy.pause.first, self.pause.first);
        span(&mut policy.pause.most, self.pause.most);
        span(&mut policy.within.attempt, self.within.attempt);
        span(&mut policy.within.all, self.within.all);
        span(&mut policy.within.key, self.within.key);
        // A longest pause that nobody spoke of does not shorten a first one that somebody did.
        if self.pause.most.is_none() {
            policy.pause.most = policy.pause.most.max(policy.pause.first);
        }
        policy
    }
}

/// Those of the settings of activities, by name.
pub type Activities = BTreeMap<String, ActivityPolicy>;
/// Those of hooks, by source.
pub type Hooks = BTreeMap<String, Hook>;
