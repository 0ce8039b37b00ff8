use std::marker::PhantomData;
use std::sync::Arc;

use cqrs_es::Aggregate;

use super::codec::Codec;
use super::executor::{Executor, TypedExecutor};
use super::fold::{Fold, TypedFold};
use super::registration::{EventSourced, ViewOf};
use super::{AggregateType, Indexed};
use crate::ports::AggregateKey;

/// An aggregate type with its types.
pub(super) struct TypedAggregate<A: Aggregate, V, C = Codec<A>> {
    collection: &'static str,
    services: A::Services,
    pub(super) codec: C,
    pub(super) indexed: Vec<Indexed>,
    view: PhantomData<fn() -> V>,
}

impl<A: Aggregate, V> TypedAggregate<A, V> {
    pub(super) fn new(collection: &'static str, services: A::Services, codec: Codec<A>) -> Self {
        Self { collection, services, codec, indexed: Vec::new(), view: PhantomData }
    }

    pub(super) fn collection(&self) -> &'static str {
        self.collection
    }

    /// The same, complete.
    pub(super) fn shared(self) -> TypedAggregate<A, V, Arc<Codec<A>>> {
        let Self { collection, services, codec, indexed, view } = self;
        TypedAggregate { collection, services, codec: Arc::new(codec), indexed, view }
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
        let codec = Arc::clone(&self.codec);
        Box::new(TypedExecutor::<A, V>::new(codec, self.services.clone(), cache, snapshot_every))
    }

    fn fold(&self, key: &AggregateKey) -> Box<dyn Fold> {
        Box::new(TypedFold::<A, V>::new(Arc::clone(&self.codec), key))
    }
}
