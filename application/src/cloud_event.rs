//! The notifications as CloudEvents 1.0 in structured JSON mode, and the subjects they go to.
//!
//! What must hold: whatever stands in the store, a message has a valid subject and valid headers. Texts that become
//! one are encoded; so other programs' rows, and those of before something was checked at the door, harm nobody.

use std::borrow::Cow;
use std::fmt::Write as _;
use std::sync::Arc;

use serde::Serialize;
use serde_json::value::RawValue;
use wilco_domain::kernel::Tenant;

use crate::catalog::Catalog;
use crate::feed::SubjectFilter;
use crate::partition;
use crate::ports::{AggregateKey, Command, EntryBody, EventRow, FeedEntry, Message, State};
use crate::status::{CommandStatus, path_of, rfc3339};
use crate::trace_context::is_traceparent;

/// Makes notifications of feed entries.
#[derive(Clone)]
pub struct Notifier {
    source: String,
    prefix: String,
    catalog: Arc<Catalog>,
}

/// What a notification looks like; the order of the members is that of the specification.
#[derive(Serialize)]
struct CloudEvent<'a, D> {
    specversion: &'static str,
    id: &'a str,
    source: &'a str,
    #[serde(rename = "type")]
    type_: &'a str,
    subject: &'a str,
    time: &'a str,
    datacontenttype: &'static str,
    partition: u16,
    // CloudEvents integers have 32 bits.
    offset: String,
    generation: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    correlationid: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    causationid: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    traceparent: Option<&'a str>,
    tenant: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    dataschema: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    dataref: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    data: Option<D>,
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

/// An entry can never be told, whoever tries: a matter of what is stored, not of the moment.
#[derive(Debug, thiserror::Error)]
pub enum Untellable {
    /// The store cannot read it.
    #[error("the store cannot read it: {0}")]
    Unreadable(String),
    /// Its payload is no JSON.
    #[error("its payload is not JSON")]
    NotJson(#[from] serde_json::Error),
    /// It is larger than the broker takes, and there is no place to refer to, or that does not help.
    #[error("it has {size} bytes, of which the broker takes {most}")]
    TooLarge {
        /// Of the message, at its smallest.
        size: usize,
        /// That the broker takes.
        most: usize,
    },
}

/// What is said of an entry beside its data.
struct Envelope {
    subject: String,
    event_type: String,
    id: String,
    /// `pet/pet-42`, encoded.
    target: String,
    time: String,
    correlation_id: Option<String>,
    command_id: Option<String>,
    traceparent: Option<String>,
    /// Whose it is.
    tenant: Tenant,
    /// Where the data can be read.
    place: Option<String>,
    /// Names the version of its layout; events only.
    schema: Option<String>,
}

impl Notifier {
    /// A notifier whose CloudEvents bear this `source`, and whose subjects begin with this `prefix`.
    pub fn new(source: impl Into<String>, prefix: impl Into<String>, catalog: Arc<Catalog>) -> Self {
        Self { source: source.into(), prefix: prefix.into(), catalog }
    }

    /// The message for an entry of the feed of this generation. One with more than `most` bytes of headers and payload
    /// comes without its data, and says where that can be read.
    ///
    /// # Errors
    /// When no message can be made of it, now or ever.
    pub fn message(&self, entry: &FeedEntry, generation: i64, most: usize) -> Result<Message, Untellable> {
        let (envelope, payload) = match &entry.body {
            EntryBody::Event(event) => {
                let event = &*self.catalog.shown(event);
                let data: &RawValue = serde_json::from_str(&event.payload)?;
                let envelope = self.of_event(entry, event);
                let payload = self.payload(entry, generation, &envelope, Ok(data))?;
                (envelope, payload)
            }
            EntryBody::Outcome(command) => {
                let at = command.settlement.as_ref().map_or(command.accepted_at, |settlement| settlement.at);
                let status = CommandStatus::settled(command, &self.catalog, at);
                let envelope = self.of_outcome(entry, command);
                let payload = self.payload(entry, generation, &envelope, Ok(status))?;
                (envelope, payload)
            }
            EntryBody::Unreadable(reason) => return Err(Untellable::Unreadable(reason.clone())),
        };
        let whole = message(entry, generation, envelope, payload);
        if whole.size() <= most { Ok(whole) } else { self.reference(entry, generation, most, whole.size()) }
    }

    /// The message without its data, which is where it says.
    fn reference(
        &self,
        entry: &FeedEntry,
        generation: i64,
        most: usize,
        size: usize,
    ) -> Result<Message, Untellable> {
        let envelope = match &entry.body {
            EntryBody::Event(event) => self.of_event(entry, &self.catalog.shown(event)),
            EntryBody::Outcome(command) => self.of_outcome(entry, command),
            EntryBody::Unreadable(reason) => return Err(Untellable::Unreadable(reason.clone())),
        };
        let Some(place) = &envelope.place else { return Err(Untellable::TooLarge { size, most }) };
        let payload = self.payload::<()>(entry, generation, &envelope, Err(place))?;
        let reference = Message { referring: true, ..message(entry, generation, envelope, payload) };
        let size = reference.size();
        if size <= most { Ok(reference) } else { Err(Untellable::TooLarge { size, most }) }
    }

