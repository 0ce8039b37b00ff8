//! What is stored of an aggregate, read and written.

use std::collections::HashMap;

use cqrs_es::persist::{EventUpcaster, SerializedEvent};
use cqrs_es::{Aggregate, DomainEvent, EventEnvelope, View};
use serde::Deserialize;
use serde_json::Value;
use wilco_domain::kernel::{Effect, LandingView};

use super::Undecodable;
use super::command_type::Unchecked;
use super::fingerprint;
use super::panics::caught;
use crate::ports::{AggregateKey, Command, EventRow, ViewRow};

/// Reads the data of a command that serde calls so.
pub(super) type Read<A> = fn(&str, &Command) -> Result<<A as Aggregate>::Command, serde_json::Error>;

const UPCASTER: &str = "an upcaster";

/// What is needed to read stored data of `A`.
pub(super) struct Codec<A: Aggregate> {
    read: Read<A>,
    commands: HashMap<String, Known>,
    upcasters: Vec<Box<dyn EventUpcaster>>,
}

/// A command that is known.
struct Known {
    /// As serde calls it.
    name: String,
    effect: Effect,
}

impl<A: Aggregate> Codec<A> {
    pub(super) fn new(read: Read<A>) -> Self {
        Self { read, commands: HashMap::new(), upcasters: Vec::new() }
    }

    /// Knows this command too.
    pub(super) fn takes(&mut self, command: &Unchecked) {
        let known = Known { name: command.name().to_owned(), effect: command.effect };
        self.commands.insert(command.verb().to_owned(), known);
    }

    /// Shows this upcaster every event that is read.
    pub(super) fn upcast_with(&mut self, upcaster: impl EventUpcaster + 'static) {
        self.upcasters.push(Box::new(upcaster));
    }

    pub(super) fn has_upcasters(&self) -> bool {
        !self.upcasters.is_empty()
    }

    /// The command, and what it does to the aggregate's existence.
    pub(super) fn command(&self, command: &Command) -> Result<(A::Command, Effect), Undecodable> {
        let verb = command.verb();
        let known = self.commands.get(verb).ok_or_else(|| Undecodable(format!("no command {verb:?}")))?;
        let read = (self.read)(&known.name, command).map_err(|error| Undecodable(error.to_string()))?;
        Ok((read, known.effect))
    }

    /// Reads a stored event, through the upcasters.
    pub(super) fn event(&self, row: &EventRow) -> Result<EventEnvelope<A>, Undecodable> {
        if self.is_old(&row.event_type, &row.event_version)? {
            return read(&self.upcast(row.clone())?);
        }
        read(row)
    }

    /// Brings an event to the layout of today.
    pub(super) fn upcast(&self, row: EventRow) -> Result<EventRow, Undecodable> {
        /// An upcaster that does not raise the version would go on for ever.
        const MOST_ROUNDS: usize = 100;
        if !self.is_old(&row.event_type, &row.event_version)? {
            return Ok(row);
        }
        let payload = serde_json::from_str(&row.payload).map_err(|error| unreadable(&row, error))?;
        let mut event = SerializedEvent::new(
            AggregateKey::taken_apart(&row.aggregate_id).1.to_owned(),
            row.sequence as usize,
            row.aggregate_type.clone(),
            row.event_type.clone(),
            row.event_version.clone(),
            payload,
            Value::Null,
        );
        for _ in 0..MOST_ROUNDS {
            let upcast =
                caught(UPCASTER, || match self.upcaster_of(&event.event_type, &event.event_version) {
                    Some(upcaster) => (upcaster.upcast(event), true),
                    None => (event, false),
                });
            let (upcast, more) = upcast.map_err(|error| unreadable(&row, error))?;
            if !more {
                let (event_type, event_version) = (upcast.event_type, upcast.event_version);
                return Ok(EventRow {
                    event_type,
                    event_version,
                    payload: upcast.payload.to_string(),
                    ..row
                });
            }
            event = upcast;
        }
        Err(unreadable(&row, "its upcasters do not come to an end: one of them does not raise the version"))
    }

    /// Whether an upcaster can take an event of that type and version.
    fn is_old(&self, event_type: &str, version: &str) -> Result<bool, Undecodable> {
        if self.upcasters.is_empty() {
            return Ok(false);
        }
        caught(UPCASTER, || self.upcaster_of(event_type, version).is_some())
    }

    fn upcaster_of(&self, event_type: &str, version: &str) -> Option<&dyn EventUpcaster> {
        self.upcasters
            .iter()
            .find(|upcaster| upcaster.can_upcast(event_type, version))
            .map(|upcaster| &**upcaster)
    }
}

fn read<A: Aggregate>(row: &EventRow) -> Result<EventEnvelope<A>, Undecodable> {
    let undecodable = |error: serde_json::Error| unreadable(row, error);
    Ok(EventEnvelope {
        aggregate_id: AggregateKey::taken_apart(&row.aggregate_id).1.to_owned(),
        sequence: row.sequence as usize,
        payload: serde_json::from_str(&row.payload).map_err(undecodable)?,
        metadata: serde_json::from_str(&row.metadata).map_err(undecodable)?,
    })
}

fn unreadable(row: &EventRow, error: impl std::fmt::Display) -> Undecodable {
    let EventRow { event_type, event_version, aggregate_id, sequence, .. } = row;
    Undecodable(format!("event {sequence} of {aggregate_id} ({event_type} {event_version}): {error}"))
}

/// The event as it is stored, of the aggregate that is stored under this id.
pub(super) fn event_row<A: Aggregate>(
    event: &EventEnvelope<A>,
    stored_id: &str,
) -> Result<EventRow, Undecodable> {
    let json = |error: serde_json::Error| Undecodable(error.to_string());
    Ok(EventRow {
        aggregate_type: A::TYPE.to_owned(),
        aggregate_id: stored_id.to_owned(),
        sequence: event.sequence as i64,
        event_type: event.payload.event_type(),
        event_version: event.payload.event_version(),
        payload: serde_json::to_string(&event.payload).map_err(json)?,
        metadata: serde_json::to_string(&event.metadata).map_err(json)?,
    })
}

pub(super) fn view_row<A, V>(
    key: &AggregateKey,
    version: i64,
    view: &V,
    made_by: &str,
) -> Result<ViewRow, Undecodable>
where
    A: Aggregate,
    V: View<A> + LandingView,
{
    let payload = serde_json::to_string(view).map_err(|error| Undecodable(error.to_string()))?;
    Ok(ViewRow {
        view_id: key.view_id(),
        version,
        status: status_of(&payload),
        payload,
        gone: view.is_gone(),
        fingerprint: Some(fingerprint::mark(made_by, version)),
    })
}

/// What a view says in its member `status`, if that is a text.
fn status_of(payload: &str) -> String {
    #[derive(Deserialize)]
    struct Status {
        #[serde(default)]
        status: String,
    }
    serde_json::from_str::<Status>(payload).map(|view| view.status).unwrap_or_default()
}
