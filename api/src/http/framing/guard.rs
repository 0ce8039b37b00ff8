use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::Instant;

use super::body::Body;
use super::deadline::Deadline;
use super::head::{self, MOST_BYTES};
use super::{Marker, Reason};

/// Read at once while a head is held back.
const STEP: usize = 4096;
/// Empty lines that are passed over before a head (RFC 9112, 2.2).
const MOST_BLANK: u8 = 4;
/// How long a client may take to hear of a refusal whose request it is still sending.
const LINGER: Duration = Duration::from_secs(1);

/// How long a connection may be silent.
#[derive(Clone, Copy, Debug)]
pub(in crate::http) struct Patience {
    /// Between the first byte of a head and its end; also before the first head.
    pub(in crate::http) head: Duration,
    /// Between any two bytes, in either direction, while no handler is at work.
    pub(in crate::http) idle: Duration,
}

/// Whether a handler is at work for a connection: then it is the handler's own limits that count.
#[derive(Clone, Default)]
pub(in crate::http) struct Busy(Arc<AtomicBool>);

/// A handler at work, until it is dropped.
pub(in crate::http) struct AtWork(Busy);

impl Busy {
    pub(in crate::http) fn begin(&self) -> AtWork {
        self.0.store(true, Ordering::Relaxed);
        AtWork(self.clone())
    }

