use std::convert::Infallible;
use std::future::Future;
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::extract::{FromRequest, Request};
use axum::http::request::Parts;
use axum::http::{HeaderMap, Method, header};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use serde_json::Value;
use uuid::Uuid;
use wilco_application::engine::Engine;
use wilco_domain::kernel::{AggregateId, Caller};

use super::accept::{self, Media};
use super::base::{self, BasePath, Peer};
use super::headers::single;
use super::{AppState, caller, coding, json, query::Query};
use crate::problems::Refusal;

/// A request on its way through a handler. Nothing of it is read before the handler asks for it.
pub struct Call {
    /// What every handler has at hand.
    pub state: AppState,
    caller: Caller,
    head: Parts,
    body: Body,
}

impl FromRequest<AppState> for Call {
    type Rejection = Infallible;

    async fn from_request(request: Request, state: &AppState) -> Result<Self, Infallible> {
        let (head, body) = request.into_parts();
        Ok(Self { state: state.clone(), caller: caller::of(&head), head, body })
    }
}

/// A body and what it calls itself.
pub(crate) enum Content {
    /// Nothing was sent.
    Empty,
    /// Something of the wanted kind was sent.
    Given(Bytes),
}

impl Call {
    /// The engine.
    pub fn engine(&self) -> &Engine {
        self.state.engine()
    }

    /// Who asks.
    pub fn caller(&self) -> &Caller {
        &self.caller
    }

    /// The request's headers.
    pub fn headers(&self) -> &HeaderMap {
        &self.head.headers
    }

    /// The request's method.
    pub fn method(&self) -> &Method {
        &self.head.method
    }

    /// The request's path.
    pub fn path(&self) -> &str {
        self.head.uri.path()
    }

    /// Where the client sees this server.
    pub(crate) fn base(&self) -> BasePath {
        let settings = self.state.settings();
        let said = base::forwarded(
            &self.head.headers,
            self.head.extensions.get::<Peer>().copied(),
            &settings.trusted_proxies,
        );
        said.unwrap_or_else(|| settings.base_path.clone())
    }

