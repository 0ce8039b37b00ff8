use axum::http::Uri;

use super::Reason;

/// Most bytes of a head.
pub(super) const MOST_BYTES: usize = 32 << 10;
/// Most headers.
const MOST_HEADERS: usize = 64;

/// How long the body behind a head is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Length {
    Fixed(u64),
    Chunked,
}

/// The length of the head that `bytes` begin with, if it is whole; its lines before `searched` are known to be
/// sound. Every line must end with CR LF.
pub(super) fn end(bytes: &[u8], searched: usize) -> Result<Option<usize>, Reason> {
    let mut line = line_start(bytes, searched);
    while let Some(length) = bytes[line..].iter().position(|b| *b == b'\n') {
        let feed = line + length;
        if feed == 0 || bytes[feed - 1] != b'\r' {
            return Err(Reason::BareLineFeed);
        }
        if feed - 1 == line {
            return Ok(Some(feed + 1));
        }
        line = feed + 1;
    }
    Ok(None)
}

/// Where the line begins that contains byte `at`.
fn line_start(bytes: &[u8], at: usize) -> usize {
    let at = at.min(bytes.len());
    bytes[..at].iter().rposition(|b| *b == b'\n').map_or(0, |feed| feed + 1)
}

/// The same head with the characters percent-encoded that its query has as they are, although a URI has no place
/// for them. Clients send them so (a subject's `>`, say), and they cannot be read in two ways; but the parser would
/// refuse them. `None` for nearly every head: it has none of them.
pub(super) fn encoded(head: &[u8]) -> Option<Vec<u8>> {
    let line = &head[..head.iter().position(|b| *b == b'\n')?];
    line.iter().copied().position(is_misplaced)?;
    let query = line.iter().position(|b| *b == b'?')?;
    let mut encoded = Vec::with_capacity(head.len() + 32);
    encoded.extend_from_slice(&head[..query]);
    for byte in &line[query..] {
        match byte {
            b'<' => encoded.extend_from_slice(b"%3C"),
            b'>' => encoded.extend_from_slice(b"%3E"),
            b'"' => encoded.extend_from_slice(b"%22"),
            byte => encoded.push(*byte),
        }
    }
    encoded.extend_from_slice(&head[line.len()..]);
    Some(encoded)
}

const fn is_misplaced(b: u8) -> bool {
    matches!(b, b'<' | b'>' | b'"')
}

/// Checks a whole head, up to and with its empty line, and says how long the body behind it is.
pub(super) fn check(head: &[u8]) -> Result<Length, Reason> {
    if head.len() > MOST_BYTES {
        return Err(Reason::TooLong);
    }
    let mut lines = head.split(|b| *b == b'\n').map(|line| line.strip_suffix(b"\r").unwrap_or(line));
    let modern = request_line(lines.next().unwrap_or_default())?;
    let mut seen = Seen::default();
    for line in lines.take_while(|line| !line.is_empty()) {
        seen.count += 1;
        if seen.count > MOST_HEADERS {
            return Err(Reason::TooMany);
        }
        seen.header(line)?;
    }
    if seen.hosts > 1 || (modern && seen.hosts == 0) {
        return Err(Reason::Host);
    }
    match (seen.length, seen.chunked) {
        (Some(_), true) => Err(Reason::Length),
        (None, true) if !modern => Err(Reason::TransferCoding),
        (None, true) => Ok(Length::Chunked),
        (length, false) => Ok(Length::Fixed(length.unwrap_or(0))),
    }
}

/// Checks the request line; whether it says HTTP/1.1.
fn request_line(line: &[u8]) -> Result<bool, Reason> {
    let mut parts = line.split(|b| *b == b' ');
    let (Some(method), Some(target), Some(version), None) =
        (parts.next(), parts.next(), parts.next(), parts.next())
    else {
        return Err(Reason::RequestLine);
    };
    if method.is_empty() || method.len() > 32 || !method.iter().copied().all(is_token) || !is_target(target) {
        return Err(Reason::RequestLine);
    }
    match version {
        b"HTTP/1.1" => Ok(true),
        b"HTTP/1.0" => Ok(false),
        [b'H', b'T', b'T', b'P', b'/', ..] => Err(Reason::Version),
        _ => Err(Reason::RequestLine),
    }
}

