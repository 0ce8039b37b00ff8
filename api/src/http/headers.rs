//! The request headers that commands come with.

use std::time::Duration;

use axum::http::{HeaderMap, HeaderName, HeaderValue};

use wilco_application::trace_context::is_traceparent;

use crate::header_names::{CALLBACK_URL, IDEMPOTENCY_KEY, PREFER};
use crate::problems::Refusal;

const TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");

/// Longest wait, in seconds.
const LONGEST_WAIT: u64 = 60;
/// Longest idempotency key.
const LONGEST_KEY: usize = 255;
/// `Idempotency-Key`: 1–255 visible characters, bare or quoted.
pub(crate) fn idempotency_key(headers: &HeaderMap) -> Result<Option<String>, Refusal> {
    let Some(text) = single(headers, &IDEMPOTENCY_KEY)? else { return Ok(None) };
    let key = match text.strip_prefix('"') {
        Some(quoted) => unquoted(quoted),
        None => Some(text.to_owned()),
    };
    let fits =
        |key: &String| (1..=LONGEST_KEY).contains(&key.len()) && key.bytes().all(|b| b.is_ascii_graphic());
    match key.filter(fits) {
        Some(key) => Ok(Some(key)),
        None => Err(Refusal::header(&IDEMPOTENCY_KEY, "not 1 to 255 visible characters, bare or quoted")),
    }
}

/// The rest of a quoted string, after its opening quote.
fn unquoted(text: &str) -> Option<String> {
    let mut out = String::with_capacity(text.len());
    let mut chars = text.chars();
    loop {
        match chars.next()? {
            '\\' => out.push(chars.next().filter(|c| matches!(c, '"' | '\\'))?),
            '"' => return chars.next().is_none().then_some(out),
            c => out.push(c),
        }
    }
}

/// The `wait` of `Prefer`, at most a minute. What is malformed is ignored, as RFC 7240 has it.
pub(crate) fn wait(headers: &HeaderMap) -> Option<Wait> {
    let first = preference(headers, "wait")?;
    let seconds = first.bytes().all(|b| b.is_ascii_digit()).then(|| first.parse::<u64>());
    match seconds? {
        Ok(seconds) => Some(Wait(seconds.min(LONGEST_WAIT))),
        // More digits than fit are a long wait too; no digits at all are none.
        Err(_) => (!first.is_empty()).then_some(Wait(LONGEST_WAIT)),
    }
}

/// Whether `Prefer: redirect=no` asks for an answer in place of a way to it.
pub(crate) fn stays(headers: &HeaderMap) -> bool {
    preference(headers, "redirect").is_some_and(|value| value.eq_ignore_ascii_case("no"))
}

/// What a client prefers of that name; of several the first counts.
fn preference<'h>(headers: &'h HeaderMap, wanted: &str) -> Option<&'h str> {
    let lines = headers.get_all(&PREFER).iter().filter_map(|line| line.to_str().ok());
    lines.flat_map(|line| line.split(',')).find_map(|preference| {
        let (name, value) = preference.split(';').next()?.split_once('=')?;
        name.trim().eq_ignore_ascii_case(wanted).then(|| value.trim().trim_matches('"'))
    })
}

/// How many seconds a client wants to wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Wait(u64);

impl Wait {
    pub(crate) const fn patience(self) -> Duration {
        Duration::from_secs(self.0)
    }

    /// The value of `Preference-Applied`.
    pub(crate) fn applied(self) -> HeaderValue {
        HeaderValue::try_from(format!("wait={}", self.0)).unwrap_or_else(|_| HeaderValue::from_static("wait"))
    }
}

/// `Callback-Url`: where to post how the command ended.
pub(crate) fn callback_url(headers: &HeaderMap) -> Result<Option<String>, Refusal> {
    Ok(single(headers, &CALLBACK_URL)?.map(ToOwned::to_owned))
}

/// A valid `traceparent` (W3C Trace Context); any other is ignored, as the recommendation has it.
pub(crate) fn traceparent(headers: &HeaderMap) -> Option<String> {
    let mut lines = headers.get_all(&TRACEPARENT).iter();
    let text = lines.next()?.to_str().ok()?;
    (lines.next().is_none() && is_traceparent(text)).then(|| text.to_owned())
}

/// The value of a header that may be there once.
pub(crate) fn single<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Result<Option<&'a str>, Refusal> {
    let mut values = headers.get_all(name).iter();
    let Some(value) = values.next() else { return Ok(None) };
    if values.next().is_some() {
        return Err(Refusal::header(name, "may be there once"));
    }
    let text = value.to_str().map_err(|_| Refusal::header(name, "has characters beyond visible ASCII"))?;
    Ok(Some(text.trim()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(name: &HeaderName, values: &[&str]) -> HeaderMap {
        values.iter().map(|value| (name.clone(), HeaderValue::from_str(value).unwrap())).collect()
    }

    #[test]
    fn a_key_is_the_same_bare_or_quoted() {
        for text in ["k-1", "\"k-1\"", " k-1 "] {
            assert_eq!(idempotency_key(&with(&IDEMPOTENCY_KEY, &[text])).unwrap().unwrap(), "k-1");
        }
        assert_eq!(idempotency_key(&with(&IDEMPOTENCY_KEY, &[r#""a\"b\\""#])).unwrap().unwrap(), r#"a"b\"#);
    }

    #[test]
    fn what_is_no_key_is_refused() {
        let long = "k".repeat(256);
        for text in ["", "\"\"", "a b", "\"a", "\"a\"b", &long, "\"\\x\""] {
            assert!(idempotency_key(&with(&IDEMPOTENCY_KEY, &[text])).is_err(), "{text:?}");
        }
        assert!(idempotency_key(&with(&IDEMPOTENCY_KEY, &["a", "b"])).is_err());
    }

    #[test]
    fn the_first_wait_counts_and_is_capped() {
        let waits = |values: &[&str]| wait(&with(&PREFER, values)).map(|wait| wait.0);
        assert_eq!(waits(&["wait=5"]), Some(5));
        assert_eq!(waits(&["respond-async, Wait = \"7\"; x=y"]), Some(7));
        assert_eq!(waits(&["respond-async", "wait=1, wait=9"]), Some(1));
        assert_eq!(waits(&["wait=3600"]), Some(60));
        assert_eq!(waits(&["wait=99999999999999999999999"]), Some(60));
        for values in [&["wait=-1"][..], &["wait"], &["wait="], &["wait=1.5"], &["waiting=3"], &[]] {
            assert_eq!(waits(values), None, "{values:?}");
        }
    }

    #[test]
    fn only_a_valid_traceparent_is_carried_on() {
        let valid = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
        assert_eq!(traceparent(&with(&TRACEPARENT, &[valid])).as_deref(), Some(valid));
        let upper = valid.to_uppercase();
        let none = valid.replace("4bf92f3577b34da6a3ce929d0e0e4736", &"0".repeat(32));
        for text in ["", "00-1-2-3", &upper, &none, &valid.replacen("00", "ff", 1)] {
            assert_eq!(traceparent(&with(&TRACEPARENT, &[text])), None, "{text}");
        }
        assert_eq!(traceparent(&with(&TRACEPARENT, &[valid, valid])), None);
    }
}
