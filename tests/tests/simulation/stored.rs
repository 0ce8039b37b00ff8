//! All that a store holds, as the invariants look at it: read behind the back of the port, by statements of its own.

use std::collections::BTreeMap;

use serde::de::DeserializeOwned;
use serde_json::Value;
use sqlx::sqlite::SqliteConnection;
use uuid::Uuid;
use wilco_application::ports::State;

/// See the module's description.
#[derive(Debug, Default)]
pub(super) struct Stored {
    pub(super) heads: BTreeMap<u16, i64>,
    pub(super) commands: BTreeMap<Uuid, Registered>,
    pub(super) events: Vec<Happened>,
    pub(super) instances: BTreeMap<String, Standing>,
    /// Who is to hear of what, and whether that waits until somebody has seen to its instance.
    pub(super) signals: Vec<Waiting>,
    /// Those of each instance.
    pub(super) timers: BTreeMap<String, usize>,
    /// How many attempts at a command have begun.
    pub(super) attempts: BTreeMap<Uuid, u32>,
}

/// A command.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Registered {
    pub(super) kind: String,
    pub(super) target: String,
    pub(super) partition: u16,
    pub(super) state: State,
    pub(super) offset: Option<i64>,
    pub(super) version: Option<i64>,
    /// The slug of the problem that it has failed with.
    pub(super) slug: Option<String>,
    /// The address of who is to hear of it.
    pub(super) reply_to: Option<String>,
    pub(super) caused_by: Option<Uuid>,
}

/// An event.
#[derive(Debug)]
pub(super) struct Happened {
    pub(super) aggregate: String,
    pub(super) sequence: i64,
    pub(super) partition: u16,
    pub(super) offset: i64,
    pub(super) payload: Value,
}

/// An instance of a process.
#[derive(Debug)]
pub(super) struct Standing {
    pub(super) version: i64,
    #[expect(dead_code, reason = "it is shown with whatever does not hold")]
    pub(super) state: Value,
    pub(super) holds: Vec<Uuid>,
    pub(super) awaits: usize,
    pub(super) has_ended: bool,
    /// Why it stands still.
    pub(super) parked: Option<String>,
}

impl Standing {
    /// Whether somebody has ended it where it stood still: then it hears of nothing any more.
    pub(super) const fn is_given_up(&self) -> bool {
        self.has_ended && self.parked.is_some()
    }
}

/// A signal.
#[derive(Debug)]
pub(super) struct Waiting {
    pub(super) address: String,
    pub(super) command: Uuid,
}

impl Registered {
    /// Whether it was settled.
    pub(super) const fn is_settled(&self) -> bool {
        !matches!(self.state, State::Open | State::Running)
    }

    /// The instance that has issued it, if that has still to hear of it: `ordering/o-1`.
    pub(super) fn issuer(&self) -> Option<&str> {
        self.reply_to.as_deref().map(instance_of)
    }
}

/// The instance of an address: `ordering/o-1` of `ordering/o-1/reserve`.
pub(super) fn instance_of(address: &str) -> &str {
    address.rsplit_once('/').map_or(address, |(instance, _)| instance)
}

type CommandRow =
    (Uuid, String, String, u16, i16, Option<i64>, Option<i64>, Option<String>, Option<String>, String);

type EventRow = (String, i64, u16, i64, Value);

type InstanceRow = (String, i64, Value, Vec<Uuid>, usize, u8, Option<String>);

impl Stored {
    /// Reads it.
    pub(super) async fn read(eye: &mut SqliteConnection) -> Result<Self, sqlx::Error> {
        type Tables = (String, String, String, String, String, String, String);
        let tables: Tables = sqlx::query_as(include_str!("stored.sql")).fetch_one(eye).await?;
        let (heads, commands, events, instances, signals, timers, attempts) = tables;
        let mut timers_of = BTreeMap::new();
        for instance in rows::<String>(&timers)? {
            *timers_of.entry(instance).or_default() += 1;
        }
        Ok(Self {
            heads: rows(&heads)?.into_iter().collect(),
            commands: rows(&commands)?.into_iter().map(registered).collect(),
            events: rows(&events)?.into_iter().map(happened).collect(),
            instances: rows(&instances)?.into_iter().map(standing).collect(),
            signals: rows(&signals)?
                .into_iter()
                .map(|(address, command)| Waiting { address, command })
                .collect(),
            timers: timers_of,
            attempts: rows(&attempts)?.into_iter().collect(),
        })
    }
}

fn rows<T: DeserializeOwned>(table: &str) -> Result<Vec<T>, sqlx::Error> {
    serde_json::from_str(table).map_err(|error| sqlx::Error::Decode(error.into()))
}

fn registered(row: CommandRow) -> (Uuid, Registered) {
    let (id, kind, target, partition, status, offset, version, problem, reply_to, caused_by) = row;
    // A number that is no state is none that a command can be settled with.
    let state = State::from_number(status).unwrap_or(State::Open);
    let slug = problem.map(|problem| problem.rsplit('/').next().unwrap_or_default().to_owned());
    // Nothing is an empty text as hexadecimal digits.
    let caused_by = Uuid::parse_str(&caused_by).ok();
    let command = Registered { kind, target, partition, state, offset, version, slug, reply_to, caused_by };
    (id, command)
}

fn happened((aggregate, sequence, partition, offset, payload): EventRow) -> Happened {
    Happened { aggregate, sequence, partition, offset, payload }
}

fn standing(row: InstanceRow) -> (String, Standing) {
    let (name, version, state, holds, awaits, has_ended, parked) = row;
    (name, Standing { version, state, holds, awaits, has_ended: has_ended != 0, parked })
}
