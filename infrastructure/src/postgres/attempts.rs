//! Attempts at activities.

use std::sync::{Arc, LazyLock};

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use serde_json::{Value, json};
use sqlx::Row;
use sqlx::postgres::PgRow;
use wilco_application::ports::{
    AttemptRow, AttemptStep, Attempts, CommandKey, DueAttempt, MOST_DUE, StoreError, UnitOfWork,
};

use super::PostgresStore;
use super::errors::classify;
use super::rows::{Scalar, command_at, tenant, with_columns};

static DUE: LazyLock<String> = LazyLock::new(|| with_columns(include_str!("sql/due_attempts.sql")));

#[async_trait]
impl Attempts for PostgresStore {
    async fn due_attempts(
        &self,
        partitions: &[u16],
        now: DateTime<Utc>,
        each: u32,
        without: &[String],
    ) -> Result<Vec<DueAttempt>, StoreError> {
        let rows = sqlx::query(&DUE)
            .bind(partitions.iter().map(|partition| *partition as i16).collect::<Vec<_>>())
            .bind(now)
            .bind(i64::from(each))
            .bind(without)
            .bind(i64::from(MOST_DUE))
            .fetch_all(self.reads())
            .await
            .map_err(classify)?;
        let due = |row| {
            Ok(DueAttempt { row: attempt(row).map_err(classify)?, command: Arc::new(command_at(row, 5)?) })
        };
        rows.iter().map(due).collect()
    }

    async fn attempts(&self, commands: &[CommandKey]) -> Result<Vec<(CommandKey, AttemptRow)>, StoreError> {
        let rows = sqlx::query(include_str!("sql/attempts.sql"))
            .bind(commands.iter().map(|key| key.id).collect::<Vec<_>>())
            .bind(commands.iter().map(|key| key.tenant.stored()).collect::<Vec<_>>())
            .fetch_all(self.reads())
            .await
            .map_err(classify)?;
        rows.iter().map(keyed).collect::<Result<_, _>>().map_err(classify)
    }
}

fn keyed(row: &PgRow) -> Result<(CommandKey, AttemptRow), sqlx::Error> {
    Ok((CommandKey { id: row.try_get(5)?, tenant: tenant(row.try_get(6)?)? }, attempt(row)?))
}

fn attempt(row: &PgRow) -> Result<AttemptRow, sqlx::Error> {
    Ok(AttemptRow {
        destination: row.try_get(0)?,
        attempt: row.try_get::<i32, _>(1)? as u32,
        begun_at: row.try_get(2)?,
        in_doubt: row.try_get(3)?,
        due_at: row.try_get(4)?,
    })
}

/// What `wilco_attempt` takes of a unit of work.
pub(super) fn bind_attempts<'q, O>(query: Scalar<'q, O>, work: &UnitOfWork) -> Scalar<'q, O> {
    let results = work.results().map(
        |(command, result)| json!({ "id": command.id, "tenant": command.tenant.stored(), "result": result }),
    );
    let postponed = work
        .postponed
        .iter()
        .map(|(key, until)| json!({ "id": key.id, "tenant": key.tenant.stored(), "until": until }));
    query
        .bind(work.attempts.iter().map(step).collect::<Value>())
        .bind(results.collect::<Value>())
        .bind(postponed.collect::<Value>())
}

fn step(step: &AttemptStep) -> Value {
    let after = step.after.as_ref();
    json!({
        "command_id": step.command.id,
        "tenant": step.command.tenant.stored(),
        "partition": step.partition,
        "before": step.before,
        "after": after.map(|row| row.attempt),
        "destination": after.map(|row| &row.destination),
        "begun_at": after.map(|row| row.begun_at),
        "in_doubt": after.map(|row| row.in_doubt),
        "due_at": after.map(|row| row.due_at),
    })
}
