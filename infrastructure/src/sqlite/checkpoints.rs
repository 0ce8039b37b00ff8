//! Where the durable readers of the feed stand.

use async_trait::async_trait;
use sqlx::sqlite::SqliteConnection;
use uuid::Uuid;
use wilco_application::ports::{Checkpoint, Checkpoints, Fence, ParkedEntry, StoreError};

use super::SqliteStore;
use super::errors::classify;
use super::rows::json;

type Stand = (u16, i64, Option<i64>);

#[async_trait]
impl Checkpoints for SqliteStore {
    async fn checkpoints(&self, reader: &str) -> Result<Vec<Checkpoint>, StoreError> {
        let select =
            "SELECT partition, \"offset\", mark FROM checkpoints WHERE reader = ?1 ORDER BY partition";
        let rows = sqlx::query_as(select).bind(reader).fetch_all(self.reads()).await.map_err(classify)?;
        Ok(rows.into_iter().map(checkpoint).collect())
    }

    async fn save_checkpoints(
        &self,
        reader: &str,
        fence: &Fence,
        checkpoints: &[Checkpoint],
    ) -> Result<(), StoreError> {
        let row = |given: &Checkpoint| (given.partition, given.offset, given.mark);
        let rows = json(&checkpoints.iter().map(row).collect::<Vec<_>>())?;
        let epoch = |given: &Checkpoint| (given.partition, fence.epoch(given.partition));
        let held = Held::new(fence, checkpoints.iter().map(epoch))?;
        let reader = reader.to_owned();
        let save = self.writer().write(move |connection| {
            Box::pin(async move {
                held.check(connection).await?;
                sqlx::query(include_str!("sql/save_checkpoints.sql"))
                    .bind(&reader)
                    .bind(&rows)
                    .bind(held.generation)
                    .execute(connection)
                    .await
                    .map(drop)
                    .map_err(classify)
            })
        });
        save.await
    }

    async fn park(&self, reader: &str, entry: &ParkedEntry) -> Result<(), StoreError> {
        let (reader, entry) = (reader.to_owned(), entry.clone());
        let park = self.writer().write(move |connection| {
            Box::pin(async move {
                sqlx::query(include_str!("sql/park.sql"))
                    .bind(reader)
                    .bind(entry.partition)
                    .bind(entry.offset)
                    .bind(entry.generation)
                    .bind(entry.reason)
                    .execute(connection)
                    .await
                    .map(drop)
                    .map_err(classify)
            })
        });
        park.await
    }

    async fn parked(&self, reader: &str) -> Result<u64, StoreError> {
        let count = sqlx::query_scalar::<_, i64>("SELECT count(*) FROM parked_entries WHERE reader = ?1");
        count.bind(reader).fetch_one(self.reads()).await.map(|count| count as u64).map_err(classify)
    }
}

/// What must be held for a reader to be moved.
struct Held {
    owner: Uuid,
    generation: i64,
    /// A JSON array of arrays: partition, epoch.
    epochs: String,
}

impl Held {
    fn new(fence: &Fence, epochs: impl Iterator<Item = (u16, i64)>) -> Result<Self, StoreError> {
        let epochs = json(&epochs.collect::<Vec<_>>())?;
        Ok(Self { owner: fence.owner, generation: fence.generation, epochs })
    }

    async fn check(&self, connection: &mut SqliteConnection) -> Result<(), StoreError> {
        let held: bool = sqlx::query_scalar(include_str!("sql/held.sql"))
            .bind(self.owner)
            .bind(self.generation)
            .bind(&self.epochs)
            .fetch_one(connection)
            .await
            .map_err(classify)?;
        if held { Ok(()) } else { Err(StoreError::Fenced) }
    }
}

fn checkpoint((partition, offset, mark): Stand) -> Checkpoint {
    Checkpoint { partition, offset, mark }
}
