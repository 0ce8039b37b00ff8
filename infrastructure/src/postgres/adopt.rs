//! Taking over the events that postgres-es wrote: each gets its partition and its place in the feed.

use std::collections::BTreeMap;

use sqlx::{Connection, PgConnection};
use wilco_application::ports::StoreError;

use super::PostgresStore;
use super::errors::classify;

/// How many events are adopted at a time: while that lasts, commits wait.
const PAGE: i64 = 1000;

impl PostgresStore {
    /// Gives each event without an offset its partition, by `partition_of` (type, id), and the next offset there,
    /// in order of type, id and sequence; says how many there were. It may be repeated, run twice at once and run
    /// beside a working server. To be called after [`PostgresStore::migrate`].
    pub async fn adopt(&self, partition_of: impl Fn(&str, &str) -> u16) -> Result<u64, StoreError> {
        // A connection of its own: should this be dropped half-way, the page goes with it.
        let mut connection = self.inner.servers.connect().await.map_err(classify)?;
        let mut total = 0;
        loop {
            let adopted = adopt_page(&mut connection, &partition_of).await.map_err(classify)?;
            if adopted == 0 {
                connection.close().await.map_err(classify)?;
                return Ok(total);
            }
            total += adopted;
        }
    }
}

async fn adopt_page(
    connection: &mut PgConnection,
    partition_of: &impl Fn(&str, &str) -> u16,
) -> Result<u64, sqlx::Error> {
    let mut transaction = connection.begin().await?;
    // First the locks, then the look: a second adopter sees what the first has done.
    let mut heads: BTreeMap<i16, i64> =
        sqlx::query_as("SELECT id, head FROM partitions ORDER BY id FOR UPDATE")
            .fetch_all(&mut *transaction)
            .await?
            .into_iter()
            .collect();
    let page: Vec<(String, String, i64)> =
        sqlx::query_as(include_str!("sql/to_adopt.sql")).bind(PAGE).fetch_all(&mut *transaction).await?;
    if page.is_empty() {
        return Ok(0);
    }
    let seat = |(aggregate_type, id, _): &(String, String, i64)| {
        let partition = partition_of(aggregate_type, id) as i16;
        let head = heads.entry(partition).or_default();
        *head += 1;
        (partition, *head)
    };
    let (partitions, offsets): (Vec<i16>, Vec<i64>) = page.iter().map(seat).unzip();
    sqlx::query(include_str!("sql/adopt.sql"))
        .bind(page.iter().map(|(aggregate_type, _, _)| aggregate_type.as_str()).collect::<Vec<_>>())
        .bind(page.iter().map(|(_, id, _)| id.as_str()).collect::<Vec<_>>())
        .bind(page.iter().map(|(_, _, sequence)| *sequence).collect::<Vec<_>>())
        .bind(partitions)
        .bind(offsets)
        .execute(&mut *transaction)
        .await?;
    sqlx::query(include_str!("sql/adopt_kinds.sql"))
        .bind(page.iter().map(|(aggregate_type, _, _)| aggregate_type.as_str()).collect::<Vec<_>>())
        .bind(page.iter().map(|(_, id, _)| id.as_str()).collect::<Vec<_>>())
        .bind(page.iter().map(|(_, _, sequence)| *sequence).collect::<Vec<_>>())
        .execute(&mut *transaction)
        .await?;
    let moved = sqlx::query("UPDATE partitions p SET head = h.head FROM unnest($1::smallint[], $2::bigint[]) AS h (id, head) WHERE p.id = h.id")
        .bind(heads.keys().copied().collect::<Vec<_>>())
        .bind(heads.values().copied().collect::<Vec<_>>())
        .execute(&mut *transaction)
        .await?
        .rows_affected();
    if moved != heads.len() as u64 {
        return Err(sqlx::Error::Decode(
            "partition_of names a partition that the store does not have".into(),
        ));
    }
    transaction.commit().await?;
    Ok(page.len() as u64)
}