/// A path, an asterisk or an absolute URI; a host alone is for proxies.
fn is_target(target: &[u8]) -> bool {
    match target {
        b"*" => true,
        [b'/', ..] if target.iter().copied().all(is_path) => true,
        _ => {
            let absolute = target.starts_with(b"http://") || target.starts_with(b"https://");
            let visible = target.iter().all(u8::is_ascii_graphic);
            (absolute || target.first() == Some(&b'/')) && visible && Uri::try_from(target).is_ok()
        }
    }
}

/// The path of the request line, if there is one that can be shown.
pub(super) fn path_of(head: &[u8]) -> Option<&str> {
    let line = head.split(|b| *b == b'\n').next()?;
    let target = line.split(|b| *b == b' ').nth(1)?;
    let path = target.split(|b| *b == b'?').next()?;
    let shown = path.first() == Some(&b'/') && path.len() <= 1024 && path.iter().copied().all(is_path);
    if shown { std::str::from_utf8(path).ok() } else { None }
}

#[derive(Default)]
struct Seen {
    count: usize,
    hosts: usize,
    length: Option<u64>,
    chunked: bool,
}

impl Seen {
    fn header(&mut self, line: &[u8]) -> Result<(), Reason> {
        let colon = line.iter().position(|b| *b == b':').ok_or(Reason::HeaderLine)?;
        let (name, value) = (&line[..colon], line[colon + 1..].trim_ascii());
        if name.is_empty() || !name.iter().copied().all(is_token) || value.iter().copied().any(is_control) {
            return Err(Reason::HeaderLine);
        }
        match name.len() {
            4 if name.eq_ignore_ascii_case(b"host") => {
                self.hosts += 1;
                if value.iter().copied().all(is_host) { Ok(()) } else { Err(Reason::Host) }
            }
            14 if name.eq_ignore_ascii_case(b"content-length") => self.length(value),
            17 if name.eq_ignore_ascii_case(b"transfer-encoding") => {
                if self.chunked || !value.eq_ignore_ascii_case(b"chunked") {
                    return Err(Reason::TransferCoding);
                }
                self.chunked = true;
                Ok(())
            }
            _ => Ok(()),
        }
    }

    fn length(&mut self, value: &[u8]) -> Result<(), Reason> {
        let digits = (1..=18).contains(&value.len()) && value.iter().all(u8::is_ascii_digit);
        if !digits || self.length.is_some() {
            return Err(Reason::Length);
        }
        self.length = Some(value.iter().fold(0, |length, digit| length * 10 + u64::from(digit - b'0')));
        Ok(())
    }
}

const fn is_token(b: u8) -> bool {
    b.is_ascii_alphanumeric()
        || matches!(
            b,
            b'!' | b'#'
                | b'$'
                | b'%'
                | b'&'
                | b'\''
                | b'*'
                | b'+'
                | b'-'
                | b'.'
                | b'^'
                | b'_'
                | b'`'
                | b'|'
                | b'~'
        )
}

const fn is_control(b: u8) -> bool {
    (b < 0x20 && b != b'\t') || b == 0x7f
}

const fn is_host(b: u8) -> bool {
    b.is_ascii_alphanumeric()
        || matches!(
            b,
            b'.' | b'-'
                | b'_'
                | b'~'
                | b':'
                | b'['
                | b']'
                | b'%'
                | b'!'
                | b'$'
                | b'&'
                | b'\''
                | b'('
                | b')'
                | b'*'
                | b'+'
                | b';'
                | b'='
        )
}