    /// The query's parameters, all of which must be among `known`.
    pub(crate) fn query(&self, known: &[&'static str]) -> Result<Query, Refusal> {
        Query::of(&self.head.uri, known)
    }

    /// Which of the media `offered` the client likes best.
    pub(crate) fn accept(&self, offered: &[Media]) -> Result<Media, Refusal> {
        accept::choose(&self.head.headers, offered)
    }

    /// Whether the client wants a stream of events, or JSON.
    pub(crate) fn accept_stream(&self) -> Result<Media, Refusal> {
        accept::stream_or_json(&self.head.headers)
    }

    /// That the client takes JSON.
    pub(crate) fn accepts_json(&self) -> Result<(), Refusal> {
        self.accept(&[Media::Json]).map(drop)
    }

    /// A segment of the path, percent-decoded: of `/v1/pets/pet-42`, 1 is `v1`. What is not UTF-8 comes out as
    /// something that no id may contain.
    pub(crate) fn segment(&self, index: usize) -> String {
        let raw = self.path().split('/').nth(index).unwrap_or_default();
        if raw.contains('%') { percent_decoded(raw) } else { raw.to_owned() }
    }

    /// The aggregate id of `/v1/{collection}/{id}`.
    pub(crate) fn aggregate_id(&self) -> Result<AggregateId, Refusal> {
        AggregateId::parse(self.segment(3)).map_err(|error| Refusal::parameter("id", error.to_string()))
    }

    /// The command id of `/v1/commands/{id}`.
    pub(crate) fn command_id(&self) -> Result<Uuid, Refusal> {
        self.segment(3).parse().map_err(|_| Refusal::parameter("id", "not a UUID"))
    }

    /// The body as JSON, whatever it is.
    pub(crate) async fn json(self) -> Result<Value, Refusal> {
        let limit = self.state.settings().body_limit;
        match self.content(limit, json::is_json, "application/json").await? {
            Content::Given(bytes) => json::parse(&bytes),
            Content::Empty => Err(Refusal::malformed("a body is needed")),
        }
    }

    /// The body as JSON, or `None` when there is none.
    pub(crate) async fn optional_json(self) -> Result<Option<Value>, Refusal> {
        let limit = self.state.settings().body_limit;
        match self.content(limit, json::is_json, "application/json").await? {
            Content::Given(bytes) => json::parse(&bytes).map(Some),
            Content::Empty => Ok(None),
        }
    }

    /// The body byte for byte, of at most `limit` bytes, whatever it calls itself.
    pub(crate) async fn raw(self, limit: usize) -> Result<Bytes, Refusal> {
        let patience = self.state.settings().body_timeout;
        if axum::body::HttpBody::size_hint(&self.body).lower() > limit as u64 {
            return Err(Refusal::too_large(limit));
        }
        in_time(patience, whole(self.body, limit)).await
    }

    /// The body, of at most `limit` bytes. Something that is not there needs no content type.
    pub(crate) async fn content(
        self,
        limit: usize,
        wanted: fn(&str) -> bool,
        name: &str,
    ) -> Result<Content, Refusal> {
        let right_kind = match single(&self.head.headers, &header::CONTENT_TYPE)? {
            Some(content_type) => wanted(content_type),
            None => false,
        };
        let patience = self.state.settings().body_timeout;
        if axum::body::HttpBody::size_hint(&self.body).lower() > limit as u64 {
            return Err(Refusal::too_large(limit));
        }
        let in_gzip = coding::is_gzip(&self.head.headers)?;
        let arriving = async {
            if in_gzip { coding::decoded(self.body, limit).await } else { whole(self.body, limit).await }
        };
        let bytes = in_time(patience, arriving).await?;
        match (bytes.is_empty(), right_kind) {
            (true, _) => Ok(Content::Empty),
            (false, true) => Ok(Content::Given(bytes)),
            (false, false) => Err(Refusal::unsupported(name)),
        }
    }
}

async fn in_time(
    patience: Duration,
    arriving: impl Future<Output = Result<Bytes, Refusal>>,
) -> Result<Bytes, Refusal> {
    tokio::time::timeout(patience, arriving).await.unwrap_or_else(|_| {
        let status = axum::http::StatusCode::REQUEST_TIMEOUT;
        Err(Refusal::new("request-timeout", status, "the body took too long to arrive"))
    })
}

async fn whole(body: Body, limit: usize) -> Result<Bytes, Refusal> {
    match Limited::new(body, limit).collect().await {
        Ok(collected) => Ok(collected.to_bytes()),
        Err(error) if error.is::<LengthLimitError>() => Err(Refusal::too_large(limit)),
        Err(_) => Err(Refusal::cut_short()),
    }
}

fn percent_decoded(raw: &str) -> String {
    let mut bytes = Vec::with_capacity(raw.len());
    let mut rest = raw.as_bytes();
    while let [first, tail @ ..] = rest {
        let hex = |digit: u8| char::from(digit).to_digit(16);
        match (first, tail) {
            (b'%', [high, low, after @ ..]) if hex(*high).is_some() && hex(*low).is_some() => {
                let value = hex(*high).unwrap_or_default() * 16 + hex(*low).unwrap_or_default();
                bytes.push(u8::try_from(value).unwrap_or_default());
                rest = after;
            }
            _ => {
                bytes.push(*first);
                rest = tail;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_decoded_once_and_only_where_something_is_encoded() {
        for (raw, decoded) in [
            ("pet%2D42", "pet-42"),
            ("a%2fb", "a/b"),
            ("%2525", "%25"),
            ("100%", "100%"),
            ("%zz", "%zz"),
            ("%ff", "\u{fffd}"),
            ("%00", "\0"),
        ] {
            assert_eq!(percent_decoded(raw), decoded);
        }
    }
}
