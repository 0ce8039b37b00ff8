//! What is read of an entry of the feed, and of other JSON.

use serde_json::Value;

/// Whether it tells of the end of a command; others are events.
pub(super) fn is_outcome(entry: &Value) -> bool {
    entry["type"].as_str().is_some_and(|kind| kind.starts_with("wilco.command."))
}

/// Partition and offset.
pub(super) fn place(entry: &Value) -> (i64, i64) {
    let offset = entry["offset"].as_str().and_then(|offset| offset.parse().ok());
    (entry["partition"].as_i64().expect("a partition"), offset.expect("an offset"))
}

/// A member that must be there, and a text.
pub(super) fn text(value: &Value, member: &str) -> String {
    value[member].as_str().unwrap_or_else(|| panic!("no {member} in {value}")).to_owned()
}
