use chrono::{DateTime, SubsecRound, Utc};
use uuid::Uuid;

/// The time, so that tests can set it.
pub trait Clock: Send + Sync {
    /// Now, in whole microseconds: what every store can keep.
    fn now(&self) -> DateTime<Utc>;
}

/// The time of the machine.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[expect(
        clippy::disallowed_methods,
        reason = "this is the port's one implementation over the real clock"
    )]
    fn now(&self) -> DateTime<Utc> {
        Utc::now().trunc_subsecs(6)
    }
}

/// New ids, so that runs can be repeated.
pub trait Ids: Send + Sync {
    /// An id later than all before it (UUIDv7).
    fn next(&self) -> Uuid;
}

/// Ids from the machine's clock and randomness.
#[derive(Clone, Copy, Debug, Default)]
pub struct RandomIds;

impl Ids for RandomIds {
    #[expect(
        clippy::disallowed_methods,
        reason = "this is the port's one implementation over real randomness"
    )]
    fn next(&self) -> Uuid {
        Uuid::now_v7()
    }
}
