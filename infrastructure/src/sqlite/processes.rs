//! Instances of processes.

use std::sync::{Arc, LazyLock};

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use sqlx::sqlite::{SqliteConnection, SqliteRow};
use sqlx::{QueryBuilder, Row, Sqlite};
use uuid::Uuid;
use wilco_application::ports::{
    AggregateKey, Begun, Command, Page, ProcessFilter, ProcessKey, ProcessRow, ProcessStanding, Processes,
    ReplyTo, Signal, Steps, StoreError, Timer,
};
use wilco_domain::kernel::Problem;

use super::SqliteStore;
use super::bulk::Bulk;
use super::errors::{classify, unreadable};
use super::rows::{command, json, tenant, time, with_columns};
use super::values::Values;

static AWAITED: LazyLock<String> = LazyLock::new(|| with_columns(include_str!("sql/awaited.sql")));
static SIGNALS: LazyLock<String> = LazyLock::new(|| with_columns(include_str!("sql/signals.sql")));
static BEGIN: Bulk = Bulk::new(include_str!("sql/process_begin.sql"), 18);
static STEP: Bulk = Bulk::new(include_str!("sql/process_step.sql"), 12);
static HEARD: Bulk = Bulk::new(include_str!("sql/process_heard.sql"), 3);
static FIRED: Bulk = Bulk::new(include_str!("sql/process_fired.sql"), 5);
static PARKED: Bulk = Bulk::new(include_str!("sql/process_parked.sql"), 3);
static PARKED_TIMERS: Bulk = Bulk::new(include_str!("sql/process_parked_timers.sql"), 3);
static STOPPED: Bulk = Bulk::new(include_str!("sql/process_stopped.sql"), 4);
static ENDED: Bulk = Bulk::new(include_str!("sql/process_ended.sql"), 3);
static SET: Bulk = Bulk::new(include_str!("sql/process_set.sql"), 6);
static BEGUN: Bulk = Bulk::new(include_str!("sql/process_begun.sql"), 2);

#[async_trait]
impl Processes for SqliteStore {
    async fn processes(&self, keys: &[ProcessKey]) -> Result<Vec<ProcessRow>, StoreError> {
        let keys: Vec<[&str; 3]> =
            keys.iter().map(|key| [&*key.process_type, key.tenant.stored(), &key.id]).collect();
        let rows = sqlx::query(include_str!("sql/processes.sql"))
            .bind(json(&keys)?)
            .fetch_all(self.reads())
            .await
            .map_err(classify)?;
        rows.iter().map(process).collect()
    }

    async fn signals(&self, partitions: &[u16], limit: u32) -> Result<Vec<Signal>, StoreError> {
        let mut signals = Vec::new();
        for partition in partitions {
            let rows = sqlx::query(&SIGNALS)
                .bind(partition)
                .bind(limit)
                .fetch_all(self.reads())
                .await
                .map_err(classify)?;
            for row in &rows {
                signals.push(signal(row)?);
            }
        }
        Ok(signals)
    }

    async fn timers(
        &self,
        partitions: &[u16],
        until: DateTime<Utc>,
        limit: u32,
    ) -> Result<Vec<Timer>, StoreError> {
        let mut timers = Vec::new();
        for partition in partitions {
            let rows = sqlx::query(include_str!("sql/timers.sql"))
                .bind(partition)
                .bind(until.timestamp_micros())
                .bind(limit)
                .fetch_all(self.reads())
                .await
                .map_err(classify)?;
            for row in &rows {
                timers.push(timer(row).map_err(classify)?);
            }
        }
        Ok(timers)
    }

    async fn process_list(&self, filter: &ProcessFilter) -> Result<Page<ProcessRow>, StoreError> {
        let rows = listing(filter).build().fetch_all(self.reads()).await.map_err(classify)?;
        let mut items = rows.iter().map(process).collect::<Result<Vec<_>, _>>()?;
        let more = items.len() > filter.limit as usize;
        items.truncate(filter.limit as usize);
        Ok(Page { items, more })
    }

    async fn timers_of(&self, process: &ProcessKey) -> Result<Vec<Timer>, StoreError> {
        let select = "SELECT process_type, tenant, process_id, name, partition, due_at FROM timers \
                      WHERE process_type = ?1 AND tenant = ?2 AND process_id = ?3 ORDER BY due_at";
        let rows = sqlx::query(select)
            .bind(&process.process_type)
            .bind(process.tenant.stored())
            .bind(&process.id)
            .fetch_all(self.reads())
            .await
            .map_err(classify)?;
        rows.iter().map(timer).collect::<Result<_, _>>().map_err(classify)
    }

