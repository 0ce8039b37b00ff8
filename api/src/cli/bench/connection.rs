use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http1;
use hyper::header::{CONTENT_TYPE, HOST, LOCATION};
use hyper::{Method, Request, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

use super::BenchError;

/// One connection, kept open.
pub(super) struct Connection {
    sender: http1::SendRequest<Full<Bytes>>,
    authority: String,
}

/// An answer, as far as the benchmark looks at it.
pub(super) struct Answer {
    pub(super) status: StatusCode,
    pub(super) location: Option<String>,
    pub(super) body: Bytes,
}

/// `host:port` of `http://host:port`.
pub(super) fn authority(url: &str) -> Result<String, BenchError> {
    let rest = url.strip_prefix("http://").map(|rest| rest.trim_end_matches('/'));
    match rest {
        Some(authority) if !authority.is_empty() && !authority.contains('/') => Ok(authority.to_owned()),
        _ => Err(BenchError::Url(url.to_owned())),
    }
}

impl Connection {
    pub(super) async fn open(authority: &str) -> Result<Self, BenchError> {
        let failed = |error: Box<dyn std::error::Error + Send + Sync>| {
            BenchError::Connection(authority.to_owned(), error)
        };
        let stream = TcpStream::connect(authority).await.map_err(|error| failed(error.into()))?;
        stream.set_nodelay(true).map_err(|error| failed(error.into()))?;
        let (sender, connection) =
            http1::handshake(TokioIo::new(stream)).await.map_err(|error| failed(error.into()))?;
        tokio::spawn(connection);
        Ok(Self { sender, authority: authority.to_owned() })
    }

    pub(super) async fn get(&mut self, path: &str, accept: &str) -> Result<Answer, BenchError> {
        let request = Request::builder().method(Method::GET).uri(path).header("accept", accept);
        self.send(request, Bytes::new()).await
    }

    pub(super) async fn post(&mut self, path: &str, media: &str, body: Bytes) -> Result<Answer, BenchError> {
        let request = Request::builder().method(Method::POST).uri(path).header(CONTENT_TYPE, media);
        self.send(request, body).await
    }

    pub(super) async fn put(&mut self, path: &str, media: &str, body: Bytes) -> Result<Answer, BenchError> {
        let request = Request::builder().method(Method::PUT).uri(path).header(CONTENT_TYPE, media);
        self.send(request, body).await
    }

    async fn send(
        &mut self,
        request: hyper::http::request::Builder,
        body: Bytes,
    ) -> Result<Answer, BenchError> {
        let request = request
            .header(HOST, self.authority.as_str())
            .body(Full::new(body))
            .map_err(|error| BenchError::Connection(self.authority.clone(), error.into()))?;
        let answer = self.exchange(request).await;
        answer.map_err(|error| BenchError::Connection(self.authority.clone(), error.into()))
    }

    async fn exchange(&mut self, request: Request<Full<Bytes>>) -> Result<Answer, hyper::Error> {
        self.sender.ready().await?;
        let answer = self.sender.send_request(request).await?;
        let status = answer.status();
        let location =
            answer.headers().get(LOCATION).and_then(|value| value.to_str().ok()).map(ToOwned::to_owned);
        let body = answer.into_body().collect().await?.to_bytes();
        Ok(Answer { status, location, body })
    }
}
