//! Instances of processes.

use std::collections::BTreeMap;
use std::sync::{Arc, LazyLock};

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use serde_json::{Value, json};
use sqlx::postgres::PgRow;
use sqlx::{Postgres, QueryBuilder, Row};
use wilco_application::callbacks;
use wilco_application::ports::{
    AggregateKey, Checkpoint, Command, CommandKey, Page, ProcessFilter, ProcessKey, ProcessRow,
    ProcessStanding, Processes, Registry as _, ReplyTo, Sighted, Sighting, Signal, Steps, StoreError, Timer,
};
use wilco_domain::kernel::Problem;

use super::PostgresStore;
use super::errors::classify;
use super::rows::{COMMAND_COLUMNS, Scalar, bind_given, command, event, tenant, unreadable, with_columns};

static GIVE_UP: LazyLock<String> = LazyLock::new(|| with_columns(include_str!("sql/give_up.sql")));
static AWAITED: LazyLock<String> = LazyLock::new(|| with_columns(include_str!("sql/awaited.sql")));
static SIGNALS: LazyLock<String> = LazyLock::new(|| with_columns(include_str!("sql/signals.sql")));

#[async_trait]
impl Processes for PostgresStore {
    async fn processes(&self, keys: &[ProcessKey]) -> Result<Vec<ProcessRow>, StoreError> {
        let rows = sqlx::query(include_str!("sql/processes.sql"))
            .bind(keys.iter().map(|key| &*key.process_type).collect::<Vec<_>>())
            .bind(keys.iter().map(|key| key.tenant.stored()).collect::<Vec<_>>())
            .bind(keys.iter().map(|key| &*key.id).collect::<Vec<_>>())
            .fetch_all(self.reads())
            .await
            .map_err(classify)?;
        rows.iter().map(process).collect()
    }

    async fn signals(&self, partitions: &[u16], limit: u32) -> Result<Vec<Signal>, StoreError> {
        let rows = sqlx::query(&SIGNALS)
            .bind(partitions.iter().map(|partition| *partition as i16).collect::<Vec<_>>())
            .bind(i64::from(limit))
            .fetch_all(self.reads())
            .await
            .map_err(classify)?;
        rows.iter().map(signal).collect()
    }

    async fn timers(
        &self,
        partitions: &[u16],
        until: DateTime<Utc>,
        limit: u32,
    ) -> Result<Vec<Timer>, StoreError> {
        let rows = sqlx::query(include_str!("sql/timers.sql"))
            .bind(partitions.iter().map(|partition| *partition as i16).collect::<Vec<_>>())
            .bind(until)
            .bind(i64::from(limit))
            .fetch_all(self.reads())
            .await
            .map_err(classify)?;
        rows.iter().map(timer).collect::<Result<_, _>>().map_err(classify)
    }

    async fn begin_observing(&self, reader: &str) -> Result<(), StoreError> {
        let (pool, reader) = (self.writes().clone(), reader.to_owned());
        let begin = async move {
            let begin = sqlx::query(include_str!("sql/begin_observing.sql")).bind(&reader);
            begin.execute(&pool).await.map(drop).map_err(classify)
        };
        self.outlive(begin).await
    }

    async fn observe(
        &self,
        reader: &str,
        from: i64,
        to: &Checkpoint,
        sightings: &[Sighting],
    ) -> Result<bool, StoreError> {
        let (pool, reader, to) = (self.writes().clone(), reader.to_owned(), *to);
        let sightings: Value = sightings.iter().map(sighting).collect();
        let observe = async move {
            sqlx::query_scalar(include_str!("sql/observe.sql"))
                .bind(&reader)
                .bind(to.partition as i16)
                .bind(from)
                .bind(to.offset)
                .bind(to.mark)
                .bind(sightings)
                .fetch_one(&pool)
                .await
                .map_err(classify)
        };
        let moved = self.outlive(observe).await?;
        self.hint_of_entries();
        Ok(moved)
    }

    async fn process_list(&self, filter: &ProcessFilter) -> Result<Page<ProcessRow>, StoreError> {
        let rows = listing(filter).build().fetch_all(self.reads()).await.map_err(classify)?;
        let items = rows.iter().map(process).collect::<Result<Vec<_>, _>>()?;
        Ok(Page::cut(items, filter.limit))
    }

