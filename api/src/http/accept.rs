use axum::http::{HeaderMap, header};

use crate::problems::Refusal;

/// What an answer can be written as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Media {
    Json,
    EventStream,
    NdJson,
    Html,
    Text,
}

/// How a range fits that is the name itself.
const EXACTLY: u8 = 3;

impl Media {
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Json => "application/json",
            Self::EventStream => "text/event-stream",
            Self::NdJson => "application/x-ndjson",
            Self::Html => "text/html",
            Self::Text => "text/plain",
        }
    }

    /// How exactly a range names this: 0 not at all.
    fn fit(self, range: &str) -> u8 {
        let name = self.name();
        let (kind, _) = name.split_once('/').unwrap_or((name, ""));
        if range.eq_ignore_ascii_case(name) {
            return EXACTLY;
        }
        if self == Self::Json && range.len() > 5 && range[range.len() - 5..].eq_ignore_ascii_case("+json") {
            return EXACTLY;
        }
        match range.split_once('/') {
            Some(("*", "*")) => 1,
            Some((given, "*")) if given.eq_ignore_ascii_case(kind) => 2,
            _ => 0,
        }
    }
}

/// The one of `offered` that the client likes best; of equals the one it names more exactly, then the first.
pub(super) fn choose(headers: &HeaderMap, offered: &[Media]) -> Result<Media, Refusal> {
    let first = offered.first().copied().unwrap_or(Media::Json);
    let mut lines = headers.get_all(header::ACCEPT).iter().peekable();
    if lines.peek().is_none() {
        return Ok(first);
    }
    let mut ranges: Vec<(&str, u16)> = Vec::new();
    for line in lines {
        let Ok(line) = line.to_str() else { continue };
        if line == "*/*" {
            return Ok(first);
        }
        ranges.extend(line.split(',').map(range).filter(|(range, _)| range.is_ascii()));
    }
    let mut best: Option<((u16, u8), Media)> = None;
    for media in offered.iter().copied() {
        let liking = liking(media, &ranges);
        if liking.0 > 0 && best.is_none_or(|(so_far, _)| liking > so_far) {
            best = Some((liking, media));
        }
    }
    best.map(|(_, media)| media).ok_or_else(|| {
        let names: Vec<&str> = offered.iter().map(|media| media.name()).collect();
        Refusal::not_acceptable(&names.join(" or "))
    })
}

/// A stream, or JSON: a stream only for a client that names it or says nothing of what it likes. One that takes
/// anything, among other things, counts on an answer that ends.
pub(super) fn stream_or_json(headers: &HeaderMap) -> Result<Media, Refusal> {
    let stream = Media::EventStream;
    let lines = headers.get_all(header::ACCEPT).iter().map(|line| line.to_str().unwrap_or_default());
    let ranges = lines.flat_map(|line| line.split(',')).map(|item| range(item).0);
    let ranges: Vec<&str> = ranges.filter(|range| !range.is_empty()).collect();
    let is_silent = matches!(ranges.as_slice(), [] | ["*/*"]);
    let names = ranges.iter().any(|range| stream.fit(range) == EXACTLY);
    if is_silent || names {
        return choose(headers, &[stream, Media::Json]);
    }
    choose(headers, &[Media::Json]).or_else(|_| choose(headers, &[stream, Media::Json]))
}

/// The quality, in thousandths, that the most exact range gives, and how exact that is.
fn liking(media: Media, ranges: &[(&str, u16)]) -> (u16, u8) {
    let fits = ranges.iter().map(|(range, quality)| (media.fit(range), *quality));
    fits.filter(|(fit, _)| *fit > 0).max().map_or((0, 0), |(fit, quality)| (quality, fit))
}

pub(super) fn range(text: &str) -> (&str, u16) {
    let mut parts = text.split(';').map(str::trim);
    let range = parts.next().unwrap_or_default();
    let quality = parts.find_map(|part| part.strip_prefix("q=").or_else(|| part.strip_prefix("Q=")));
    let quality = quality.and_then(|text| text.parse::<f32>().ok()).unwrap_or(1.0);
    (range, (quality.clamp(0.0, 1.0) * 1000.0) as u16)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chosen(accept: &str, offered: &[Media]) -> Option<Media> {
        let mut headers = HeaderMap::new();
        headers.insert(header::ACCEPT, accept.parse().unwrap());
        choose(&headers, offered).ok()
    }

    #[test]
    fn json_is_sent_to_whoever_does_not_rule_it_out() {
        for accept in [
            "*/*",
            "application/*",
            "application/json",
            "application/json; charset=utf-8",
            "text/html, */*;q=0.1",
            "application/problem+json",
            "APPLICATION/JSON",
        ] {
            assert_eq!(chosen(accept, &[Media::Json]), Some(Media::Json), "{accept}");
        }
        for accept in
            ["text/html", "application/json;q=0", "*/*, application/json;q=0", "text/*", "nonsense", "é"]
        {
            assert_eq!(chosen(accept, &[Media::Json]), None, "{accept}");
        }
    }

    #[test]
    fn the_liked_one_of_two_is_sent() {
        let both = [Media::EventStream, Media::Json];
        assert_eq!(chosen("application/json", &both), Some(Media::Json));
        assert_eq!(chosen("text/event-stream", &both), Some(Media::EventStream));
        assert_eq!(chosen("application/json, text/event-stream;q=0.5", &both), Some(Media::Json));
        assert_eq!(chosen("*/*", &both), Some(Media::EventStream));
        assert_eq!(chosen("application/json, text/plain, */*", &both), Some(Media::Json));
    }

    #[test]
    fn a_stream_is_for_whoever_names_it_or_names_nothing() {
        let chosen = |accept: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(header::ACCEPT, accept.parse().unwrap());
            stream_or_json(&headers).ok()
        };
        for accept in ["*/*", "*/*;q=0.8", "text/event-stream", "text/event-stream, */*", "text/*"] {
            assert_eq!(chosen(accept), Some(Media::EventStream), "{accept}");
        }
        for accept in
            ["application/json, text/plain, */*", "text/html, */*;q=0.8", "application/*", "*/*, image/png"]
        {
            assert_eq!(chosen(accept), Some(Media::Json), "{accept}");
        }
        assert_eq!(chosen("text/html"), None);
        assert_eq!(stream_or_json(&HeaderMap::new()).ok(), Some(Media::EventStream));
    }
}
