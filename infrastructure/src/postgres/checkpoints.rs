//! Where the durable readers of the feed stand.

use std::sync::atomic::Ordering;

use async_trait::async_trait;
use wilco_application::ports::{Checkpoint, Checkpoints, Fence, ParkedEntry, StoreError};

use super::PostgresStore;
use super::errors::classify;

/// How many marks of a partition are kept, and how often the older ones are cleared away.
const MARKS: i64 = 1000;
const SAVES_BETWEEN_PRUNINGS: u64 = 64;

/// Whether all is held; a partition, and where the reader stands there.
type Stand = (bool, Option<i16>, Option<i64>, Option<i64>);

#[async_trait]
impl Checkpoints for PostgresStore {
    async fn checkpoints(&self, reader: &str) -> Result<Vec<Checkpoint>, StoreError> {
        let select =
            "SELECT partition, \"offset\", mark FROM checkpoints WHERE reader = $1 ORDER BY partition";
        let rows: Vec<(i16, i64, Option<i64>)> =
            sqlx::query_as(select).bind(reader).fetch_all(self.reads()).await.map_err(classify)?;
        Ok(rows.into_iter().map(|(partition, offset, mark)| checkpoint(partition, offset, mark)).collect())
    }

    async fn save_checkpoints(
        &self,
        reader: &str,
        fence: &Fence,
        checkpoints: &[Checkpoint],
    ) -> Result<(), StoreError> {
        let pool = self.writes().clone();
        let (reader, fence, given) = (reader.to_owned(), fence.clone(), checkpoints.to_vec());
        let prune = self.inner.saves.fetch_add(1, Ordering::Relaxed).is_multiple_of(SAVES_BETWEEN_PRUNINGS);
        self.outlive(async move {
            let held: bool = sqlx::query_scalar(include_str!("sql/save_checkpoints.sql"))
                .bind(&reader)
                .bind(fence.owner)
                .bind(fence.generation)
                .bind(given.iter().map(|checkpoint| checkpoint.partition as i16).collect::<Vec<_>>())
                .bind(given.iter().map(|checkpoint| fence.epoch(checkpoint.partition)).collect::<Vec<_>>())
                .bind(given.iter().map(|checkpoint| checkpoint.offset).collect::<Vec<_>>())
                .bind(given.iter().map(|checkpoint| checkpoint.mark).collect::<Vec<_>>())
                .fetch_one(&pool)
                .await
                .map_err(classify)?;
            if !held {
                return Err(StoreError::Fenced);
            }
            if prune {
                let prune = sqlx::query(include_str!("sql/prune_marks.sql"));
                prune.bind(&reader).bind(MARKS).execute(&pool).await.map_err(classify)?;
            }
            Ok(())
        })
        .await
    }

    async fn rewind(&self, reader: &str, fence: &Fence, mark: i64) -> Result<Vec<Checkpoint>, StoreError> {
        let pool = self.writes().clone();
        let (reader, fence) = (reader.to_owned(), fence.clone());
        let rewind = async move {
            sqlx::query_as::<_, Stand>(include_str!("sql/rewind.sql"))
                .bind(reader)
                .bind(fence.owner)
                .bind(fence.generation)
                .bind(fence.leases.iter().map(|lease| lease.partition as i16).collect::<Vec<_>>())
                .bind(fence.leases.iter().map(|lease| lease.epoch).collect::<Vec<_>>())
                .bind(mark)
                .fetch_all(&pool)
                .await
                .map_err(classify)
        };
        let rows = self.outlive(rewind).await?;
        if rows.iter().any(|(held, ..)| !held) {
            return Err(StoreError::Fenced);
        }
        let stand = |(_, partition, offset, mark): Stand| Some(checkpoint(partition?, offset?, mark));
        Ok(rows.into_iter().filter_map(stand).collect())
    }

    async fn park(&self, reader: &str, entry: &ParkedEntry) -> Result<(), StoreError> {
        let pool = self.writes().clone();
        let (reader, entry) = (reader.to_owned(), entry.clone());
        self.outlive(async move {
            sqlx::query(include_str!("sql/park.sql"))
                .bind(reader)
                .bind(entry.partition as i16)
                .bind(entry.offset)
                .bind(entry.generation)
                .bind(entry.reason)
                .execute(&pool)
                .await
                .map(drop)
                .map_err(classify)
        })
        .await
    }

    async fn parked(&self, reader: &str) -> Result<u64, StoreError> {
        let count = sqlx::query_scalar::<_, i64>("SELECT count(*) FROM parked_entries WHERE reader = $1");
        count.bind(reader).fetch_one(self.reads()).await.map(|count| count as u64).map_err(classify)
    }
}

fn checkpoint(partition: i16, offset: i64, mark: Option<i64>) -> Checkpoint {
    Checkpoint { partition: partition as u16, offset, mark }
}