    /// Whether a filter means an entry's notification; one that cannot be read has no subject, and is meant by all.
    /// Another tenant's may be named by their subjects or by those that they were the default one's: who reads a feed
    /// sees but one tenant's.
    pub fn is_meant(&self, entry: &FeedEntry, filter: &SubjectFilter) -> bool {
        let Some((tenant, rest)) = self.subject_of(entry) else { return true };
        let plain = || format!("{}.{rest}", self.prefix);
        filter.matches(&self.subject(&tenant, &rest)) || (!tenant.is_default() && filter.matches(&plain()))
    }

    /// Whose an entry is, and its subject without what is before it on every subject of that tenant.
    fn subject_of(&self, entry: &FeedEntry) -> Option<(Tenant, String)> {
        match &entry.body {
            EntryBody::Event(event) => {
                let (tenant, _) = AggregateKey::taken_apart(&event.aggregate_id);
                Some((tenant, subject_of_event(&self.catalog.shown(event), entry.partition)))
            }
            EntryBody::Outcome(command) => {
                Some((command.tenant.clone(), subject_of_outcome(command, entry.partition)))
            }
            EntryBody::Unreadable(_) => None,
        }
    }

    /// `wilco.event.pet.reserved.p07`, or `wilco.tenant.acme.event.pet.reserved.p07`
    fn subject(&self, tenant: &Tenant, rest: &str) -> String {
        let prefix = &self.prefix;
        if tenant.is_default() {
            format!("{prefix}.{rest}")
        } else {
            format!("{prefix}.tenant.{tenant}.{rest}")
        }
    }

    fn of_event(&self, entry: &FeedEntry, event: &EventRow) -> Envelope {
        let metadata = EventMetadata::of(event);
        let key = event.aggregate();
        let target = encoded(key.path());
        let cause = metadata.command_id.map(encoded);
        let id =
            unique(&key.tenant, format!("event:{}:{}", cause.as_deref().unwrap_or(&target), event.sequence));
        let known_time = |at: &String| chrono::DateTime::parse_from_rfc3339(at).is_ok();
        let history = || {
            let resource = self.catalog.resource_path(&key.aggregate_type, &key.id)?;
            Some(format!("{resource}/history"))
        };
        Envelope {
            subject: self.subject(&key.tenant, &subject_of_event(event, entry.partition)),
            event_type: format!("wilco.{}.{}", token(&event.aggregate_type), event_name(event)),
            id,
            target,
            tenant: key.tenant.clone(),
            time: metadata.at.filter(known_time).unwrap_or_else(|| EPOCH.to_owned()),
            place: cause.as_ref().map(|cause| format!("/v1/commands/{cause}/events")).or_else(history),
            correlation_id: metadata.correlation_id.map(encoded),
            command_id: cause,
            traceparent: metadata.traceparent.filter(|text| is_traceparent(text)),
            schema: Some(schema_of(event)),
        }
    }

    fn of_outcome(&self, entry: &FeedEntry, command: &Command) -> Envelope {
        let outcome = outcome_name(command);
        let at = command.settlement.as_ref().map_or(command.accepted_at, |settlement| settlement.at);
        Envelope {
            subject: self.subject(&command.tenant, &subject_of_outcome(command, entry.partition)),
            event_type: format!("wilco.command.{outcome}"),
            id: unique(&command.tenant, format!("{outcome}:{}", command.id)),
            target: encoded(format!("{}/{}", command.aggregate_type(), command.target)),
            tenant: command.tenant.clone(),
            time: rfc3339(&at),
            correlation_id: Some(command.correlation_id.to_string()),
            command_id: Some(command.id.to_string()),
            traceparent: command.traceparent.clone().filter(|text| is_traceparent(text)),
            place: Some(format!("{}?redirect=false", path_of(command.id))),
            schema: None,
        }
    }

