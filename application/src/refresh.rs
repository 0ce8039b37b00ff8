//! Writes anew the landing views that other code has made, once, after the program was changed.
//!
//! Not needed for correctness: a view of other code is as good as none, and folded anew whenever it is met. This ends
//! that state, and does so gently: a batch, a pause, a batch. One replica does it, the owner of partition 0.
//!
//! What must hold: a view that a commit has written meanwhile is not overwritten by an older one; the store sees to
//! that.

use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use crate::catalog::Catalog;
use crate::parts::Parts;
use crate::ports::{AggregateKey, StoreError, ViewMark, ViewRow};
use crate::queries::{Queries, QueryError};
use crate::worker::Backoff;

/// Views looked at at once.
const PAGE: u32 = 500;
/// Views written at once.
const BATCH: usize = 50;
/// Between two batches, so that commands have the store to themselves most of the time.
const PAUSE: Duration = Duration::from_millis(50);

/// How far it has come.
#[derive(Default)]
struct Tally {
    written: u64,
    unreadable: u64,
}

/// Runs until no view is stale.
pub(crate) async fn run(parts: Parts, stop: CancellationToken) {
    let refreshing = async {
        let (mut tally, mut backoff, mut after) = (Tally::default(), Backoff::default(), None);
        loop {
            owns_the_first(&parts).await;
            match page(&parts, after.clone(), &mut tally).await {
                Ok(Some(last)) => after = Some(last),
                Ok(None) => break,
                Err(error) => {
                    parts.ownership.outage.failed(&error, "views could not be written anew");
                    backoff.wait().await;
                }
            }
        }
        tell_of_the_end(&tally);
    };
    tokio::select! {
        () = refreshing => {}
        () = stop.cancelled() => {}
    }
}

/// Waits until this replica owns partition 0.
async fn owns_the_first(parts: &Parts) {
    let mut leases = parts.ownership.subscribe();
    // The sender lives as long as the parts.
    let _ = leases.wait_for(|owned| owned.iter().any(|lease| lease.partition == 0)).await;
}

/// Goes through a page of views; says where the next one begins.
async fn page(parts: &Parts, after: Option<String>, tally: &mut Tally) -> Result<Option<String>, StoreError> {
    let marks = parts.store.view_marks(after.as_deref(), PAGE).await?;
    let Some(last) = marks.last().map(|mark| mark.view_id.clone()) else { return Ok(None) };
    let stale: Vec<AggregateKey> = marks.iter().filter_map(|mark| stale(&parts.catalog, mark)).collect();
    if !stale.is_empty() && tally.written + tally.unreadable == 0 {
        tracing::info!(
            found = stale.len(),
            "there are views that another version of the program has made; they are written anew"
        );
    }
    for batch in stale.chunks(BATCH) {
        let views = folded(parts, batch, tally).await?;
        tally.written += views.len() as u64;
        parts.store.save_views(views).await?;
        tokio::time::sleep(PAUSE).await;
    }
    Ok(Some(last))
}

/// The aggregate of a view, if other code has made that, and this one can.
fn stale(catalog: &Catalog, mark: &ViewMark) -> Option<AggregateKey> {
    let key = AggregateKey::of_view(&mark.view_id)?;
    catalog.is_stale(&key.aggregate_type, mark.version, mark.fingerprint.as_deref()).then_some(key)
}

async fn folded(parts: &Parts, keys: &[AggregateKey], tally: &mut Tally) -> Result<Vec<ViewRow>, StoreError> {
    let queries = Queries::new(Arc::clone(&parts.store), Arc::clone(&parts.catalog));
    let mut views = Vec::with_capacity(keys.len());
    for key in keys {
        match queries.fold(key, i64::MAX).await {
            Ok(view) => views.extend(view),
            Err(QueryError::Store(error)) => return Err(error),
            Err(error) => {
                tally.unreadable += 1;
                tracing::warn!(%error, view = key.view_id(), "a view cannot be written anew");
            }
        }
    }
    Ok(views)
}

fn tell_of_the_end(tally: &Tally) {
    let Tally { written, unreadable } = tally;
    if written + unreadable == 0 {
        tracing::debug!("every view was made by this version of the program");
    } else {
        tracing::info!(written, unreadable, "the views of another version of the program are written anew");
    }
}
