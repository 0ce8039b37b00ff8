//! What comes to a lane, each to be taken in its turn.
//!
//! Whatever a lane is to do in a partition comes as an input: the inbox brings it in order, an attempt adds its
//! consequences to the batch's one unit of work, and what fails with the batch is tried again alone. To open the lanes
//! to another kind of input is to add a variant here; every place that must know of it stops compiling.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use uuid::Uuid;

use crate::ports::{Command, CommandKey};

/// Something that a lane is to do.
#[derive(Clone, Debug)]
pub(crate) enum Input {
    /// To apply a command.
    Command(Arc<Command>),
}

/// Tells inputs apart.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum InputKey {
    /// There is one command of that key.
    Command(CommandKey),
}

impl Input {
    /// Which one it is.
    pub(super) fn key(&self) -> InputKey {
        let Self::Command(command) = self;
        InputKey::Command(command.key())
    }

    /// The partition whose lane it is for.
    pub(super) fn partition(&self) -> u16 {
        let Self::Command(command) = self;
        command.partition
    }

    /// Its place among the others of its partition.
    pub(super) fn turn(&self) -> (DateTime<Utc>, Uuid) {
        let Self::Command(command) = self;
        (command.accepted_at, command.id)
    }

    /// About how many bytes its consequences are made of.
    pub(super) fn size(&self) -> usize {
        let Self::Command(command) = self;
        command.data.len()
    }

    /// When it may be taken, if not at once.
    pub(super) fn not_before(&self) -> Option<DateTime<Utc>> {
        let Self::Command(command) = self;
        command.not_before
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