    /// The CloudEvent with its data, or with the place where that can be read.
    fn payload<D: Serialize>(
        &self,
        entry: &FeedEntry,
        generation: i64,
        envelope: &Envelope,
        data: Result<D, &str>,
    ) -> Result<Vec<u8>, serde_json::Error> {
        let (data, dataref) = match data {
            Ok(data) => (Some(data), None),
            Err(place) => (None, Some(place)),
        };
        serde_json::to_vec(&CloudEvent {
            specversion: "1.0",
            id: &envelope.id,
            source: &self.source,
            type_: &envelope.event_type,
            subject: &envelope.target,
            time: &envelope.time,
            datacontenttype: "application/json",
            partition: entry.partition,
            offset: entry.offset.to_string(),
            generation: generation.to_string(),
            correlationid: envelope.correlation_id.as_deref(),
            causationid: envelope.command_id.as_deref(),
            traceparent: envelope.traceparent.as_deref(),
            tenant: envelope.tenant.as_str(),
            dataschema: envelope.schema.as_deref(),
            dataref,
            data,
        })
    }
}

/// The time of events that another program wrote without one.
const EPOCH: &str = "1970-01-01T00:00:00.000000Z";

fn message(entry: &FeedEntry, generation: i64, envelope: Envelope, payload: Vec<u8>) -> Message {
    let Envelope { subject, event_type, id, target, command_id, traceparent, tenant, .. } = envelope;
    let mut headers = vec![
        ("Wilco-Target", target),
        ("Wilco-Generation", generation.to_string()),
        ("Wilco-Tenant", tenant.to_string()),
    ];
    headers.extend(command_id.map(|id| ("Wilco-Command-Id", id)));
    headers.extend(traceparent.map(|parent| ("traceparent", parent)));
    Message {
        subject,
        event_type,
        id,
        headers,
        payload: payload.into(),
        partition: entry.partition,
        offset: entry.offset,
        referring: false,
    }
}

/// A URI that names the layout of an event: `urn:wilco:event:pet.reserved:1.0`.
fn schema_of(event: &EventRow) -> String {
    let part = |text: &str| {
        let mut part = String::with_capacity(text.len());
        for b in text.bytes() {
            if b.is_ascii_alphanumeric() || b"._-~".contains(&b) {
                part.push(char::from(b));
            } else {
                let _ = write!(part, "%{b:02X}");
            }
        }
        part
    };
    format!("urn:wilco:event:{}:{}", part(&event.event_type), part(&event.event_version))
}

/// The aggregate an entry is about; one that cannot be read is about none.
pub fn target_of(entry: &FeedEntry) -> Option<AggregateKey> {
    match &entry.body {
        EntryBody::Event(event) => Some(event.aggregate()),
        EntryBody::Outcome(command) => Some(command.aggregate()),
        EntryBody::Unreadable(_) => None,
    }
}

/// Whether an entry is this tenant's; of one that cannot be read nobody knows.
pub fn belongs_to(entry: &FeedEntry, tenant: &Tenant) -> bool {
    match &entry.body {
        EntryBody::Event(event) => AggregateKey::taken_apart(&event.aggregate_id).0 == *tenant,
        EntryBody::Outcome(command) => command.tenant == *tenant,
        EntryBody::Unreadable(_) => true,
    }
}

/// `event.pet.reserved.p07`
fn subject_of_event(event: &EventRow, partition: u16) -> String {
    let (aggregate, name) = (token(&event.aggregate_type), event_name(event));
    format!("event.{aggregate}.{name}.{}", partition::token(partition))
}

/// `command.failed.pet.reserve.p07`
fn subject_of_outcome(command: &Command, partition: u16) -> String {
    let (aggregate, verb) = (token(command.aggregate_type()), token(command.verb()));
    format!("command.{}.{aggregate}.{verb}.{}", outcome_name(command), partition::token(partition))
}

/// The id of a message, which no other tenant's has: ids of commands and aggregates are a tenant's own. Those of the
/// default one are as they were before there were others.
fn unique(tenant: &Tenant, id: String) -> String {
    if tenant.is_default() { id } else { format!("{tenant}:{id}") }
}

/// A command that was cancelled did not succeed: it is told as failed, its status says `cancelled`.
fn outcome_name(command: &Command) -> &'static str {
    if command.state() == State::Succeeded { "succeeded" } else { "failed" }
}

/// The event's name without the aggregate's: `pet.reserved` and `PetReserved` are both `reserved`.
fn event_name(event: &EventRow) -> Cow<'_, str> {
    // As almost all are spelled.
    if let Some((aggregate, name)) = event.event_type.split_once('.')
        && aggregate == event.aggregate_type
        && is_token(name)
    {
        return name.into();
    }
    let name = token(&event.event_type);
    let prefix = token(&event.aggregate_type);
    match name.strip_prefix(&*prefix).and_then(|rest| rest.strip_prefix('_')) {
        Some(rest) if !rest.is_empty() => rest.to_owned().into(),
        _ => name,
    }
}

/// Whether text is a token of a subject as it is.
fn is_token(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_')
}

/// Any text as one token of a subject, lower snake case: nothing in stored data can add a token or a wildcard.
fn token(text: &str) -> Cow<'_, str> {
    if is_token(text) {
        return text.into();
    }
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
    if token.is_empty() { "_".into() } else { token.into() }
}

/// Text as it may stand in a header and in an attribute of a CloudEvent: all but visible ASCII, and the percent sign
/// and the quotation mark, as percent and two digits for each byte (HTTP protocol binding of CloudEvents 1.0, 3.1.3.2).
fn encoded(text: String) -> String {
    let plain = |b: u8| b.is_ascii_graphic() && b != b'%' && b != b'"';
    if text.bytes().all(plain) {
        return text;
    }
    let mut encoded = String::with_capacity(text.len() + 8);
    for b in text.bytes() {
        if plain(b) {
            encoded.push(char::from(b));
        } else {
            let _ = write!(encoded, "%{b:02X}");
        }
    }
    encoded
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn any_text_is_encoded_as_visible_ascii(text in ".*") {
            prop_assert!(encoded(text).bytes().all(|b| b.is_ascii_graphic()));
        }
    }

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
