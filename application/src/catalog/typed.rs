use std::marker::PhantomData;
use std::sync::{Arc, OnceLock};

use cqrs_es::Aggregate;
use schemars::JsonSchema;

use super::bounds::{EventSourced, ViewOf};
use super::codec::{Codec, Undecodable};
use super::executor::{Executor, TypedExecutor};
use super::fingerprint::Fingerprints;
use super::fold::{Fold, TypedFold};
use super::{AggregateType, Indexed};
use crate::ports::{AggregateKey, Command, EventRow};

/// An aggregate type with its types.
pub(super) struct TypedAggregate<A: Aggregate, V, C = Codec<A>> {
    collection: &'static str,
    services: A::Services,
    pub(super) codec: C,
    pub(super) indexed: Vec<Indexed>,
    pub(super) revision: u32,
    fingerprints: OnceLock<Arc<Fingerprints>>,
    view: PhantomData<fn() -> V>,
}

impl<A: Aggregate, V> TypedAggregate<A, V> {
    pub(super) fn new(collection: &'static str, services: A::Services, codec: Codec<A>) -> Self {
        let (indexed, fingerprints) = (Vec::new(), OnceLock::new());
        Self { collection, services, codec, indexed, revision: 0, fingerprints, view: PhantomData }
    }

    pub(super) fn collection(&self) -> &'static str {
        self.collection
    }

    /// The same, complete.
    pub(super) fn shared(self) -> TypedAggregate<A, V, Arc<Codec<A>>> {
        let Self { collection, services, codec, indexed, revision, fingerprints, view } = self;
        TypedAggregate { collection, services, codec: Arc::new(codec), indexed, revision, fingerprints, view }
    }
}

impl<A: Aggregate, V: JsonSchema, C> TypedAggregate<A, V, C> {
    fn fingerprints(&self) -> &Arc<Fingerprints> {
        self.fingerprints.get_or_init(|| Arc::new(Fingerprints::of::<A, V>(self.revision)))
    }
}

impl<A: EventSourced, V: ViewOf<A>> AggregateType for TypedAggregate<A, V, Arc<Codec<A>>> {
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
        let (codec, fingerprints) = (Arc::clone(&self.codec), Arc::clone(self.fingerprints()));
        let services = self.services.clone();
        Box::new(TypedExecutor::<A, V>::new(codec, fingerprints, services, cache, snapshot_every))
    }

    fn fold(&self, key: &AggregateKey) -> Box<dyn Fold> {
        let (codec, fingerprints) = (Arc::clone(&self.codec), Arc::clone(self.fingerprints()));
        Box::new(TypedFold::<A, V>::new(codec, fingerprints, key))
    }

    fn state_fingerprint(&self) -> &str {
        &self.fingerprints().state
    }

    fn view_fingerprint(&self) -> &str {
        &self.fingerprints().view
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