    async fn timers_of(&self, process: &ProcessKey) -> Result<Vec<Timer>, StoreError> {
        let select = "SELECT process_type, tenant, process_id, name, partition, due_at FROM timers \
                      WHERE process_type = $1 AND tenant = $2 AND process_id = $3 ORDER BY due_at";
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
        let pool = self.writes().clone();
        let resumed = self
            .outlive(async move {
                let target = AggregateKey::new(&process.tenant, home.as_str(), &process.id);
                sqlx::query_scalar("SELECT wilco_resume($1, $2, $3, $4, $5)")
                    .bind(&process.process_type)
                    .bind(process.tenant.stored())
                    .bind(&process.id)
                    .bind(&home)
                    .bind(target.stored_id())
                    .fetch_one(&pool)
                    .await
                    .map_err(classify)
            })
            .await?;
        self.hint_of_entries();
        Ok(resumed)
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
        let pool = self.writes().clone();
        // What an instance holds does not change while it stands still.
        let held = self.held_by(&process).await?;
        let given_up = self
            .outlive(async move {
                let target = AggregateKey::new(&process.tenant, home.as_str(), &process.id);
                let deliveries: Vec<Command> =
                    held.iter().filter_map(|command| callbacks::of_settled(command, at)).collect();
                bind_given(sqlx::query_scalar(&GIVE_UP), &deliveries.iter().collect::<Vec<_>>())
                    .bind(&process.process_type)
                    .bind(process.tenant.stored())
                    .bind(&process.id)
                    .bind(&home)
                    .bind(target.stored_id())
                    .bind(at)
                    .bind(error)
                    .fetch_one(&pool)
                    .await
                    .map_err(classify)
            })
            .await?;
        self.hint_of_entries();
        Ok(given_up)
    }
}

impl PostgresStore {
    /// The commands that an instance is to settle.
    async fn held_by(&self, process: &ProcessKey) -> Result<Vec<Command>, StoreError> {
        let row = self.processes(std::slice::from_ref(process)).await?.pop();
        let holds =
            row.iter().flat_map(|row| row.holds.iter().map(|id| CommandKey::new(&process.tenant, *id)));
        self.commands(&holds.collect::<Vec<_>>()).await
    }
}

/// The statement of a list.
fn listing(filter: &ProcessFilter) -> QueryBuilder<'_, Postgres> {
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

/// What instances did, as `wilco_step_2` takes it.
pub(super) fn bind_steps<'q, O>(query: Scalar<'q, O>, steps: &Steps) -> Result<Scalar<'q, O>, StoreError> {
    let rows = steps.rows.iter().map(|(before, row)| instance(*before, row));
    let rows = rows.collect::<Result<Vec<_>, _>>().map_err(unreadable)?;
    let heard = steps.heard.iter().map(|signal| {
        let (source, offset) = signal.place();
        json!({ "source": source, "offset": offset, "address": signal.to.address() })
    });
    let told = steps.told.iter().map(|key| json!({ "id": key.id, "tenant": key.tenant.stored() }));
    let parked = steps.parked.iter().map(|process| named(process, ""));
    let stopped = steps.stopped.iter().map(|(process, name)| named(process, name));
    let begun = steps.begun.iter().filter(|begun| !begun.fresh);
    let begun = begun.map(|begun| json!({ "id": begun.command.id, "tenant": begun.command.tenant.stored() }));
    Ok(query
        .bind(Value::Array(rows))
        .bind(Value::Array(heard.collect()))
        .bind(told.collect::<Value>())
        .bind(timers(&steps.fired))
        .bind(Value::Array(stopped.collect()))
        .bind(timers(&steps.set))
        .bind(Value::Array(parked.collect()))
        .bind(Value::Array(begun.collect())))
}

fn sighting(sighting: &Sighting) -> Value {
    let Sighting { to, tenant, offset, at, command_id } = sighting;
    json!({
        "address": to.address(),
        "partition": to.partition,
        "tenant": tenant.stored(),
        "offset": offset,
        "at": at,
        "command_id": command_id,
    })
}

fn timers(timers: &[Timer]) -> Value {
    let timer = |timer: &Timer| {
        let mut members = named(&timer.process, &timer.name);
        members["partition"] = json!(timer.partition);
        members["due_at"] = json!(timer.due_at);
        members
    };
    timers.iter().map(timer).collect()
}

fn named(process: &ProcessKey, name: &str) -> Value {
    json!({
        "process_type": process.process_type,
        "tenant": process.tenant.stored(),
        "process_id": process.id,
        "name": name,
    })
}

