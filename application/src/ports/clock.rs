use chrono::{DateTime, SubsecRound, Utc};
use uuid::Uuid;
use xxhash_rust::xxh3::xxh3_128;

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

/// The id that follows from a name: the same whoever makes it, and however often.
pub(crate) fn id_of(name: &[u8]) -> Uuid {
    uuid::Builder::from_custom_bytes(xxh3_128(name).to_be_bytes()).into_uuid()
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
