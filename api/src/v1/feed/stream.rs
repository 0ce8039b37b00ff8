use std::fmt::Write;
use std::sync::Arc;

use axum::body::Bytes;
use axum::response::Response;
use tokio::sync::watch;
use tokio::time::Instant;
use wilco_application::ports::Message;

use super::reader::{CHUNK, Reader};
use crate::http::{OpenStream, answer};

/// How long to wait before reconnecting, in milliseconds.
const RETRY: u32 = 1000;

struct Stream {
    reader: Reader,
    /// Whether events bear their types as names.
    named: bool,
    news: watch::Receiver<()>,
    begun: bool,
    /// When the client was last told something, if only its cursor.
    told: Instant,
    _open: OpenStream,
}

/// Streams the feed for as long as the client stays and the server runs.
pub(super) fn answer(reader: Reader, named: bool) -> Response {
    // Subscribed before anything is read: what is committed in between wakes the first wait.
    let news = reader.state.engine().feed().subscribe();
    let stream = Stream { reader, named, news, begun: false, told: Instant::now(), _open: OpenStream::new() };
    answer::event_stream(futures::stream::try_unfold(stream, next))
}

async fn next(mut stream: Stream) -> Result<Option<(Bytes, Stream)>, axum::BoxError> {
    if !stream.begun {
        stream.begun = true;
        let first = format!("retry: {RETRY}\nid: {}\n\n", stream.reader.cursor);
        return Ok(Some((Bytes::from(first), stream)));
    }
    let engine = Arc::clone(stream.reader.state.engine());
    let silence = stream.reader.state.silence();
    loop {
        // A cursor of another generation is none any more: whoever comes back with it is told so.
        if engine.is_closing() || engine.feed().generation() != stream.reader.cursor.generation() {
            return Ok(None);
        }
        stream.news.mark_unchanged();
        let look = stream.reader.look(CHUNK).await?;
        let mut text = String::new();
        for (message, cursor) in &look.found {
            write(&mut text, message, &cursor.to_string(), stream.named);
        }
        if text.is_empty() && stream.told.elapsed() >= silence {
            // An `id` alone: nothing is dispatched, but the client's cursor moves on.
            text = format!(": still here\nid: {}\n\n", stream.reader.cursor);
        }
        if !text.is_empty() {
            stream.told = Instant::now();
            return Ok(Some((Bytes::from(text), stream)));
        }
        if look.seen > 0 {
            continue;
        }
        tokio::select! {
            news = stream.news.changed() => news?,
            () = tokio::time::sleep_until(stream.told + silence) => {}
            () = engine.closed() => return Ok(None),
        }
    }
}

fn write(text: &mut String, message: &Message, cursor: &str, named: bool) {
    let payload = String::from_utf8_lossy(&message.payload);
    let _ = writeln!(text, "id: {cursor}");
    if named {
        let _ = writeln!(text, "event: {}", message.event_type);
    }
    // JSON may be broken into lines between its tokens only, where a line feed means nothing.
    for line in payload.lines() {
        let _ = writeln!(text, "data: {line}");
    }
    text.push('\n');
}