    async fn awaited_by(&self, process: &ProcessKey) -> Result<Vec<Command>, StoreError> {
        let rows = sqlx::query(&AWAITED)
            .bind(prefix_of(process))
            .bind(process.tenant.stored())
            .fetch_all(self.reads())
            .await
            .map_err(classify)?;
        rows.iter().map(command).collect()
    }

    async fn resume(&self, process: &ProcessKey, home: &str) -> Result<bool, StoreError> {
        let (process, home) = (process.clone(), home.to_owned());
        self.writer().write(move |connection| Box::pin(resume(connection, process, home))).await
    }

    async fn give_up(
        &self,
        process: &ProcessKey,
        home: &str,
        at: DateTime<Utc>,
        error: &Problem,
    ) -> Result<bool, StoreError> {
        let (process, home) = (process.clone(), home.to_owned());
        let error = serde_json::to_string(error).map_err(unreadable)?;
        self.writer().write(move |connection| Box::pin(give_up(connection, process, home, at, error))).await
    }
}

/// The statement of a list.
fn listing(filter: &ProcessFilter) -> QueryBuilder<'_, Sqlite> {
    let mut query = QueryBuilder::new(
        "SELECT process_type, tenant, process_id, version, state_version, state, holds, awaits, progress, ended_at, parked, \
         partition, depth, correlation_id, caused_by, actor, traceparent, begun_at FROM processes WHERE tenant = ",
    );
    query.push_bind(filter.tenant.stored());
    if let Some(process_type) = &filter.process_type {
        query.push(" AND process_type = ").push_bind(process_type);
    }
    match filter.standing {
        Some(ProcessStanding::Running) => query.push(" AND ended_at IS NULL AND parked IS NULL"),
        Some(ProcessStanding::Parked) => query.push(" AND ended_at IS NULL AND parked IS NOT NULL"),
        Some(ProcessStanding::Ended) => query.push(" AND ended_at IS NOT NULL"),
        None => &mut query,
    };
    if let Some((process_type, id)) = &filter.after {
        query.push(" AND (process_type, process_id) > (").push_bind(process_type).push(", ");
        query.push_bind(id).push(")");
    }
    query.push(" ORDER BY process_type, process_id LIMIT ").push_bind(i64::from(filter.limit) + 1);
    query
}

async fn resume(
    connection: &mut SqliteConnection,
    process: ProcessKey,
    home: String,
) -> Result<bool, StoreError> {
    let key = [&process.process_type, process.tenant.stored(), &process.id];
    let resumed = execute(
        connection,
        "UPDATE processes SET parked = NULL, version = version + 1 \
         WHERE process_type = ?1 AND tenant = ?2 AND process_id = ?3 AND parked IS NOT NULL AND ended_at IS NULL",
        &key,
    )
    .await?;
    if resumed == 0 {
        return Ok(false);
    }
    execute(
        connection,
        "UPDATE timers SET parked = 0 WHERE process_type = ?1 AND tenant = ?2 AND process_id = ?3",
        &key,
    )
    .await?;
    let prefix = prefix_of(&process);
    let (tenant, length) = (process.tenant.stored(), prefix.chars().count().to_string());
    execute(
        connection,
        "UPDATE signals SET parked = 0 \
         WHERE parked <> 0 AND tenant = ?1 AND substr(address, 1, CAST(?2 AS INTEGER)) = ?3",
        &[tenant, &length, &prefix],
    )
    .await?;
    unblock(connection, &process, &home).await?;
    Ok(true)
}

