//! The journal of events and the feed.

use std::collections::HashMap;
use std::sync::Arc;

use async_trait::async_trait;
use serde::Serialize;
use sqlx::Row;
use sqlx::sqlite::{SqliteConnection, SqliteRow};
use wilco_application::ports::{
    AggregateKey, Checkpoint, Committed, EventRow, FeedEntry, Journal, Loaded, Outcome, PartitionHead, Seat,
    StoreError, UnitOfWork, ViewRow,
};

use super::errors::classify;
use super::registry::Given;
use super::rows::{entry, event, hex, json, unreadable};
use super::{SqliteStore, checkpoints};

#[async_trait]
impl Journal for SqliteStore {
    async fn load(&self, keys: &[AggregateKey]) -> Result<Vec<Loaded>, StoreError> {
        let given =
            json(&keys.iter().map(|key| (&key.aggregate_type, &key.id, key.path())).collect::<Vec<_>>())?;
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
        self.writer().write(move |connection| Box::pin(commit(connection, work))).await
    }

    async fn events(&self, key: &AggregateKey, after: i64, limit: u32) -> Result<Vec<EventRow>, StoreError> {
        let rows = sqlx::query(include_str!("sql/events.sql"))
            .bind(&key.aggregate_type)
            .bind(&key.id)
            .bind(after)
            .bind(limit)
            .fetch_all(self.reads())
            .await
            .map_err(classify)?;
        rows.iter().map(|row| event(row, 0).map_err(classify)).collect()
    }

    async fn feed(&self, partition: u16, after: i64, limit: u32) -> Result<Vec<FeedEntry>, StoreError> {
        let rows = sqlx::query(include_str!("sql/feed.sql"))
            .bind(partition)
            .bind(after)
            .bind(limit)
            .fetch_all(self.reads())
            .await
            .map_err(classify)?;
        rows.iter().map(|row| entry(row, partition)).collect()
    }

    async fn heads(&self) -> Result<Vec<PartitionHead>, StoreError> {
        let rows = sqlx::query_as::<_, (u16, i64)>("SELECT id, head FROM partitions ORDER BY id")
            .fetch_all(self.reads())
            .await
            .map_err(classify)?;
        Ok(rows.into_iter().map(|(partition, head)| PartitionHead { partition, head }).collect())
    }

    async fn checkpoints(&self, reader: &str) -> Result<Vec<Checkpoint>, StoreError> {
        checkpoints::read(self, reader).await
    }

    async fn save_checkpoints(&self, reader: &str, checkpoints: &[Checkpoint]) -> Result<(), StoreError> {
        checkpoints::save(self, reader, checkpoints).await
    }

    async fn rewind(&self, reader: &str, mark: i64) -> Result<Vec<Checkpoint>, StoreError> {
        checkpoints::rewind(self, reader, mark).await
    }
}

/// Puts a row of the load statement where it belongs.
fn fill(loaded: &mut [Loaded], row: &SqliteRow) -> Result<(), sqlx::Error> {
    let position: i64 = row.try_get(0)?;
    let Some(loaded) = loaded.get_mut(position as usize) else { return Ok(()) };
    if let Some(sequence) = row.try_get(5)? {
        loaded.events.push(EventRow {
            aggregate_type: loaded.key.aggregate_type.clone(),
            aggregate_id: loaded.key.id.clone(),
            sequence,
            event_type: row.try_get(6)?,
            event_version: row.try_get(7)?,
            payload: row.try_get(8)?,
            metadata: row.try_get(9)?,
        });
        return Ok(());
    }
    if let Some(version) = row.try_get(1)? {
        loaded.snapshot = Some((version, row.try_get(2)?));
    }
    if let Some(version) = row.try_get(3)? {
        loaded.view = Some((version, row.try_get(4)?));
    }
    Ok(())
}

