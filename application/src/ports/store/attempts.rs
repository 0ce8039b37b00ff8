use std::sync::Arc;

use async_trait::async_trait;
use chrono::{DateTime, Utc};

use super::{Command, CommandKey, StoreError};

/// Where the attempts at an activity stand, as it is stored with its command, which is running.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AttemptRow {
    /// Whom it asks: `https://provider.example:443`.
    pub destination: String,
    /// How many attempts have begun.
    pub attempt: u32,
    /// When the first of them began.
    pub begun_at: Option<DateTime<Utc>>,
    /// Whether one of them may have been done without our knowing. So it is while one is under way.
    pub in_doubt: bool,
    /// When the next one may begin. While one is under way: when it must have ended, so that whoever finds it later
    /// knows that nobody will tell of it any more.
    pub due_at: DateTime<Utc>,
}

/// What a commit makes of the attempts at an activity.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AttemptStep {
    /// Its command.
    pub command: CommandKey,
    /// The partition of it.
    pub partition: u16,
    /// How many attempts had begun; `None`: nothing is stored of it. Another number is a conflict.
    pub before: Option<u32>,
    /// What is stored from now on; `None`: nothing, it is settled.
    pub after: Option<AttemptRow>,
}

/// An activity whose next attempt is due.
#[derive(Clone, Debug, PartialEq)]
pub struct DueAttempt {
    /// Its command.
    pub command: Arc<Command>,
    /// Where it stands.
    pub row: AttemptRow,
}

/// So many due attempts are found at once.
pub const MOST_DUE: u32 = 1000;

/// The attempts at activities. They are written by units of work.
#[async_trait]
pub trait Attempts: Send + Sync {
    /// The activities in these partitions whose next attempt is due at `now`, at most `each` for each destination of each
    /// partition, none for these destinations, and at most [`MOST_DUE`] in all.
    async fn due_attempts(
        &self,
        partitions: &[u16],
        now: DateTime<Utc>,
        each: u32,
        without: &[String],
    ) -> Result<Vec<DueAttempt>, StoreError>;

    /// Where the attempts at these commands stand, as far as they are running activities.
    async fn attempts(&self, commands: &[CommandKey]) -> Result<Vec<(CommandKey, AttemptRow)>, StoreError>;
}
