//! What values may be.

use super::Error;

/// That a number is in its bounds.
pub(super) fn within(name: &str, value: u64, least: u64, most: u64) -> Result<(), Error> {
    if (least..=most).contains(&value) {
        return Ok(());
    }
    Err(Error::invalid(name, format!("{least} to {most}, not {value}")))
}

/// That a number that need not be whole is in its bounds.
pub(super) fn number_within(name: &str, value: f64, least: f64, most: f64) -> Result<(), Error> {
    if (least..=most).contains(&value) {
        return Ok(());
    }
    Err(Error::invalid(name, format!("a number from {least} to {most}")))
}

/// One token of a subject, or the name of a stream.
pub(super) fn is_token(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-'))
}
