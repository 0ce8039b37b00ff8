//! Refuses requests that two servers on their way may read differently (request smuggling), and heads that are too
//! big or too slow, before the parser sees them.
//!
//! A [`Guard`] wraps a connection and looks at the bytes that pass. It follows where each request's head and body
//! begin and end, which is simple once everything that makes it hard is refused. A head is held back until it is
//! whole and sound. In the place of an unsound one the parser is given a request for a path that only this process
//! knows ([`Marker`]); so the refusal goes out like any other answer, after those of the requests before it, and
//! the connection is closed behind it.
//!
//! What each rule adds to what hyper does by itself (1.12): hyper refuses a bad `Content-Length`, two that differ,
//! and a last transfer coding other than `chunked`, all with an empty 400. It takes `Content-Length` beside
//! `Transfer-Encoding` (dropping the former), `gzip, chunked`, bare line feeds, no Host and several; it sets no
//! limit on the time of an idle connection without a timer per request.

mod body;
mod deadline;
mod guard;
mod head;

use std::hash::{BuildHasher, RandomState};

use axum::http::StatusCode;

use crate::problems::Refusal;

pub(super) use guard::{AtWork, Busy, Guard, Patience};

/// Why a request is not parsed at all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reason {
    BareLineFeed,
    RequestLine,
    Version,
    HeaderLine,
    Host,
    Length,
    TransferCoding,
    Chunk,
    TooMany,
    TooLong,
    TooSlow,
}

const REASONS: [Reason; 11] = [
    Reason::BareLineFeed,
    Reason::RequestLine,
    Reason::Version,
    Reason::HeaderLine,
    Reason::Host,
    Reason::Length,
    Reason::TransferCoding,
    Reason::Chunk,
    Reason::TooMany,
    Reason::TooLong,
    Reason::TooSlow,
];

impl Reason {
    const fn text(self) -> &'static str {
        match self {
            Self::BareLineFeed => "a line of the head does not end with CR LF",
            Self::RequestLine => "the request line is not a method, a target and a version",
            Self::Version => "only HTTP/1.1 and HTTP/1.0 are spoken here",
            Self::HeaderLine => "a header is not a name, a colon and a value on one line",
            Self::Host => "exactly one Host is needed, with a host and perhaps a port",
            Self::Length => {
                "Content-Length has to be there once at most, as a number, without Transfer-Encoding"
            }
            Self::TransferCoding => "Transfer-Encoding has to be there once at most, as chunked, in HTTP/1.1",
            Self::Chunk => "a chunk of the body is not written as it should be",
            Self::TooMany => "more than 64 headers",
            Self::TooLong => "the head has more than 32 KiB",
            Self::TooSlow => "the head took too long to arrive",
        }
    }

    fn refusal(self) -> Refusal {
        let text = self.text();
        match self {
            Self::TooMany | Self::TooLong => {
                Refusal::new("header-fields-too-large", StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE, text)
            }
            Self::TooSlow => Refusal::new("request-timeout", StatusCode::REQUEST_TIMEOUT, text),
            Self::Version => {
                Refusal::new("http-version-not-supported", StatusCode::HTTP_VERSION_NOT_SUPPORTED, text)
            }
            _ => Refusal::new("malformed-http", StatusCode::BAD_REQUEST, text),
        }
    }
}

/// A request that was not let through, on its way to its refusal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Fault {
    reason: Reason,
    path: String,
}

impl Fault {
    pub(super) fn refusal(&self) -> Refusal {
        self.reason.refusal()
    }

    /// The path that was asked for, as far as it could be read.
    pub(super) fn path(&self) -> &str {
        &self.path
    }
}

/// The path that stands for refused requests; made anew at every start, and never told.
#[derive(Clone, Debug)]
pub(super) struct Marker(std::sync::Arc<str>);

impl Marker {
    pub(super) fn new() -> Self {
        let random = || RandomState::new().hash_one(0_u64);
        Self(format!("/.refused-{:016x}{:016x}/", random(), random()).into())
    }

    /// A request that stands for a refused one.
    fn request(&self, reason: Reason, head: &[u8]) -> Vec<u8> {
        let method = if head.starts_with(b"HEAD ") { "HEAD" } else { "GET" };
        let number = REASONS.iter().position(|known| *known == reason).unwrap_or_default();
        let path = head::path_of(head).unwrap_or("/");
        format!("{method} {}{number}{path} HTTP/1.1\r\nhost: refused\r\nconnection: close\r\n\r\n", self.0)
            .into_bytes()
    }

    /// The fault, if this is the path of a refused request.
    pub(super) fn read(&self, path: &str) -> Option<Fault> {
        let rest = path.strip_prefix(&*self.0)?;
        let (number, _) = rest.split_once('/')?;
        let reason = *REASONS.get(number.parse::<usize>().ok()?)?;
        Some(Fault { reason, path: rest[number.len()..].to_owned() })
    }
}
