use std::marker::PhantomData;
use std::sync::Arc;

use cqrs_es::persist::EventUpcaster;
use cqrs_es::{Aggregate, View};
use wilco_domain::kernel::{CommandKind, Rejection};

use super::codec::Codec;
use super::executor::{Executor, TypedExecutor};
use super::fold::{Fold, TypedFold};
use super::{AggregateType, LandingView};

/// An aggregate type with its types.
pub(super) struct TypedAggregate<A: Aggregate, V> {
    collection: &'static str,
    services: A::Services,
    codec: Arc<Codec<A>>,
    view: PhantomData<fn() -> V>,
}

impl<A: Aggregate, V> TypedAggregate<A, V> {
    pub(super) fn new(collection: &'static str, services: A::Services) -> Self {
        Self { collection, services, codec: Arc::default(), view: PhantomData }
    }

    pub(super) fn decodes<C: CommandKind<A>>(&mut self) {
        if let Some(codec) = Arc::get_mut(&mut self.codec) {
            codec.decode::<C>();
        }
    }

    pub(super) fn upcasts(&mut self, upcaster: impl EventUpcaster + 'static) {
        if let Some(codec) = Arc::get_mut(&mut self.codec) {
            codec.upcast_with(upcaster);
        }
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
