//! The accept loop and its connections.

use std::convert::Infallible;
use std::future::Future;
use std::io;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::response::Response;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tower::Service;

use super::Limits;
use super::base::{Peer, X_FORWARDED_PREFIX};
use super::framing::{AtWork, Busy, Guard, Marker, Patience};

/// The parser's buffer: more than the longest head.
const BUFFER: usize = 64 << 10;
/// How long to wait when the machine gives no more connections (out of file descriptors, say).
const OUT_OF_CONNECTIONS: Duration = Duration::from_millis(100);

/// Serves `router` on `listener` until `shutdown` resolves; then no connections are accepted any more, idle ones are
/// closed, and the requests under way get [`Limits::drain_timeout`] to finish.
pub async fn serve(
    listener: TcpListener,
    router: Router,
    limits: Limits,
    shutdown: impl Future<Output = ()>,
) -> io::Result<()> {
    let room = Arc::new(Semaphore::new(limits.max_connections.min(Semaphore::MAX_PERMITS)));
    let server = Server {
        router,
        marker: Marker::new(),
        patience: Patience { head: limits.header_timeout, idle: limits.idle_timeout },
        stopping: CancellationToken::new(),
        ended: CancellationToken::new(),
    };
    let connections = TaskTracker::new();
    let mut shutdown = pin!(shutdown);
    loop {
        let accepted = tokio::select! {
            () = &mut shutdown => break,
            accepted = accept(&listener, &room) => accepted,
        };
        match accepted {
            Ok((stream, place)) => drop(connections.spawn(server.clone().connection(stream, place))),
            Err(error) if is_of_one_connection(&error) => {}
            Err(error) => {
                tracing::warn!(error = &error as &dyn std::error::Error, "no connection could be accepted");
                tokio::time::sleep(OUT_OF_CONNECTIONS).await;
            }
        }
    }
    drop(listener);
    server.stopping.cancel();
    connections.close();
    if tokio::time::timeout(limits.drain_timeout, connections.wait()).await.is_err() {
        tracing::warn!(left = connections.len(), "connections are cut off");
        server.ended.cancel();
        connections.wait().await;
    }
    Ok(())
}

/// The next connection, once there is a place for it; until then it waits in the listener's backlog.
async fn accept(
    listener: &TcpListener,
    room: &Arc<Semaphore>,
) -> io::Result<(TcpStream, Option<OwnedSemaphorePermit>)> {
    let place = Arc::clone(room).acquire_owned().await.ok();
    let (stream, _) = listener.accept().await?;
    // An answer is written whole: to wait for more of it would only delay it.
    stream.set_nodelay(true)?;
    Ok((stream, place))
}

/// The client hung up before it was accepted.
fn is_of_one_connection(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset, InvalidInput};
    matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset | InvalidInput)
}

#[derive(Clone)]
struct Server {
    router: Router,
    marker: Marker,
    patience: Patience,
    /// No further requests.
    stopping: CancellationToken,
    /// No further anything.
    ended: CancellationToken,
}

impl Server {
    async fn connection(self, stream: TcpStream, place: Option<OwnedSemaphorePermit>) {
        let Self { router, marker, patience, stopping, ended } = self;
        let peer = stream.peer_addr().ok().map(|address| Peer(address.ip()));
        let busy = Busy::default();
        let guard = Guard::new(stream, marker.clone(), patience, busy.clone());
        let service =
            service_fn(move |request| respond(router.clone(), &marker, busy.begin(), peer, request));
        // Time limits are the guard's; hyper's would cost a new timer at every request.
        let connection = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(None)
            .max_buf_size(BUFFER)
            .serve_connection(TokioIo::new(guard), service);
        let mut connection = pin!(connection);
        let result = tokio::select! {
            result = connection.as_mut() => result,
            () = stopping.cancelled() => {
                connection.as_mut().graceful_shutdown();
                tokio::select! {
                    result = connection => result,
                    () = ended.cancelled() => Ok(()),
                }
            }
        };
        if let Err(error) = result {
            tracing::debug!(error = &error as &dyn std::error::Error, "a connection ended early");
        }
        drop(place);
    }
}

fn respond(
    mut router: Router,
    marker: &Marker,
    at_work: AtWork,
    peer: Option<Peer>,
    mut request: hyper::Request<Incoming>,
) -> impl Future<Output = Result<Response, Infallible>> + use<> {
    if let Some(fault) = marker.read(request.uri().path()) {
        request.extensions_mut().insert(fault);
    }
    // The only one that asks who it is from.
    if let Some(peer) = peer.filter(|_| request.headers().contains_key(X_FORWARDED_PREFIX)) {
        request.extensions_mut().insert(peer);
    }
    let answering = router.call(request);
    async move {
        let answer = answering.await;
        drop(at_work);
        answer
    }
}
