//! What comes to a lane, each to be taken in its turn.
//!
//! Whatever a lane is to do in a partition comes as an input: the inbox brings it in order, an attempt adds its
//! consequences to the batch's one unit of work, and what fails with the batch is tried again alone. To open the lanes
//! to another kind of input is to add a variant here; every place that must know of it stops compiling.

use std::hash::{Hash, Hasher};
use std::sync::Arc;

use chrono::{DateTime, Utc};
use uuid::Uuid;

use crate::ports::{Command, CommandKey, ProcessKey, Signal, Timer};

/// Something that a lane is to do.
#[derive(Clone, Debug)]
pub(crate) enum Input {
    /// To apply a command.
    Command(Arc<Command>),
    /// To tell an instance of a process what became of a command that it has issued.
    Signal(Arc<Signal>),
    /// To let a timer of an instance fire.
    Timer(Arc<Timer>),
}

/// Tells inputs apart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum InputKey {
    /// There is one command of that key.
    Command(CommandKey),
    /// And one signal of its settlement.
    Signal(CommandKey),
    /// A timer that is set anew is another one.
    Timer(Box<(ProcessKey, String, DateTime<Utc>)>),
}

/// By what tells most of them apart: it is done several times for each.
impl Hash for InputKey {
    fn hash<H: Hasher>(&self, state: &mut H) {
        match self {
            Self::Command(key) | Self::Signal(key) => key.hash(state),
            Self::Timer(timer) => timer.hash(state),
        }
    }
}

impl Input {
    /// Which one it is.
    pub(super) fn key(&self) -> InputKey {
        match self {
            Self::Command(command) => InputKey::Command(command.key()),
            Self::Signal(signal) => InputKey::Signal(signal.command.key()),
            Self::Timer(timer) => {
                InputKey::Timer(Box::new((timer.process.clone(), timer.name.clone(), timer.due_at)))
            }
        }
    }

    /// The partition whose lane it is for.
    pub(super) fn partition(&self) -> u16 {
        match self {
            Self::Command(command) => command.partition,
            Self::Signal(signal) => signal.to.partition,
            Self::Timer(timer) => timer.partition,
        }
    }

    /// Its place among the others of its partition: in time; what somebody has done before what has only come to pass.
    pub(super) fn turn(&self) -> (DateTime<Utc>, Uuid) {
        match self {
            Self::Command(command) => (command.accepted_at, command.id),
            Self::Signal(signal) => {
                let settlement = signal.command.settlement.as_ref();
                (settlement.map_or(signal.command.accepted_at, |settlement| settlement.at), signal.command.id)
            }
            Self::Timer(timer) => (timer.due_at, Uuid::max()),
        }
    }

    /// About how many bytes its consequences are made of.
    pub(super) fn size(&self) -> usize {
        match self {
            Self::Command(command) => command.data.len(),
            Self::Signal(_) | Self::Timer(_) => 0,
        }
    }

    /// When it may be taken, if not at once.
    pub(super) fn not_before(&self) -> Option<DateTime<Utc>> {
        match self {
            Self::Command(command) => command.not_before,
            Self::Signal(_) => None,
            Self::Timer(timer) => Some(timer.due_at),
        }
    }

    /// The command, if it is one.
    pub(super) fn command(&self) -> Option<&Arc<Command>> {
        match self {
            Self::Command(command) => Some(command),
            Self::Signal(_) | Self::Timer(_) => None,
        }
    }
}

impl From<Arc<Command>> for Input {
    fn from(command: Arc<Command>) -> Self {
        Self::Command(command)
    }
}

impl From<CommandKey> for InputKey {
    fn from(key: CommandKey) -> Self {
        Self::Command(key)
    }
}
