//! What a browser may be made to do here by a page of somebody else.
//!
//! A page can send any request without a body, and has the browser's way into the network of whoever looks at it. So
//! what changes something is refused to pages of other origins, unless they are listed; and a server that listens on
//! loopback answers to the names of loopback alone, since any other name was bent to that address (DNS rebinding).
//! Programs that are no browsers say nothing of where they come from, and are not held up.

use std::net::{Ipv4Addr, Ipv6Addr};

use axum::extract::Request;
use axum::http::{HeaderMap, HeaderName, StatusCode, header};

use super::ApiSettings;
use crate::problems::Refusal;

const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// Why a request is not served, if a page of somebody else may be behind it.
pub(super) fn refusal(settings: &ApiSettings, request: &Request) -> Option<Refusal> {
    let headers = request.headers();
    if settings.loopback_only && !is_for_us(host(request)?, &settings.hosts) {
        let detail = "this server is reached by other names; the setting http.hosts adds one";
        return Some(Refusal::new("misdirected-request", StatusCode::MISDIRECTED_REQUEST, detail));
    }
    if request.method().is_safe() || is_of_this_site(headers, host(request)) {
        return None;
    }
    let origin = headers.get(header::ORIGIN).map(header::HeaderValue::as_bytes);
    let listed = |origin: &[u8]| settings.cors_origins.iter().any(|listed| listed.as_bytes() == origin);
    if origin.is_some_and(listed) {
        return None;
    }
    let detail =
        "pages of other origins may change nothing here; the setting http.cors_origins lists those that may";
    Some(Refusal::new("cross-site", StatusCode::FORBIDDEN, detail))
}

/// The name that the client knows this server by.
fn host(request: &Request) -> Option<&str> {
    let authority = request.uri().authority().map(axum::http::uri::Authority::as_str);
    authority.or_else(|| request.headers().get(header::HOST)?.to_str().ok())
}

/// Whether no page, or one of this server, is behind a request. `Sec-Fetch-Site` is the browser's own word; one that
/// does not say it sends `Origin` with whatever changes something.
fn is_of_this_site(headers: &HeaderMap, host: Option<&str>) -> bool {
    if let Some(site) = headers.get(SEC_FETCH_SITE) {
        return site == "same-origin" || site == "none";
    }
    let Some(origin) = headers.get(header::ORIGIN) else { return true };
    let origin = origin.to_str().ok().and_then(|origin| origin.split_once("://"));
    origin.is_some_and(|(_, name)| host.is_some_and(|host| name.eq_ignore_ascii_case(host)))
}

/// Whether a name, with or without a port, is one of loopback, or listed.
fn is_for_us(host: &str, listed: &[String]) -> bool {
    let name = match host.strip_prefix('[') {
        Some(address) => address.split(']').next().unwrap_or_default(),
        None => host.split(':').next().unwrap_or_default(),
    };
    let name = name.strip_suffix('.').unwrap_or(name);
    name.parse::<Ipv4Addr>().is_ok_and(|address| address.is_loopback())
        || name.eq_ignore_ascii_case("localhost")
        || name.parse::<Ipv6Addr>().is_ok_and(|address| address.to_canonical().is_loopback())
        || listed.iter().any(|listed| listed.eq_ignore_ascii_case(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_names_of_loopback_and_listed_ones_are_ours() {
        let listed = ["wilco.example".to_owned()];
        for host in [
            "localhost",
            "LocalHost:8080",
            "127.0.0.1:1",
            "127.1.2.3",
            "[::1]:8080",
            "localhost.",
            "Wilco.example:1",
        ] {
            assert!(is_for_us(host, &listed), "{host}");
        }
        for host in [
            "evil.example",
            "localhost.evil.example:8080",
            "10.0.0.1",
            "0.0.0.0",
            "[::]",
            "127.0.0.1.nip.io",
            "",
        ] {
            assert!(!is_for_us(host, &listed), "{host}");
        }
    }
}