async fn give_up(
    connection: &mut SqliteConnection,
    process: ProcessKey,
    home: String,
    at: DateTime<Utc>,
    error: String,
) -> Result<bool, StoreError> {
    let key = [&process.process_type, process.tenant.stored(), &process.id];
    let found = sqlx::query(include_str!("sql/processes.sql"))
        .bind(json(&[&key])?)
        .fetch_optional(&mut *connection)
        .await
        .map_err(classify)?;
    let Some(found) = found.as_ref().map(self::process).transpose()? else { return Ok(false) };
    if found.standing() != ProcessStanding::Parked {
        return Ok(false);
    }
    for held in &found.holds {
        let offset: i64 =
            sqlx::query_scalar("UPDATE partitions SET head = head + 1 WHERE id = ?1 RETURNING head")
                .bind(found.partition)
                .fetch_one(&mut *connection)
                .await
                .map_err(classify)?;
        let failed = sqlx::query(include_str!("sql/process_give_up.sql"))
            .bind(held)
            .bind(process.tenant.stored())
            .bind(at.timestamp_micros())
            .bind(&error)
            .bind(offset)
            .execute(&mut *connection)
            .await
            .map_err(classify)?;
        if failed.rows_affected() != 1 {
            return Err(StoreError::Conflict);
        }
    }
    let ended = ProcessRow {
        version: found.version + 1,
        holds: Vec::new(),
        progress: None,
        ended_at: Some(at),
        ..found.clone()
    };
    let steps = Steps { rows: vec![(found.version, ended)], ..Steps::default() };
    write(connection, &steps).await?;
    let prefix = prefix_of(&process);
    let (tenant, length) = (process.tenant.stored(), prefix.chars().count().to_string());
    execute(
        connection,
        "DELETE FROM signals WHERE parked <> 0 AND tenant = ?1 AND substr(address, 1, CAST(?2 AS INTEGER)) = ?3",
        &[tenant, &length, &prefix],
    )
    .await?;
    unblock(connection, &process, &home).await?;
    Ok(true)
}

/// What the addresses of an instance begin with.
fn prefix_of(process: &ProcessKey) -> String {
    [&process.process_type, "/", &process.id, "/"].concat()
}

/// The commands for an instance are due again.
async fn unblock(
    connection: &mut SqliteConnection,
    process: &ProcessKey,
    home: &str,
) -> Result<(), StoreError> {
    let target = AggregateKey::new(&process.tenant, home, &process.id);
    let unblock = "DELETE FROM blocked_commands WHERE aggregate_type = ?1 AND target = ?2";
    execute(connection, unblock, &[home, &target.stored_id()]).await.map(drop)
}

async fn execute(
    connection: &mut SqliteConnection,
    statement: &'static str,
    texts: &[&str],
) -> Result<u64, StoreError> {
    let query = texts.iter().fold(sqlx::query(statement), |query, text| query.bind(*text));
    query.execute(connection).await.map(|done| done.rows_affected()).map_err(classify)
}

/// Writes what instances did; the caller's transaction makes it all or nothing.
pub(super) async fn write(connection: &mut SqliteConnection, steps: &Steps) -> Result<(), StoreError> {
    if steps.is_empty() {
        return Ok(());
    }
    let rows = steps.rows.iter().map(|(before, row)| Ok((*before, Texts::of(row)?, row)));
    let rows = rows.collect::<Result<Vec<_>, StoreError>>()?;
    let (new, others): (Vec<_>, Vec<_>) = rows.into_iter().partition(|(before, ..)| *before == 0);
    let mut done = BEGIN.execute(connection, &new, bind_new).await?;
    done += STEP.execute(connection, &others, bind_step).await?;
    done += HEARD.execute(connection, &steps.heard, bind_heard).await?;
    done += FIRED.execute(connection, &steps.fired, bind_fired).await?;
    let stored: Vec<&Begun> = steps.begun.iter().filter(|begun| !begun.fresh).collect();
    done += BEGUN.execute(connection, &stored, |values, begun| bind_begun(values, begun)).await?;
    if done != (new.len() + others.len() + steps.heard.len() + steps.fired.len() + stored.len()) as u64 {
        return Err(StoreError::Conflict);
    }
    STOPPED.execute(connection, &steps.stopped, bind_stopped).await?;
    let ended = steps.rows.iter().filter(|(_, row)| row.ended_at.is_some()).map(|(_, row)| &row.key);
    let ended: Vec<&ProcessKey> = ended.collect();
    ENDED.execute(connection, &ended, |values, key| bind_key(values, key)).await?;
    SET.execute(connection, &steps.set, bind_timer).await?;
    PARKED_TIMERS.execute(connection, &steps.parked, bind_key).await?;
    PARKED.execute(connection, &steps.parked, bind_key).await.map(drop)
}

/// What is stored as JSON of an instance.
struct Texts {
    holds: String,
    progress: Option<String>,
    parked: Option<String>,
}

impl Texts {
    fn of(row: &ProcessRow) -> Result<Self, StoreError> {
        let holds = serde_json::to_string(&row.holds).map_err(unreadable)?;
        let progress = row.progress.as_ref().map(serde_json::to_string).transpose().map_err(unreadable)?;
        let parked = row.parked.as_ref().map(serde_json::to_string).transpose().map_err(unreadable)?;
        Ok(Self { holds, progress, parked })
    }
}

