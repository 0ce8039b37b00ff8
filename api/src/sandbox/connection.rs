use std::convert::Infallible;
use std::error::Error;
use std::future::Future;
use std::io;
use std::pin::pin;
use std::time::Duration;

use axum::Router;
use axum::response::Response;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tower::Service as _;

use super::answers::Instead;
use super::beside::Beside;

/// How long to wait when the machine gives no more connections.
const OUT_OF_CONNECTIONS: Duration = Duration::from_millis(100);

/// Serves `router` on `listener` until `stop` resolves.
pub async fn serve(listener: &TcpListener, router: &Router, beside: &Beside, stop: impl Future<Output = ()>) {
    let mut stop = pin!(stop);
    loop {
        let accepted = tokio::select! {
            () = &mut stop => return,
            accepted = listener.accept() => accepted,
        };
        match accepted {
            Ok((stream, _)) => beside.run(connection(stream, router.clone())),
            Err(_) => tokio::time::sleep(OUT_OF_CONNECTIONS).await,
        }
    }
}

/// Answers the requests of a connection. The first one that is not to be answered ends it.
async fn connection(stream: TcpStream, router: Router) {
    // An answer is written whole; and without it nothing is the worse.
    let _ = stream.set_nodelay(true);
    let service = service_fn(move |request| respond(router.clone(), request));
    let mut connection =
        http1::Builder::new().timer(TokioTimer::new()).serve_connection(TokioIo::new(stream), service);
    let Err(error) = (&mut connection).await else { return };
    let Some(instead) = error.source().and_then(|cause| cause.downcast_ref::<Instead>()) else { return };
    // That a caller is gone before the end is what it is for.
    let _ = play(connection.into_parts().io.into_inner(), *instead).await;
}

/// The answer, or what there is instead of it.
async fn respond(mut router: Router, request: hyper::Request<Incoming>) -> Result<Response, Instead> {
    let answered: Result<Response, Infallible> = router.call(request).await;
    let Ok(response) = answered;
    let instead = response.extensions().get::<Instead>().copied();
    instead.map_or(Ok(response), Err)
}

async fn play(mut stream: TcpStream, instead: Instead) -> io::Result<()> {
    match instead {
        // Closed so, what was not sent is thrown away, and the caller gets a reset instead of an end.
        Instead::Reset => stream.set_zero_linger(),
        Instead::Hang => {
            let mut rest = [0; 1024];
            while stream.read(&mut rest).await? > 0 {}
            Ok(())
        }
        Instead::Dribble(pause) => {
            for byte in b"HTTP/1.1 200 OK\r\nx-dribble: ".iter().chain(std::iter::repeat(&b'.')) {
                stream.write_all(&[*byte]).await?;
                tokio::time::sleep(pause).await;
            }
            Ok(())
        }
    }
}
