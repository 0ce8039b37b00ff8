//! Who owns which partition.

use std::sync::PoisonError;
use std::sync::atomic::Ordering;
use std::time::Duration;

use async_trait::async_trait;
use sqlx::postgres::types::PgInterval;
use uuid::Uuid;
use wilco_application::ports::{Leases, PartitionLease, StoreError};

use super::PostgresStore;
use super::errors::classify;
use super::rows::unreadable;

/// Transactions begun since the oldest snapshot that a session of the server still sees (gauge). While it grows, dead
/// rows stay, and the busy partition rows get slow: somebody is idle in a transaction.
const OLDEST_SNAPSHOT: &str = "wilco_postgres_oldest_snapshot_age";

#[async_trait]
impl Leases for PostgresStore {
    async fn heartbeat(&self, replica: Uuid, ttl: Duration) -> Result<Vec<PartitionLease>, StoreError> {
        let pool = self.writes().clone();
        let ttl = PgInterval { months: 0, days: 0, microseconds: ttl.as_micros() as i64 };
        let rows: Vec<(Option<i16>, i64, Option<i64>)> = self
            .outlive(async move {
                sqlx::query_as("SELECT * FROM wilco_heartbeat($1, $2)")
                    .bind(replica)
                    .bind(ttl)
                    .fetch_all(&pool)
                    .await
                    .map_err(classify)
            })
            .await?;
        let [(_, replicas, oldest_snapshot), rows @ ..] = rows.as_slice() else {
            return Err(unreadable("no heartbeat"));
        };
        metrics::gauge!(OLDEST_SNAPSHOT).set(oldest_snapshot.unwrap_or_default() as f64);
        let lease = |(partition, epoch, head): &(Option<i16>, i64, Option<i64>)| {
            Some(PartitionLease { partition: (*partition)? as u16, epoch: *epoch, head: (*head)? })
        };
        let leases: Vec<PartitionLease> = rows.iter().filter_map(lease).collect();
        self.inner.alone.store(*replicas <= 1, Ordering::Relaxed);
        self.inner.hints.this_is(replica);
        self.owns(leases.iter().map(|lease| lease.partition).collect());
        Ok(leases)
    }

    async fn resign(&self, replica: Uuid) -> Result<(), StoreError> {
        let pool = self.writes().clone();
        self.owns(Vec::new());
        let resign = async move {
            let resign = sqlx::query(include_str!("sql/resign.sql"));
            resign.bind(replica).execute(&pool).await.map_err(classify)
        };
        self.outlive(resign).await?;
        self.inner.hints.send();
        Ok(())
    }

    async fn changed(&self) {
        self.inner.hints.received().await;
    }

    async fn ping(&self) -> Result<(), StoreError> {
        let ask = "SELECT current_setting('transaction_read_only') = 'on' FROM partitions WHERE id = 0";
        let read_only: Option<bool> =
            sqlx::query_scalar(ask).fetch_optional(self.reads()).await.map_err(classify)?;
        if read_only == Some(true) {
            return Err(StoreError::Unavailable("the server is read-only".into()));
        }
        Ok(())
    }
}

impl PostgresStore {
    fn owns(&self, partitions: Vec<u16>) {
        *self.inner.owned.lock().unwrap_or_else(PoisonError::into_inner) = partitions.into_iter().collect();
    }

    /// There are new entries in the feed: tells the others, if there are any.
    pub(super) fn hint_of_entries(&self) {
        if !self.inner.alone.load(Ordering::Relaxed) {
            self.inner.hints.send();
        }
    }
}
