//! Between the rows of SQLite and the values of the port.

use chrono::{DateTime, Utc};
use serde::Serialize;
use sqlx::sqlite::SqliteRow;
use sqlx::{Decode, Row, Sqlite, Type};
use uuid::Uuid;
use wilco_application::ports::{
    Command, EntryBody, EventRow, FeedEntry, Idempotency, ReplyTo, Settlement, State, StoreError, ViewRow,
};
use wilco_domain::kernel::Tenant;

use super::errors::{classify, unreadable};
use super::values::Values;

/// What is stored of a command when it is accepted, in the order in which [`bind_command`] binds it and [`command`]
/// reads it.
pub(super) const GIVEN: [&str; 18] = [
    "id",
    "tenant",
    "partition",
    "command_type",
    "target",
    "data",
    "expected_version",
    "not_before",
    "accepted_at",
    "actor",
    "callback_url",
    "metadata",
    "idempotency_key",
    "fingerprint",
    "correlation_id",
    "caused_by",
    "traceparent",
    "depth",
];

/// What is stored besides of a command that a process has issued, in the order in which it is bound and read.
pub(super) const ORIGIN: [&str; 3] = ["reply_to", "reply_partition", "must"];

/// What is stored of a command when it is settled, in the order in which it is bound and read.
pub(super) const SETTLED: [&str; 6] = ["status", "settled_at", "attempts", "version", "error", "\"offset\""];

/// What few commands give beside their resource, written by a statement of its own; read behind all others.
const RESULT: &str = "result";

/// How many columns a command has, as `{command}` of [`with_columns`] says them.
pub(super) const COMMAND_COLUMNS: usize = GIVEN.len() + ORIGIN.len() + SETTLED.len() + 1;

/// A statement whose text says `{given}`, `{origin}` or `{settled}` for these columns, `{command}` for all of them, of `commands c`,
/// and `{no command}` for as many nulls.
pub(super) fn with_columns(text: &str) -> String {
    let all = || GIVEN.into_iter().chain(ORIGIN).chain(SETTLED).chain([RESULT]);
    let list = |columns: Vec<String>| columns.join(", ");
    text.replace("{given}", &GIVEN.join(", "))
        .replace("{origin}", &ORIGIN.join(", "))
        .replace("{settled}", &SETTLED.join(", "))
        .replace("{command}", &list(all().map(|column| format!("c.{column}")).collect()))
        .replace("{no command}", &list(all().map(|_| "NULL".to_owned()).collect()))
}

/// The columns of a view, in the order in which [`view`] reads them.
macro_rules! view_columns {
    () => {
        "view_id, version, payload, status, gone, fingerprint"
    };
}
pub(super) use view_columns;

/// The columns of a row, one after the other.
struct Columns<'r> {
    row: &'r SqliteRow,
    next: usize,
}

impl<'r> Columns<'r> {
    fn next<T: Decode<'r, Sqlite> + Type<Sqlite>>(&mut self) -> Result<T, sqlx::Error> {
        self.next += 1;
        self.row.try_get(self.next - 1)
    }
}

/// A command, from `{command}`.
pub(super) fn command(row: &SqliteRow) -> Result<Command, StoreError> {
    command_at(row, 0)
}

/// The same where other columns come before.
pub(super) fn command_at(row: &SqliteRow, first: usize) -> Result<Command, StoreError> {
    let mut columns = Columns { row, next: first };
    let given = given(&mut columns).map_err(classify)?;
    let (state, settlement) = settlement(&mut columns)?;
    Ok(Command { running: state == State::Running, settlement, ..given })
}

fn given(columns: &mut Columns<'_>) -> Result<Command, sqlx::Error> {
    let id: Uuid = columns.next()?;
    Ok(Command {
        id,
        tenant: tenant(columns.next()?)?,
        partition: columns.next()?,
        command_type: columns.next()?,
        target: columns.next()?,
        data: columns.next()?,
        expected_version: columns.next()?,
        not_before: columns.next::<Option<i64>>()?.map(time).transpose()?,
        accepted_at: time(columns.next()?)?,
        actor: columns.next()?,
        callback_url: columns.next()?,
        metadata: columns.next()?,
        idempotency: idempotency(columns.next()?, columns.next()?)?,
        correlation_id: columns.next::<Option<Uuid>>()?.unwrap_or(id),
        caused_by: columns.next()?,
        traceparent: columns.next()?,
        depth: columns.next::<Option<i16>>()?.unwrap_or_default() as u16,
        reply_to: reply_to(columns.next()?, columns.next()?, columns.next()?),
        running: false,
        settlement: None,
    })
}

fn reply_to(address: Option<&str>, partition: Option<i16>, must: Option<&str>) -> Option<Box<ReplyTo>> {
    ReplyTo::from_stored(address?, partition? as u16, must).map(Box::new)
}

/// The tenant whose name is stored so.
pub(super) fn tenant(stored: String) -> Result<Tenant, sqlx::Error> {
    Tenant::from_stored(stored).map_err(|invalid| sqlx::Error::Decode(invalid.into()))
}

fn idempotency(
    key: Option<String>,
    fingerprint: Option<Vec<u8>>,
) -> Result<Option<Idempotency>, sqlx::Error> {
    let Some(fingerprint) = fingerprint else { return Ok(None) };
    let fingerprint = <[u8; 16]>::try_from(fingerprint)
        .map_err(|_| sqlx::Error::Decode("a fingerprint has 16 bytes".into()))?;
    Ok(Some(Idempotency { key, fingerprint }))
}

