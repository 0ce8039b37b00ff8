use axum::response::Response;
use serde::Serialize;
use serde_json::value::RawValue;

use super::reader::Reader;
use crate::http::answer;
use crate::problems::Refusal;

/// Entries that are looked at for one page; a filter that leaves nearly all of them out must not keep the server
/// busy for long.
const MOST_SEEN: usize = 20_000;

#[derive(Serialize)]
struct Page {
    items: Vec<Box<RawValue>>,
    next_cursor: String,
}

/// One page of the feed.
pub(super) async fn answer(mut reader: Reader, limit: usize) -> Result<Response, Refusal> {
    let mut items = Vec::new();
    let mut seen = 0;
    while items.len() < limit && seen < MOST_SEEN {
        let look = reader.look(limit - items.len()).await?;
        if look.seen == 0 {
            break;
        }
        seen += look.seen;
        for (message, _) in look.found {
            let text = String::from_utf8(message.payload.into()).map_err(|_| Refusal::internal())?;
            items.push(RawValue::from_string(text)?);
        }
    }
    answer::json(&Page { items, next_cursor: reader.cursor.to_string() })
}
