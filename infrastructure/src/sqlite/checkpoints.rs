//! Where the durable readers of the feed stand.

use std::sync::atomic::Ordering;

use wilco_application::ports::{Checkpoint, StoreError};

use super::SqliteStore;
use super::errors::classify;
use super::rows::json;

/// How many marks of a partition are kept, and how often the older ones are cleared away.
const MARKS: i64 = 1000;
const SAVES_BETWEEN_PRUNINGS: u64 = 64;

pub(super) async fn read(store: &SqliteStore, reader: &str) -> Result<Vec<Checkpoint>, StoreError> {
    let select = "SELECT partition, \"offset\", mark FROM checkpoints WHERE reader = ?1 ORDER BY partition";
    let rows = sqlx::query_as(select).bind(reader).fetch_all(store.reads()).await.map_err(classify)?;
    Ok(rows.into_iter().map(checkpoint).collect())
}

pub(super) async fn save(store: &SqliteStore, reader: &str, given: &[Checkpoint]) -> Result<(), StoreError> {
    let row = |given: &Checkpoint| (given.partition, given.offset, given.mark);
    let rows = json(&given.iter().map(row).collect::<Vec<_>>())?;
    let reader = reader.to_owned();
    let prune = store.inner.saves.fetch_add(1, Ordering::Relaxed).is_multiple_of(SAVES_BETWEEN_PRUNINGS);
    let save = store.writer().write(move |connection| {
        Box::pin(async move {
            let steps = [
                include_str!("sql/save_checkpoints_1_reader.sql"),
                include_str!("sql/save_checkpoints_2_marks.sql"),
            ];
            for step in steps {
                sqlx::query(step)
                    .bind(&reader)
                    .bind(&rows)
                    .execute(&mut *connection)
                    .await
                    .map_err(classify)?;
            }
            if prune {
                let prune = sqlx::query(include_str!("sql/prune_marks.sql"));
                prune.bind(&reader).bind(MARKS).execute(&mut *connection).await.map_err(classify)?;
            }
            Ok(())
        })
    });
    save.await
}

pub(super) async fn rewind(
    store: &SqliteStore,
    reader: &str,
    mark: i64,
) -> Result<Vec<Checkpoint>, StoreError> {
    let reader = reader.to_owned();
    let rewind = store.writer().write(move |connection| {
        Box::pin(async move {
            let rewind = sqlx::query_as(include_str!("sql/rewind.sql"));
            let rows = rewind.bind(&reader).bind(mark).fetch_all(&mut *connection).await.map_err(classify)?;
            let forget = sqlx::query("DELETE FROM checkpoint_marks WHERE reader = ?1 AND mark > ?2");
            forget.bind(&reader).bind(mark).execute(&mut *connection).await.map_err(classify)?;
            Ok(rows)
        })
    });
    let mut stands: Vec<Checkpoint> = rewind.await?.into_iter().map(checkpoint).collect();
    stands.sort_by_key(|checkpoint| checkpoint.partition);
    Ok(stands)
}

fn checkpoint((partition, offset, mark): (u16, i64, Option<i64>)) -> Checkpoint {
    Checkpoint { partition, offset, mark }
}
