//! Between the rows of PostgreSQL and the values of the port.

use sqlx::postgres::{PgArguments, PgRow};
use sqlx::query::QueryScalar;
use sqlx::{Decode, Postgres, Row, Type};
use uuid::Uuid;
use wilco_application::ports::{
    Command, EntryBody, EventRow, FeedEntry, Idempotency, ReplyTo, Settlement, State, StoreError, ViewRow,
};
use wilco_domain::kernel::Tenant;

use super::errors::classify;

/// What is stored of a command when it is accepted, with the types; in the order in which it is bound and read. The last
/// of them, [`bind_commands`]' part, are also what `wilco_commit_4` takes of a new command.
const GIVEN: [(&str, &str); 18] = [
    ("id", "uuid"),
    ("partition", "smallint"),
    ("not_before", "timestamptz"),
    ("tenant", "text"),
    ("command_type", "text"),
    ("target", "text"),
    ("data", "text"),
    ("expected_version", "bigint"),
    ("accepted_at", "timestamptz"),
    ("actor", "text"),
    ("callback_url", "text"),
    ("metadata", "text"),
    ("idempotency_key", "text"),
    ("fingerprint", "bytea"),
    ("correlation_id", "uuid"),
    ("caused_by", "uuid"),
    ("traceparent", "text"),
    ("depth", "smallint"),
];

/// What is stored besides of a command that a process has issued, in the order in which it is bound and read.
const ORIGIN: [(&str, &str); 3] = [("reply_to", "text"), ("reply_partition", "smallint"), ("must", "text")];

/// What is stored of a command when it is settled, in the order in which it is read.
const SETTLED: [&str; 6] = ["status", "settled_at", "attempts", "version", "error", "\"offset\""];

/// What few commands give beside their resource, written by a statement of its own; read behind all others.
const RESULT: &str = "result";

/// How many columns a command has, as `{command}` of [`with_columns`] says them.
pub(super) const COMMAND_COLUMNS: usize = GIVEN.len() + ORIGIN.len() + SETTLED.len() + 1;

/// A statement whose text says `{given}` for what is given of a command, `{given arrays}` for as many parameters,
/// `{origin}` and `{origin arrays}` for what follows them, `{command}` for all columns, of `commands c`, and
/// `{no command}` for as many nulls.
pub(super) fn with_columns(text: &str) -> String {
    with_columns_after(text, 0)
}

/// The same for a statement that has so many parameters before those arrays.
pub(super) fn with_columns_after(text: &str, parameters: usize) -> String {
    let all = || GIVEN.into_iter().chain(ORIGIN).map(|(column, _)| column).chain(SETTLED).chain([RESULT]);
    let list = |columns: Vec<String>| columns.join(", ");
    let arrays = |of: &[(&str, &str)], before: usize| {
        let arrays = (before + 1..).zip(of).map(|(number, (_, of))| format!("${number}::{of}[]"));
        list(arrays.collect())
    };
    text.replace("{given}", &GIVEN.map(|(column, _)| column).join(", "))
        .replace("{given arrays}", &arrays(&GIVEN, parameters))
        .replace("{origin}", &ORIGIN.map(|(column, _)| column).join(", "))
        .replace("{origin arrays}", &arrays(&ORIGIN, parameters + GIVEN.len()))
        .replace("{command}", &list(all().map(|column| format!("c.{column}")).collect()))
        .replace("{no command}", &list(all().map(|_| "NULL".to_owned()).collect()))
}

/// The columns of a view, in the order in which [`view`] reads them.
macro_rules! view_columns {
    () => {
        "view_id, version, payload::text, status, gone, fingerprint"
    };
}
pub(super) use view_columns;

/// The columns of a row, one after the other.
struct Columns<'r> {
    row: &'r PgRow,
    next: usize,
}

impl<'r> Columns<'r> {
    fn next<T: Decode<'r, Postgres> + Type<Postgres>>(&mut self) -> Result<T, sqlx::Error> {
        self.next += 1;
        self.row.try_get(self.next - 1)
    }
}

/// A command, from `{command}`.
pub(super) fn command(row: &PgRow) -> Result<Command, StoreError> {
    command_at(row, 0)
}

/// The same where other columns come before.
pub(super) fn command_at(row: &PgRow, first: usize) -> Result<Command, StoreError> {
    let mut columns = Columns { row, next: first };
    let given = given(&mut columns).map_err(classify)?;
    let (state, settlement) = settlement(&mut columns)?;
    Ok(Command { running: state == State::Running, settlement, ..given })
}