fn settlement(columns: &mut Columns<'_>) -> Result<(State, Option<Settlement>), StoreError> {
    let number: i16 = columns.next().map_err(classify)?;
    let state = State::from_number(number).ok_or_else(|| unreadable(format!("status {number}")))?;
    if matches!(state, State::Open | State::Running) {
        return Ok((state, None));
    }
    let mut read = || -> Result<_, sqlx::Error> {
        let (at, attempts) = (time(columns.next()?)?, columns.next()?);
        let (version, error): (_, Option<&str>) = (columns.next()?, columns.next()?);
        let (offset, result) = (columns.next()?, columns.next()?);
        Ok((Settlement { state, at, attempts, version, error: None, offset, result }, error))
    };
    let (settlement, error) = read().map_err(classify)?;
    let error = error.map(serde_json::from_str).transpose().map_err(unreadable)?;
    Ok((state, Some(Settlement { error, ..settlement })))
}

/// What is given of a command, as the statements that store it take it.
pub(super) fn bind_command<'q>(values: &mut Values<'q>, command: &'q Command) {
    let idempotency = command.idempotency.as_ref();
    values
        .put(command.id)
        .text(command.tenant.stored())
        .put(command.partition)
        .text(&command.command_type)
        .text(&command.target)
        .text(&command.data)
        .put(command.expected_version)
        .put(command.not_before.map(|time| time.timestamp_micros()))
        .put(command.accepted_at.timestamp_micros())
        .optional_text(command.actor.as_deref())
        .optional_text(command.callback_url.as_deref())
        .optional_text(command.metadata.as_deref())
        .optional_text(idempotency.and_then(|given| given.key.as_deref()))
        .put(idempotency.map(|given| given.fingerprint.as_slice()))
        .put((command.correlation_id != command.id).then_some(command.correlation_id))
        .put(command.caused_by)
        .optional_text(command.traceparent.as_deref())
        .put((command.depth > 0).then_some(command.depth));
}

/// Where a command comes from, as the statement that stores issued ones takes it.
pub(super) fn bind_origin(values: &mut Values<'_>, command: &Command) {
    let reply_to = command.reply_to.as_deref();
    values.put(reply_to.map(ReplyTo::address)).put(reply_to.map(|reply_to| reply_to.partition));
    values.put(reply_to.and_then(ReplyTo::must_as_stored));
}

/// A view, from [`view_columns`].
pub(super) fn view(row: &SqliteRow) -> Result<ViewRow, StoreError> {
    let read = || -> Result<ViewRow, sqlx::Error> {
        Ok(ViewRow {
            view_id: row.try_get(0)?,
            version: row.try_get(1)?,
            payload: row.try_get(2)?,
            status: row.try_get(3)?,
            gone: row.try_get(4)?,
            fingerprint: row.try_get(5)?,
        })
    };
    read().map_err(classify)
}

/// An event, from seven columns that begin with the aggregate's type.
pub(super) fn event(row: &SqliteRow, first: usize) -> Result<EventRow, sqlx::Error> {
    Ok(EventRow {
        aggregate_type: row.try_get(first)?,
        aggregate_id: row.try_get(first + 1)?,
        sequence: row.try_get(first + 2)?,
        event_type: row.try_get(first + 3)?,
        event_version: row.try_get(first + 4)?,
        payload: row.try_get(first + 5)?,
        metadata: row.try_get(first + 6)?,
    })
}

/// An entry of the feed: offset, an event's seven columns, a command's columns.
pub(super) fn entry(row: &SqliteRow, partition: u16) -> Result<FeedEntry, StoreError> {
    let offset = row.try_get(0).map_err(classify)?;
    let is_event = row.try_get::<Option<i64>, _>(3).map_err(classify)?.is_some();
    let body = if is_event {
        EntryBody::Event(event(row, 1).map_err(classify)?)
    } else {
        EntryBody::Outcome(std::sync::Arc::new(command_at(row, 8)?))
    };
    Ok(FeedEntry { partition, offset, body })
}

/// Rows as one JSON array, for `json_each`. SQLite would cut a text at a NUL; PostgreSQL refuses it, and so does this.
pub(super) fn json(rows: &impl Serialize) -> Result<String, StoreError> {
    const NUL: &str = "\\u0000";
    let json = serde_json::to_string(rows).map_err(unreadable)?;
    // An odd number of backslashes: an escape; an even one: the text of an escape, escaped itself.
    let backslashes = |end| json.as_bytes()[..end].iter().rev().take_while(|byte| **byte == b'\\').count();
    if json.match_indices(NUL).any(|(at, _)| backslashes(at + 1) % 2 == 1) {
        return Err(unreadable("a text contains NUL"));
    }
    Ok(json)
}

/// An id as [`json`] carries it: hexadecimal, for `unhex`.
pub(super) fn hex(id: Uuid) -> String {
    id.simple().to_string()
}

pub(super) fn time(micros: i64) -> Result<DateTime<Utc>, sqlx::Error> {
    DateTime::from_timestamp_micros(micros).ok_or_else(|| sqlx::Error::Decode("a time out of range".into()))
}