    fn is(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

impl Drop for AtWork {
    fn drop(&mut self) {
        self.0.0.store(false, Ordering::Relaxed);
    }
}

/// A connection whose requests are looked at on their way to the parser.
pub(in crate::http) struct Guard<S> {
    stream: S,
    marker: Marker,
    patience: Patience,
    /// The body that passes; between two requests, one that is over.
    body: Body,
    /// The beginning of a head that is not whole.
    held: Vec<u8>,
    /// How much of what is held has no end of a head in it.
    searched: usize,
    blank: u8,
    /// What is cleared for the parser and not in its buffer, and how much of it was handed over.
    cleared: Vec<u8>,
    handed: usize,
    refused: bool,
    shut: bool,
    deadline: Deadline,
    busy: Busy,
}

/// What a look at bytes gave: how many may pass, and what is with the rest.
struct Verdict {
    pass: usize,
    rest: Rest,
}

/// The length of a head, and the form in which the parser takes it, if that is another.
type Head = (usize, Option<Vec<u8>>);

enum Rest {
    Nothing,
    /// The beginning of a head.
    Unfinished,
    /// A head that the parser takes only in this form, and how long it is as it came.
    Encoded(Vec<u8>, usize),
    /// Of a head.
    Unsound(Reason),
    /// Of a body, whose head the parser has seen already.
    Broken(Reason),
}

impl<S> Guard<S> {
    pub(in crate::http) fn new(stream: S, marker: Marker, patience: Patience, busy: Busy) -> Self {
        Self {
            stream,
            marker,
            patience,
            body: Body::Fixed(0),
            held: Vec::new(),
            searched: 0,
            blank: 0,
            cleared: Vec::new(),
            handed: 0,
            refused: false,
            shut: false,
            deadline: Deadline::after(patience.head),
            busy,
        }
    }

    fn look(&mut self, bytes: &[u8]) -> Verdict {
        let mut pass = 0;
        while pass < bytes.len() {
            let rest = &bytes[pass..];
            if !self.body.is_over() {
                match self.body.advance(rest) {
                    Ok(count) => pass += count,
                    Err(reason) => return Verdict { pass, rest: Rest::Broken(reason) },
                }
                continue;
            }
            if rest.starts_with(b"\r\n") && self.blank < MOST_BLANK {
                self.blank += 1;
                pass += 2;
                continue;
            }
            match self.head(rest) {
                Ok(Some((length, None))) => pass += length,
                Ok(Some((length, Some(encoded)))) => {
                    return Verdict { pass, rest: Rest::Encoded(encoded, length) };
                }
                Ok(None) => return Verdict { pass, rest: Rest::Unfinished },
                Err(reason) => return Verdict { pass, rest: Rest::Unsound(reason) },
            }
        }
        Verdict { pass, rest: Rest::Nothing }
    }

    /// The sound head that `bytes` begin with, if it is whole.
    fn head(&mut self, bytes: &[u8]) -> Result<Option<Head>, Reason> {
        let Some(length) = head::end(bytes, self.searched)? else {
            self.searched = bytes.len();
            return if bytes.len() > MOST_BYTES { Err(Reason::TooLong) } else { Ok(None) };
        };
        let encoded = head::encoded(&bytes[..length]);
        self.body = Body::of(head::check(encoded.as_deref().unwrap_or(&bytes[..length]))?);
        self.searched = 0;
        self.blank = 0;
        Ok(Some((length, encoded)))
    }

    /// Puts what does not pass as it is where it belongs.
    fn sort(&mut self, mut rest: Rest, mut bytes: &[u8]) -> io::Result<()> {
        loop {
            match rest {
                Rest::Nothing => return Ok(()),
                Rest::Broken(reason) => return Err(broken(reason)),
                Rest::Unsound(reason) => {
                    self.refuse(reason, bytes);
                    return Ok(());
                }
                Rest::Unfinished => {
                    self.held = bytes.to_vec();
                    self.begun();
                    return Ok(());
                }
                Rest::Encoded(head, length) => {
                    self.cleared.extend(head);
                    let behind = &bytes[length..];
                    let verdict = self.look(behind);
                    self.cleared.extend_from_slice(&behind[..verdict.pass]);
                    (rest, bytes) = (verdict.rest, &behind[verdict.pass..]);
                }
            }
        }
    }

    /// Takes the request that stands for a refused one as the last that the parser gets.
    fn refuse(&mut self, reason: Reason, head: &[u8]) {
        self.cleared.extend(self.marker.request(reason, head));
        self.held = Vec::new();
        self.refused = true;
    }

    fn hand_over(&mut self, buffer: &mut ReadBuf<'_>) {
        let rest = &self.cleared[self.handed..];
        let count = rest.len().min(buffer.remaining());
        buffer.put_slice(&rest[..count]);
        self.handed += count;
        if self.handed == self.cleared.len() {
            self.cleared = Vec::new();
            self.handed = 0;
        }
    }

    /// Bytes passed: the time for the next begins.
    fn active(&mut self) {
        self.deadline.set(Instant::now() + self.patience.idle);
    }

    /// A head has begun: all of it has to be here in time.
    fn begun(&mut self) {
        self.deadline.set(Instant::now() + self.patience.head);
    }
}

impl<S: AsyncRead + Unpin> Guard<S> {
    /// Reads what goes straight through: into the parser's own buffer. Says whether the parser got something, or
    /// the end.
    fn pass_through(
        &mut self,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<bool>> {
        let start = buffer.filled().len();
        ready!(Pin::new(&mut self.stream).poll_read(context, buffer))?;
        if buffer.filled().len() == start {
            return Poll::Ready(Ok(true));
        }
        self.active();
        let Verdict { pass, rest } = self.look(&buffer.filled()[start..]);
        if matches!(rest, Rest::Nothing) {
            return Poll::Ready(Ok(true));
        }
        let behind = buffer.filled()[start + pass..].to_vec();
        buffer.set_filled(start + pass);
        self.sort(rest, &behind)?;
        Poll::Ready(Ok(pass > 0))
    }

    /// Reads on behind the beginning of a head that is held back. Says whether the connection ended.
    fn gather(&mut self, context: &mut Context<'_>) -> Poll<io::Result<bool>> {
        let mut space = [0; STEP];
        let mut buffer = ReadBuf::new(&mut space);
        ready!(Pin::new(&mut self.stream).poll_read(context, &mut buffer))?;
        if buffer.filled().is_empty() {
            return Poll::Ready(Ok(true));
        }
        let mut held = std::mem::take(&mut self.held);
        held.extend_from_slice(buffer.filled());
        let deadline = self.deadline.at();
        let Verdict { pass, rest } = self.look(&held);
        self.active();
        self.cleared.extend_from_slice(&held[..pass]);
        self.sort(rest, &held[pass..])?;
        if self.cleared.is_empty() {
            // It is still the same head that is awaited.
            self.deadline.set(deadline);
        }
        Poll::Ready(Ok(false))
    }

    /// Takes in what a client still sends after it was refused, so that the connection's reset does not overtake
    /// the refusal.
    fn linger(&mut self, context: &mut Context<'_>) -> Poll<()> {
        let mut space = [0; STEP];
        loop {
            let mut buffer = ReadBuf::new(&mut space);
            match Pin::new(&mut self.stream).poll_read(context, &mut buffer) {
                Poll::Ready(Ok(())) if !buffer.filled().is_empty() => {}
                Poll::Ready(_) => return Poll::Ready(()),
                Poll::Pending if self.deadline.poll(context) => return Poll::Ready(()),
                Poll::Pending => return Poll::Pending,
            }
            if self.deadline.is_over() {
                return Poll::Ready(());
            }
        }
    }
}

fn broken(reason: Reason) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, reason.text())
}

impl<S: AsyncRead + Unpin> AsyncRead for Guard<S> {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        loop {
            if !this.cleared.is_empty() {
                this.hand_over(buffer);
                return Poll::Ready(Ok(()));
            }
            if this.refused {
                // The parser closes the connection behind the refusal; an end here would cut it off.
                return Poll::Pending;
            }
            let progress =
                if this.held.is_empty() { this.pass_through(context, buffer) } else { this.gather(context) };
            match progress {
                Poll::Ready(Ok(false)) => {}
                Poll::Ready(Ok(true)) => return Poll::Ready(Ok(())),
                Poll::Ready(Err(error)) => return Poll::Ready(Err(error)),
                Poll::Pending if !this.deadline.poll(context) => return Poll::Pending,
                Poll::Pending if this.held.is_empty() && this.busy.is() => this.active(),
                Poll::Pending if this.held.is_empty() => return Poll::Ready(Ok(())),
                Poll::Pending => {
                    let held = std::mem::take(&mut this.held);
                    this.refuse(Reason::TooSlow, &held);
                }
            }
        }
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncWrite for Guard<S> {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let written = ready!(Pin::new(&mut this.stream).poll_write(context, bytes));
        this.wrote();
        Poll::Ready(written)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let written = ready!(Pin::new(&mut this.stream).poll_write_vectored(context, slices));
        this.wrote();
        Poll::Ready(written)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_flush(context)
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if !this.shut {
            ready!(Pin::new(&mut this.stream).poll_shutdown(context))?;
            this.shut = true;
            this.deadline.set(Instant::now() + LINGER);
        }
        if this.refused || !this.body.is_over() {
            ready!(this.linger(context));
        }
        Poll::Ready(Ok(()))
    }
}

impl<S> Guard<S> {
    /// Something was written. While a head is awaited in part, that does not give it more time.
    fn wrote(&mut self) {
        if self.held.is_empty() {
            self.active();
        }
    }
}

#[cfg(test)]
mod tests;
