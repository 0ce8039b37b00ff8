//! Instances of processes.

use std::collections::BTreeMap;
use std::sync::{Arc, LazyLock};

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use sqlx::sqlite::{SqliteConnection, SqliteRow};
use sqlx::{QueryBuilder, Row, Sqlite};
use uuid::Uuid;
use wilco_application::ports::{
    AggregateKey, Checkpoint, Command, CommandKey, Page, ProcessFilter, ProcessKey, ProcessRow,
    ProcessStanding, Processes, ReplyTo, Sighted, Sighting, Signal, Steps, StoreError, Timer,
};
use wilco_domain::kernel::Problem;

use super::SqliteStore;
use super::errors::{classify, unreadable};
use super::registry::{deliver, one};
use super::rows::{COMMAND_COLUMNS, command, event, hex, json, tenant, time, with_columns};
use super::steps;

static AWAITED: LazyLock<String> = LazyLock::new(|| with_columns(include_str!("sql/awaited.sql")));
static SIGNALS: LazyLock<String> = LazyLock::new(|| with_columns(include_str!("sql/signals.sql")));

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

    async fn begin_observing(&self, reader: &str) -> Result<(), StoreError> {
        let reader = reader.to_owned();
        let begin = self.writer().write(move |connection| {
            Box::pin(async move {
                let begin = sqlx::query(include_str!("sql/begin_observing.sql")).bind(&reader);
                begin.execute(connection).await.map(drop).map_err(classify)
            })
        });
        begin.await
    }

    async fn observe(
        &self,
        reader: &str,
        from: i64,
        to: &Checkpoint,
        sightings: &[Sighting],
    ) -> Result<bool, StoreError> {
        let (reader, to) = (reader.to_owned(), *to);
        let sightings = json(&sightings.iter().map(sighting).collect::<Vec<_>>())?;
        let observe =
            self.writer().write(move |connection| Box::pin(observe(connection, reader, from, to, sightings)));
        observe.await
    }

    async fn process_list(&self, filter: &ProcessFilter) -> Result<Page<ProcessRow>, StoreError> {
        let rows = listing(filter).build().fetch_all(self.reads()).await.map_err(classify)?;
        let items = rows.iter().map(process).collect::<Result<Vec<_>, _>>()?;
        Ok(Page::cut(items, filter.limit))
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
            .bind(process.addresses())
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

async fn observe(
    connection: &mut SqliteConnection,
    reader: String,
    from: i64,
    to: Checkpoint,
    sightings: String,
) -> Result<bool, StoreError> {
    let moved = sqlx::query(include_str!("sql/observe_move.sql"))
        .bind(&reader)
        .bind(to.partition)
        .bind(from)
        .bind(to.offset)
        .bind(to.mark)
        .execute(&mut *connection)
        .await
        .map_err(classify)?;
    if moved.rows_affected() == 0 {
        return Ok(false);
    }
    let told = sqlx::query(include_str!("sql/observe.sql")).bind(to.partition).bind(&sightings);
    told.execute(connection).await.map(|_| true).map_err(classify)
}

/// One of the array that the statement takes.
fn sighting(sighting: &Sighting) -> (i64, String, u16, &str, String, i64) {
    let Sighting { to, tenant, offset, at, command_id } = sighting;
    (*offset, to.address(), to.partition, tenant.stored(), hex(*command_id), at.timestamp_micros())
}

/// The statement of a list.
fn listing(filter: &ProcessFilter) -> QueryBuilder<'_, Sqlite> {
    let mut query = QueryBuilder::new(
        "SELECT process_type, tenant, process_id, version, state_version, state, holds, awaits, progress, ended_at, parked, \
         partition, depth, correlation_id, caused_by, actor, traceparent, begun_at, seen, resumed FROM processes WHERE tenant = ",
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
    if execute(connection, include_str!("sql/process_resume.sql"), &process).await? == 0 {
        return Ok(false);
    }
    execute(connection, include_str!("sql/process_resume_timers.sql"), &process).await?;
    execute(connection, include_str!("sql/process_resume_signals.sql"), &process).await?;
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
        let command = one(connection, &CommandKey::new(&process.tenant, *held)).await?;
        deliver(connection, command.as_slice(), at).await?;
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
    steps::write(connection, &steps).await?;
    execute(connection, include_str!("sql/process_drop_signals.sql"), &process).await?;
    unblock(connection, &process, &home).await?;
    Ok(true)
}

/// The commands for an instance are due again.
async fn unblock(
    connection: &mut SqliteConnection,
    process: &ProcessKey,
    home: &str,
) -> Result<(), StoreError> {
    let target = AggregateKey::new(&process.tenant, home, &process.id);
    sqlx::query("DELETE FROM blocked_commands WHERE aggregate_type = ?1 AND target = ?2")
        .bind(home)
        .bind(target.stored_id().as_ref())
        .execute(connection)
        .await
        .map(drop)
        .map_err(classify)
}

/// Runs a statement about an instance: ?1 type, ?2 tenant, ?3 id. Says how many rows it changed.
async fn execute(
    connection: &mut SqliteConnection,
    statement: &'static str,
    process: &ProcessKey,
) -> Result<u64, StoreError> {
    sqlx::query(statement)
        .bind(&process.process_type)
        .bind(process.tenant.stored())
        .bind(&process.id)
        .execute(connection)
        .await
        .map(|done| done.rows_affected())
        .map_err(classify)
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
            resumed: row.try_get(19)?,
            seen: BTreeMap::new(),
        };
        let holds: String = row.try_get(6)?;
        Ok((process, holds, row.try_get(8)?, row.try_get(10)?, row.try_get(18)?))
    };
    let (process, holds, progress, parked, seen): (_, _, Option<&str>, Option<&str>, Option<&str>) =
        read().map_err(classify)?;
    let holds: Vec<Uuid> = serde_json::from_str(&holds).map_err(unreadable)?;
    let progress = progress.map(serde_json::from_str).transpose().map_err(unreadable)?;
    let parked = parked.map(serde_json::from_str).transpose().map_err(unreadable)?;
    let seen = seen.map(serde_json::from_str).transpose().map_err(unreadable)?.unwrap_or_default();
    Ok(ProcessRow { holds, progress, parked, seen, ..process })
}

