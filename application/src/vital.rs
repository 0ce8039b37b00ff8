//! Loops that the engine cannot be without.

use std::future::Future;
use std::panic::AssertUnwindSafe;

use futures::FutureExt;
use tokio::task::JoinHandle;

/// Spawns a loop that must not end by a panic. Should it, the process ends at once: a server that goes on without
/// one of its loops accepts what it does not do, while one that starts again finds everything in the store.
pub(crate) fn spawn(name: &'static str, work: impl Future<Output = ()> + Send + 'static) -> JoinHandle<()> {
    tokio::spawn(async move {
        if AssertUnwindSafe(work).catch_unwind().await.is_err() {
            tracing::error!(name, "a loop of the engine has panicked; ending the process");
            std::process::abort();
        }
    })
}
