use std::collections::HashMap;
use std::time::Duration;

use tracing::Span;

use super::input::InputKey;
use crate::acceptance::{Fresh, follow};
use crate::catalog::Defect;
use crate::names;
use crate::ports::Command;

/// A handler that takes longer is taken for one that never ends: it does no I/O, and others wait behind it.
pub(super) const TIME_LIMIT: Duration = Duration::from_secs(1);

/// How commands are being tried.
#[derive(Clone, Copy, Debug)]
pub(super) enum Attempt<'f> {
    /// With their batch, these of them fresh; whatever is out of the ordinary ends the attempt.
    AtOnce(&'f HashMap<InputKey, Fresh>),
    /// With their batch, patiently.
    Together,
    /// Alone, after its batch was refused.
    Alone,
    /// It is only to be failed.
    GivenUp,
}

impl Attempt<'_> {
    /// Whether its inputs are only to be failed.
    pub(super) fn is_given_up(self) -> bool {
        matches!(self, Self::GivenUp)
    }

    /// Whether whatever is out of the ordinary ends it.
    pub(super) fn is_at_once(self) -> bool {
        matches!(self, Self::AtOnce(_))
    }

    pub(super) fn is_fresh(self, command: &Command) -> bool {
        matches!(self, Self::AtOnce(fresh) if fresh.contains_key(&command.key().into()))
    }

    /// The span of a commit.
    pub(super) fn span(self, commands: usize) -> Span {
        let span = tracing::trace_span!(target: names::SPANS, parent: None, "commit", commands);
        if let Self::AtOnce(fresh) = self {
            follow(&span, fresh.values());
        }
        span
    }

    /// How long a handler may take.
    pub(super) fn patience(self) -> Duration {
        if let Self::AtOnce(_) = self { Duration::ZERO } else { TIME_LIMIT }
    }
}

/// Why an input that is given up has failed.
pub(super) fn refused_by_the_store() -> Defect {
    Defect("the store refuses what it leads to".to_owned())
}
