//! The registry of commands.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, LazyLock};

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use sqlx::sqlite::SqliteConnection;
use sqlx::{QueryBuilder, Row, Sqlite};
use uuid::Uuid;
use wilco_application::callbacks;
use wilco_application::ports::{
    Accepted, CancelOutcome, Command, CommandFilter, CommandKey, Page, Registry, State, StoreError, Waiting,
};
use wilco_domain::kernel::{Problem, Tenant};

use super::SqliteStore;
use super::bulk::Bulk;
use super::errors::{classify, unreadable};
use super::rows::{GIVEN, bind_command, command, hex, json, with_columns};

#[async_trait]
impl Registry for SqliteStore {
    async fn accept(&self, commands: Vec<Arc<Command>>) -> Result<Vec<Accepted>, StoreError> {
        if commands.is_empty() {
            return Ok(Vec::new());
        }
        self.writer().write(move |connection| Box::pin(accept(connection, commands))).await
    }

    async fn command(&self, key: &CommandKey) -> Result<Option<Command>, StoreError> {
        let row = sqlx::query(&BY_ID)
            .bind(key.id)
            .bind(key.tenant.stored())
            .fetch_optional(self.reads())
            .await
            .map_err(classify)?;
        row.as_ref().map(command).transpose()
    }

    async fn commands(&self, keys: &[CommandKey]) -> Result<Vec<Command>, StoreError> {
        let ids = json(&keys.iter().map(|key| hex(key.id)).collect::<Vec<_>>())?;
        let rows =
            sqlx::query(&EXISTING).bind(ids).bind("[]").fetch_all(self.reads()).await.map_err(classify)?;
        let mut found = rows.iter().map(command).collect::<Result<Vec<_>, _>>()?;
        CommandKey::retain(&mut found, keys);
        Ok(found)
    }

    async fn list(&self, filter: &CommandFilter) -> Result<Page<Command>, StoreError> {
        let rows = listing(filter).build().fetch_all(self.reads()).await.map_err(classify)?;
        let items = rows.iter().map(command).collect::<Result<Vec<_>, _>>()?;
        Ok(Page::cut(items, filter.limit))
    }

    async fn unfinished(
        &self,
        tenant: &Tenant,
        target: &str,
        command_type: &str,
    ) -> Result<Option<Command>, StoreError> {
        let row = sqlx::query(&UNFINISHED)
            .bind(tenant.stored())
            .bind(target)
            .bind(command_type)
            .fetch_optional(self.reads())
            .await
            .map_err(classify)?;
        row.as_ref().map(command).transpose()
    }

    async fn led_to(&self, tenant: &Tenant, ids: &[Uuid], limit: u32) -> Result<Vec<Command>, StoreError> {
        let rows = sqlx::query(&LED_TO)
            .bind(json(&ids.iter().map(|id| hex(*id)).collect::<Vec<_>>())?)
            .bind(tenant.stored())
            .bind(limit)
            .fetch_all(self.reads())
            .await
            .map_err(classify)?;
        rows.iter().map(command).collect()
    }

    async fn due(
        &self,
        partitions: &[u16],
        now: DateTime<Utc>,
        limit: u32,
    ) -> Result<Vec<Command>, StoreError> {
        let mut due = Vec::new();
        // One by one: there is no round trip to save, and a partition or two is what a SQLite store has.
        for partition in partitions {
            let rows = sqlx::query(&DUE)
                .bind(partition)
                .bind(now.timestamp_micros())
                .bind(limit)
                .fetch_all(self.reads())
                .await
                .map_err(classify)?;
            due.extend(rows.iter().map(command).collect::<Result<Vec<_>, _>>()?);
        }
        Ok(due)
    }

    async fn backlog(&self, now: DateTime<Utc>, limit: u64) -> Result<u64, StoreError> {
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        let counted: i64 = sqlx::query_scalar(include_str!("sql/backlog.sql"))
            .bind(now.timestamp_micros())
            .bind(limit)
            .fetch_one(self.reads())
            .await
            .map_err(classify)?;
        Ok(counted.min(limit) as u64)
    }

    async fn waiting(&self, now: DateTime<Utc>, limit: u64) -> Result<Waiting, StoreError> {
        type Row = (i64, Option<i64>, i64, Option<i64>);
        let row: Row = sqlx::query_as(include_str!("sql/waiting.sql"))
            .bind(now.timestamp_micros())
            .bind(i64::try_from(limit).unwrap_or(i64::MAX))
            .fetch_one(self.reads())
            .await
            .map_err(classify)?;
        let (scheduled, oldest, parked, oldest_timer) = row;
        let time = |micros: Option<i64>| micros.and_then(DateTime::from_timestamp_micros);
        Ok(Waiting {
            scheduled: scheduled as u64,
            oldest: time(oldest),
            parked: parked as u64,
            oldest_timer: time(oldest_timer),
        })
    }