const fn is_path(b: u8) -> bool {
    b.is_ascii_alphanumeric()
        || matches!(
            b,
            b'/' | b'-'
                | b'.'
                | b'_'
                | b'~'
                | b'%'
                | b'!'
                | b'$'
                | b'&'
                | b'\''
                | b'('
                | b')'
                | b'*'
                | b'+'
                | b','
                | b';'
                | b'='
                | b':'
                | b'@'
                | b'?'
        )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn checked(head: &str) -> Result<Length, Reason> {
        check(head.as_bytes())
    }

    fn with(headers: &str) -> Result<Length, Reason> {
        checked(&format!("POST /v1/pets HTTP/1.1\r\n{headers}\r\n"))
    }

    #[test]
    fn a_sound_head_says_how_long_its_body_is() {
        assert_eq!(with("Host: a:80\r\n"), Ok(Length::Fixed(0)));
        assert_eq!(with("host: [::1]:80\r\ncontent-length: 12\r\n"), Ok(Length::Fixed(12)));
        assert_eq!(with("Host: a\r\nTransfer-Encoding: Chunked\r\n"), Ok(Length::Chunked));
        assert_eq!(checked("GET / HTTP/1.0\r\n\r\n"), Ok(Length::Fixed(0)));
        assert_eq!(checked("GET http://a/x?y HTTP/1.1\r\nHost: a\r\n\r\n"), Ok(Length::Fixed(0)));
        assert_eq!(with("Host: a\r\nX: caf\u{e9}\r\n"), Ok(Length::Fixed(0)));
    }

    #[test]
    fn lengths_that_can_be_read_in_two_ways_are_refused() {
        for headers in [
            "content-length: 1\r\ncontent-length: 1\r\n",
            "content-length: 1, 1\r\n",
            "content-length: +1\r\n",
            "content-length: 0x1\r\n",
            "content-length:\r\n",
            "content-length: 1\r\ntransfer-encoding: chunked\r\n",
        ] {
            assert_eq!(with(&format!("host: a\r\n{headers}")), Err(Reason::Length), "{headers}");
        }
        for headers in [
            "transfer-encoding: gzip, chunked\r\n",
            "transfer-encoding: chunked\r\ntransfer-encoding: chunked\r\n",
            "transfer-encoding: identity\r\n",
            "transfer-encoding: xchunked\r\n",
            "transfer-encoding: \r\n",
        ] {
            assert_eq!(with(&format!("host: a\r\n{headers}")), Err(Reason::TransferCoding), "{headers}");
        }
        let old = "POST / HTTP/1.0\r\ntransfer-encoding: chunked\r\n\r\n";
        assert_eq!(checked(old), Err(Reason::TransferCoding));
    }

    #[test]
    fn one_host_is_needed() {
        for headers in [
            "",
            "host: a\r\nHost: b\r\n",
            "host: a, b\r\n",
            "host: a/b\r\n",
            "host: a@b\r\n",
            "host: a b\r\n",
        ] {
            assert_eq!(with(headers), Err(Reason::Host), "{headers}");
        }
    }

    #[test]
    fn lines_are_names_colons_and_values() {
        for headers in
            ["x : 1\r\n", " x: 1\r\n", "x\r\n", ": 1\r\n", "x: a\rb\r\n", "x: \0\r\n", "x: 1\r\n folded\r\n"]
        {
            assert_eq!(with(&format!("host: a\r\n{headers}")), Err(Reason::HeaderLine), "{headers:?}");
        }
        for line in [
            "GET  / HTTP/1.1",
            "GET /",
            "GET / HTTP/1.1 ",
            "G@T / HTTP/1.1",
            "GET /\u{e9} HTTP/1.1",
            "GET a HTTP/1.1",
            " / HTTP/1.1",
        ] {
            assert_eq!(checked(&format!("{line}\r\nhost: a\r\n\r\n")), Err(Reason::RequestLine), "{line}");
        }
        assert_eq!(checked("GET / HTTP/2.0\r\nhost: a\r\n\r\n"), Err(Reason::Version));
    }

    #[test]
    fn heads_are_bounded() {
        assert_eq!(with(&format!("host: a\r\n{}", "x: 1\r\n".repeat(64))), Err(Reason::TooMany));
        assert!(with(&format!("host: a\r\n{}", "x: 1\r\n".repeat(63))).is_ok());
        assert_eq!(with(&format!("host: a\r\nx: {}\r\n", "y".repeat(33 << 10))), Err(Reason::TooLong));
    }

    #[test]
    fn the_end_of_a_head_is_an_empty_line_wherever_the_search_began() {
        let head = b"GET / HTTP/1.1\r\nhost: a\r\n\r\nbody\n";
        for searched in 0..27 {
            assert_eq!(end(head, searched), Ok(Some(27)), "{searched}");
        }
        assert_eq!(end(b"GET / HTTP/1.1\r\nhost: a\r\n\r", 5), Ok(None));
        assert_eq!(end(b"GET / HTTP/1.1\nhost", 0), Err(Reason::BareLineFeed));
        assert_eq!(end(b"GET / HTTP/1.1\r\nhost: a\r\n\n", 0), Err(Reason::BareLineFeed));
        assert_eq!(end(b"\n", 0), Err(Reason::BareLineFeed));
    }
}
