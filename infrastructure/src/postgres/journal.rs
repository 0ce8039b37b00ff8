//! The journal of events.

use std::sync::Arc;

use async_trait::async_trait;
use sqlx::Row;
use sqlx::postgres::PgRow;
use wilco_application::ports::{
    AggregateKey, Committed, EventRow, Journal, Kept, Loaded, StoreError, UnitOfWork,
};

use super::errors::classify;
use super::rows::event;
use super::{PostgresStore, commit};

#[async_trait]
impl Journal for PostgresStore {
    async fn load(&self, keys: &[AggregateKey]) -> Result<Vec<Loaded>, StoreError> {
        let rows = sqlx::query(include_str!("sql/load.sql"))
            .bind(keys.iter().map(|key| key.aggregate_type.as_str()).collect::<Vec<_>>())
            .bind(keys.iter().map(AggregateKey::stored_id).collect::<Vec<_>>())
            .bind(keys.iter().map(AggregateKey::view_id).collect::<Vec<_>>())
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
        let committing = Arc::clone(&self.inner.committing);
        let replies = work.outcomes.iter().filter_map(|outcome| outcome.command.reply_to.as_deref());
        let concerned = work.issued.iter().map(|command| command.partition);
        let for_others = self.are_others(concerned.chain(replies.map(|reply_to| reply_to.partition)));
        let commit = async move {
            let mut lent = committing.take().await.map_err(classify)?;
            let bases = commit::statement(&work)?.fetch_one(&mut *lent.connection).await;
            match bases {
                Ok(_) => committing.keep(lent),
                // What ended this session may have ended the others.
                Err(_) => committing.clear(),
            }
            bases.map_err(classify)
        };
        let bases = self.outlive(commit).await?;
        self.hint_of_entries();
        if for_others {
            self.inner.hints.send();
        }
        Ok(Committed { bases })
    }

    async fn events(&self, key: &AggregateKey, after: i64, limit: u32) -> Result<Vec<EventRow>, StoreError> {
        let rows = sqlx::query(include_str!("sql/events.sql"))
            .bind(&key.aggregate_type)
            .bind(key.stored_id())
            .bind(after)
            .bind(i64::from(limit))
            .fetch_all(self.reads())
            .await
            .map_err(classify)?;
        rows.iter().map(|row| event(row, 0).map_err(classify)).collect()
    }
}

/// Puts a row of the load statement where it belongs.
fn fill(loaded: &mut [Loaded], row: &PgRow) -> Result<(), sqlx::Error> {
    let position: i64 = row.try_get(0)?;
    let Some(loaded) = loaded.get_mut(position as usize - 1) else { return Ok(()) };
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
fn kept(row: &PgRow, first: usize) -> Result<Option<Kept>, sqlx::Error> {
    let Some(version) = row.try_get(first)? else { return Ok(None) };
    let (payload, fingerprint) = (row.try_get(first + 1)?, row.try_get(first + 2)?);
    Ok(Some(Kept { version, payload, fingerprint }))
}
