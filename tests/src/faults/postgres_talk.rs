//! What is said on a connection to PostgreSQL, as far as it takes to see that a write was asked for in full, and that
//! its answer is complete.
//!
//! A write is a statement that commits a batch or stores commands, whether prepared and executed by name or sent as
//! it is. It is durable at its Sync, which ends what goes without `BEGIN`; so its answer ends with that `ReadyForQuery`
//! which belongs to this Sync.

use std::collections::HashSet;

/// The request for encryption that may come before anything else; it is answered with a single byte.
const ASK_FOR_TLS: u32 = 80_877_103;

/// One connection.
#[derive(Debug, Default)]
pub(super) struct Talk {
    /// What the client has sent of a message that is not complete.
    request: Vec<u8>,
    /// The same of the server.
    answer: Vec<u8>,
    /// Whether the client has introduced itself: only what comes before bears no type.
    introduced: bool,
    /// Answers of a single byte that are still to come.
    single: u32,
    /// Prepared statements that write, by name.
    writing: HashSet<Vec<u8>>,
    /// Whether one of them was bound since the last Sync.
    bound: bool,
    /// How many messages that are answered with `ReadyForQuery` were sent.
    asked: u64,
    /// How many of those were answered.
    answered: u64,
    /// Whether something was completed since the last `ReadyForQuery`.
    completed: bool,
}

/// An answer that has come in full.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Answered {
    /// Of which question.
    pub(super) number: u64,
    /// Whether a command was completed, and not refused.
    pub(super) completed: bool,
}

impl Talk {
    /// The client sends this. The number of the question that ends a write, if that is in it to the end.
    pub(super) fn asks(&mut self, bytes: &[u8]) -> Option<u64> {
        self.request.extend_from_slice(bytes);
        let mut written = None;
        while let Some(message) = take(&mut self.request, usize::from(self.introduced)) {
            if self.introduced {
                written = self.asked_for(message[0], &message[5..]).or(written);
            } else if message[4..].starts_with(&ASK_FOR_TLS.to_be_bytes()) {
                self.single += 1;
            } else {
                self.introduced = true;
                self.asked += 1;
            }
        }
        written
    }

    fn asked_for(&mut self, kind: u8, body: &[u8]) -> Option<u64> {
        match kind {
            b'P' => {
                let (name, rest) = text(body);
                self.writing.remove(name);
                if writes(text(rest).0) {
                    self.writing.insert(name.to_vec());
                }
            }
            // The portal comes first, then the statement.
            b'B' => self.bound |= self.writing.contains(text(text(body).1).0),
            b'C' if body.first() == Some(&b'S') => {
                self.writing.remove(text(&body[1..]).0);
            }
            b'Q' => {
                self.asked += 1;
                return writes(text(body).0).then_some(self.asked);
            }
            b'S' => {
                self.asked += 1;
                return std::mem::take(&mut self.bound).then_some(self.asked);
            }
            _ => {}
        }
        None
    }

    /// The server sends this. The last answer that is complete with it.
    pub(super) fn answers(&mut self, bytes: &[u8]) -> Option<Answered> {
        self.answer.extend_from_slice(bytes);
        let mut ready = None;
        while self.single > 0 && !self.answer.is_empty() {
            self.answer.remove(0);
            self.single -= 1;
        }
        while let Some(message) = take(&mut self.answer, 1) {
            match message[0] {
                b'C' => self.completed = true,
                b'Z' => {
                    self.answered += 1;
                    let completed = std::mem::take(&mut self.completed);
                    ready = Some(Answered { number: self.answered, completed });
                }
                _ => {}
            }
        }
        ready
    }
}

/// Whether a statement commits a batch or stores commands.
fn writes(statement: &[u8]) -> bool {
    let statement = String::from_utf8_lossy(statement).to_lowercase();
    statement.contains("wilco_commit") || statement.contains("insert into commands")
}

/// Takes the first message, when it is there in full: a type of so many bytes, then its length, itself included.
fn take(bytes: &mut Vec<u8>, kind: usize) -> Option<Vec<u8>> {
    let length = bytes.get(kind..kind + 4)?;
    let length = u32::from_be_bytes(length.try_into().ok()?) as usize;
    let end = kind + length.max(4);
    (bytes.len() >= end).then(|| bytes.drain(..end).collect())
}

/// A text that ends with a zero, and what comes after it.
fn text(bytes: &[u8]) -> (&[u8], &[u8]) {
    let end = bytes.iter().position(|byte| *byte == 0).unwrap_or(bytes.len());
    (&bytes[..end], bytes.get(end + 1..).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(kind: u8, body: &[u8]) -> Vec<u8> {
        [&[kind][..], &(body.len() as u32 + 4).to_be_bytes(), body].concat()
    }

    fn introduced() -> Talk {
        let mut talk = Talk::default();
        assert_eq!(talk.asks(&[&8_u32.to_be_bytes()[..], &ASK_FOR_TLS.to_be_bytes()].concat()), None);
        assert_eq!(talk.answers(b"N"), None);
        assert_eq!(
            talk.asks(&[&12_u32.to_be_bytes()[..], &196_608_u32.to_be_bytes(), b"user"].concat()),
            None
        );
        assert_eq!(talk.answers(&message(b'Z', b"I")), Some(Answered { number: 1, completed: false }));
        talk
    }

    #[test]
    fn a_prepared_write_is_known_by_its_name() {
        let mut talk = introduced();
        let parse = message(b'P', b"s1\0SELECT wilco_commit($1)\0\0\0");
        assert_eq!(talk.asks(&[parse, message(b'S', b"")].concat()), None, "it is not executed yet");
        let again = [message(b'B', b"\0s1\0rest"), message(b'E', b"\0\0\0\0\0"), message(b'S', b"")].concat();
        assert_eq!(talk.asks(&again[..again.len() - 1]), None, "the last byte is missing");
        assert_eq!(talk.asks(&again[again.len() - 1..]), Some(3));
        assert_eq!(talk.asks(&message(b'S', b"")), None);
    }

    #[test]
    fn what_only_reads_is_none() {
        let mut talk = introduced();
        let parse = message(b'P', b"s1\0SELECT * FROM commands\0\0\0");
        let run = [parse, message(b'B', b"\0s1\0"), message(b'S', b"")].concat();
        assert_eq!(talk.asks(&run), None);
        assert_eq!(talk.asks(&message(b'Q', b"INSERT INTO commands VALUES (1)\0")), Some(3));
    }

    #[test]
    fn an_answer_is_complete_with_ready_for_query() {
        let mut talk = introduced();
        talk.asks(&[message(b'S', b""), message(b'S', b"")].concat());
        assert_eq!(talk.answers(&message(b'C', b"SELECT 1\0")), None);
        assert_eq!(talk.answers(&message(b'Z', b"I")), Some(Answered { number: 2, completed: true }));
        let refused = [message(b'E', b"\0"), message(b'Z', b"I")].concat();
        assert_eq!(talk.answers(&refused), Some(Answered { number: 3, completed: false }));
    }
}
