use std::error::Error;
use std::fmt::Write as _;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use async_trait::async_trait;
use reqwest::dns::Resolve;
use reqwest::header::{DATE, HeaderMap, HeaderName, RETRY_AFTER};
use reqwest::{Client, ClientBuilder, Method, Response, redirect, retry};
use wilco_application::ports::{
    Clock, Outbound, OutboundError, OutboundMethod, OutboundRequest, OutboundResponse,
};

use super::Egress;
use super::resolver::{Guarded, SystemNames, refusal};

/// How many bytes of a body are read.
const MOST_BODY: usize = 64 << 10;
/// How many idle connections are kept to a host, and for how long: enough for a burst of calls to one that is called
/// all the time, and few where many are called once.
const MOST_IDLE: usize = 8;
const IDLE: Duration = Duration::from_secs(30);
/// No pause is longer, whatever an answer asks for: so it can be added to any time.
const LONGEST_PAUSE: Duration = Duration::from_secs(365 * 24 * 60 * 60);

/// Calls others over HTTP/1.1, as far as [`Egress`] permits. A clone of it uses the same connections.
#[derive(Clone)]
pub struct HttpClient {
    client: Client,
    egress: Arc<Egress>,
    clock: Arc<dyn Clock>,
}

/// There can be no client.
#[derive(Debug, thiserror::Error)]
#[error("others cannot be called over HTTP")]
pub struct ClientError(#[from] reqwest::Error);

impl HttpClient {
    /// A client that finds addresses as the machine does. The clock is asked where an answer names a time.
    pub fn new(egress: Egress, clock: Arc<dyn Clock>) -> Result<Self, ClientError> {
        Self::with_names(egress, clock, Arc::new(SystemNames))
    }

    fn with_names(
        egress: Egress,
        clock: Arc<dyn Clock>,
        names: Arc<dyn Resolve>,
    ) -> Result<Self, ClientError> {
        // Of the TLS library's providers, the one that is linked; that there is one already is as good.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let egress = Arc::new(egress);
        let guarded = Arc::new(Guarded { egress: Arc::clone(&egress), names });
        let client = builder(Arc::clone(&guarded)).build().or_else(|error| {
            // A machine without certificates of authorities can still make calls that are not encrypted.
            let client = builder(guarded).tls_certs_only([]).build()?;
            tracing::warn!(error = &error as &dyn Error, "no https:// URL can be called");
            Ok::<_, reqwest::Error>(client)
        })?;
        Ok(Self { client, egress, clock })
    }
}

/// One connection to one place that the filter has seen: no redirects, no proxies, nothing sent twice.
fn builder(names: Arc<Guarded>) -> ClientBuilder {
    Client::builder()
        .dns_resolver(names)
        .redirect(redirect::Policy::none())
        .retry(retry::never())
        .no_proxy()
        .http1_only()
        // What is unpacked has no bound that the sender minds.
        .no_gzip()
        .no_brotli()
        .no_deflate()
        .no_zstd()
        .pool_max_idle_per_host(MOST_IDLE)
        .pool_idle_timeout(IDLE)
        .user_agent(concat!("wilco/", env!("CARGO_PKG_VERSION")))
}

#[async_trait]
impl Outbound for HttpClient {
    async fn send(&self, request: OutboundRequest) -> Result<OutboundResponse, OutboundError> {
        let url = self.egress.check(&request.url);
        let url = url.map_err(|refused| OutboundError::Forbidden(refused.to_string()))?;
        let mut call = self.client.request(method(request.method), url);
        for (name, value) in request.headers {
            call = call.header(name, value);
        }
        if !request.body.is_empty() {
            call = call.body(request.body);
        }
        let response = call.send().await.map_err(understood)?;
        let now = SystemTime::from(self.clock.now());
        let (status, retry_after) = (response.status().as_u16(), retry_after(response.headers(), now));
        let (body, is_whole) = read(response).await;
        Ok(OutboundResponse { status, retry_after, body, is_whole })
    }

    fn objection(&self, url: &str) -> Option<String> {
        self.egress.check(url).err().map(|refused| refused.to_string())
    }
}

const fn method(method: OutboundMethod) -> Method {
    match method {
        OutboundMethod::Get => Method::GET,
        OutboundMethod::Post => Method::POST,
        OutboundMethod::Put => Method::PUT,
    }
}

/// The body up to [`MOST_BODY`], and whether that is all. A connection with more on it is closed.
async fn read(mut response: Response) -> (Vec<u8>, bool) {
    let mut body = Vec::new();
    loop {
        match response.chunk().await {
            Ok(Some(chunk)) => {
                let room = MOST_BODY - body.len();
                body.extend_from_slice(&chunk[..chunk.len().min(room)]);
                if chunk.len() > room {
                    return (body, false);
                }
            }
            Ok(None) => return (body, true),
            Err(error) => {
                tracing::debug!(error = &error.without_url() as &dyn Error, "an answer broke off");
                return (body, false);
            }
        }
    }
}

/// What became of a request that has no answer. The URL is not repeated: its query may hold a secret.
fn understood(error: reqwest::Error) -> OutboundError {
    let error = error.without_url();
    if let Some(refused) = refusal(&error) {
        return OutboundError::Forbidden(refused.to_string());
    }
    let said = with_causes(&error);
    if error.is_builder() {
        OutboundError::Forbidden(said)
    } else if error.is_connect() {
        OutboundError::NotSent(said)
    } else {
        OutboundError::Unknown(said)
    }
}

fn with_causes(error: &dyn Error) -> String {
    let mut said = error.to_string();
    for cause in std::iter::successors(error.source(), |&error| error.source()) {
        let _ = write!(said, ": {cause}");
    }
    said
}

/// The pause that an answer asks for: so many seconds, or until a time (RFC 9110, 10.2.3). Times are told apart by
/// the clock of who answered, where he says what it shows, since it may be off.
fn retry_after(headers: &HeaderMap, now: SystemTime) -> Option<Duration> {
    let text = |name: &HeaderName| headers.get(name)?.to_str().ok().map(str::trim);
    let asked = text(&RETRY_AFTER)?;
    let pause = if !asked.is_empty() && asked.bytes().all(|b| b.is_ascii_digit()) {
        asked.parse().map_or(LONGEST_PAUSE, Duration::from_secs)
    } else {
        let until = httpdate::parse_http_date(asked).ok()?;
        let theirs = text(&DATE).and_then(|date| httpdate::parse_http_date(date).ok());
        until.duration_since(theirs.unwrap_or(now)).unwrap_or_default()
    };
    Some(pause.min(LONGEST_PAUSE))
}

#[cfg(test)]
mod tests;
