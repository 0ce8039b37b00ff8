//! What people read.

use std::error::Error;
use std::fmt::{Display, Write as _};
use std::io::{self, Write as _};

use serde_json::Value;

use crate::Name;

/// Prints a line.
pub fn say(line: impl Display) -> io::Result<()> {
    let mut out = io::stdout().lock();
    writeln!(out, "{line}")?;
    out.flush()
}

/// Prints a note beside the output; whether anybody reads it does not matter.
pub fn note(line: impl Display) {
    let _ = writeln!(io::stderr().lock(), "{line}");
}

/// Prints an error with all that led to it.
pub fn complain(name: Name, error: &dyn Error) {
    let mut text = format!("{}: {error}", name.as_str());
    let mut last = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        let cause = error.to_string();
        // A transparent error says what its source says, and some say it at their end.
        if !last.ends_with(&cause) {
            let _ = write!(text, ": {cause}");
        }
        last = cause;
        source = error.source();
    }
    note(text);
}

/// A command status for people.
pub fn status(status: &Value) -> String {
    let text = |name: &str| status[name].as_str().unwrap_or("-");
    let mut out = format!("{}  {}  {}\n", text("id"), text("type"), target(status));
    let _ = write!(out, "  {}", text("status"));
    let since = match status["settled_at"].as_str() {
        Some(at) => format!(" at {at}"),
        None => format!(", accepted at {}", text("accepted_at")),
    };
    out.push_str(&since);
    for (name, label) in [("not_before", "not before"), ("eta", "expected by"), ("resource", "resource")] {
        if let Some(value) = status[name].as_str() {
            let _ = write!(out, "\n  {label} {value}");
        }
    }
    if let Some(version) = status["version"].as_i64() {
        let _ = write!(out, "\n  version {version}");
    }
    for member in ["blocked", "error"] {
        if status[member].is_object() {
            let _ = write!(out, "\n  {}", problem(&status[member]).replace('\n', "\n  "));
        }
    }
    out
}

/// A command status as a line of a list.
pub fn status_line(status: &Value) -> String {
    let text = |name: &str| status[name].as_str().unwrap_or("-");
    let (id, state, kind) = (text("id"), text("status"), text("type"));
    format!("{id}  {state:<9}  {}  {kind:<14}  {}", text("accepted_at"), target(status))
}

/// A command in a tree: what was asked of whom, and what became of it.
pub fn tree_line(status: &Value) -> String {
    let text = |name: &str| status[name].as_str().unwrap_or("-");
    let why = status["error"]["detail"].as_str().map(|why| format!(": {why}")).unwrap_or_default();
    format!("{}  {}  {}{why}  ({})", text("type"), target(status), text("status"), text("id"))
}

/// An event in a tree.
pub fn caused_event(event: &Value) -> String {
    let text = |name: &str| event[name].as_str().unwrap_or("-");
    format!("{}  {} #{}", text("type"), text("target"), event["sequence"])
}

/// A type of command as a line of a list: what it is called, what it does to its aggregate, and what its data needs.
pub fn command_type(kind: &Value) -> String {
    let text = |name: &str| kind[name].as_str().unwrap_or("-");
    let needs = kind["schema"]["required"].as_array().into_iter().flatten().filter_map(Value::as_str);
    let needs = needs.collect::<Vec<_>>().join(", ");
    format!("{:<20}  {:<8}  {needs}", text("name"), text("effect")).trim_end().to_owned()
}

/// A problem for people: what went wrong, and which member is at fault.
pub fn problem(problem: &Value) -> String {
    let title = problem["title"].as_str().unwrap_or("The server refused");
    let mut out = title.to_owned();
    if let Some(status) = problem["status"].as_u64() {
        let _ = write!(out, " ({status})");
    }
    if let Some(detail) = problem["detail"].as_str() {
        let _ = write!(out, ": {detail}");
    }
    for error in problem["errors"].as_array().into_iter().flatten() {
        let pointer = error["pointer"].as_str().unwrap_or_default();
        let _ = write!(out, "\n  {pointer}: {}", error["detail"].as_str().unwrap_or_default());
    }
    out
}

/// A notification as a line.
pub fn notification(event: &Value) -> String {
    let text = |name: &str| event[name].as_str().unwrap_or("-");
    format!("{}  {}  {}  {}", text("time"), text("type"), text("subject"), event["data"])
}

fn target(status: &Value) -> String {
    let part = |name: &str| status["target"][name].as_str().unwrap_or("-");
    format!("{}/{}", part("type"), part("id"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_failed_command_says_why() {
        let text = status(&json!({
            "id": "1", "type": "pet.reserve", "target": {"type": "pet", "id": "rex"}, "status": "failed",
            "settled_at": "2026-01-01T00:00:00Z", "resource": null, "version": null,
            "error": {"title": "Pet sold", "status": 409, "detail": "the pet is sold"},
        }));
        assert_eq!(
            text,
            "1  pet.reserve  pet/rex\n  failed at 2026-01-01T00:00:00Z\n  Pet sold (409): the pet is sold"
        );
    }

    #[test]
    fn a_problem_names_the_members_at_fault() {
        let text = problem(&json!({
            "title": "Validation", "status": 400,
            "errors": [{"pointer": "/data/name", "detail": "is missing"}],
        }));
        assert_eq!(text, "Validation (400)\n  /data/name: is missing");
    }
}
