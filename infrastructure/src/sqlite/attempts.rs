//! Attempts at activities.

use std::sync::{Arc, LazyLock};

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use sqlx::Row;
use sqlx::sqlite::{SqliteConnection, SqliteRow};
use wilco_application::ports::{
    AttemptRow, AttemptStep, Attempts, Command, CommandKey, DueAttempt, MOST_DUE, StoreError, UnitOfWork,
};

use super::SqliteStore;
use super::bulk::Bulk;
use super::errors::classify;
use super::rows::{command_at, hex, json, tenant, time, with_columns};
use super::values::Values;

static DUE: LazyLock<String> = LazyLock::new(|| with_columns(include_str!("sql/due_attempts.sql")));
static BEGIN: Bulk = Bulk::new(include_str!("sql/attempt_begin.sql"), 8);
static STEP: Bulk = Bulk::new(include_str!("sql/attempt_step.sql"), 8);
static END: Bulk = Bulk::new(include_str!("sql/attempt_end.sql"), 3);
static RESULTS: Bulk = Bulk::new(include_str!("sql/commit_11_results.sql"), 3);
static POSTPONED: Bulk = Bulk::new(include_str!("sql/commit_12_postponed.sql"), 3);

#[async_trait]
impl Attempts for SqliteStore {
    async fn due_attempts(
        &self,
        partitions: &[u16],
        now: DateTime<Utc>,
        each: u32,
        without: &[String],
    ) -> Result<Vec<DueAttempt>, StoreError> {
        let mut found = Vec::new();
        for partition in partitions {
            let all: Vec<String> = sqlx::query_scalar(include_str!("sql/destinations.sql"))
                .bind(partition)
                .fetch_all(self.reads())
                .await
                .map_err(classify)?;
            for destination in all.iter().filter(|destination| !without.contains(destination)) {
                let rows = sqlx::query(&DUE)
                    .bind(partition)
                    .bind(destination)
                    .bind(now.timestamp_micros())
                    .bind(each.min(MOST_DUE - found.len() as u32))
                    .fetch_all(self.reads())
                    .await
                    .map_err(classify)?;
                for row in &rows {
                    let command = Arc::new(command_at(row, 5)?);
                    found.push(DueAttempt { command, row: attempt(row).map_err(classify)? });
                }
                if found.len() >= MOST_DUE as usize {
                    return Ok(found);
                }
            }
        }
        Ok(found)
    }

    async fn attempts(&self, commands: &[CommandKey]) -> Result<Vec<(CommandKey, AttemptRow)>, StoreError> {
        let keys: Vec<(String, &str)> =
            commands.iter().map(|key| (hex(key.id), key.tenant.stored())).collect();
        let rows = sqlx::query(include_str!("sql/attempts.sql"))
            .bind(json(&keys)?)
            .fetch_all(self.reads())
            .await
            .map_err(classify)?;
        rows.iter().map(keyed).collect::<Result<_, _>>().map_err(classify)
    }
}

fn keyed(row: &SqliteRow) -> Result<(CommandKey, AttemptRow), sqlx::Error> {
    Ok((CommandKey { id: row.try_get(5)?, tenant: tenant(row.try_get(6)?)? }, attempt(row)?))
}

fn attempt(row: &SqliteRow) -> Result<AttemptRow, sqlx::Error> {
    Ok(AttemptRow {
        destination: row.try_get(0)?,
        attempt: row.try_get(1)?,
        begun_at: row.try_get::<Option<i64>, _>(2)?.map(time).transpose()?,
        in_doubt: row.try_get(3)?,
        due_at: time(row.try_get(4)?)?,
    })
}

/// Writes what a unit of work makes of attempts, and what else it says of commands; the caller's transaction makes it all
/// or nothing.
pub(super) async fn write(connection: &mut SqliteConnection, work: &UnitOfWork) -> Result<(), StoreError> {
    let (new, others): (Vec<&AttemptStep>, Vec<&AttemptStep>) =
        work.attempts.iter().partition(|step| step.before.is_none());
    let (next, ended): (Vec<_>, Vec<_>) = others.into_iter().partition(|step| step.after.is_some());
    let mut done = BEGIN.execute(connection, &new, |values, step| bind_new(values, step)).await?;
    done += STEP.execute(connection, &next, |values, step| bind_step(values, step)).await?;
    done += END.execute(connection, &ended, |values, step| bind_end(values, step)).await?;
    done += POSTPONED.execute(connection, &work.postponed, bind_postponed).await?;
    if done != (work.attempts.len() + work.postponed.len()) as u64 {
        return Err(StoreError::Conflict);
    }
    let results: Vec<(&Command, &str)> = work.results().collect();
    RESULTS.execute(connection, &results, bind_result).await.map(drop)
}

fn bind_new<'q>(values: &mut Values<'q>, step: &'q AttemptStep) {
    values.put(step.command.id).text(step.command.tenant.stored()).put(step.partition);
    bind_row(values, step);
}

fn bind_step<'q>(values: &mut Values<'q>, step: &'q AttemptStep) {
    bind_end(values, step);
    bind_row(values, step);
}

fn bind_end<'q>(values: &mut Values<'q>, step: &'q AttemptStep) {
    values.put(step.command.id).text(step.command.tenant.stored()).put(step.before);
}

fn bind_row<'q>(values: &mut Values<'q>, step: &'q AttemptStep) {
    let Some(row) = &step.after else { return };
    values
        .text(&row.destination)
        .put(row.attempt)
        .put(row.begun_at.map(|at| at.timestamp_micros()))
        .put(row.in_doubt)
        .put(row.due_at.timestamp_micros());
}

fn bind_result<'q>(values: &mut Values<'q>, (command, result): &(&'q Command, &'q str)) {
    values.put(command.id).text(command.tenant.stored()).text(result);
}

fn bind_postponed<'q>(values: &mut Values<'q>, (key, until): &'q (CommandKey, DateTime<Utc>)) {
    values.put(key.id).text(key.tenant.stored()).put(until.timestamp_micros());
}