    async fn cancel(
        &self,
        key: &CommandKey,
        at: DateTime<Utc>,
        error: &Problem,
    ) -> Result<CancelOutcome, StoreError> {
        let key = key.clone();
        let error = serde_json::to_string(error).map_err(unreadable)?;
        self.writer().write(move |connection| Box::pin(cancel(connection, key, at, error))).await
    }
}

static ACCEPT: Bulk = Bulk::new(include_str!("sql/accept.sql"), GIVEN.len());
static DUE: LazyLock<String> = LazyLock::new(|| with_columns(include_str!("sql/due.sql")));
static UNFINISHED: LazyLock<String> = LazyLock::new(|| with_columns(include_str!("sql/unfinished.sql")));
static LED_TO: LazyLock<String> = LazyLock::new(|| with_columns(include_str!("sql/led_to.sql")));
static EXISTING: LazyLock<String> = LazyLock::new(|| with_columns(include_str!("sql/existing.sql")));
static BY_ID: LazyLock<String> =
    LazyLock::new(|| with_columns("SELECT {command} FROM commands c WHERE c.id = ?1 AND c.tenant = ?2"));
static ALL: LazyLock<String> = LazyLock::new(|| with_columns("SELECT {command} FROM commands c"));

async fn accept(
    connection: &mut SqliteConnection,
    commands: Vec<Arc<Command>>,
) -> Result<Vec<Accepted>, StoreError> {
    let rows = ACCEPT.fetch(connection, &commands, |values, command| bind_command(values, command)).await?;
    let stored = rows.iter().map(|row| Ok((row.try_get(0)?, row.try_get(1)?))).collect::<Result<Vec<_>, _>>();
    let stored: Vec<(Uuid, String)> = stored.map_err(classify)?;
    if stored.len() == commands.len() {
        return Ok(commands.iter().map(|_| Accepted::New).collect());
    }
    // Of commands with the same id only the first can be the stored one.
    let mut stored: HashSet<(Uuid, &str)> =
        stored.iter().map(|(id, tenant)| (*id, tenant.as_str())).collect();
    let missing: Vec<bool> =
        commands.iter().map(|command| !stored.remove(&(command.id, command.tenant.stored()))).collect();
    read_back(connection, &commands, &missing).await
}

fn key_of(command: &Command) -> Option<(&str, &str)> {
    Some((command.tenant.stored(), command.idempotency.as_ref()?.key.as_deref()?))
}

/// Finds what was there already.
async fn read_back(
    connection: &mut SqliteConnection,
    commands: &[Arc<Command>],
    missing: &[bool],
) -> Result<Vec<Accepted>, StoreError> {
    let sought =
        || commands.iter().zip(missing).filter(|(_, missing)| **missing).map(|(command, _)| &**command);
    let rows = sqlx::query(&EXISTING)
        .bind(json(&sought().map(|command| hex(command.id)).collect::<Vec<_>>())?)
        .bind(json(&sought().filter_map(|command| key_of(command)).collect::<Vec<_>>())?)
        .fetch_all(connection)
        .await
        .map_err(classify)?;
    let existing = rows.iter().map(command).collect::<Result<Vec<_>, _>>()?;
    let by_key: HashMap<_, _> = existing.iter().filter_map(|found| Some((key_of(found)?, found))).collect();
    let by_id: HashMap<_, _> = existing.iter().map(|found| (found.key(), found)).collect();
    let answer = |(command, missing): (&Arc<Command>, &bool)| {
        if !*missing {
            return Ok(Accepted::New);
        }
        key_of(command)
            .and_then(|key| by_key.get(&key))
            .or_else(|| by_id.get(&command.key()))
            .map(|found| Accepted::Existing(Box::new((*found).clone())))
            .ok_or_else(|| StoreError::Unavailable("a command's earlier twin has vanished".into()))
    };
    commands.iter().zip(missing).map(answer).collect()
}

