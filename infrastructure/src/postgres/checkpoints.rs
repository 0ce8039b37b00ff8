//! Where the durable readers of the feed stand.

use std::sync::atomic::Ordering;

use wilco_application::ports::{Checkpoint, StoreError};

use super::PostgresStore;
use super::errors::classify;

/// How many marks of a partition are kept, and how often the older ones are cleared away.
const MARKS: i64 = 1000;
const SAVES_BETWEEN_PRUNINGS: u64 = 64;

pub(super) async fn read(store: &PostgresStore, reader: &str) -> Result<Vec<Checkpoint>, StoreError> {
    let select = "SELECT partition, \"offset\", mark FROM checkpoints WHERE reader = $1 ORDER BY partition";
    let rows = sqlx::query_as(select).bind(reader).fetch_all(store.reads()).await.map_err(classify)?;
    Ok(rows.into_iter().map(checkpoint).collect())
}

pub(super) async fn save(
    store: &PostgresStore,
    reader: &str,
    given: &[Checkpoint],
) -> Result<(), StoreError> {
    let pool = store.writes().clone();
    let (reader, given) = (reader.to_owned(), given.to_vec());
    let prune = store.inner.saves.fetch_add(1, Ordering::Relaxed).is_multiple_of(SAVES_BETWEEN_PRUNINGS);
    let save = async move {
        sqlx::query(include_str!("sql/save_checkpoints.sql"))
            .bind(&reader)
            .bind(given.iter().map(|checkpoint| checkpoint.partition as i16).collect::<Vec<_>>())
            .bind(given.iter().map(|checkpoint| checkpoint.offset).collect::<Vec<_>>())
            .bind(given.iter().map(|checkpoint| checkpoint.mark).collect::<Vec<_>>())
            .execute(&pool)
            .await?;
        if prune {
            let prune = sqlx::query(include_str!("sql/prune_marks.sql"));
            prune.bind(&reader).bind(MARKS).execute(&pool).await?;
        }
        Ok(())
    };
    store.outlive(async { save.await.map_err(classify) }).await
}

pub(super) async fn rewind(
    store: &PostgresStore,
    reader: &str,
    mark: i64,
) -> Result<Vec<Checkpoint>, StoreError> {
    let pool = store.writes().clone();
    let reader = reader.to_owned();
    let rewind = async move {
        let rewind = sqlx::query_as(include_str!("sql/rewind.sql"));
        rewind.bind(reader).bind(mark).fetch_all(&pool).await.map_err(classify)
    };
    let mut stands: Vec<Checkpoint> = store.outlive(rewind).await?.into_iter().map(checkpoint).collect();
    stands.sort_by_key(|checkpoint| checkpoint.partition);
    Ok(stands)
}

fn checkpoint((partition, offset, mark): (i16, i64, Option<i64>)) -> Checkpoint {
    Checkpoint { partition: partition as u16, offset, mark }
}
