use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A span of time as a text: a whole number and its unit, such as `500ms`, `2s`, `15m`, `24h` or `7d`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, JsonSchema)]
#[schemars(transparent)]
pub struct Span(#[schemars(with = "String")] pub Duration);

/// Units, from the longest on, with their milliseconds.
const UNITS: [(&str, u64); 5] = [("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1000), ("ms", 1)];

impl FromStr for Span {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || "a whole number and its unit, such as 500ms, 2s, 15m or 24h".to_owned();
        let text = text.trim();
        let end = text.find(|c: char| !c.is_ascii_digit()).ok_or_else(wrong)?;
        let (number, unit) = text.split_at(end);
        let millis = UNITS.iter().find(|(name, _)| *name == unit.trim()).map(|(_, millis)| millis);
        let number: u64 = number.parse().map_err(|_| wrong())?;
        let millis = millis.and_then(|millis| number.checked_mul(*millis)).ok_or_else(wrong)?;
        Ok(Self(Duration::from_millis(millis)))
    }
}

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let all = u64::try_from(self.0.as_millis()).unwrap_or(u64::MAX);
        let fits = |(_, millis): &&(&str, u64)| all > 0 && all.is_multiple_of(*millis);
        let (unit, millis) = UNITS.iter().find(fits).unwrap_or(&("s", 1000));
        write!(f, "{}{unit}", all / millis)
    }
}

impl Serialize for Span {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Span {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_span_is_written_as_it_is_read() {
        for text in ["500ms", "2s", "15m", "24h", "1500ms", "0s"] {
            let span: Span = text.parse().unwrap();
            let again: Span = span.to_string().parse().unwrap();
            assert_eq!(again, span, "{text}");
        }
        assert_eq!(Span(Duration::from_secs(86400)).to_string(), "1d");
        assert_eq!(" 120 s ".parse(), Ok(Span(Duration::from_secs(120))));
    }

    #[test]
    fn what_is_no_span_is_refused() {
        for text in ["", "5", "s", "-1s", "1.5s", "5 years", "99999999999999999999s", "999999999999999999d"] {
            assert!(text.parse::<Span>().is_err(), "{text}");
        }
    }
}
