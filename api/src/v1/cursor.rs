//! The cursors of lists: opaque to clients, so that they are free to change.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::http::Query;
use crate::problems::Refusal;

/// A cursor that says `position`, for the list named `list`.
pub(super) fn write(list: &str, position: &str) -> String {
    URL_SAFE_NO_PAD.encode(format!("{list} {position}"))
}

/// What the query's cursor says, which must be one for this list.
pub(super) fn read<T>(
    query: &Query,
    list: &str,
    position: impl FnOnce(&str) -> Option<T>,
) -> Result<Option<T>, Refusal> {
    let Some(cursor) = query.get("cursor") else { return Ok(None) };
    let bytes = URL_SAFE_NO_PAD.decode(cursor).unwrap_or_default();
    let text = String::from_utf8(bytes).unwrap_or_default();
    let found = text.strip_prefix(list).and_then(|rest| rest.strip_prefix(' ')).and_then(position);
    found.map(Some).ok_or_else(|| Refusal::cursor("cursor"))
}
