//! The feed.

use std::sync::LazyLock;

use async_trait::async_trait;
use wilco_application::ports::{Feed, FeedEntry, Heads, StoreError, StoreIdentity};

use super::PostgresStore;
use super::errors::classify;
use super::rows::{entry, with_columns};

static FEED: LazyLock<String> = LazyLock::new(|| with_columns(include_str!("sql/feed.sql")));

#[async_trait]
impl Feed for PostgresStore {
    async fn feed(&self, partition: u16, after: i64, limit: u32) -> Result<Vec<FeedEntry>, StoreError> {
        let rows = sqlx::query(&FEED)
            .bind(partition as i16)
            .bind(after)
            .bind(i64::from(limit))
            .fetch_all(self.reads())
            .await
            .map_err(classify)?;
        rows.iter().map(|row| entry(row, partition)).collect()
    }

    async fn heads(&self) -> Result<Heads, StoreError> {
        let select =
            "SELECT p.head, i.generation FROM partitions p CROSS JOIN store_identity i ORDER BY p.id";
        let rows: Vec<(i64, i64)> = sqlx::query_as(select).fetch_all(self.reads()).await.map_err(classify)?;
        let generation = rows.first().map_or(0, |(_, generation)| *generation);
        Ok(Heads { generation, offsets: rows.into_iter().map(|(head, _)| head).collect() })
    }

    async fn identity(&self) -> Result<StoreIdentity, StoreError> {
        let select = sqlx::query_as("SELECT id, generation FROM store_identity");
        let (id, generation) = select.fetch_one(self.reads()).await.map_err(classify)?;
        Ok(StoreIdentity { id, generation })
    }

    async fn new_generation(&self) -> Result<i64, StoreError> {
        let pool = self.writes().clone();
        let begin = async move {
            let begin = sqlx::query_scalar(include_str!("sql/new_generation.sql"));
            begin.fetch_one(&pool).await.map_err(classify)
        };
        self.outlive(begin).await
    }
}
