use cqrs_es::{Aggregate, View};
use schemars::JsonSchema;
use wilco_domain::kernel::{LandingView, Rejection};

/// An aggregate of cqrs-es that can be registered.
pub trait EventSourced:
    Aggregate<Command: Send, Event: JsonSchema + Send, Error: Rejection + Send, Services: Clone> + Clone + 'static
{
}

impl<A> EventSourced for A where
    A: Aggregate<Command: Send, Event: JsonSchema + Send, Error: Rejection + Send, Services: Clone>
        + Clone
        + 'static
{
}

/// A landing view of `A` that can be registered.
pub trait ViewOf<A: Aggregate>: View<A> + LandingView + JsonSchema + Clone + 'static {}

impl<A: Aggregate, V: View<A> + LandingView + JsonSchema + Clone + 'static> ViewOf<A> for V {}
