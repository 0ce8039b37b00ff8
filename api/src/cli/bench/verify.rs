use std::collections::HashSet;
use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};
use hyper::StatusCode;
use serde::Deserialize;
use serde_json::value::RawValue;
use uuid::Uuid;

use super::BenchError;
use super::connection::Connection;
use super::load::Load;

/// What the feed told of the accepted commands.
pub(super) struct Settled {
    /// From acceptance to settlement, of each.
    pub(super) latencies: Vec<Duration>,
    /// From the first acceptance to the last settlement.
    pub(super) elapsed: Duration,
    /// How many did not succeed.
    pub(super) failed: usize,
}

#[derive(Deserialize)]
struct Page {
    items: Vec<Event>,
    next_cursor: String,
}

#[derive(Deserialize)]
struct Event {
    #[serde(rename = "type")]
    kind: String,
    data: Box<RawValue>,
}

#[derive(Deserialize)]
struct Status {
    id: Uuid,
    #[serde(rename = "status")]
    phase: String,
    accepted_at: DateTime<Utc>,
    settled_at: DateTime<Utc>,
}

/// The feed's present end.
pub(super) async fn cursor(authority: &str) -> Result<String, BenchError> {
    let mut connection = Connection::open(authority).await?;
    page(&mut connection, None).await.map(|page| page.next_cursor)
}

/// Reads the feed from `cursor` until every accepted command has turned up as settled.
pub(super) async fn settled(
    authority: &str,
    cursor: &str,
    load: &Load,
    patience: Duration,
) -> Result<Settled, BenchError> {
    let mut connection = Connection::open(authority).await?;
    let mut missing: HashSet<Uuid> = load.accepted.keys().copied().collect();
    let mut settled =
        Settled { latencies: Vec::with_capacity(missing.len()), elapsed: Duration::ZERO, failed: 0 };
    let (mut first, mut last) = (DateTime::<Utc>::MAX_UTC, DateTime::<Utc>::MIN_UTC);
    let mut cursor = cursor.to_owned();
    let deadline = Instant::now() + patience;
    while !missing.is_empty() {
        let page = page(&mut connection, Some(&cursor)).await?;
        if page.items.is_empty() {
            if Instant::now() > deadline {
                let (missing, accepted) = (missing.len(), load.accepted.len());
                return Err(BenchError::Unsettled { missing, accepted, patience });
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        let outcomes = page.items.iter().filter(|event| event.kind.starts_with("wilco.command."));
        for Event { data, .. } in outcomes {
            let data: Status =
                serde_json::from_str(data.get()).map_err(|error| BenchError::Answer(error.to_string()))?;
            if missing.remove(&data.id) {
                settled.latencies.push((data.settled_at - data.accepted_at).to_std().unwrap_or_default());
                settled.failed += usize::from(data.phase != "succeeded");
                first = first.min(data.accepted_at);
                last = last.max(data.settled_at);
            }
        }
        cursor = page.next_cursor;
    }
    settled.elapsed = (last - first).to_std().unwrap_or_default();
    Ok(settled)
}

async fn page(connection: &mut Connection, after: Option<&str>) -> Result<Page, BenchError> {
    // Not by subject: what those begin with is the server's own.
    let mut path = "/v1/feed?limit=1000".to_owned();
    if let Some(after) = after {
        path.push_str("&after=");
        path.push_str(after);
    }
    let answer = connection.get(&path, "application/json").await?;
    if answer.status != StatusCode::OK {
        return Err(BenchError::Answer(format!(
            "{}: {}",
            answer.status,
            String::from_utf8_lossy(&answer.body)
        )));
    }
    serde_json::from_slice(&answer.body).map_err(|error| BenchError::Answer(error.to_string()))
}
