//! What one build of the program leaves to the next.

use async_trait::async_trait;
use chrono::DateTime;
use uuid::Uuid;
use wilco_application::ports::{AggregateKey, CommandKey, Deploying, OpenType, StoreError, StoredKind};
use wilco_domain::kernel::Problem;

use super::SqliteStore;
use super::errors::{classify, unreadable};
use super::rows::{hex, json, tenant};

#[async_trait]
impl Deploying for SqliteStore {
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
        let rows: Vec<(String, i64, i64, Uuid, String)> = sqlx::query_as(include_str!("sql/open_types.sql"))
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
                None => types.push(OpenType {
                    command_type,
                    count: count as u64,
                    first_due: DateTime::from_timestamp_micros(first_due)
                        .ok_or_else(|| unreadable("a time out of range"))?,
                    samples: vec![key],
                }),
            }
        }
        Ok(types)
    }

    async fn blocked(&self, keys: &[CommandKey]) -> Result<Vec<(CommandKey, Problem)>, StoreError> {
        let keys = json(&keys.iter().map(|key| (hex(key.id), key.tenant.stored())).collect::<Vec<_>>())?;
        let rows: Vec<(Uuid, String, String)> = sqlx::query_as(include_str!("sql/blocked.sql"))
            .bind(keys)
            .fetch_all(self.reads())
            .await
            .map_err(classify)?;
        rows.into_iter().map(reason).collect()
    }

    async fn blocked_targets(&self, keys: &[AggregateKey]) -> Result<Vec<AggregateKey>, StoreError> {
        let keys = json(&keys.iter().map(|key| (&key.aggregate_type, key.stored_id())).collect::<Vec<_>>())?;
        let rows: Vec<(String, String)> = sqlx::query_as(include_str!("sql/blocked_targets.sql"))
            .bind(keys)
            .fetch_all(self.reads())
            .await
            .map_err(classify)?;
        Ok(rows.into_iter().map(target).collect())
    }

    async fn release(&self, partitions: &[u16], most: u32) -> Result<Vec<AggregateKey>, StoreError> {
        let given = json(&partitions)?;
        let released = given.clone();
        let release = self.writer().write(move |connection| {
            Box::pin(async move {
                let release = sqlx::query(include_str!("sql/release.sql")).bind(released);
                release.execute(connection).await.map(drop).map_err(classify)
            })
        });
        release.await?;
        let select = "SELECT DISTINCT aggregate_type, target FROM blocked_commands \
                      WHERE partition IN (SELECT value FROM json_each(?1)) LIMIT ?2";
        let select = sqlx::query_as(select).bind(given).bind(most);
        let rows: Vec<(String, String)> = select.fetch_all(self.reads()).await.map_err(classify)?;
        Ok(rows.into_iter().map(target).collect())
    }

    async fn unblock(&self, partitions: &[u16]) -> Result<(), StoreError> {
        let given = json(&partitions)?;
        let unblock = self.writer().write(move |connection| {
            Box::pin(async move {
                let delete =
                    "DELETE FROM blocked_commands WHERE partition IN (SELECT value FROM json_each(?1))";
                sqlx::query(delete).bind(given).execute(connection).await.map(drop).map_err(classify)
            })
        });
        unblock.await
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
