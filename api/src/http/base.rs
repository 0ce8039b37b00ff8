//! Where clients see this server: below which path, if a proxy before it takes one away.
//!
//! Every path that is told to a client is made here. What the engine makes (the links of a status) begins at the root
//! and gets the base before it; the paths in problems, events and notifications stay as they are: they are the same
//! for every client, whichever way it came.

use std::net::IpAddr;
use std::sync::Arc;

use axum::http::{HeaderMap, HeaderName};
use ipnet::IpNet;
use wilco_application::engine::Engine;
use wilco_application::ports::Command;
use wilco_application::status::CommandStatus;

pub(super) const X_FORWARDED_PREFIX: HeaderName = HeaderName::from_static("x-forwarded-prefix");

/// Longest base, in characters.
const LONGEST: usize = 256;

/// The path that everything is below; empty, or beginning with a slash and not ending with one.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BasePath(Option<Arc<str>>);

/// The text is not a [`BasePath`].
#[derive(Debug, thiserror::Error)]
#[error("a path such as /wilco, of A-Z a-z 0-9 . _ ~ - in segments")]
pub struct InvalidBase;

impl BasePath {
    /// Reads a base path; a slash at its end does not count.
    pub fn parse(text: &str) -> Result<Self, InvalidBase> {
        let text = text.strip_suffix('/').unwrap_or(text);
        if text.is_empty() {
            return Ok(Self(None));
        }
        let plain = |b: u8| b.is_ascii_alphanumeric() || b"._~-".contains(&b);
        let segment = |part: &str| !matches!(part, "" | "." | "..") && part.bytes().all(plain);
        let segments = text.strip_prefix('/').ok_or(InvalidBase)?;
        if text.len() > LONGEST || !segments.split('/').all(segment) {
            return Err(InvalidBase);
        }
        Ok(Self(Some(text.into())))
    }

    /// The base itself.
    pub fn as_str(&self) -> &str {
        self.0.as_deref().unwrap_or_default()
    }

    /// A path of ours as the client sees it.
    pub(crate) fn path(&self, path: String) -> String {
        match &self.0 {
            Some(base) => format!("{base}{path}"),
            None => path,
        }
    }

    /// The status of a command as the client sees it.
    pub(crate) fn status<'a>(&self, engine: &Engine, command: &'a Command) -> CommandStatus<'a> {
        engine.status(command).map_paths(|path| self.path(path))
    }
}

/// Who sent a request, where it matters.
#[derive(Clone, Copy, Debug)]
pub(super) struct Peer(pub(super) IpAddr);

/// The base that a proxy says it took away, if that proxy is to be believed.
pub(super) fn forwarded(headers: &HeaderMap, peer: Option<Peer>, trusted: &[IpNet]) -> Option<BasePath> {
    let Peer(address) = peer?;
    let address = address.to_canonical();
    if !trusted.iter().any(|range| range.contains(&address)) {
        return None;
    }
    let mut given = headers.get_all(X_FORWARDED_PREFIX).iter();
    let text = given.next()?.to_str().ok()?;
    if given.next().is_some() { None } else { BasePath::parse(text.trim()).ok() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_base_is_a_plain_path() {
        for (text, base) in [("", ""), ("/", ""), ("/wilco", "/wilco"), ("/a/b-1/", "/a/b-1")] {
            assert_eq!(BasePath::parse(text).unwrap().as_str(), base);
        }
        for text in ["wilco", "//evil.example", "/a//b", "/a/../b", "/a b", "/a\"", "/a?b", "/é", "//"] {
            assert!(BasePath::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn only_a_trusted_proxy_says_what_it_took_away() {
        let mut headers = HeaderMap::new();
        headers.insert(X_FORWARDED_PREFIX, "/wilco/".parse().unwrap());
        let trusted: Vec<IpNet> = vec!["10.0.0.0/8".parse().unwrap()];
        let base = |address: &str| forwarded(&headers, Some(Peer(address.parse().unwrap())), &trusted);
        assert_eq!(base("10.1.2.3").unwrap().as_str(), "/wilco");
        assert_eq!(base("::ffff:10.1.2.3").unwrap().as_str(), "/wilco");
        assert_eq!(base("11.1.2.3"), None);
        assert_eq!(forwarded(&headers, None, &trusted), None);
        headers.append(X_FORWARDED_PREFIX, "/other".parse().unwrap());
        assert_eq!(forwarded(&headers, Some(Peer("10.1.2.3".parse().unwrap())), &trusted), None);
    }
}
