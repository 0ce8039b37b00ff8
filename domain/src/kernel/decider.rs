use std::fmt::{Debug, Display};

use chrono::{DateTime, NaiveDate, Utc};
use serde::Serialize;
use serde::de::DeserializeOwned;
use uuid::Uuid;

use super::{Commands, Rule, Tenant};

/// An aggregate: what it is asked, what it decides, what happened to it.
///
/// It decides from its state, the command and its context alone: no I/O, no clock, no randomness. A decision may be
/// asked for again after a crash or a conflict, and must be the same then; and whatever comes after a command waits
/// until it is decided.
pub trait Decider: Clone + Debug + Default + Serialize + DeserializeOwned + Send + Sync + 'static {
    /// What it is called, snake case: the part before the dot in the names of its commands and events.
    const TYPE: &'static str;
    /// Raise it when [`apply`](Self::apply), or that of what the resource shows, makes something else of the same events.
    /// What was kept of both is then made of the events anew; a change to their members is noticed without.
    const REVISION: u32 = 0;
    /// Members of what the resource shows that lists can be filtered by, besides `status`.
    const INDEXED: &'static [&'static str] = &[];
    /// What it is asked.
    type Command: Commands;
    /// What happens to it.
    type Event: Events;
    /// What it says no with.
    type Refusal: Refusals;

    /// What comes of a command: events, none if there is nothing to do, or a refusal. Whether the aggregate exists as
    /// the command demands was seen to before.
    fn decide(&self, command: Self::Command, context: &Context) -> Result<Vec<Self::Event>, Self::Refusal>;

    /// Takes note of what happened. It cannot refuse: it happened.
    fn apply(&mut self, event: Self::Event);

    /// Whether it has ended, so that its resource is gone (410).
    fn is_gone(&self) -> bool {
        false
    }
}

/// What a decision may depend on besides state and command. It is stored with the command, and the same whenever the
/// command is decided.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Context {
    /// When the command was accepted; of one that was to wait, the time it was to wait for.
    pub at: DateTime<Utc>,
    /// The command's id.
    pub command_id: Uuid,
    /// Whose aggregate it is.
    pub tenant: Tenant,
    /// Who asks, where that is known.
    pub actor: Option<String>,
}

impl Context {
    /// The day (UTC) of [`at`](Self::at).
    pub fn today(&self) -> NaiveDate {
        self.at.date_naive()
    }
}

/// Everything that may happen to an aggregate: written with [`events`](crate::events).
pub trait Events: Clone + Debug + PartialEq + Serialize + DeserializeOwned + Send + Sync + 'static {
    /// What it is called, past tense and snake case, and the version of its layout.
    fn name_and_version(&self) -> (&'static str, &'static str);
}

/// Everything that an aggregate may say no with: written with [`refusals`](crate::refusals). What it displays is the
/// problem's `detail`.
pub trait Refusals: Clone + Debug + Display + PartialEq + Send + Sync + 'static {
    /// The rules of the domain, their slugs without the aggregate's name.
    const RULES: &'static [Rule];
    /// Whether values may make no sense, beside the rules.
    const VALIDATES: bool;

    /// The slug of the rule that is broken; without one, the values make no sense.
    fn rule(&self) -> Option<&'static str>;
}
