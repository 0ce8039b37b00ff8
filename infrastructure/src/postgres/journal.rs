//! The journal of events and the feed.

use std::collections::HashMap;
use std::sync::Arc;

use async_trait::async_trait;
use sqlx::postgres::{PgArguments, PgRow};
use sqlx::query::QueryScalar;
use sqlx::{Postgres, Row};
use wilco_application::ports::{
    AggregateKey, Checkpoint, Committed, EventRow, FeedEntry, Journal, Loaded, NewEvent, Outcome,
    PartitionHead, PartitionSlice, Seat, SnapshotRow, StoreError, UnitOfWork, ViewRow,
};

use super::errors::classify;
use super::rows::{entry, event, unreadable};
use super::{PostgresStore, checkpoints};

#[async_trait]
impl Journal for PostgresStore {
    async fn load(&self, keys: &[AggregateKey]) -> Result<Vec<Loaded>, StoreError> {
        let rows = sqlx::query(include_str!("sql/load.sql"))
            .bind(keys.iter().map(|key| key.aggregate_type.as_str()).collect::<Vec<_>>())
            .bind(keys.iter().map(|key| key.id.as_str()).collect::<Vec<_>>())
            .bind(keys.iter().map(AggregateKey::path).collect::<Vec<_>>())
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
        let pool = self.writes().clone();
        let bases =
            self.outlive(async move { commit_statement(&work)?.fetch_one(&pool).await.map_err(classify) });
        let bases = bases.await?;
        self.hint_of_entries();
        Ok(Committed { bases })
    }

    async fn events(&self, key: &AggregateKey, after: i64, limit: u32) -> Result<Vec<EventRow>, StoreError> {
        let rows = sqlx::query(include_str!("sql/events.sql"))
            .bind(&key.aggregate_type)
            .bind(&key.id)
            .bind(after)
            .bind(i64::from(limit))
            .fetch_all(self.reads())
            .await
            .map_err(classify)?;
        rows.iter().map(|row| event(row, 0).map_err(classify)).collect()
    }

    async fn feed(&self, partition: u16, after: i64, limit: u32) -> Result<Vec<FeedEntry>, StoreError> {
        let rows = sqlx::query(include_str!("sql/feed.sql"))
            .bind(partition as i16)
            .bind(after)
            .bind(i64::from(limit))
            .fetch_all(self.reads())
            .await
            .map_err(classify)?;
        rows.iter().map(|row| entry(row, partition)).collect()
    }

    async fn heads(&self) -> Result<Vec<PartitionHead>, StoreError> {
        let rows = sqlx::query_as::<_, (i16, i64)>("SELECT id, head FROM partitions ORDER BY id")
            .fetch_all(self.reads())
            .await
            .map_err(classify)?;
        Ok(rows.into_iter().map(|(id, head)| PartitionHead { partition: id as u16, head }).collect())
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
fn fill(loaded: &mut [Loaded], row: &PgRow) -> Result<(), sqlx::Error> {
    let position: i64 = row.try_get(0)?;
    let Some(loaded) = loaded.get_mut(position as usize - 1) else { return Ok(()) };
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

type Scalar<'q> = QueryScalar<'q, Postgres, Vec<i64>, PgArguments>;

fn column<'r, R, T>(rows: &'r [R], value: impl FnMut(&'r R) -> T) -> Vec<T> {
    rows.iter().map(value).collect()
}

/// The statement that writes a unit of work.
fn commit_statement(work: &UnitOfWork) -> Result<Scalar<'_>, StoreError> {
    let slots: HashMap<u16, i32> =
        (1..).zip(&work.partitions).map(|(slot, part)| (part.partition, slot)).collect();
    let seats = |seats: Vec<Seat>| -> Result<(Vec<i32>, Vec<i32>), StoreError> {
        let slot = |seat: &Seat| slots.get(&seat.partition).copied();
        let taken = seats.iter().map(slot).collect::<Option<Vec<_>>>();
        let taken = taken.ok_or_else(|| unreadable("an entry's partition is not of the unit of work"))?;
        Ok((taken, column(&seats, |seat| seat.index as i32)))
    };
    let event_seats = seats(column(&work.events, |event| event.seat))?;
    let outcome_seats = seats(column(&work.outcomes, |outcome| outcome.seat))?;
    let query = sqlx::query_scalar(include_str!("sql/commit.sql")).bind(work.owner);
    let query = bind_partitions(query, &work.partitions);
    let query = bind_events(query, event_seats, &work.events);
    let query = bind_outcomes(query, outcome_seats, &work.outcomes)?;
    Ok(bind_snapshots(bind_views(query, &work.views), &work.snapshots))
}

fn bind_partitions<'q>(query: Scalar<'q>, slices: &'q [PartitionSlice]) -> Scalar<'q> {
    query
        .bind(column(slices, |slice| slice.partition as i16))
        .bind(column(slices, |slice| slice.epoch))
        .bind(column(slices, |slice| slice.entries as i32))
}

fn bind_events<'q>(query: Scalar<'q>, seats: (Vec<i32>, Vec<i32>), events: &'q [NewEvent]) -> Scalar<'q> {
    query
        .bind(seats.0)
        .bind(seats.1)
        .bind(column(events, |event| event.row.aggregate_type.as_str()))
        .bind(column(events, |event| event.row.aggregate_id.as_str()))
        .bind(column(events, |event| event.row.sequence))
        .bind(column(events, |event| event.row.event_type.as_str()))
        .bind(column(events, |event| event.row.event_version.as_str()))
        .bind(column(events, |event| event.row.payload.as_str()))
        .bind(column(events, |event| event.row.metadata.as_str()))
}

fn bind_outcomes<'q>(
    query: Scalar<'q>,
    seats: (Vec<i32>, Vec<i32>),
    outcomes: &'q [Outcome],
) -> Result<Scalar<'q>, StoreError> {
    let errors = outcomes
        .iter()
        .map(|outcome| outcome.settlement.error.as_ref().map(serde_json::to_string).transpose());
    let errors = errors.collect::<Result<Vec<_>, _>>().map_err(unreadable)?;
    Ok(query
        .bind(seats.0)
        .bind(seats.1)
        .bind(column(outcomes, |outcome| outcome.command_id))
        .bind(column(outcomes, |outcome| outcome.settlement.state as i16))
        .bind(column(outcomes, |outcome| outcome.settlement.at))
        .bind(column(outcomes, |outcome| outcome.settlement.attempts as i32))
        .bind(column(outcomes, |outcome| outcome.settlement.version))
        .bind(errors))
}

fn bind_views<'q>(query: Scalar<'q>, views: &'q [ViewRow]) -> Scalar<'q> {
    query
        .bind(column(views, |view| view.view_id.as_str()))
        .bind(column(views, |view| view.version))
        .bind(column(views, |view| view.payload.as_str()))
        .bind(column(views, |view| view.status.as_str()))
        .bind(column(views, |view| view.gone))
}

fn bind_snapshots<'q>(query: Scalar<'q>, snapshots: &'q [SnapshotRow]) -> Scalar<'q> {
    query
        .bind(column(snapshots, |snapshot| snapshot.key.aggregate_type.as_str()))
        .bind(column(snapshots, |snapshot| snapshot.key.id.as_str()))
        .bind(column(snapshots, |snapshot| snapshot.version))
        .bind(column(snapshots, |snapshot| snapshot.payload.as_str()))
}
