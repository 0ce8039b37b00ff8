use std::fmt;
use std::str::FromStr;

/// A position in the feed: the last offset seen of every partition. As text the offsets stand one after the
/// other, separated by dots.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cursor(Vec<i64>);

/// A text is no cursor of this feed.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum CursorError {
    /// It was not made by this server.
    #[error("the cursor was not made by this server")]
    Foreign,
}

impl Cursor {
    /// Before the first entry.
    pub fn start(partitions: u16) -> Self {
        Self(vec![0; usize::from(partitions)])
    }

    /// At these offsets.
    pub const fn at(offsets: Vec<i64>) -> Self {
        Self(offsets)
    }

    /// Reads a cursor that a client hands back; `heads` are the newest offsets there are.
    pub fn parse(text: &str, heads: &[i64]) -> Result<Self, CursorError> {
        let cursor: Self = text.parse()?;
        let fits = cursor.0.len() == heads.len() && cursor.0.iter().zip(heads).all(|(at, head)| at <= head);
        if fits { Ok(cursor) } else { Err(CursorError::Foreign) }
    }

    /// The offset seen last in a partition.
    pub fn offset(&self, partition: u16) -> i64 {
        self.0.get(usize::from(partition)).copied().unwrap_or(0)
    }

    /// Moves on in a partition.
    pub fn advance(&mut self, partition: u16, offset: i64) {
        if let Some(at) = self.0.get_mut(usize::from(partition)) {
            *at = offset;
        }
    }
}

impl FromStr for Cursor {
    type Err = CursorError;

    fn from_str(text: &str) -> Result<Self, CursorError> {
        let part = |part: &str| {
            let digits = !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
            if digits { part.parse().map_err(|_| CursorError::Foreign) } else { Err(CursorError::Foreign) }
        };
        text.split('.').map(part).collect::<Result<_, _>>().map(Self)
    }
}

impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, offset) in self.0.iter().enumerate() {
            let dot = if index == 0 { "" } else { "." };
            write!(f, "{dot}{offset}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_cursor_comes_back_as_it_went_out(offsets in prop::collection::vec(0..i64::MAX, 1..32)) {
            let text = Cursor::at(offsets.clone()).to_string();
            prop_assert_eq!(Cursor::parse(&text, &offsets), Ok(Cursor::at(offsets)));
        }

        #[test]
        fn any_text_is_read_or_refused_without_a_panic(text in ".*") {
            let _ = Cursor::parse(&text, &[5, 5]);
        }
    }

    #[test]
    fn cursors_from_nowhere_are_refused() {
        for text in ["", "1", "1.2.3", "6.0", "-1.0", "+1.0", "x.y", "99999999999999999999.0", "1..2"] {
            assert_eq!(Cursor::parse(text, &[5, 5]), Err(CursorError::Foreign), "{text:?}");
        }
    }
}
