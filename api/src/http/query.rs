use axum::http::Uri;

use crate::problems::Refusal;

/// Most characters of a parameter's value.
const LONGEST: usize = 2048;

/// The parameters of a request's query: all known, each there once, none with control characters.
#[derive(Clone, Debug, Default)]
pub(crate) struct Query(Vec<(String, String)>);

impl Query {
    pub(super) fn of(uri: &Uri, known: &[&'static str]) -> Result<Self, Refusal> {
        if uri.query().is_none_or(str::is_empty) {
            return Ok(Self::default());
        }
        let pairs: axum::extract::Query<Vec<(String, String)>> = axum::extract::Query::try_from_uri(uri)
            .map_err(|_| Refusal::malformed("the query cannot be read"))?;
        for (at, (name, value)) in pairs.0.iter().enumerate() {
            if !known.contains(&name.as_str()) {
                let shown: String = name.chars().take(100).collect();
                return Err(Refusal::parameter(&shown, "there is no such parameter here"));
            }
            if pairs.0.iter().take(at).any(|(earlier, _)| earlier == name) {
                return Err(Refusal::parameter(name, "may be there once"));
            }
            if value.len() > LONGEST || value.chars().any(char::is_control) {
                return Err(Refusal::parameter(name, "too long, or with control characters"));
            }
        }
        Ok(Self(pairs.0))
    }

    /// The value of a parameter.
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(given, _)| given == name).map(|(_, value)| value.as_str())
    }

    /// The value of a parameter, read as `T`.
    pub(crate) fn parsed<T: std::str::FromStr>(&self, name: &str, what: &str) -> Result<Option<T>, Refusal> {
        let read = |text: &str| text.parse().map_err(|_| Refusal::parameter(name, format!("not {what}")));
        self.get(name).map(read).transpose()
    }

    /// `limit`: between 1 and `most`, `usual` when it is not there.
    pub(crate) fn limit(&self, usual: u32, most: u32) -> Result<u32, Refusal> {
        let limit = self.parsed("limit", "a number")?.unwrap_or(usual);
        if (1..=most).contains(&limit) {
            Ok(limit)
        } else {
            Err(Refusal::parameter("limit", format!("not between 1 and {most}")))
        }
    }

    /// The same query with another cursor, as text.
    pub(crate) fn with_cursor(&self, cursor: &str) -> String {
        let mut text = String::new();
        let kept = self.0.iter().filter(|(name, _)| name != "cursor");
        for (name, value) in
            kept.map(|(name, value)| (name.as_str(), value.as_str())).chain([("cursor", cursor)])
        {
            text.push(if text.is_empty() { '?' } else { '&' });
            text.push_str(name);
            text.push('=');
            encode(value, &mut text);
        }
        text
    }
}

fn encode(value: &str, into: &mut String) {
    for byte in value.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b'~' | b'/') {
            into.push(char::from(byte));
        } else {
            into.push('%');
            for digit in [byte >> 4, byte & 15] {
                into.push(char::from_digit(u32::from(digit), 16).unwrap_or('0').to_ascii_uppercase());
            }
        }
    }
}
