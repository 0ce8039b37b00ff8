//! The journal of events.

use std::sync::Arc;

use async_trait::async_trait;
use sqlx::Row;
use sqlx::sqlite::SqliteRow;
use wilco_application::ports::{
    AggregateKey, Committed, EventRow, Journal, Kept, Loaded, StoreError, UnitOfWork,
};

use super::errors::classify;
use super::rows::{event, json};
use super::{SqliteStore, commit};

#[async_trait]
impl Journal for SqliteStore {
    async fn load(&self, keys: &[AggregateKey]) -> Result<Vec<Loaded>, StoreError> {
        let given = json(
            &keys.iter().map(|key| (&key.aggregate_type, key.stored_id(), key.view_id())).collect::<Vec<_>>(),
        )?;
        let rows = sqlx::query(include_str!("sql/load.sql"))
            .bind(given)
            .fetch_all(self.reads())
            .await
            .map_err(classify)?;
        let empty =
            |key: &AggregateKey| Loaded { key: key.clone(), snapshot: None, view: None, events: Vec::new() };
        let mut loaded: Vec<Loaded> = keys.iter().map(empty).collect();
        for row in &rows {
            fill(&mut loaded, row).map_err(classify)?;
        }
        Ok(loaded)
    }

    async fn commit(&self, work: Arc<UnitOfWork>) -> Result<Committed, StoreError> {
        self.writer().write(move |connection| Box::pin(commit::write(connection, work))).await
    }

    async fn events(&self, key: &AggregateKey, after: i64, limit: u32) -> Result<Vec<EventRow>, StoreError> {
        let rows = sqlx::query(include_str!("sql/events.sql"))
            .bind(&key.aggregate_type)
            .bind(key.stored_id())
            .bind(after)
            .bind(limit)
            .fetch_all(self.reads())
            .await
            .map_err(classify)?;
        rows.iter().map(|row| event(row, 0).map_err(classify)).collect()
    }
}

/// Puts a row of the load statement where it belongs.
fn fill(loaded: &mut [Loaded], row: &SqliteRow) -> Result<(), sqlx::Error> {
    let position: i64 = row.try_get(0)?;
    let Some(loaded) = loaded.get_mut(position as usize) else { return Ok(()) };
    if let Some(sequence) = row.try_get(7)? {
        loaded.events.push(EventRow {
            aggregate_type: loaded.key.aggregate_type.clone(),
            aggregate_id: loaded.key.stored_id().into_owned(),
            sequence,
            event_type: row.try_get(8)?,
            event_version: row.try_get(9)?,
            payload: row.try_get(10)?,
            metadata: row.try_get(11)?,
        });
        return Ok(());
    }
    loaded.snapshot = kept(row, 1)?.or(loaded.snapshot.take());
    loaded.view = kept(row, 4)?.or(loaded.view.take());
    Ok(())
}

/// A snapshot or a view: version, payload and fingerprint.
fn kept(row: &SqliteRow, first: usize) -> Result<Option<Kept>, sqlx::Error> {
    let Some(version) = row.try_get(first)? else { return Ok(None) };
    let (payload, fingerprint) = (row.try_get(first + 1)?, row.try_get(first + 2)?);
    Ok(Some(Kept { version, payload, fingerprint }))
}
