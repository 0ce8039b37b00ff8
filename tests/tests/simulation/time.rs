//! The clock and the ids of the simulated world.

use std::sync::{Mutex, PoisonError};

use chrono::{DateTime, SubsecRound as _, TimeDelta, Utc};
use rand::rngs::StdRng;
use rand::{Rng as _, SeedableRng as _};
use tokio::time::Instant;
use uuid::Uuid;
use wilco_application::ports::{Clock, Ids};

/// When every simulation begins: 2030-01-01.
pub(super) const BEGINNING: DateTime<Utc> = DateTime::from_timestamp(1_893_456_000, 0).unwrap();

/// Goes with the time of its runtime, which stands still while there is anything to do, and then jumps to what is due
/// next.
#[derive(Debug)]
pub(super) struct ScriptedClock {
    begun_at: DateTime<Utc>,
    begun: Instant,
}

impl ScriptedClock {
    /// Says that it is this time now.
    pub(super) fn set(now: DateTime<Utc>) -> Self {
        Self { begun_at: now, begun: Instant::now() }
    }
}

impl Clock for ScriptedClock {
    fn now(&self) -> DateTime<Utc> {
        let passed = TimeDelta::from_std(self.begun.elapsed()).unwrap_or_default();
        (self.begun_at + passed).trunc_subsecs(6)
    }
}

/// Ids that follow from a seed, each later than all before it.
#[derive(Debug)]
pub(super) struct ScriptedIds(Mutex<(u64, StdRng)>);

impl ScriptedIds {
    /// Those of a seed.
    pub(super) fn of(seed: u64) -> Self {
        Self(Mutex::new((0, StdRng::seed_from_u64(seed))))
    }
}

impl Ids for ScriptedIds {
    fn next(&self) -> Uuid {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (count, chance) = &mut *state;
        *count += 1;
        let milliseconds = BEGINNING.timestamp_millis() as u64 + *count;
        uuid::Builder::from_unix_timestamp_millis(milliseconds, &chance.random()).into_uuid()
    }
}
