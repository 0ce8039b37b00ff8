//! The notifications as CloudEvents 1.0 in structured JSON mode, and the subjects they go to.

use serde::Serialize;
use serde_json::value::RawValue;

use crate::catalog::Catalog;
use crate::pace::Pace;
use crate::partition;
use crate::ports::{AggregateKey, Command, EntryBody, EventRow, FeedEntry, Message, State};
use crate::status::{CommandStatus, rfc3339};

/// Makes notifications of feed entries.
#[derive(Clone, Debug)]
pub struct Notifier {
    source: String,
}

/// What a notification looks like; the order of the members is that of the specification.
#[derive(Serialize)]
struct CloudEvent<'a, D> {
    specversion: &'static str,
    id: &'a str,
    source: &'a str,
    #[serde(rename = "type")]
    type_: String,
    subject: &'a str,
    time: &'a str,
    datacontenttype: &'static str,
    partition: u16,
    // CloudEvents integers have 32 bits.
    offset: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    correlationid: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    causationid: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    traceparent: Option<&'a str>,
    data: D,
}

/// The parts of an event's metadata that notifications and histories show.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Deserialize)]
pub struct EventMetadata {
    /// The command that led to it.
    pub command_id: Option<String>,
    /// The id shared by everything one request set off.
    pub correlation_id: Option<String>,
    /// When it was decided, RFC 3339.
    pub at: Option<String>,
    /// Who asked for it.
    pub actor: Option<String>,
    /// W3C Trace Context.
    pub traceparent: Option<String>,
}

impl EventMetadata {
    /// Of a stored event; one without our members (written by another program) has none of them.
    pub fn of(event: &EventRow) -> Self {
        serde_json::from_str(&event.metadata).unwrap_or_default()
    }
}

/// A notification could not be written as JSON: the stored payload is none.
#[derive(Debug, thiserror::Error)]
#[error("entry {offset} of partition {partition} is not valid JSON")]
pub struct Unreadable {
    partition: u16,
    offset: i64,
    #[source]
    source: serde_json::Error,
}

impl Notifier {
    /// A notifier whose CloudEvents bear this `source`.
    pub fn new(source: impl Into<String>) -> Self {
        Self { source: source.into() }
    }

    /// The message for a feed entry.
    pub fn message(&self, entry: &FeedEntry, catalog: &Catalog, pace: &Pace) -> Result<Message, Unreadable> {
        let made = match &entry.body {
            EntryBody::Event(event) => self.event(entry, event),
            EntryBody::Outcome(command) => self.outcome(entry, command, catalog, pace),
        };
        made.map_err(|source| Unreadable { partition: entry.partition, offset: entry.offset, source })
    }

    fn event(&self, entry: &FeedEntry, event: &EventRow) -> Result<Message, serde_json::Error> {
        let metadata = EventMetadata::of(event);
        let target = format!("{}/{}", event.aggregate_type, event.aggregate_id);
        let id = match &metadata.command_id {
            Some(command) => format!("event:{command}:{}", event.sequence),
            None => format!("event:{target}:{}", event.sequence),
        };
        let name = event_name(event);
        let data: &RawValue = serde_json::from_str(&event.payload)?;
        let payload = serde_json::to_vec(&CloudEvent {
            specversion: "1.0",
            id: &id,
            source: &self.source,
            type_: format!("wilco.{}.{name}", token(&event.aggregate_type)),
            subject: &target,
            time: metadata.at.as_deref().unwrap_or(EPOCH),
            datacontenttype: "application/json",
            partition: entry.partition,
            offset: entry.offset.to_string(),
            correlationid: metadata.correlation_id.as_deref(),
            causationid: metadata.command_id.as_deref(),
            traceparent: metadata.traceparent.as_deref(),
            data,
        })?;
        Ok(message(entry, payload, id, target, metadata.command_id, metadata.traceparent))
    }

