//! The notifications as CloudEvents 1.0 in structured JSON mode, and the subjects they go to.
//!
//! What must hold: whatever stands in the store, a message has a valid subject and valid headers. Texts that become
//! one are encoded; so other programs' rows, and those of before something was checked at the door, harm nobody.

mod envelope;
mod metadata;
mod names;

use std::sync::Arc;

use serde_json::value::RawValue;
use wilco_domain::kernel::Tenant;

use crate::catalog::Catalog;
use crate::feed::SubjectFilter;
use crate::ports::{AggregateKey, Command, EntryBody, EventRow, FeedEntry, Message};
use crate::status::{CommandStatus, path_of, rfc3339};
use crate::trace_context::is_traceparent;

use envelope::{Envelope, Told};
pub use metadata::{EventMetadata, Text};
use names::{encoded, outcome_name, schema_of, subject_of_event, subject_of_outcome, type_of_event, unique};

/// About how many bytes of a payload are not its data, and how many an outcome's data has.
const ENVELOPE: usize = 640;
const OUTCOME: usize = 1024;

/// Makes notifications of feed entries.
#[derive(Clone)]
pub struct Notifier {
    source: String,
    prefix: String,
    catalog: Arc<Catalog>,
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
        let whole = match &entry.body {
            EntryBody::Event(event) => {
                let event = &*self.catalog.shown(event);
                let data: &RawValue = serde_json::from_str(&event.payload)?;
                let size = ENVELOPE + event.payload.len();
                let envelope = self.of_event(entry, event);
                envelope.message(entry, generation, &self.source, Told::Data(data), size)?
            }
            EntryBody::Outcome(command) => {
                let at = command.settlement.as_ref().map_or(command.accepted_at, |settlement| settlement.at);
                let status = CommandStatus::settled(command, &self.catalog, at);
                let envelope = self.of_outcome(entry, command);
                envelope.message(entry, generation, &self.source, Told::Data(status), ENVELOPE + OUTCOME)?
            }
            EntryBody::Unreadable(reason) => return Err(Untellable::Unreadable(reason.clone())),
        };
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
        let shown;
        let (envelope, place) = match &entry.body {
            EntryBody::Event(event) => {
                shown = self.catalog.shown(event);
                let envelope = self.of_event(entry, &shown);
                let place = self.place_of(&shown, envelope.command_id.as_deref());
                (envelope, place.ok_or(Untellable::TooLarge { size, most })?)
            }
            EntryBody::Outcome(command) => {
                (self.of_outcome(entry, command), format!("{}?redirect=false", path_of(command.id)))
            }
            EntryBody::Unreadable(reason) => return Err(Untellable::Unreadable(reason.clone())),
        };
        let told = Told::<()>::Place(&place);
        let reference = envelope.message(entry, generation, &self.source, told, ENVELOPE)?;
        let size = reference.size();
        if size <= most { Ok(reference) } else { Err(Untellable::TooLarge { size, most }) }
    }

    /// Where an event can be read: among those of the command that led to it, or in the history.
    fn place_of(&self, event: &EventRow, cause: Option<&str>) -> Option<String> {
        if let Some(cause) = cause {
            return Some(format!("/v1/commands/{cause}/events"));
        }
        let key = event.aggregate();
        let resource = self.catalog.resource_path(&key.aggregate_type, &key.id)?;
        Some(format!("{resource}/history"))
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
            [prefix, ".", rest].concat()
        } else {
            [prefix, ".tenant.", tenant.as_str(), ".", rest].concat()
        }
    }

    fn of_event<'a>(&self, entry: &FeedEntry, event: &'a EventRow) -> Envelope<'a> {
        let EventMetadata { command_id, correlation_id, at, traceparent, .. } = EventMetadata::of(event);
        let key = event.aggregate();
        let target = encoded(key.path()).into_owned();
        let cause = command_id.map(|id| encoded(id.0));
        let [tenant, colon] = unique(&key.tenant);
        let sequence = event.sequence.to_string();
        let id = [tenant, colon, "event:", cause.as_deref().unwrap_or(&target), ":", &sequence].concat();
        let known_time = |at: &Text<'_>| chrono::DateTime::parse_from_rfc3339(at).is_ok();
        Envelope {
            subject: self.subject(&key.tenant, &subject_of_event(event, entry.partition)),
            event_type: type_of_event(event),
            id,
            target,
            time: at.filter(known_time).map_or(EPOCH.into(), |at| at.0),
            correlation_id: correlation_id.map(|id| encoded(id.0)),
            command_id: cause,
            traceparent: traceparent.filter(|text| is_traceparent(text)).map(|text| text.0),
            tenant: key.tenant,
            schema: Some(schema_of(event)),
        }
    }

    fn of_outcome<'a>(&self, entry: &FeedEntry, command: &'a Command) -> Envelope<'a> {
        let outcome = outcome_name(command);
        let at = command.settlement.as_ref().map_or(command.accepted_at, |settlement| settlement.at);
        let [tenant, colon] = unique(&command.tenant);
        let id = command.id.to_string();
        let traceparent = command.traceparent.as_deref().filter(|text| is_traceparent(text));
        Envelope {
            subject: self.subject(&command.tenant, &subject_of_outcome(command, entry.partition)),
            event_type: ["wilco.command.", outcome].concat(),
            id: [tenant, colon, outcome, ":", &id].concat(),
            target: encoded([command.aggregate_type(), "/", &command.target].concat()).into_owned(),
            time: rfc3339(&at).into(),
            correlation_id: Some(command.correlation_id.to_string().into()),
            command_id: Some(id.into()),
            traceparent: traceparent.map(Into::into),
            tenant: command.tenant.clone(),
            schema: None,
        }
    }
}

/// The time of events that another program wrote without one.
const EPOCH: &str = "1970-01-01T00:00:00.000000Z";

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
