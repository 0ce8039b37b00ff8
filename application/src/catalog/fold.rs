use std::sync::Arc;

use cqrs_es::{Aggregate, View};
use wilco_domain::kernel::LandingView;

use super::Undecodable;
use super::codec::{Codec, view_row};
use super::fingerprint::Fingerprints;
use super::panics::caught;
use crate::ports::{AggregateKey, EventRow, ViewRow};

/// Folds stored events into a landing view: for states as of a version, and for rebuilding.
pub trait Fold: Send {
    /// Takes the next event.
    fn apply(&mut self, event: &EventRow) -> Result<(), Undecodable>;
    /// The view as of the last event; `None` before the first.
    fn view(&self) -> Result<Option<ViewRow>, Undecodable>;
}

pub(super) struct TypedFold<A: Aggregate, V> {
    codec: Arc<Codec<A>>,
    fingerprints: Arc<Fingerprints>,
    key: AggregateKey,
    version: i64,
    view: V,
}

impl<A: Aggregate, V: View<A>> TypedFold<A, V> {
    pub(super) fn new(codec: Arc<Codec<A>>, fingerprints: Arc<Fingerprints>, key: &AggregateKey) -> Self {
        Self { codec, fingerprints, key: key.clone(), version: 0, view: V::default() }
    }
}

impl<A, V> Fold for TypedFold<A, V>
where
    A: Aggregate<Event: Send>,
    V: View<A> + LandingView,
{
    fn apply(&mut self, event: &EventRow) -> Result<(), Undecodable> {
        let read = self.codec.event(event)?;
        caught("the view", || self.view.update(&read))?;
        self.version = event.sequence;
        Ok(())
    }

    fn view(&self) -> Result<Option<ViewRow>, Undecodable> {
        if self.version == 0 {
            return Ok(None);
        }
        view_row::<A, V>(&self.key, self.version, &self.view, &self.fingerprints.view).map(Some)
    }
}
