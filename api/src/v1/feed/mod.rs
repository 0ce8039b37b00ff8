//! The feed over HTTP: as server-sent events, or a page at a time.
//!
//! What must hold: a client that goes on from the last cursor it saw misses nothing and sees nothing twice. So a
//! cursor moves past an entry only when the entry was told or is not wanted, and the very first thing in a stream
//! is the cursor it begins at. Nothing is gathered for a client that does not read: the next entries are only
//! looked for when the last were taken.

mod described;
mod page;
mod reader;
mod stream;

use axum::http::StatusCode;
use axum::response::Response;
use wilco_application::feed::{Cursor, CursorError, FeedHub};

use crate::header_names::LAST_EVENT_ID;
use crate::http::{Call, Media, Query, answer, single};
use crate::openapi::Route;
use crate::problems::Refusal;
use reader::{Reader, Wanted};

const USUAL: u32 = 100;
const MOST: u32 = 1000;

pub(super) fn route() -> Route {
    Route::get("/v1/feed", read, described::operation())
}

async fn read(call: Call) -> Result<Response, Refusal> {
    let media = call.accept_stream()?;
    let query = call.query(&["subject", "target", "after", "limit", "event"])?;
    let naming = naming(&query)?;
    let limit = query.limit(USUAL, MOST)?;
    let wanted = Wanted::of(&query, &call.caller().tenant)?;
    let given = match single(call.headers(), &LAST_EVENT_ID)?.filter(|text| !text.is_empty()) {
        Some(text) => Some(("last-event-id", text)),
        None => query.get("after").map(|text| ("after", text)),
    };
    // Also what the last commit wrote, here or at another replica, is before "now".
    call.engine().feed().refresh().await?;
    let cursor = begin(call.engine().feed(), given)?;
    let reader = Reader::new(call.state.clone(), wanted, cursor);
    let response = match media {
        Media::EventStream => stream::answer(reader, naming),
        _ => page::answer(reader, limit as usize).await?,
    };
    Ok(answer::varies(response, "accept"))
}

/// Whether the events of a stream bear their types as names; a browser hands those with a name to whoever listens to
/// that name alone.
fn naming(query: &Query) -> Result<bool, Refusal> {
    match query.get("event") {
        None | Some("type") => Ok(true),
        Some("none") => Ok(false),
        Some(_) => Err(Refusal::parameter("event", "neither type nor none")),
    }
}

/// Where the client wants to begin.
fn begin(hub: &FeedHub, given: Option<(&str, &str)>) -> Result<Cursor, Refusal> {
    match given {
        None => Ok(Cursor::end(hub.heads())),
        Some((_, "start")) => Ok(Cursor::start(&hub.heads())),
        Some((name, text)) => Cursor::parse(text, &hub.heads()).map_err(|error| match error {
            CursorError::Foreign => Refusal::cursor(name),
            gone => Refusal::new("cursor-expired", StatusCode::GONE, gone.to_string()),
        }),
    }
}
