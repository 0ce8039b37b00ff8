//! Between the rows of PostgreSQL and the values of the port.

use sqlx::Row;
use sqlx::postgres::PgRow;
use uuid::Uuid;
use wilco_application::ports::{
    Command, EntryBody, EventRow, FeedEntry, Idempotency, Settlement, State, StoreError, ViewRow,
};

use super::errors::classify;

/// The columns of a command, in the order in which [`command`] reads them. The feed's statement repeats them.
macro_rules! command_columns {
    () => {
        "c.id, c.tenant, c.partition, c.command_type, c.target, c.data, c.expected_version, c.not_before, \
         c.accepted_at, c.actor, c.callback_url, c.metadata, c.idempotency_key, c.fingerprint, \
         c.correlation_id, c.caused_by, c.traceparent, c.status, c.settled_at, c.attempts, c.\"offset\", \
         c.version, c.error"
    };
}
pub(super) use command_columns;

/// The columns of a view, in the order in which [`view`] reads them.
macro_rules! view_columns {
    () => {
        "view_id, version, payload::text, status, gone"
    };
}
pub(super) use view_columns;

/// A command, from [`command_columns`].
pub(super) fn command(row: &PgRow) -> Result<Command, StoreError> {
    command_at(row, 0)
}

fn command_at(row: &PgRow, first: usize) -> Result<Command, StoreError> {
    let read = || -> Result<Command, sqlx::Error> {
        let id: Uuid = row.try_get(first)?;
        let fingerprint: Option<[u8; 16]> = row.try_get(first + 13)?;
        Ok(Command {
            id,
            tenant: row.try_get(first + 1)?,
            partition: row.try_get::<i16, _>(first + 2)? as u16,
            command_type: row.try_get(first + 3)?,
            target: row.try_get(first + 4)?,
            data: row.try_get(first + 5)?,
            expected_version: row.try_get(first + 6)?,
            not_before: row.try_get(first + 7)?,
            accepted_at: row.try_get(first + 8)?,
            actor: row.try_get(first + 9)?,
            callback_url: row.try_get(first + 10)?,
            metadata: row.try_get(first + 11)?,
            idempotency: match fingerprint {
                Some(fingerprint) => Some(Idempotency { key: row.try_get(first + 12)?, fingerprint }),
                None => None,
            },
            correlation_id: row.try_get::<Option<Uuid>, _>(first + 14)?.unwrap_or(id),
            caused_by: row.try_get(first + 15)?,
            traceparent: row.try_get(first + 16)?,
            settlement: None,
        })
    };
    let settlement = settlement(row, first + 17)?;
    Ok(Command { settlement, ..read().map_err(classify)? })
}

fn settlement(row: &PgRow, first: usize) -> Result<Option<Settlement>, StoreError> {
    let number: i16 = row.try_get(first).map_err(classify)?;
    let state = State::from_number(number).ok_or_else(|| unreadable(format!("status {number}")))?;
    if state == State::Open {
        return Ok(None);
    }
    let error: Option<&str> = row.try_get(first + 5).map_err(classify)?;
    let error = error.map(serde_json::from_str).transpose().map_err(unreadable)?;
    let read = || -> Result<Settlement, sqlx::Error> {
        Ok(Settlement {
            state,
            at: row.try_get(first + 1)?,
            attempts: row.try_get::<i32, _>(first + 2)? as u32,
            offset: row.try_get(first + 3)?,
            version: row.try_get(first + 4)?,
            error,
        })
    };
    read().map(Some).map_err(classify)
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