fn given(columns: &mut Columns<'_>) -> Result<Command, sqlx::Error> {
    let id: Uuid = columns.next()?;
    Ok(Command {
        id,
        partition: columns.next::<i16>()? as u16,
        not_before: columns.next()?,
        tenant: tenant(columns.next()?)?,
        command_type: columns.next()?,
        target: columns.next()?,
        data: columns.next()?,
        expected_version: columns.next()?,
        accepted_at: columns.next()?,
        actor: columns.next()?,
        callback_url: columns.next()?,
        metadata: columns.next()?,
        idempotency: idempotency(columns.next()?, columns.next()?),
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

fn idempotency(key: Option<String>, fingerprint: Option<[u8; 16]>) -> Option<Idempotency> {
    fingerprint.map(|fingerprint| Idempotency { key, fingerprint })
}

fn settlement(columns: &mut Columns<'_>) -> Result<(State, Option<Settlement>), StoreError> {
    let number: i16 = columns.next().map_err(classify)?;
    let state = State::from_number(number).ok_or_else(|| unreadable(format!("status {number}")))?;
    if matches!(state, State::Open | State::Running) {
        return Ok((state, None));
    }
    let mut read = || -> Result<_, sqlx::Error> {
        let (at, attempts) = (columns.next()?, columns.next::<i32>()? as u32);
        let (version, error): (_, Option<&str>) = (columns.next()?, columns.next()?);
        let (offset, result) = (columns.next()?, columns.next()?);
        Ok((Settlement { state, at, attempts, version, error: None, offset, result }, error))
    };
    let (settlement, error) = read().map_err(classify)?;
    let error = error.map(serde_json::from_str).transpose().map_err(unreadable)?;
    Ok((state, Some(Settlement { error, ..settlement })))
}

/// A statement whose parameters are arrays.
pub(super) type Scalar<'q, O> = QueryScalar<'q, Postgres, O, PgArguments>;

/// What is given of each command, an array a column.
pub(super) fn bind_given<'q, O>(query: Scalar<'q, O>, commands: &[&'q Command]) -> Scalar<'q, O> {
    let query = query
        .bind(commands.iter().map(|command| command.id).collect::<Vec<_>>())
        .bind(commands.iter().map(|command| command.partition as i16).collect::<Vec<_>>())
        .bind(commands.iter().map(|command| command.not_before).collect::<Vec<_>>());
    bind_commands(query, commands)
}

/// What is given of each command from its tenant on, an array a column: all but what depends on where it goes.
pub(super) fn bind_commands<'q, O>(query: Scalar<'q, O>, commands: &[&'q Command]) -> Scalar<'q, O> {
    fn of<'q, T>(commands: &[&'q Command], value: impl Fn(&'q Command) -> T) -> Vec<T> {
        commands.iter().map(|command| value(command)).collect()
    }
    query
        .bind(of(commands, |c| c.tenant.stored()))
        .bind(of(commands, |c| c.command_type.as_str()))
        .bind(of(commands, |c| c.target.as_str()))
        .bind(of(commands, |c| c.data.as_str()))
        .bind(of(commands, |c| c.expected_version))
        .bind(of(commands, |c| c.accepted_at))
        .bind(of(commands, |c| c.actor.as_deref()))
        .bind(of(commands, |c| c.callback_url.as_deref()))
        .bind(of(commands, |c| c.metadata.as_deref()))
        .bind(of(commands, |c| c.idempotency.as_ref().and_then(|given| given.key.as_deref())))
        .bind(of(commands, |c| c.idempotency.as_ref().map(|given| given.fingerprint)))
        .bind(of(commands, |c| (c.correlation_id != c.id).then_some(c.correlation_id)))
        .bind(of(commands, |c| c.caused_by))
        .bind(of(commands, |c| c.traceparent.as_deref()))
        .bind(of(commands, |c| (c.depth > 0).then_some(c.depth as i16)))
}

/// Where each command comes from, an array a column.
pub(super) fn bind_origin<'q, O>(query: Scalar<'q, O>, commands: &[&'q Command]) -> Scalar<'q, O> {
    let reply_to = || commands.iter().map(|command| command.reply_to.as_deref());
    query
        .bind(reply_to().map(|to| to.map(ReplyTo::address)).collect::<Vec<_>>())
        .bind(reply_to().map(|to| to.map(|to| to.partition as i16)).collect::<Vec<_>>())
        .bind(reply_to().map(|to| to.and_then(ReplyTo::must_as_stored)).collect::<Vec<_>>())
}

/// A view, from [`view_columns`].
pub(super) fn view(row: &PgRow) -> Result<ViewRow, StoreError> {
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
pub(super) fn event(row: &PgRow, first: usize) -> Result<EventRow, sqlx::Error> {
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
pub(super) fn entry(row: &PgRow, partition: u16) -> Result<FeedEntry, StoreError> {
    let offset = row.try_get(0).map_err(classify)?;
    let is_event = row.try_get::<Option<i64>, _>(3).map_err(classify)?.is_some();
    let body = if is_event {
        EntryBody::Event(event(row, 1).map_err(classify)?)
    } else {
        EntryBody::Outcome(std::sync::Arc::new(command_at(row, 8)?))
    };
    Ok(FeedEntry { partition, offset, body })
}

/// What is stored makes no sense.
pub(super) fn unreadable(error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> StoreError {
    StoreError::Data(error.into())
}
