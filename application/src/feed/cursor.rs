use std::fmt;
use std::str::FromStr;

use crate::ports::Heads;

/// A position in the feed: the generation of the store, and the last offset seen of every partition. As text the
/// offsets stand behind the generation and a dash, separated by dots: `1764054000123-17.4`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cursor {
    generation: i64,
    offsets: Vec<i64>,
}

/// The generation of stores that are older than generations, and so of cursors that name none.
const FIRST_GENERATION: i64 = 1;

/// A text is no position in this feed.
#[derive(Clone, Copy, Debug, thiserror::Error, PartialEq, Eq)]
pub enum CursorError {
    /// It was not made by this server.
    #[error("the cursor was not made by this server")]
    Foreign,
    /// It was made before the store was returned to an earlier state, so that its offsets name other entries.
    #[error(
        "the cursor is of generation {given} of the store, which was restored since and is now of generation {present}: \
         begin again with after=start, and forget the offsets that were seen before"
    )]
    OtherGeneration {
        /// Of the cursor.
        given: i64,
        /// Of the store.
        present: i64,
    },
    /// It names entries that the store does not have: they were lost, or the cursor is made up.
    #[error("the cursor is ahead of the store, which does not have the entries that it has seen (any more)")]
    Ahead,
}

impl Cursor {
    /// Before the first entry.
    pub fn start(heads: &Heads) -> Self {
        Self { generation: heads.generation, offsets: vec![0; heads.offsets.len()] }
    }

    /// Behind the newest entry.
    pub fn end(heads: Heads) -> Self {
        Self { generation: heads.generation, offsets: heads.offsets }
    }

    /// Reads a cursor that a client hands back; `heads` say how far the feed goes.
    pub fn parse(text: &str, heads: &Heads) -> Result<Self, CursorError> {
        let cursor: Self = text.parse()?;
        if cursor.offsets.len() != heads.offsets.len() {
            return Err(CursorError::Foreign);
        }
        let ahead = cursor.offsets.iter().zip(&heads.offsets).any(|(at, head)| at > head);
        let (given, present) = (cursor.generation, heads.generation);
        match (given == present, ahead) {
            (true, false) => Ok(cursor),
            (true, true) => Err(CursorError::Ahead),
            // It names no generation, and nothing that there is.
            (false, true) if given == FIRST_GENERATION => Err(CursorError::Foreign),
            (false, _) => Err(CursorError::OtherGeneration { given, present }),
        }
    }

    /// The generation it is a position in.
    pub fn generation(&self) -> i64 {
        self.generation
    }

    /// The offset seen last in a partition.
    pub fn offset(&self, partition: u16) -> i64 {
        self.offsets.get(usize::from(partition)).copied().unwrap_or(0)
    }

    /// Whether everything that `other` is behind is behind this one too.
    pub fn reaches(&self, other: &Self) -> bool {
        self.generation == other.generation
            && self.offsets.len() == other.offsets.len()
            && self.offsets.iter().zip(&other.offsets).all(|(here, there)| here >= there)
    }

    /// Moves on in a partition.
    pub fn advance(&mut self, partition: u16, offset: i64) {
        if let Some(at) = self.offsets.get_mut(usize::from(partition)) {
            *at = offset;
        }
    }
}

impl FromStr for Cursor {
    type Err = CursorError;

    fn from_str(text: &str) -> Result<Self, CursorError> {
        let (generation, offsets) = match text.split_once('-') {
            Some((generation, offsets)) => (number(generation)?, offsets),
            None => (FIRST_GENERATION, text),
        };
        let offsets = offsets.split('.').map(number).collect::<Result<_, _>>()?;
        Ok(Self { generation, offsets })
    }
}

fn number(text: &str) -> Result<i64, CursorError> {
    let digits = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    if digits { text.parse().map_err(|_| CursorError::Foreign) } else { Err(CursorError::Foreign) }
}

impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-", self.generation)?;
        for (index, offset) in self.offsets.iter().enumerate() {
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

    fn heads(generation: i64, offsets: &[i64]) -> Heads {
        Heads { generation, offsets: offsets.to_vec() }
    }

    proptest! {
        #[test]
        fn a_cursor_comes_back_as_it_went_out(
            generation in 1..i64::MAX,
            offsets in prop::collection::vec(0..i64::MAX, 1..32),
        ) {
            let heads = heads(generation, &offsets);
            let cursor = Cursor::end(heads.clone());
            prop_assert_eq!(Cursor::parse(&cursor.to_string(), &heads), Ok(cursor));
        }

        #[test]
        fn any_text_is_read_or_refused_without_a_panic(text in ".*") {
            let _ = Cursor::parse(&text, &heads(1, &[5, 5]));
        }
    }

    #[test]
    fn cursors_from_nowhere_are_refused() {
        let texts = [
            "",
            "1",
            "1.2.3",
            "-1.0",
            "+1.0",
            "x.y",
            "99999999999999999999.0",
            "1..2",
            "-",
            "1-",
            "1-2",
            "1-1-1",
        ];
        for text in texts {
            assert_eq!(Cursor::parse(text, &heads(1, &[5, 5])), Err(CursorError::Foreign), "{text:?}");
        }
    }

    #[test]
    fn a_cursor_of_another_generation_or_ahead_of_the_store_says_so() {
        let restored = CursorError::OtherGeneration { given: 7, present: 8 };
        assert_eq!(Cursor::parse("7-5.5", &heads(8, &[5, 5])), Err(restored));
        assert_eq!(Cursor::parse("8-6.0", &heads(8, &[5, 5])), Err(CursorError::Ahead));
        assert_eq!(Cursor::parse("6.0", &heads(8, &[5, 5])), Err(CursorError::Foreign));
    }

    #[test]
    fn a_cursor_of_before_there_were_generations_is_of_the_first() {
        assert_eq!(Cursor::parse("5.4", &heads(1, &[5, 5])), Cursor::parse("1-5.4", &heads(1, &[5, 5])));
        assert!(Cursor::parse("5.4", &heads(9, &[5, 5])).is_err());
    }
}