fn instance(before: i64, row: &ProcessRow) -> Result<Value, serde_json::Error> {
    Ok(json!({
        "expected": before,
        "process_type": row.key.process_type,
        "tenant": row.key.tenant.stored(),
        "process_id": row.key.id,
        "partition": row.partition,
        "version": row.version,
        "state_version": row.state_version,
        "state": row.state,
        "holds": row.holds,
        "awaits": row.awaits,
        "progress": row.progress.as_ref().map(serde_json::to_string).transpose()?,
        "depth": row.depth,
        "correlation_id": row.correlation_id,
        "caused_by": row.caused_by,
        "actor": row.actor,
        "traceparent": row.traceparent,
        "begun_at": row.begun_at,
        "ended_at": row.ended_at,
        "resumed": row.resumed,
        "parked": row.parked.as_ref().map(serde_json::to_string).transpose()?,
        "seen": (!row.seen.is_empty()).then(|| serde_json::to_string(&row.seen)).transpose()?,
    }))
}

fn key(row: &PgRow) -> Result<ProcessKey, sqlx::Error> {
    Ok(ProcessKey { process_type: row.try_get(0)?, tenant: tenant(row.try_get(1)?)?, id: row.try_get(2)? })
}

fn process(row: &PgRow) -> Result<ProcessRow, StoreError> {
    let read = || -> Result<_, sqlx::Error> {
        let process = ProcessRow {
            key: key(row)?,
            version: row.try_get(3)?,
            state_version: row.try_get::<i16, _>(4)? as u16,
            state: row.try_get(5)?,
            holds: row.try_get(6)?,
            awaits: row.try_get::<i32, _>(7)? as u32,
            progress: None,
            ended_at: row.try_get(9)?,
            parked: None,
            partition: row.try_get::<i16, _>(11)? as u16,
            depth: row.try_get::<i16, _>(12)? as u16,
            correlation_id: row.try_get(13)?,
            caused_by: row.try_get(14)?,
            actor: row.try_get(15)?,
            traceparent: row.try_get(16)?,
            begun_at: row.try_get(17)?,
            resumed: row.try_get(19)?,
            seen: BTreeMap::new(),
        };
        Ok((process, row.try_get(8)?, row.try_get(10)?, row.try_get(18)?))
    };
    let (process, progress, parked, seen): (_, Option<&str>, Option<&str>, Option<&str>) =
        read().map_err(classify)?;
    let progress = progress.map(serde_json::from_str).transpose().map_err(unreadable)?;
    let parked = parked.map(serde_json::from_str).transpose().map_err(unreadable)?;
    let seen = seen.map(serde_json::from_str).transpose().map_err(unreadable)?.unwrap_or_default();
    Ok(ProcessRow { progress, parked, seen, ..process })
}

fn signal(row: &PgRow) -> Result<Signal, StoreError> {
    let command = Arc::new(command(row)?);
    if let Some((to, event)) = sighted(row, COMMAND_COLUMNS).map_err(classify)? {
        return Ok(Signal { to, command, event: Some(Arc::new(event)) });
    }
    let to = command.reply_to.as_deref().cloned();
    let to: ReplyTo = to.ok_or_else(|| unreadable("a signal of a command that nobody waits for"))?;
    Ok(Signal { to, command, event: None })
}

/// The event that a signal is of, if it is of one.
fn sighted(row: &PgRow, first: usize) -> Result<Option<(ReplyTo, Sighted)>, sqlx::Error> {
    if row.try_get::<Option<i64>, _>(first + 7)?.is_none() {
        return Ok(None);
    }
    let partition = row.try_get::<i16, _>(first + 1)? as u16;
    let to = ReplyTo::from_stored(row.try_get(first)?, partition, None);
    let to = to.ok_or_else(|| sqlx::Error::Decode("the address of a signal".into()))?;
    let event = Sighted {
        source: row.try_get::<i16, _>(first + 2)? as u16,
        offset: row.try_get(first + 3)?,
        at: row.try_get(first + 4)?,
        row: event(row, first + 5)?,
    };
    Ok(Some((to, event)))
}

fn timer(row: &PgRow) -> Result<Timer, sqlx::Error> {
    Ok(Timer {
        process: key(row)?,
        name: row.try_get(3)?,
        partition: row.try_get::<i16, _>(4)? as u16,
        due_at: row.try_get(5)?,
    })
}
