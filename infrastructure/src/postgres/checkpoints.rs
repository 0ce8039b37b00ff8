//! Where the durable readers of the feed stand.

use async_trait::async_trait;
use wilco_application::ports::{Checkpoint, Checkpoints, Fence, ParkedEntry, StoreError};

use super::PostgresStore;
use super::errors::classify;

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
            if held { Ok(()) } else { Err(StoreError::Fenced) }
        })
        .await
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
