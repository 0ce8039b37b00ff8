//! Content codings (RFC 9110, 8.4): gzip, in both directions.

use std::io::{self, Write};

use axum::body::{Body, Bytes, HttpBody};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use flate2::Compression;
use flate2::write::{GzEncoder, MultiGzDecoder};
use http_body_util::BodyExt;

use super::headers::single;
use crate::problems::Refusal;

const GZIP: HeaderValue = HeaderValue::from_static("gzip");
/// Answers that are shorter gain nothing.
const SHORTEST: u64 = 1024;

/// Whether a body is sent in gzip. Any other coding is refused.
pub(super) fn is_gzip(headers: &HeaderMap) -> Result<bool, Refusal> {
    let Some(coding) = single(headers, &header::CONTENT_ENCODING)? else { return Ok(false) };
    match coding.to_ascii_lowercase().as_str() {
        "identity" => Ok(false),
        "gzip" | "x-gzip" => Ok(true),
        _ => {
            let status = StatusCode::UNSUPPORTED_MEDIA_TYPE;
            let detail = "send the body as it is, or in gzip";
            let refusal = Refusal::new("unsupported-content-coding", status, detail);
            Err(refusal.with(header::ACCEPT_ENCODING, GZIP))
        }
    }
}

/// The body, decoded as it arrives; never longer than `limit`, however little of it is sent.
pub(super) async fn decoded(mut body: Body, limit: usize) -> Result<Bytes, Refusal> {
    let refused = |error: io::Error| match error.kind() {
        io::ErrorKind::QuotaExceeded => Refusal::too_large(limit),
        _ => Refusal::malformed("the body is not what gzip makes"),
    };
    let mut decoder = MultiGzDecoder::new(Kept { bytes: Vec::new(), limit });
    let mut sent = 0;
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|_| Refusal::cut_short())?;
        let Some(piece) = frame.data_ref() else { continue };
        sent += piece.len();
        if sent > limit {
            return Err(Refusal::too_large(limit));
        }
        decoder.write_all(piece).map_err(refused)?;
    }
    if sent == 0 {
        return Ok(Bytes::new());
    }
    decoder.finish().map(|kept| Bytes::from(kept.bytes)).map_err(refused)
}

/// What is kept of a body.
struct Kept {
    bytes: Vec<u8>,
    limit: usize,
}

impl Write for Kept {
    fn write(&mut self, piece: &[u8]) -> io::Result<usize> {
        if self.bytes.len() + piece.len() > self.limit {
            return Err(io::ErrorKind::QuotaExceeded.into());
        }
        self.bytes.extend_from_slice(piece);
        Ok(piece.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Whether a client takes gzip.
pub(super) fn takes_gzip(headers: &HeaderMap) -> bool {
    let lines = headers.get_all(header::ACCEPT_ENCODING).iter().filter_map(|line| line.to_str().ok());
    let mut any = false;
    for item in lines.flat_map(|line| line.split(',')) {
        let (name, quality) = super::accept::range(item.trim());
        match name {
            "*" => any |= quality > 0,
            _ if name.eq_ignore_ascii_case("gzip") || name.eq_ignore_ascii_case("x-gzip") => {
                return quality > 0;
            }
            _ => {}
        }
    }
    any
}

/// Whether an answer would be shorter in gzip: text of some length that is there as a whole. Streams are left alone,
/// and so is what bears a strong entity tag: those are versions, for `If-Match`, and would have to differ by coding.
pub(super) fn gains(response: &Response) -> bool {
    let headers = response.headers();
    response.body().size_hint().exact().is_some_and(|length| length >= SHORTEST)
        && headers.get(header::CONTENT_TYPE).is_some_and(is_text)
        && !headers.contains_key(header::CONTENT_ENCODING)
        && headers.get(header::ETAG).is_none_or(|tag| tag.as_bytes().starts_with(b"W/"))
}

fn is_text(content_type: &HeaderValue) -> bool {
    let essence = content_type.to_str().unwrap_or_default().split(';').next().unwrap_or_default().trim();
    essence.starts_with("text/")
        || essence.ends_with("json")
        || essence.ends_with("javascript")
        || essence.ends_with("+xml")
}

/// The answer in gzip.
pub(super) async fn compressed(response: Response) -> Response {
    let (mut head, body) = response.into_parts();
    // It is there as a whole, so this does not wait.
    let Ok(whole) = body.collect().await else { return Refusal::internal().into_response() };
    let whole = whole.to_bytes();
    let short = tokio::task::spawn_blocking(move || {
        let mut encoder = GzEncoder::new(Vec::with_capacity(whole.len() / 4), Compression::fast());
        encoder.write_all(&whole).and_then(|()| encoder.finish())
    });
    let Ok(Ok(short)) = short.await else { return Refusal::internal().into_response() };
    head.headers.insert(header::CONTENT_ENCODING, GZIP);
    head.headers.remove(header::CONTENT_LENGTH);
    Response::from_parts(head, Body::from(short))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn takes(text: &str) -> bool {
        let mut headers = HeaderMap::new();
        headers.insert(header::ACCEPT_ENCODING, text.parse().unwrap());
        takes_gzip(&headers)
    }

    #[test]
    fn gzip_is_sent_to_whoever_names_it() {
        for text in ["gzip", "br, gzip;q=0.5", "*", "GZIP", "gzip, *;q=0"] {
            assert!(takes(text), "{text}");
        }
        for text in ["", "br", "gzip;q=0", "*;q=0", "gzip;q=0, *", "identity"] {
            assert!(!takes(text), "{text}");
        }
    }
}
