use std::marker::PhantomData;
use std::sync::Arc;

use cqrs_es::Aggregate;

use super::bounds::{EventSourced, ViewOf};
use super::codec::Codec;
use super::executor::{Executor, TypedExecutor};
use super::fingerprint::Fingerprints;
use super::fold::{Fold, TypedFold};
use super::{AggregateType, Indexed, Undecodable};
use crate::ports::{AggregateKey, Command, EventRow};

/// An aggregate type with its types.
pub(super) struct TypedAggregate<A: Aggregate, V> {
    pub(super) collection: &'static str,
    pub(super) services: A::Services,
    pub(super) codec: Arc<Codec<A>>,
    pub(super) indexed: Vec<Indexed>,
    pub(super) fingerprints: Arc<Fingerprints>,
    pub(super) view: PhantomData<fn() -> V>,
}

impl<A: EventSourced, V: ViewOf<A>> AggregateType for TypedAggregate<A, V> {
    fn name(&self) -> &'static str {
        A::TYPE
    }

    fn collection(&self) -> &'static str {
        self.collection
    }

    fn indexed(&self) -> &[Indexed] {
        &self.indexed
    }

    fn executor(&self, cache: usize, snapshot_every: i64) -> Box<dyn Executor> {
        let (codec, fingerprints) = (Arc::clone(&self.codec), Arc::clone(&self.fingerprints));
        let services = self.services.clone();
        Box::new(TypedExecutor::<A, V>::new(codec, fingerprints, services, cache, snapshot_every))
    }

    fn fold(&self, key: &AggregateKey) -> Box<dyn Fold> {
        let (codec, fingerprints) = (Arc::clone(&self.codec), Arc::clone(&self.fingerprints));
        Box::new(TypedFold::<A, V>::new(codec, fingerprints, key))
    }

    fn view_fingerprint(&self) -> &str {
        &self.fingerprints.view
    }

    fn has_upcasters(&self) -> bool {
        self.codec.has_upcasters()
    }

    fn upcast(&self, event: EventRow) -> Result<EventRow, Undecodable> {
        self.codec.upcast(event)
    }

    fn reads_event(&self, event: &EventRow) -> Result<(), Undecodable> {
        self.codec.event(event).map(drop)
    }

    fn reads_command(&self, command: &Command) -> Result<(), Undecodable> {
        self.codec.command(command).map(drop)
    }
}
