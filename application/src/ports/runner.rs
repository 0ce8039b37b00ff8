use std::time::Duration;

use async_trait::async_trait;
use serde_json::Value;
use uuid::Uuid;
use wilco_domain::kernel::Problem;

use super::{Command, Undecodable};

/// Does an activity: the adapter to whomever it asks.
///
/// It writes nothing, and keeps nothing: what it answers is taken down by the engine. Its future is dropped when it takes
/// too long; whether it was done is then not known.
#[async_trait]
pub trait Runner: Send + Sync + 'static {
    /// Whom a command of this type asks: what shares its slots, and is left alone together when it is ill.
    fn destination(&self, command: &Command) -> Result<String, Undecodable>;

    /// Does it. Whatever attempt it is, the request is the same, byte for byte.
    async fn run(&self, call: &Call<'_>) -> Answer;

    /// Looks whether it has been done by an attempt before, whose answer was lost.
    async fn look(&self, call: &Call<'_>) -> Look {
        let _ = call;
        Look::CannotTell
    }
}

/// What is to be done.
#[derive(Clone, Copy, Debug)]
pub struct Call<'c> {
    /// The command.
    pub command: &'c Command,
    /// Which attempt it is, from 1.
    pub attempt: u32,
}

impl Call<'_> {
    /// What the other side knows the request by, equal over all attempts.
    pub const fn key(&self) -> Uuid {
        self.command.id
    }
}

/// What became of an attempt.
#[derive(Clone, Debug, PartialEq)]
pub enum Answer {
    /// It is done, and this has come of it.
    Done(Value),
    /// It was not done, and can be tried again.
    Retry(Setback),
    /// It may have been done.
    Unknown(Setback),
    /// It was not done, and never will be.
    Final(Problem),
}

impl Answer {
    /// It cannot be brought to whom it is for.
    pub fn undeliverable(why: impl Into<String>) -> Self {
        Self::Final(Problem::new("undeliverable", 502, why))
    }
}

/// Why an attempt has come to nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Setback {
    /// In a sentence, for people.
    pub why: String,
    /// For how long the other side wants to be left alone.
    pub after: Option<Duration>,
    /// Whether it says that the other side is ill, so that others had better wait too.
    pub is_ill: bool,
}

impl Setback {
    /// The other side is ill.
    pub fn ill(why: impl Into<String>) -> Self {
        Self { why: why.into(), after: None, is_ill: true }
    }
}

/// Whether something has been done before.
#[derive(Clone, Debug, PartialEq)]
pub enum Look {
    /// It has, and this has come of it.
    There(Value),
    /// It has not.
    Absent,
    /// Nobody can say: only the key keeps it from being done twice.
    CannotTell,
    /// Nobody answered.
    AskAgain(Setback),
}
