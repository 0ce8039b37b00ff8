use chrono::DateTime;
use uuid::Uuid;

use super::{Context, Decider, Tenant};

/// An aggregate to which these things have happened: the beginning of a test.
///
/// ```text
/// given::<Car>([created()]).when(CarCommand::Retire).then([CarEvent::Retired]);
/// given::<Car>([created(), CarEvent::Retired]).when(CarCommand::Retire).refused(&CarRefusal::Retired);
/// ```
pub fn given<T: Decider>(events: impl IntoIterator<Item = T::Event>) -> Given<T> {
    let (tenant, actor) = (Tenant::default(), None);
    let context = Context { at: DateTime::UNIX_EPOCH, command_id: Uuid::nil(), tenant, actor };
    let mut state = T::default();
    events.into_iter().for_each(|event| state.apply(event));
    Given { state, context }
}

/// See [`given`].
#[derive(Debug)]
pub struct Given<T> {
    state: T,
    context: Context,
}

impl<T: Decider> Given<T> {
    /// Commands are accepted then; without this, when the Unix epoch began.
    #[must_use]
    pub fn at(mut self, at: DateTime<chrono::Utc>) -> Self {
        self.context.at = at;
        self
    }

    /// Somebody asks. Whether the aggregate exists is the engine's to see to, and not asked here.
    pub fn when(&self, command: T::Command) -> When<T> {
        When(self.state.decide(command, &self.context))
    }
}

/// What came of a command.
#[derive(Debug)]
pub struct When<T: Decider>(Result<Vec<T::Event>, T::Refusal>);

impl<T: Decider> When<T> {
    /// These events happen.
    ///
    /// # Panics
    /// When others do, or the command was refused.
    #[track_caller]
    pub fn then(self, events: impl IntoIterator<Item = T::Event>) {
        assert_eq!(self.0, Ok(events.into_iter().collect()));
    }

    /// It is refused.
    ///
    /// # Panics
    /// When it is not, or for another reason.
    #[track_caller]
    pub fn refused(self, refusal: &T::Refusal) {
        assert_eq!(self.0.as_ref(), Err(refusal));
    }
}
