use std::fmt;

use serde::{Deserialize, Serialize};

/// The id of an aggregate: 1–128 of `A–Z a–z 0–9 . _ ~ -`, so that it stands in a URL path and in a header as it
/// is.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct AggregateId(String);

/// The text is not an [`AggregateId`].
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("an id has 1 to 128 characters of A-Z a-z 0-9 . _ ~ -")]
pub struct InvalidId;

impl AggregateId {
    /// Longest id, in characters.
    pub const MAX_LEN: usize = 128;

    /// Checks and wraps `text`.
    pub fn parse(text: impl Into<String>) -> Result<Self, InvalidId> {
        let text = text.into();
        let allowed = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'~' | b'-');
        if text.is_empty() || text.len() > Self::MAX_LEN || !text.bytes().all(allowed) {
            return Err(InvalidId);
        }
        // "." and ".." are removed from a URL's path by clients, so the resource could not be addressed.
        if text == "." || text == ".." {
            return Err(InvalidId);
        }
        Ok(Self(text))
    }

    /// The id as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for AggregateId {
    type Error = InvalidId;
    fn try_from(text: String) -> Result<Self, InvalidId> {
        Self::parse(text)
    }
}

impl From<AggregateId> for String {
    fn from(id: AggregateId) -> Self {
        id.0
    }
}

impl From<uuid::Uuid> for AggregateId {
    fn from(id: uuid::Uuid) -> Self {
        Self(id.to_string())
    }
}

impl fmt::Display for AggregateId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn ids_of_the_allowed_characters_are_taken(text in "[A-Za-z0-9._~-]{3,128}") {
            let id = AggregateId::parse(text.clone()).unwrap();
            prop_assert_eq!(id.as_str(), text);
        }

        #[test]
        fn one_odd_character_is_enough_to_refuse(head in "[a-z]{0,9}", odd in "[^A-Za-z0-9._~-]", tail in "[a-z]{0,9}") {
            prop_assert_eq!(AggregateId::parse(format!("{head}{odd}{tail}")), Err(InvalidId));
        }
    }

    #[test]
    fn empty_overlong_and_dot_ids_are_refused() {
        for text in [String::new(), "x".repeat(129), ".".into(), "..".into()] {
            assert_eq!(AggregateId::parse(text), Err(InvalidId));
        }
    }
}
