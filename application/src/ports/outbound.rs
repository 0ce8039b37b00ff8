use std::time::Duration;

use async_trait::async_trait;

/// A request to somebody outside.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OutboundRequest {
    /// What is asked for.
    pub method: OutboundMethod,
    /// Where it goes: an `http` or `https` URL without user and password.
    pub url: String,
    /// Its headers, name and value; those of the connection and the length are added.
    pub headers: Vec<(&'static str, String)>,
    /// Its body; an empty one is none.
    pub body: Vec<u8>,
}

/// What a request asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OutboundMethod {
    /// To look.
    Get,
    /// To do.
    Post,
    /// To put in place.
    Put,
}

/// What somebody outside answered: its head arrived whole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OutboundResponse {
    /// The status, as it came: a redirect is not followed.
    pub status: u16,
    /// What `Retry-After` says, as a pause from now; none where it says nothing that can be read.
    pub retry_after: Option<Duration>,
    /// The body, as far as it was read.
    pub body: Vec<u8>,
    /// Whether that is all of it. If not, it was longer than is read, or broke off.
    pub is_whole: bool,
}

/// A request had no answer. What matters of it is whether it may have been done.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OutboundError {
    /// Never sent, and never will be as it is: the address may not be called, or this is no request over HTTP.
    #[error("{0}")]
    Forbidden(String),
    /// Never sent: the name was not found, nobody listens, or there was no agreement on encryption.
    #[error("not sent: {0}")]
    NotSent(String),
    /// Sent, at least in part, and no answer was understood: whether it was done is not known.
    #[error("no answer was understood: {0}")]
    Unknown(String),
}

/// Calls others over HTTP.
#[async_trait]
pub trait Outbound: Send + Sync + 'static {
    /// Sends the request once: it is neither repeated nor redirected.
    ///
    /// How long all of it may take, from the look-up of the name to the last byte of the body, is for the caller to
    /// bound: whoever has waited enough drops the future, and with it the connection. Then it is not known whether
    /// the request was done.
    async fn send(&self, request: OutboundRequest) -> Result<OutboundResponse, OutboundError>;

    /// Why no request to this URL would ever be sent, as far as that can be said without looking its name up.
    fn objection(&self, url: &str) -> Option<String>;
}

/// Whom a URL names, without what is asked of them: `https://example.org:8443`. `None`: it is none of HTTP.
pub fn origin(url: &str) -> Option<String> {
    let (scheme, rest) = url.split_once("://")?;
    let scheme = scheme.to_ascii_lowercase();
    let host = rest.split(['/', '?', '#', '\\']).next().unwrap_or_default().to_ascii_lowercase();
    (matches!(&*scheme, "http" | "https") && !host.is_empty()).then(|| format!("{scheme}://{host}"))
}
