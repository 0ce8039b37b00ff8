//! Who owns which partition. Only replicas of this process can be here, normally one; the rules are those of
//! PostgreSQL all the same.

use std::time::Duration;

use async_trait::async_trait;
use sqlx::sqlite::SqliteConnection;
use uuid::Uuid;
use wilco_application::ports::{Leases, PartitionLease, StoreError};

use super::SqliteStore;
use super::errors::classify;

/// For how long a replica that is no more is remembered.
const FORGET_AFTER: i64 = 3_600_000_000;

#[async_trait]
impl Leases for SqliteStore {
    async fn heartbeat(&self, replica: Uuid, ttl: Duration) -> Result<Vec<PartitionLease>, StoreError> {
        let ttl = ttl.as_micros() as i64;
        // It tells nobody anything: a server that does nothing else is idle.
        let beat = self.writer().write_idly(move |connection| {
            Box::pin(async move { heartbeat(connection, replica, ttl).await.map_err(classify) })
        });
        beat.await
    }

    async fn resign(&self, replica: Uuid) -> Result<(), StoreError> {
        let resign = self.writer().write(move |connection| {
            Box::pin(async move { resign(connection, replica).await.map_err(classify) })
        });
        resign.await
    }

    async fn changed(&self) {
        std::future::pending::<()>().await;
    }

    async fn ping(&self) -> Result<(), StoreError> {
        if !self.inner.file.upgrade().is_some_and(|file| file.is_there()) {
            return Err(StoreError::Unavailable("the data file was removed or replaced".into()));
        }
        sqlx::query("SELECT 1 FROM partitions").execute(self.reads()).await.map(drop).map_err(classify)
    }
}

async fn heartbeat(
    connection: &mut SqliteConnection,
    replica: Uuid,
    ttl: i64,
) -> Result<Vec<PartitionLease>, sqlx::Error> {
    let renew = sqlx::query_scalar(include_str!("sql/renew.sql")).bind(replica).bind(ttl);
    let present: i64 = renew.fetch_one(&mut *connection).await?;
    let forget = sqlx::query("DELETE FROM replicas WHERE lease_until < ?1").bind(present - FORGET_AFTER);
    forget.execute(&mut *connection).await?;
    let (share, mine): (i64, i64) = sqlx::query_as(include_str!("sql/share.sql"))
        .bind(replica)
        .bind(present)
        .fetch_one(&mut *connection)
        .await?;
    if mine > share {
        let give_back = sqlx::query(include_str!("sql/give_back.sql")).bind(replica).bind(share);
        give_back.execute(&mut *connection).await?;
    } else if mine < share {
        let claim = sqlx::query(include_str!("sql/claim.sql")).bind(replica).bind(present).bind(share - mine);
        claim.execute(&mut *connection).await?;
    }
    let rows: Vec<(u16, i64, i64)> =
        sqlx::query_as("SELECT id, epoch, head FROM partitions WHERE owner = ?1 ORDER BY id")
            .bind(replica)
            .fetch_all(connection)
            .await?;
    Ok(rows.into_iter().map(|(partition, epoch, head)| PartitionLease { partition, epoch, head }).collect())
}

async fn resign(connection: &mut SqliteConnection, replica: Uuid) -> Result<(), sqlx::Error> {
    let give_back =
        sqlx::query("UPDATE partitions SET owner = NULL, epoch = epoch + 1 WHERE owner = ?1").bind(replica);
    give_back.execute(&mut *connection).await?;
    sqlx::query("DELETE FROM replicas WHERE id = ?1").bind(replica).execute(connection).await.map(drop)
}
