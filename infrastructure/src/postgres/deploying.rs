//! What one build of the program leaves to the next.

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use uuid::Uuid;
use wilco_application::ports::{AggregateKey, CommandKey, Deploying, OpenType, StoreError, StoredKind};
use wilco_domain::kernel::Problem;

use super::PostgresStore;
use super::errors::classify;
use super::rows::{tenant, unreadable};

#[async_trait]
impl Deploying for PostgresStore {
    async fn event_kinds(&self) -> Result<Vec<StoredKind>, StoreError> {
        let select = "SELECT aggregate_type, event_type, event_version, aggregate_id, sequence FROM event_kinds \
                      ORDER BY aggregate_type, event_type, event_version";
        let rows: Vec<(String, String, String, String, i64)> =
            sqlx::query_as(select).fetch_all(self.reads()).await.map_err(classify)?;
        let kind = |(aggregate_type, event_type, event_version, aggregate_id, sequence)| StoredKind {
            aggregate_type,
            event_type,
            event_version,
            aggregate_id,
            sequence,
        };
        Ok(rows.into_iter().map(kind).collect())
    }

    async fn open_types(&self, most: u32, samples: u32) -> Result<Vec<OpenType>, StoreError> {
        let rows: Vec<(String, i64, DateTime<Utc>, Uuid, String)> =
            sqlx::query_as(include_str!("sql/open_types.sql"))
                .bind(i64::from(most))
                .bind(i64::from(samples))
                .fetch_all(self.reads())
                .await
                .map_err(classify)?;
        let mut types: Vec<OpenType> = Vec::new();
        for (command_type, count, first_due, id, stored) in rows {
            let key = CommandKey { tenant: tenant(stored).map_err(classify)?, id };
            match types.last_mut().filter(|last| last.command_type == command_type) {
                Some(known) => known.samples.push(key),
                None => {
                    types.push(OpenType { command_type, count: count as u64, first_due, samples: vec![key] });
                }
            }
        }
        Ok(types)
    }

    async fn blocked(&self, keys: &[CommandKey]) -> Result<Vec<(CommandKey, Problem)>, StoreError> {
        let (ids, tenants): (Vec<Uuid>, Vec<&str>) =
            keys.iter().map(|key| (key.id, key.tenant.stored())).unzip();
        let rows: Vec<(Uuid, String, String)> = sqlx::query_as(include_str!("sql/blocked.sql"))
            .bind(ids)
            .bind(tenants)
            .fetch_all(self.reads())
            .await
            .map_err(classify)?;
        rows.into_iter().map(reason).collect()
    }

    async fn blocked_targets(&self, keys: &[AggregateKey]) -> Result<Vec<AggregateKey>, StoreError> {
        let rows: Vec<(String, String)> = sqlx::query_as(include_str!("sql/blocked_targets.sql"))
            .bind(keys.iter().map(|key| key.aggregate_type.as_str()).collect::<Vec<_>>())
            .bind(keys.iter().map(AggregateKey::stored_id).collect::<Vec<_>>())
            .fetch_all(self.reads())
            .await
            .map_err(classify)?;
        Ok(rows.into_iter().map(target).collect())
    }

    async fn release(&self, partitions: &[u16], most: u32) -> Result<Vec<AggregateKey>, StoreError> {
        let given: Vec<i16> = partitions.iter().map(|partition| *partition as i16).collect();
        let (pool, released) = (self.writes().clone(), given.clone());
        let release = async move {
            let release = sqlx::query(include_str!("sql/release.sql")).bind(released);
            release.execute(&pool).await.map(drop).map_err(classify)
        };
        self.outlive(release).await?;
        let select = "SELECT DISTINCT aggregate_type, target FROM blocked_commands \
                      WHERE partition = ANY ($1) LIMIT $2";
        let select = sqlx::query_as(select).bind(given).bind(i64::from(most));
        let rows: Vec<(String, String)> = select.fetch_all(self.reads()).await.map_err(classify)?;
        Ok(rows.into_iter().map(target).collect())
    }

    async fn unblock(&self, partitions: &[u16]) -> Result<(), StoreError> {
        let given: Vec<i16> = partitions.iter().map(|partition| *partition as i16).collect();
        let pool = self.writes().clone();
        let unblock = async move {
            let delete = sqlx::query("DELETE FROM blocked_commands WHERE partition = ANY ($1)").bind(given);
            delete.execute(&pool).await.map(drop).map_err(classify)
        };
        self.outlive(unblock).await
    }
}

/// The aggregate that is stored as of this type and id.
fn target((aggregate_type, stored_id): (String, String)) -> AggregateKey {
    AggregateKey::from_stored(aggregate_type, &stored_id)
}

/// Why the command of this id and tenant is blocked.
fn reason((id, stored, reason): (Uuid, String, String)) -> Result<(CommandKey, Problem), StoreError> {
    let key = CommandKey { tenant: tenant(stored).map_err(classify)?, id };
    Ok((key, serde_json::from_str(&reason).map_err(unreadable)?))
}
