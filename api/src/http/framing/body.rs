use super::Reason;
use super::head::Length;

/// Longest line with the size of a chunk, and most bytes of trailers.
const MOST_LINE: u32 = 8 << 10;

/// Follows a body to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Body {
    /// So many bytes are still to come.
    Fixed(u64),
    /// In the line before a chunk: its size so far, the digits of it, what was before, and how long the line is.
    Size { size: u64, digits: u8, before: Before, length: u32 },
    /// In a chunk, with so many bytes still to come.
    Data(u64),
    /// Behind a chunk; whether the CR was there.
    DataEnd(bool),
    /// In the trailers: the length of the line so far, whether a CR was the last, and of all of them.
    Trailers { line: u32, cr: bool, length: u32 },
}

/// What the byte before was, in the line before a chunk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Before {
    Digit,
    Extension,
    Cr,
}

const SIZE: Body = Body::Size { size: 0, digits: 0, before: Before::Digit, length: 0 };
const NONE: Body = Body::Fixed(0);

impl Body {
    pub(super) const fn of(length: Length) -> Self {
        match length {
            Length::Fixed(length) => Self::Fixed(length),
            Length::Chunked => SIZE,
        }
    }

    /// Whether nothing more belongs to it.
    pub(super) fn is_over(&self) -> bool {
        *self == NONE
    }

    /// Follows it through `bytes`; says how many of them belong to it.
    pub(super) fn advance(&mut self, bytes: &[u8]) -> Result<usize, Reason> {
        let mut at = 0;
        while at < bytes.len() && !self.is_over() {
            match self {
                Self::Fixed(rest) => at += skip(rest, bytes.len() - at),
                Self::Data(rest) => {
                    at += skip(rest, bytes.len() - at);
                    if *rest == 0 {
                        *self = Self::DataEnd(false);
                    }
                }
                _ => {
                    *self = self.next(bytes[at]).ok_or(Reason::Chunk)?;
                    at += 1;
                }
            }
        }
        Ok(at)
    }

    /// The state behind a byte that is no data; `None` if it may not be there.
    fn next(self, byte: u8) -> Option<Self> {
        match (self, byte) {
            (Self::Size { length: MOST_LINE, .. } | Self::Trailers { length: MOST_LINE, .. }, _) => None,
            (Self::Size { size, digits, before: Before::Cr, .. }, b'\n') if digits > 0 => Some(match size {
                0 => Self::Trailers { line: 0, cr: false, length: 0 },
                size => Self::Data(size),
            }),
            (Self::Size { before: Before::Cr, .. }, _) => None,
            (Self::Size { size, digits, length, .. }, b'\r') => {
                Some(Self::Size { size, digits, before: Before::Cr, length: length + 1 })
            }
            (Self::Size { size, digits, before: Before::Digit, length }, _) if byte.is_ascii_hexdigit() => {
                let digit = u64::from(char::from(byte).to_digit(16)?);
                let (digits, length) = (digits + 1, length + 1);
                (digits <= 15).then_some(Self::Size {
                    size: size * 16 + digit,
                    digits,
                    before: Before::Digit,
                    length,
                })
            }
            (Self::Size { digits: 0, .. }, _) | (Self::Size { .. }, b'\n') => None,
            (Self::Size { before: Before::Digit, .. }, byte) if byte != b';' => None,
            (Self::Size { size, digits, length, .. }, _) => {
                Some(Self::Size { size, digits, before: Before::Extension, length: length + 1 })
            }
            (Self::DataEnd(false), b'\r') => Some(Self::DataEnd(true)),
            (Self::DataEnd(true), b'\n') => Some(SIZE),
            (Self::Trailers { line: 0, cr: true, .. }, b'\n') => Some(NONE),
            (Self::Trailers { cr: true, length, .. }, b'\n') => {
                Some(Self::Trailers { line: 0, cr: false, length: length + 1 })
            }
            (Self::Trailers { line, cr: false, length }, b'\r') => {
                Some(Self::Trailers { line, cr: true, length: length + 1 })
            }
            (Self::Trailers { line, cr: false, length }, byte) if byte != b'\n' => {
                Some(Self::Trailers { line: line + 1, cr: false, length: length + 1 })
            }
            _ => None,
        }
    }
}

fn skip(rest: &mut u64, available: usize) -> usize {
    let step = usize::try_from(*rest).unwrap_or(usize::MAX).min(available);
    *rest -= step as u64;
    step
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The same at once and byte by byte.
    fn length(kind: Length, bytes: &[u8]) -> Result<usize, Reason> {
        let mut whole = Body::of(kind);
        let at_once = whole.advance(bytes);
        let mut slow = Body::of(kind);
        let mut count = Ok(0);
        for byte in bytes {
            let step = slow.advance(&[*byte]);
            count = count.and_then(|count| step.map(|step| count + step));
            if count.is_err() || slow.is_over() {
                break;
            }
        }
        assert_eq!(at_once, count);
        at_once
    }

    #[test]
    fn a_body_ends_where_it_says() {
        assert_eq!(length(Length::Fixed(3), b"abcGET"), Ok(3));
        let chunked = b"3\r\nabc\r\nA;x=\"y\"\r\n0123456789\r\n0\r\nX: y\r\n\r\nGET";
        assert_eq!(length(Length::Chunked, chunked), Ok(chunked.len() - 3));
        assert_eq!(length(Length::Chunked, b"0\r\n\r\nGET"), Ok(5));
    }

    #[test]
    fn chunks_that_can_be_read_in_two_ways_are_refused() {
        for body in [
            &b"3\nabc\r\n0\r\n\r\n"[..],
            b"3\r\nabcd\r\n0\r\n\r\n",
            b"3\r\nabc\n0\r\n\r\n",
            b"\r\n",
            b"0x3\r\nabc",
            b"3 \r\nabc",
            b"-3\r\nabc",
            b"1000000000000000\r\n",
            b"3;a\nb\r\nabc",
            b"0\r\n\n",
            b"0\r\nX: y\n\r\n",
            b"3\rx",
        ] {
            assert_eq!(
                length(Length::Chunked, body),
                Err(Reason::Chunk),
                "{:?}",
                String::from_utf8_lossy(body)
            );
        }
        let endless = [b"3;".to_vec(), vec![b'x'; 10_000]].concat();
        assert_eq!(length(Length::Chunked, &endless), Err(Reason::Chunk));
    }
}
