use serde_json::Value;

use super::Decider;

/// An event of an aggregate, as a [process](super::Process) that observes it is shown it.
#[derive(Clone, Debug, PartialEq)]
pub struct Observed {
    /// The type of the aggregate.
    pub aggregate_type: String,
    /// Its id.
    pub aggregate_id: String,
    /// Its version after the event.
    pub version: i64,
    /// The event as JSON, in the layout of today.
    pub event: Value,
}

impl Observed {
    /// The event, if it is one of `T`.
    pub fn of<T: Decider>(&self) -> Option<T::Event> {
        (self.aggregate_type == T::TYPE).then(|| serde::Deserialize::deserialize(&self.event).ok()).flatten()
    }
}

/// What an instance of a process has to do with an event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Concern {
    /// None has.
    Nothing,
    /// The instance of this id is told of it; if there is none, this begins it. It then holds no command.
    Starts(String),
    /// The instance of this id is told of it, if there is one.
    Continues(String),
}

impl Concern {
    /// The instance that is to be told.
    pub fn instance(&self) -> Option<&str> {
        match self {
            Self::Nothing => None,
            Self::Starts(id) | Self::Continues(id) => Some(id),
        }
    }
}