/// Writes a unit of work; the caller's savepoint makes it all or nothing.
async fn commit(connection: &mut SqliteConnection, work: Arc<UnitOfWork>) -> Result<Committed, StoreError> {
    let bases = take_offsets(connection, &work).await?;
    let offset = |seat: Seat| {
        let base = bases.get(&seat.partition).copied();
        base.map(|base| base + i64::from(seat.index))
            .ok_or_else(|| unreadable("an entry's partition is not of the unit of work"))
    };
    let events =
        work.events.iter().map(|event| {
            let (row, partition) = (&event.row, event.seat.partition);
            let EventRow {
                aggregate_type,
                aggregate_id,
                sequence,
                event_type,
                event_version,
                payload,
                metadata,
            } = row;
            let offset = offset(event.seat)?;
            Ok((
                aggregate_type,
                aggregate_id,
                sequence,
                event_type,
                event_version,
                payload,
                metadata,
                partition,
                offset,
            ))
        });
    write(connection, include_str!("sql/commit_2_events.sql"), events).await?;

    let settled = |outcome: &Outcome| {
        let settled = &outcome.settlement;
        let error = settled.error.as_ref().map(serde_json::to_string).transpose().map_err(unreadable)?;
        let (at, state) = (settled.at.timestamp_micros(), settled.state as i16);
        Ok::<_, StoreError>((state, at, settled.attempts, settled.version, error, offset(outcome.seat)?))
    };
    let (fresh, stored): (Vec<&Outcome>, Vec<&Outcome>) =
        work.outcomes.iter().partition(|outcome| outcome.fresh);
    let outcomes = stored.iter().map(|outcome| Ok((hex(outcome.command.id), settled(outcome)?)));
    let found = write(connection, include_str!("sql/commit_3_outcomes.sql"), outcomes).await?;
    if found != stored.len() as u64 {
        return Err(StoreError::Conflict);
    }
    let fresh = fresh.iter().map(|outcome| Ok((Given::of(&outcome.command), settled(outcome)?)));
    write(connection, include_str!("sql/commit_4_fresh.sql"), fresh).await?;
    let views = || work.views.iter().map(view_json).map(Ok);
    let in_place = write(connection, include_str!("sql/commit_5_views_in_place.sql"), views()).await?;
    if in_place < work.views.len() as u64 {
        write(connection, include_str!("sql/commit_6_views.sql"), views()).await?;
    }
    let snapshots = work.snapshots.iter().map(|snapshot| {
        Ok((&snapshot.key.aggregate_type, &snapshot.key.id, snapshot.version, &snapshot.payload))
    });
    write(connection, include_str!("sql/commit_7_snapshots.sql"), snapshots).await?;
    let base = |slice: &wilco_application::ports::PartitionSlice| bases.get(&slice.partition).copied();
    Ok(Committed { bases: work.partitions.iter().filter_map(base).collect() })
}

/// The fence: the offset of the entry with index 0 of each partition, if the caller owns all of them.
async fn take_offsets(
    connection: &mut SqliteConnection,
    work: &UnitOfWork,
) -> Result<HashMap<u16, i64>, StoreError> {
    let given: Vec<_> =
        work.partitions.iter().map(|slice| (slice.partition, slice.epoch, slice.entries)).collect();
    let heads: Vec<(u16, i64)> = sqlx::query_as(include_str!("sql/commit_1_fence.sql"))
        .bind(work.owner)
        .bind(json(&given)?)
        .fetch_all(connection)
        .await
        .map_err(classify)?;
    if heads.len() != given.len() {
        return Err(StoreError::Fenced);
    }
    let heads: HashMap<u16, i64> = heads.into_iter().collect();
    let base = |(partition, _, entries): (u16, i64, u32)| {
        Some((partition, heads.get(&partition)? - i64::from(entries) + 1))
    };
    Ok(given.into_iter().filter_map(base).collect())
}

/// Runs a statement over rows, if there are any, and says how many it changed.
pub(super) async fn write<T: Serialize>(
    connection: &mut SqliteConnection,
    statement: &'static str,
    rows: impl Iterator<Item = Result<T, StoreError>>,
) -> Result<u64, StoreError> {
    let rows = rows.collect::<Result<Vec<_>, _>>()?;
    if rows.is_empty() {
        return Ok(0);
    }
    let rows = json(&rows)?;
    Ok(sqlx::query(statement).bind(rows).execute(connection).await.map_err(classify)?.rows_affected())
}

/// A view as the writing statements take it.
pub(super) fn view_json(view: &ViewRow) -> impl Serialize + Send + '_ {
    (&view.view_id, view.version, &view.payload, &view.status, view.gone)
}
