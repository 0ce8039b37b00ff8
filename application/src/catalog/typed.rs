use std::collections::HashMap;
use std::marker::PhantomData;
use std::sync::Arc;

use cqrs_es::persist::{EventUpcaster, SerializedEvent};
use cqrs_es::{Aggregate, EventEnvelope, View};
use serde_json::Value;
use wilco_domain::kernel::{CommandKind, Rejection};

use super::executor::{Executor, TypedExecutor, Undecodable};
use super::fold::{Fold, TypedFold};
use super::{AggregateType, LandingView};
use crate::ports::EventRow;

/// Reads a command's data as the aggregate's command.
pub(super) type Decode<A> = fn(&str) -> Result<<A as Aggregate>::Command, serde_json::Error>;

/// What is needed to read stored data of `A`.
pub(super) struct Codec<A: Aggregate> {
    commands: HashMap<&'static str, Decode<A>>,
    upcasters: Vec<Box<dyn EventUpcaster>>,
}

/// An aggregate type with its types.
pub(super) struct TypedAggregate<A: Aggregate, V> {
    collection: &'static str,
    services: A::Services,
    codec: Arc<Codec<A>>,
    view: PhantomData<fn() -> V>,
}

impl<A: Aggregate, V> TypedAggregate<A, V> {
    pub(super) fn new(collection: &'static str, services: A::Services) -> Self {
        let codec = Arc::new(Codec { commands: HashMap::new(), upcasters: Vec::new() });
        Self { collection, services, codec, view: PhantomData }
    }

    pub(super) fn decodes<C: CommandKind<A>>(&mut self) {
        if let Some(codec) = Arc::get_mut(&mut self.codec) {
            codec.commands.insert(C::VERB, |data| serde_json::from_str::<C>(data).map(Into::into));
        }
    }

    pub(super) fn upcasts(&mut self, upcaster: impl EventUpcaster + 'static) {
        if let Some(codec) = Arc::get_mut(&mut self.codec) {
            codec.upcasters.push(Box::new(upcaster));
        }
    }
}

impl<A: Aggregate> Codec<A> {
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

impl<A, V> AggregateType for TypedAggregate<A, V>
where
    A: Aggregate<Command: Send, Event: Send, Error: Rejection + Send, Services: Clone> + Clone + 'static,
    V: View<A> + LandingView + Clone + 'static,
{
    fn name(&self) -> &'static str {
        A::TYPE
    }

    fn collection(&self) -> &'static str {
        self.collection
    }

    fn executor(&self, cache: usize, snapshot_every: i64) -> Box<dyn Executor> {
        let codec = Arc::clone(&self.codec);
        Box::new(TypedExecutor::<A, V>::new(codec, self.services.clone(), cache, snapshot_every))
    }

    fn fold(&self, id: &str) -> Box<dyn Fold> {
        Box::new(TypedFold::<A, V>::new(Arc::clone(&self.codec), id))
    }
}