fn bind_key<'q>(values: &mut Values<'q>, key: &'q ProcessKey) {
    values.text(&key.process_type).text(key.tenant.stored()).text(&key.id);
}

fn bind_state<'q>(values: &mut Values<'q>, texts: &'q Texts, row: &'q ProcessRow) {
    values
        .put(row.version)
        .put(row.state_version)
        .text(&row.state)
        .text(&texts.holds)
        .put(row.awaits)
        .optional_text(texts.progress.as_deref())
        .put(row.ended_at.map(|at| at.timestamp_micros()))
        .optional_text(texts.parked.as_deref());
}

fn bind_new<'q>(values: &mut Values<'q>, (_, texts, row): &'q (i64, Texts, &ProcessRow)) {
    bind_key(values, &row.key);
    bind_state(values, texts, row);
    values
        .put(row.partition)
        .put(row.depth)
        .put(row.correlation_id)
        .put(row.caused_by)
        .optional_text(row.actor.as_deref())
        .optional_text(row.traceparent.as_deref())
        .put(row.begun_at.timestamp_micros());
}

fn bind_step<'q>(values: &mut Values<'q>, (before, texts, row): &'q (i64, Texts, &ProcessRow)) {
    bind_key(values, &row.key);
    bind_state(values, texts, row);
    values.put(*before);
}

fn bind_heard<'q>(values: &mut Values<'q>, signal: &'q Signal) {
    let offset = signal.command.settlement.as_ref().map(|settlement| settlement.offset);
    values.put(signal.command.partition).put(offset).put(signal.to.address());
}

fn bind_begun<'q>(values: &mut Values<'q>, begun: &'q Begun) {
    values.put(begun.command.id).text(begun.command.tenant.stored());
}

fn bind_stopped<'q>(values: &mut Values<'q>, (key, name): &'q (ProcessKey, String)) {
    bind_key(values, key);
    values.text(name);
}

fn bind_fired<'q>(values: &mut Values<'q>, timer: &'q Timer) {
    bind_key(values, &timer.process);
    values.text(&timer.name).put(timer.due_at.timestamp_micros());
}

fn bind_timer<'q>(values: &mut Values<'q>, timer: &'q Timer) {
    bind_key(values, &timer.process);
    values.text(&timer.name).put(timer.partition).put(timer.due_at.timestamp_micros());
}

fn key(row: &SqliteRow) -> Result<ProcessKey, sqlx::Error> {
    Ok(ProcessKey { process_type: row.try_get(0)?, tenant: tenant(row.try_get(1)?)?, id: row.try_get(2)? })
}

fn process(row: &SqliteRow) -> Result<ProcessRow, StoreError> {
    let read = || -> Result<_, sqlx::Error> {
        let process = ProcessRow {
            key: key(row)?,
            version: row.try_get(3)?,
            state_version: row.try_get(4)?,
            state: row.try_get(5)?,
            holds: Vec::new(),
            awaits: row.try_get(7)?,
            progress: None,
            ended_at: row.try_get::<Option<i64>, _>(9)?.map(time).transpose()?,
            parked: None,
            partition: row.try_get(11)?,
            depth: row.try_get(12)?,
            correlation_id: row.try_get(13)?,
            caused_by: row.try_get(14)?,
            actor: row.try_get(15)?,
            traceparent: row.try_get(16)?,
            begun_at: time(row.try_get(17)?)?,
        };
        Ok((process, row.try_get::<String, _>(6)?, row.try_get(8)?, row.try_get(10)?))
    };
    let (process, holds, progress, parked): (_, _, Option<String>, Option<String>) =
        read().map_err(classify)?;
    let holds: Vec<Uuid> = serde_json::from_str(&holds).map_err(unreadable)?;
    let progress = progress.as_deref().map(serde_json::from_str).transpose().map_err(unreadable)?;
    let parked = parked.as_deref().map(serde_json::from_str).transpose().map_err(unreadable)?;
    Ok(ProcessRow { holds, progress, parked, ..process })
}

fn signal(row: &SqliteRow) -> Result<Signal, StoreError> {
    let command = Arc::new(command(row)?);
    let to = command.reply_to.as_deref().cloned();
    let to: ReplyTo = to.ok_or_else(|| unreadable("a signal of a command that nobody waits for"))?;
    Ok(Signal { to, command })
}

fn timer(row: &SqliteRow) -> Result<Timer, sqlx::Error> {
    Ok(Timer {
        process: key(row)?,
        name: row.try_get(3)?,
        partition: row.try_get(4)?,
        due_at: time(row.try_get(5)?)?,
    })
}