fn signal(row: &SqliteRow) -> Result<Signal, StoreError> {
    let command = Arc::new(command(row)?);
    if let Some((to, event)) = sighted(row, COMMAND_COLUMNS).map_err(classify)? {
        return Ok(Signal { to, command, event: Some(Arc::new(event)) });
    }
    let to = command.reply_to.as_deref().cloned();
    let to: ReplyTo = to.ok_or_else(|| unreadable("a signal of a command that nobody waits for"))?;
    Ok(Signal { to, command, event: None })
}

/// The event that a signal is of, if it is of one.
fn sighted(row: &SqliteRow, first: usize) -> Result<Option<(ReplyTo, Sighted)>, sqlx::Error> {
    if row.try_get::<Option<i64>, _>(first + 7)?.is_none() {
        return Ok(None);
    }
    let partition = row.try_get(first + 1)?;
    let to = ReplyTo::from_stored(row.try_get(first)?, partition, None);
    let to = to.ok_or_else(|| sqlx::Error::Decode("the address of a signal".into()))?;
    let event = Sighted {
        source: row.try_get(first + 2)?,
        offset: row.try_get(first + 3)?,
        at: time(row.try_get(first + 4)?)?,
        row: event(row, first + 5)?,
    };
    Ok(Some((to, event)))
}

fn timer(row: &SqliteRow) -> Result<Timer, sqlx::Error> {
    Ok(Timer {
        process: key(row)?,
        name: row.try_get(3)?,
        partition: row.try_get(4)?,
        due_at: time(row.try_get(5)?)?,
    })
}