async fn cancel(
    connection: &mut SqliteConnection,
    key: CommandKey,
    at: DateTime<Utc>,
    error: String,
) -> Result<CancelOutcome, StoreError> {
    let Some(found) = one(connection, &key).await? else { return Ok(CancelOutcome::Unknown) };
    match found.state() {
        State::Open => {}
        State::Running => return Ok(CancelOutcome::Running(Box::new(found))),
        _ => return Ok(CancelOutcome::Settled(Box::new(found))),
    }
    let offset: i64 =
        sqlx::query_scalar("UPDATE partitions SET head = head + 1 WHERE id = ?1 RETURNING head")
            .bind(found.partition)
            .fetch_one(&mut *connection)
            .await
            .map_err(classify)?;
    sqlx::query(include_str!("sql/cancel.sql"))
        .bind(key.id)
        .bind(key.tenant.stored())
        .bind(at.timestamp_micros())
        .bind(error)
        .bind(offset)
        .execute(&mut *connection)
        .await
        .map_err(classify)?;
    deliver(connection, &[found], at).await?;
    let cancelled = one(connection, &key).await?.ok_or_else(|| unreadable("a command has vanished"))?;
    Ok(CancelOutcome::Cancelled(Box::new(cancelled)))
}

/// Stores the deliveries that are due with the end of these commands.
pub(super) async fn deliver(
    connection: &mut SqliteConnection,
    settled: &[Command],
    at: DateTime<Utc>,
) -> Result<(), StoreError> {
    let deliveries: Vec<Command> =
        settled.iter().filter_map(|command| callbacks::of_settled(command, at)).collect();
    ACCEPT.execute(connection, &deliveries, |values, command| bind_command(values, command)).await.map(drop)
}

pub(super) async fn one(
    connection: &mut SqliteConnection,
    key: &CommandKey,
) -> Result<Option<Command>, StoreError> {
    let row = sqlx::query(&BY_ID)
        .bind(key.id)
        .bind(key.tenant.stored())
        .fetch_optional(connection)
        .await
        .map_err(classify)?;
    row.as_ref().map(command).transpose()
}

/// The statement of a list. The open ones come by the indexes of open commands, which hold no more than those; the
/// others by the index of the list's order.
fn listing(filter: &CommandFilter) -> QueryBuilder<'_, Sqlite> {
    let mut query = QueryBuilder::new("");
    match filter.state {
        Some(State::Open) => {
            query.push("SELECT * FROM (");
            some(
                &mut query,
                " INDEXED BY commands_open WHERE c.status = 0 AND c.not_before IS NULL AND ",
                filter,
            );
            query.push(") UNION ALL SELECT * FROM (");
            let scheduled =
                " INDEXED BY commands_scheduled WHERE c.status = 0 AND c.not_before IS NOT NULL AND ";
            some(&mut query, scheduled, filter);
            query.push(") ORDER BY accepted_at DESC, id DESC LIMIT ").push_bind(i64::from(filter.limit) + 1);
        }
        Some(State::Succeeded) => some(&mut query, " WHERE c.status = 1 AND ", filter),
        Some(State::Failed) => some(&mut query, " WHERE c.status = 2 AND ", filter),
        Some(State::Cancelled) => some(&mut query, " WHERE c.status = 3 AND ", filter),
        Some(State::Running) => {
            some(&mut query, " INDEXED BY commands_running WHERE c.status = 4 AND ", filter);
        }
        None => some(&mut query, " WHERE ", filter),
    }
    query
}

/// The newest of those that match, and one more to see whether there are more.
fn some<'f>(query: &mut QueryBuilder<'f, Sqlite>, which: &str, filter: &'f CommandFilter) {
    query.push(&*ALL).push(which);
    conditions(query, filter);
    query.push(" ORDER BY c.accepted_at DESC, c.id DESC LIMIT ").push_bind(i64::from(filter.limit) + 1);
}

fn conditions<'f>(query: &mut QueryBuilder<'f, Sqlite>, filter: &'f CommandFilter) {
    query.push("c.tenant = ").push_bind(filter.tenant.stored());
    if let (Some(scheduled), Some(now)) = (filter.scheduled, filter.now) {
        query.push(if scheduled { " AND c.not_before > " } else { " AND coalesce(c.not_before, 0) <= " });
        query.push_bind(now.timestamp_micros());
    }
    if let Some(command_type) = &filter.command_type {
        query.push(" AND c.command_type = ").push_bind(command_type);
    }
    if let Some(target) = &filter.target {
        query.push(" AND c.target = ").push_bind(target);
    }
    if let Some(aggregate_type) = &filter.aggregate_type {
        query.push(" AND substr(c.command_type, 1, instr(c.command_type || '.', '.') - 1) = ");
        query.push_bind(aggregate_type);
    }
    if let Some(correlation) = filter.correlation_id {
        query.push(" AND (c.correlation_id = ").push_bind(correlation);
        query.push(" OR (c.id = ").push_bind(correlation).push(" AND c.correlation_id IS NULL))");
    }
    if let Some((accepted_at, id)) = filter.before {
        query.push(" AND (c.accepted_at, c.id) < (").push_bind(accepted_at.timestamp_micros()).push(", ");
        query.push_bind(id).push(")");
    }
}
