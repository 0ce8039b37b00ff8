//! Checks that are to fail.

use std::panic::AssertUnwindSafe;
use std::time::Duration;

use futures::FutureExt as _;
use futures::future::LocalBoxFuture;

/// What the check that fails in this says; empty when none does.
pub async fn failure<T>(checks: LocalBoxFuture<'_, T>) -> String {
    let run = AssertUnwindSafe(checks).catch_unwind();
    let ended = tokio::time::timeout(Duration::from_secs(60), run).await.expect("the checks come to an end");
    let Err(said) = ended else { return String::new() };
    *said.downcast().unwrap_or_default()
}
