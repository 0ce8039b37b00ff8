//! What comes to a lane, each to be taken in its turn.
//!
//! Whatever a lane is to do in a partition comes as an input: the inbox brings it in order, an attempt adds its
//! consequences to the batch's one unit of work, and what fails with the batch is tried again alone. To open the lanes
//! to another kind of input is to add a variant here; every place that must know of it stops compiling.

use std::hash::{Hash, Hasher};
use std::sync::Arc;

use chrono::{DateTime, Utc};
use uuid::Uuid;

use crate::activities::Answered;
use crate::ports::{Command, CommandKey, DueAttempt, ProcessKey, Signal, Timer};

/// Something that a lane is to do.
#[derive(Clone, Debug)]
pub(crate) enum Input {
    /// To apply a command.
    Command(Arc<Command>),
    /// To tell an instance of a process what became of a command that it has issued, or what it observes.
    Signal(Arc<Signal>),
    /// To let a timer of an instance fire.
    Timer(Arc<Timer>),
    /// To have an activity tried.
    Attempt(Arc<DueAttempt>),
    /// To take down what became of an attempt.
    Answer(Arc<Answered>),
}

/// Tells inputs apart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum InputKey {
    /// There is one command of that key.
    Command(CommandKey),
    /// And one signal of its settlement.
    Signal(CommandKey),
    /// An event, by partition and offset, for one instance.
    Event(Box<(u16, i64, ProcessKey)>),
    /// A timer that is set anew is another one.
    Timer(Box<(ProcessKey, String, DateTime<Utc>)>),
    /// The one after so many attempts.
    Attempt(CommandKey, u32),
    /// To the attempt of that number.
    Answer(CommandKey, u32),
}

/// By what tells most of them apart: it is done several times for each.
impl Hash for InputKey {
    fn hash<H: Hasher>(&self, state: &mut H) {
        match self {
            Self::Command(key) | Self::Signal(key) | Self::Attempt(key, _) | Self::Answer(key, _) => {
                key.hash(state);
            }
            Self::Timer(timer) => timer.hash(state),
            Self::Event(event) => event.hash(state),
        }
    }
}

impl InputKey {
    pub(super) fn of_signal(signal: &Signal) -> Self {
        match &signal.event {
            None => Self::Signal(signal.command.key()),
            Some(event) => {
                let instance = signal.to.process(&signal.command.tenant);
                Self::Event(Box::new((event.source, event.offset, instance)))
            }
        }
    }

    pub(super) fn of_timer(timer: &Timer) -> Self {
        Self::Timer(Box::new((timer.process.clone(), timer.name.clone(), timer.due_at)))
    }
}

impl Input {
    /// Which one it is.
    pub(super) fn key(&self) -> InputKey {
        match self {
            Self::Command(command) => InputKey::Command(command.key()),
            Self::Signal(signal) => InputKey::of_signal(signal),
            Self::Timer(timer) => InputKey::of_timer(timer),
            Self::Attempt(due) => InputKey::Attempt(due.command.key(), due.row.attempt),
            Self::Answer(answered) => InputKey::Answer(answered.command.key(), answered.row.attempt),
        }
    }

    /// The partition whose lane it is for.
    pub(super) fn partition(&self) -> u16 {
        match self {
            Self::Command(command) => command.partition,
            Self::Signal(signal) => signal.to.partition,
            Self::Timer(timer) => timer.partition,
            Self::Attempt(due) => due.command.partition,
            Self::Answer(answered) => answered.command.partition,
        }
    }

    /// Its place among the others of its partition: in time; what somebody has done before what has only come to pass.
    pub(super) fn turn(&self) -> (DateTime<Utc>, Uuid) {
        match self {
            Self::Command(command) => (command.accepted_at, command.id),
            Self::Signal(signal) => match &signal.event {
                // Of one source they come in order; several may have one time.
                Some(event) => (signal.turn(), Uuid::from_u128(event.offset.unsigned_abs().into())),
                None => (signal.turn(), signal.command.id),
            },
            Self::Timer(timer) => (timer.due_at, Uuid::max()),
            Self::Attempt(due) => (due.row.due_at, due.command.id),
            Self::Answer(answered) => (answered.at, answered.command.id),
        }
    }

    /// About how many bytes its consequences are made of.
    pub(super) fn size(&self) -> usize {
        match self {
            Self::Command(command) => command.data.len(),
            Self::Answer(answered) => answered.size(),
            Self::Signal(signal) => signal.event.as_ref().map_or(0, |event| event.row.payload.len()),
            Self::Timer(_) | Self::Attempt(_) => 0,
        }
    }

    /// When it may be taken, if not at once.
    pub(super) fn not_before(&self) -> Option<DateTime<Utc>> {
        match self {
            Self::Command(command) => command.not_before,
            Self::Signal(_) | Self::Attempt(_) | Self::Answer(_) => None,
            Self::Timer(timer) => Some(timer.due_at),
        }
    }

    /// The command, if it is one.
    pub(super) fn command(&self) -> Option<&Arc<Command>> {
        match self {
            Self::Command(command) => Some(command),
            Self::Signal(_) | Self::Timer(_) | Self::Attempt(_) | Self::Answer(_) => None,
        }
    }

    /// Whether it may be left to be read again, rather than be failed: nobody has asked for it by itself.
    pub(super) const fn can_wait(&self) -> bool {
        matches!(self, Self::Signal(_) | Self::Timer(_) | Self::Attempt(_))
    }

    /// Whether it is in no store: nobody will find it there again.
    pub(super) const fn is_only_here(&self) -> bool {
        matches!(self, Self::Answer(_))
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
