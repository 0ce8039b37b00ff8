//! Messages over HTTP that are signed as [Standard Webhooks](https://www.standardwebhooks.com) say (version 1.0.0).
//!
//! What is signed is `{id}.{timestamp}.{body}`: the bytes that go over the wire, never JSON that was read and written
//! again. Only symmetric signatures (`v1`, HMAC-SHA256) are known here; signatures of other versions are passed over.

use std::fmt;
use std::str::FromStr;

use base64::Engine as _;
use base64::alphabet;
use base64::engine::DecodePaddingMode;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig, STANDARD};
use chrono::{DateTime, TimeDelta, Utc};
use hmac::{Hmac, Mac as _};
use serde_json::Value;
use sha2::Sha256;
use subtle::{Choice, ConstantTimeEq as _};

use crate::ports::{Answer, OutboundError, OutboundResponse, Setback};

/// The header with the message's id: the same however often it is sent.
pub const ID: &str = "webhook-id";
/// The header with the time of the attempt, in seconds since 1970.
pub const TIMESTAMP: &str = "webhook-timestamp";
/// The header with the signatures, separated by spaces.
pub const SIGNATURE: &str = "webhook-signature";

/// How far the time of an attempt may be from now, on both sides.
pub const TOLERANCE: TimeDelta = TimeDelta::minutes(5);

/// What a secret begins with.
const PREFIX: &str = "whsec_";
/// What a symmetric signature begins with.
const VERSION: &str = "v1";
/// How many signatures of a message are looked at, so that a long list costs nothing: as many secrets at once has
/// nobody.
const MOST_SIGNATURES: usize = 16;
/// How many bytes a secret has: 192 to 512 bits, as the standard says.
const BYTES: std::ops::RangeInclusive<usize> = 24..=64;

/// As secrets are pasted: with padding or without. The last letter may have bits that mean nothing, since other
/// implementations take those too.
const SECRETS: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new()
        .with_decode_padding_mode(DecodePaddingMode::Indifferent)
        .with_decode_allow_trailing_bits(true),
);

/// A secret that messages are signed with, read from `whsec_…`. It is never printed.
#[derive(Clone)]
pub struct SigningKey(Hmac<Sha256>);

/// A text is no secret. It is not repeated: it may be one that is mistyped.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a secret is whsec_ and the base64 of 24 to 64 bytes")]
pub struct NotASecret;

/// A message is not from who it says, or not from now. The sender hears the same whichever it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unauthentic {
    /// The id is empty, or has a full stop: then other parts of the same text could be taken for it.
    #[error("the message's id cannot be one")]
    Id,
    /// The time is not one.
    #[error("the message's timestamp is no number of seconds")]
    Timestamp,
    /// Too old, or from the future.
    #[error("the message's timestamp is more than five minutes from now")]
    Stale,
    /// None of the signatures is by any of the secrets.
    #[error("no signature of the message is by a secret that is known here")]
    Signature,
}

impl FromStr for SigningKey {
    type Err = NotASecret;

    fn from_str(text: &str) -> Result<Self, NotASecret> {
        let bytes = text.strip_prefix(PREFIX).and_then(|encoded| SECRETS.decode(encoded).ok());
        let bytes = bytes.filter(|bytes| BYTES.contains(&bytes.len())).ok_or(NotASecret)?;
        Hmac::new_from_slice(&bytes).map(Self).map_err(|_| NotASecret)
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SigningKey(…)")
    }
}

impl SigningKey {
    /// The headers of a message that is sent at this time. Its id has no full stop.
    pub fn headers(&self, id: &str, at: DateTime<Utc>, body: &[u8]) -> [(&'static str, String); 3] {
        debug_assert!(is_id(id), "{id:?} is no id of a message");
        let timestamp = at.timestamp().to_string();
        let signature = format!("{VERSION},{}", self.sign(id, &timestamp, body));
        [(ID, id.to_owned()), (TIMESTAMP, timestamp), (SIGNATURE, signature)]
    }

    /// The signature in base64.
    fn sign(&self, id: &str, timestamp: &str, body: &[u8]) -> String {
        let mut mac = self.0.clone();
        for part in [id.as_bytes(), b".", timestamp.as_bytes(), b".", body] {
            mac.update(part);
        }
        STANDARD.encode(mac.finalize().into_bytes())
    }
}

/// Whether a message with these headers and this body is from somebody who knows one of the secrets, and was sent
/// now. Every signature is compared with that by every secret, in a time that tells nothing of them.
pub fn verify(
    keys: &[SigningKey],
    id: &str,
    timestamp: &str,
    signatures: &str,
    body: &[u8],
    now: DateTime<Utc>,
) -> Result<(), Unauthentic> {
    if !is_id(id) {
        return Err(Unauthentic::Id);
    }
    let at = seconds(timestamp).ok_or(Unauthentic::Timestamp)?;
    if now.timestamp().abs_diff(at) > TOLERANCE.num_seconds().unsigned_abs() {
        return Err(Unauthentic::Stale);
    }
    let given = signatures.split(' ').filter_map(|one| one.split_once(','));
    let given = given.filter(|(version, _)| *version == VERSION).take(MOST_SIGNATURES);
    let given: Vec<&[u8]> = given.map(|(_, signature)| signature.as_bytes()).collect();
    let mut found = Choice::from(0);
    for key in keys {
        let wanted = key.sign(id, timestamp, body);
        for signature in &given {
            found |= wanted.as_bytes().ct_eq(signature);
        }
    }
    if found.into() { Ok(()) } else { Err(Unauthentic::Signature) }
}

/// Whether this can be a message's id. The standard wants it without full stops, which separate what is signed.
fn is_id(text: &str) -> bool {
    !text.is_empty() && !text.contains('.')
}

/// Seconds since 1970, of digits alone.
/// What a receiver's answer to a message says of the attempt: 2xx that it is there, 410 that it wants no more. Who says no
/// otherwise may mean not yet; and to be told twice harms nobody, since the message has the same id.
pub fn delivered(receiver: &str, answer: Result<OutboundResponse, OutboundError>) -> Answer {
    match answer {
        Ok(answer) if (200..300).contains(&answer.status) => Answer::Done(Value::Null),
        Ok(answer) if answer.status == 410 => Answer::undeliverable(format!("{receiver} wants no more: 410")),
        Ok(answer) => {
            let why = format!("{receiver} answered {}", answer.status);
            Answer::Retry(Setback { why, after: answer.retry_after, is_ill: answer.status >= 500 })
        }
        Err(OutboundError::Forbidden(why)) => Answer::undeliverable(why),
        Err(error) => Answer::Retry(Setback::ill(error.to_string())),
    }
}

fn seconds(text: &str) -> Option<i64> {
    text.parse().ok().filter(|_| text.bytes().all(|b| b.is_ascii_digit()))
}

#[cfg(test)]
mod tests;
