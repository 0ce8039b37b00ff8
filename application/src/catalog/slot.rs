use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use cqrs_es::{Aggregate, AggregateContext, AggregateError, EventEnvelope, EventStore};

/// The event store that `CqrsFramework` is given: it hands out the one aggregate that was laid into it, and keeps
/// what the framework commits until the worker takes it out. It touches no database: the worker loads before
/// and writes after, for a whole batch at once.
pub(super) struct Slot<A: Aggregate>(Arc<Mutex<Content<A>>>);

struct Content<A: Aggregate> {
    state: Option<Seated<A>>,
    committed: Vec<EventEnvelope<A>>,
}

/// An aggregate as it stands before a command.
pub(super) struct Seated<A: Aggregate> {
    state: A,
    id: String,
    version: usize,
}

impl<A: Aggregate> Clone for Slot<A> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<A: Aggregate> Default for Slot<A> {
    fn default() -> Self {
        Self(Arc::new(Mutex::new(Content { state: None, committed: Vec::new() })))
    }
}

impl<A: Aggregate> Slot<A> {
    /// Lays an aggregate in and forgets what was left of the command before.
    pub(super) fn seat(&self, state: A, id: &str, version: i64) {
        let mut content = self.content();
        content.state = Some(Seated { state, id: id.to_owned(), version: version as usize });
        content.committed.clear();
    }

    /// Takes the events that the command decided.
    pub(super) fn take(&self) -> Vec<EventEnvelope<A>> {
        std::mem::take(&mut self.content().committed)
    }

    fn content(&self) -> MutexGuard<'_, Content<A>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<A: Aggregate> AggregateContext<A> for Seated<A> {
    fn aggregate(&mut self) -> &mut A {
        &mut self.state
    }
}

#[derive(Debug, thiserror::Error)]
#[error("the slot holds one aggregate for one command")]
struct Empty;

impl<A: Aggregate> EventStore<A> for Slot<A> {
    type AC = Seated<A>;

    async fn load_events(&self, _: &str) -> Result<Vec<EventEnvelope<A>>, AggregateError<A::Error>> {
        Err(AggregateError::UnexpectedError(Box::new(Empty)))
    }

    async fn load_aggregate(&self, _: &str) -> Result<Seated<A>, AggregateError<A::Error>> {
        self.content().state.take().ok_or_else(|| AggregateError::UnexpectedError(Box::new(Empty)))
    }

    async fn commit(
        &self,
        events: Vec<A::Event>,
        context: Seated<A>,
        metadata: HashMap<String, String>,
    ) -> Result<Vec<EventEnvelope<A>>, AggregateError<A::Error>> {
        self.content().committed = events
            .into_iter()
            .zip(context.version + 1..)
            .map(|(payload, sequence)| EventEnvelope {
                aggregate_id: context.id.clone(),
                sequence,
                payload,
                metadata: metadata.clone(),
            })
            .collect();
        // The framework would pass them to its queries; there are none.
        Ok(Vec::new())
    }
}
