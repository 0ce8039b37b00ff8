//! What is stored of an aggregate, read and written.

use std::collections::HashMap;

use cqrs_es::persist::{EventUpcaster, SerializedEvent};
use cqrs_es::{Aggregate, DomainEvent, EventEnvelope, View};
use serde_json::Value;
use wilco_domain::kernel::CommandKind;

use super::LandingView;
use crate::ports::{EventRow, ViewRow};

/// Stored data that cannot be read.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{0}")]
pub struct Undecodable(pub String);

/// Reads a command's data as the aggregate's command.
type Decode<A> = fn(&str) -> Result<<A as Aggregate>::Command, serde_json::Error>;

/// What is needed to read stored data of `A`.
pub(super) struct Codec<A: Aggregate> {
    commands: HashMap<&'static str, Decode<A>>,
    upcasters: Vec<Box<dyn EventUpcaster>>,
}

impl<A: Aggregate> Default for Codec<A> {
    fn default() -> Self {
        Self { commands: HashMap::new(), upcasters: Vec::new() }
    }
}

impl<A: Aggregate> Codec<A> {
    /// Reads commands of this kind too.
    pub(super) fn decode<C: CommandKind<A>>(&mut self) {
        self.commands.insert(C::VERB, |data| serde_json::from_str::<C>(data).map(Into::into));
    }

    /// Shows this upcaster every event that is read.
    pub(super) fn upcast_with(&mut self, upcaster: impl EventUpcaster + 'static) {
        self.upcasters.push(Box::new(upcaster));
    }

    pub(super) fn command(&self, verb: &str, data: &str) -> Result<A::Command, Undecodable> {
        let decode = self.commands.get(verb).ok_or_else(|| Undecodable(format!("no command {verb:?}")))?;
        decode(data).map_err(|error| Undecodable(error.to_string()))
    }

    /// Reads a stored event, through the upcasters.
    pub(super) fn event(&self, row: &EventRow) -> Result<EventEnvelope<A>, Undecodable> {
        let undecodable = |error: serde_json::Error| {
            Undecodable(format!("event {} of {}: {error}", row.sequence, row.aggregate_id))
        };
        let metadata = serde_json::from_str(&row.metadata).map_err(undecodable)?;
        let old =
            self.upcasters.iter().any(|upcaster| upcaster.can_upcast(&row.event_type, &row.event_version));
        let payload = if old {
            self.upcast(row).map_err(undecodable)?
        } else {
            serde_json::from_str(&row.payload).map_err(undecodable)?
        };
        Ok(EventEnvelope {
            aggregate_id: row.aggregate_id.clone(),
            sequence: row.sequence as usize,
            payload,
            metadata,
        })
    }

    fn upcast(&self, row: &EventRow) -> Result<A::Event, serde_json::Error> {
        let stored = SerializedEvent::new(
            row.aggregate_id.clone(),
            row.sequence as usize,
            row.aggregate_type.clone(),
            row.event_type.clone(),
            row.event_version.clone(),
            serde_json::from_str(&row.payload)?,
            Value::Null,
        );
        let upcast = self.upcasters.iter().fold(stored, |event, upcaster| {
            if upcaster.can_upcast(&event.event_type, &event.event_version) {
                upcaster.upcast(event)
            } else {
                event
            }
        });
        serde_json::from_value(upcast.payload)
    }
}

pub(super) fn event_row<A: Aggregate>(event: &EventEnvelope<A>) -> Result<EventRow, Undecodable> {
    let json = |error: serde_json::Error| Undecodable(error.to_string());
    Ok(EventRow {
        aggregate_type: A::TYPE.to_owned(),
        aggregate_id: event.aggregate_id.clone(),
        sequence: event.sequence as i64,
        event_type: event.payload.event_type(),
        event_version: event.payload.event_version(),
        payload: serde_json::to_string(&event.payload).map_err(json)?,
        metadata: serde_json::to_string(&event.metadata).map_err(json)?,
    })
}

pub(super) fn view_row<A, V>(id: &str, version: i64, view: &V) -> Result<ViewRow, Undecodable>
where
    A: Aggregate,
    V: View<A> + LandingView,
{
    Ok(ViewRow {
        view_id: format!("{}/{id}", A::TYPE),
        version,
        payload: serde_json::to_string(view).map_err(|error| Undecodable(error.to_string()))?,
        status: view.status().to_owned(),
        gone: view.is_gone(),
    })
}