    fn outcome(
        &self,
        entry: &FeedEntry,
        command: &Command,
        catalog: &Catalog,
        pace: &Pace,
    ) -> Result<Message, serde_json::Error> {
        let at = command.settlement.as_ref().map_or(command.accepted_at, |settlement| settlement.at);
        let status = CommandStatus::of(command, catalog, pace, at);
        let target = format!("{}/{}", command.aggregate_type(), command.target);
        let outcome = outcome_name(command);
        let command_id = command.id.to_string();
        let id = format!("{outcome}:{command_id}");
        let payload = serde_json::to_vec(&CloudEvent {
            specversion: "1.0",
            id: &id,
            source: &self.source,
            type_: format!("wilco.command.{outcome}"),
            subject: &target,
            time: &rfc3339(&at),
            datacontenttype: "application/json",
            partition: entry.partition,
            offset: entry.offset.to_string(),
            correlationid: Some(&command.correlation_id.to_string()),
            causationid: Some(&command_id),
            traceparent: command.traceparent.as_deref(),
            data: &status,
        })?;
        Ok(message(entry, payload, id, target, Some(command_id), command.traceparent.clone()))
    }
}

/// The time of events that another program wrote without one.
const EPOCH: &str = "1970-01-01T00:00:00.000000Z";

fn message(
    entry: &FeedEntry,
    payload: Vec<u8>,
    id: String,
    target: String,
    command_id: Option<String>,
    traceparent: Option<String>,
) -> Message {
    let mut headers = vec![("Wilco-Target", target)];
    headers.extend(command_id.map(|id| ("Wilco-Command-Id", id)));
    headers.extend(traceparent.map(|parent| ("traceparent", parent)));
    Message {
        subject: subject_of(entry),
        id,
        headers,
        payload,
        partition: entry.partition,
        offset: entry.offset,
    }
}

/// The subject of an entry's notification.
pub fn subject_of(entry: &FeedEntry) -> String {
    let partition = partition::token(entry.partition);
    match &entry.body {
        EntryBody::Event(event) => {
            format!("wilco.event.{}.{}.{partition}", token(&event.aggregate_type), event_name(event))
        }
        EntryBody::Outcome(command) => {
            let (aggregate, verb) = (token(command.aggregate_type()), token(command.verb()));
            format!("wilco.command.{}.{aggregate}.{verb}.{partition}", outcome_name(command))
        }
    }
}

/// The aggregate an entry is about.
pub fn target_of(entry: &FeedEntry) -> AggregateKey {
    let (aggregate_type, id) = match &entry.body {
        EntryBody::Event(event) => (event.aggregate_type.clone(), event.aggregate_id.clone()),
        EntryBody::Outcome(command) => (command.aggregate_type().to_owned(), command.target.clone()),
    };
    AggregateKey { aggregate_type, id }
}

/// A command that was cancelled did not succeed: it is told as failed, its status says `cancelled`.
fn outcome_name(command: &Command) -> &'static str {
    if command.state() == State::Succeeded { "succeeded" } else { "failed" }
}

/// The event's name without the aggregate's: `pet.reserved` and `PetReserved` are both `reserved`.
fn event_name(event: &EventRow) -> String {
    let name = token(&event.event_type);
    let prefix = token(&event.aggregate_type);
    match name.strip_prefix(&prefix).and_then(|rest| rest.strip_prefix('_')) {
        Some(rest) if !rest.is_empty() => rest.to_owned(),
        _ => name,
    }
}

/// Any text as one token of a subject, lower snake case: nothing in stored data can add a token or a wildcard.
fn token(text: &str) -> String {
    let mut token = String::with_capacity(text.len() + 4);
    for c in text.chars() {
        if c.is_ascii_uppercase() {
            if !token.is_empty() && !token.ends_with('_') {
                token.push('_');
            }
            token.push(c.to_ascii_lowercase());
        } else if c.is_ascii_alphanumeric() {
            token.push(c);
        } else {
            token.push('_');
        }
    }
    if token.is_empty() { "_".to_owned() } else { token }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_has_no_way_to_add_another_or_a_wildcard() {
        for text in ["a.b", "a*b", "a>b", "a b", "a\r\nb", "é"] {
            let token = token(text);
            assert!(token.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_'), "{token}");
        }
    }

    #[test]
    fn event_names_lose_their_aggregate_in_either_spelling() {
        for event_type in ["pet.reserved", "PetReserved", "Reserved", "reserved"] {
            let event = EventRow {
                aggregate_type: "pet".into(),
                aggregate_id: "1".into(),
                sequence: 1,
                event_type: event_type.into(),
                event_version: "1.0".into(),
                payload: "{}".into(),
                metadata: "{}".into(),
            };
            assert_eq!(event_name(&event), "reserved");
        }
    }
}
