use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use schemars::JsonSchema;
use serde::Serialize;
use serde::de::DeserializeOwned;

/// Something that is asked of the outside: a command whose attempts are counted before they are made, which may have
/// been done without our knowing, and which is tried again until its [policy](Policy) says no.
///
/// This is only what is asked. Who does it stands with the program's adapters.
pub trait Activity: Serialize + DeserializeOwned + JsonSchema + Send + Sync + 'static {
    /// The type of its commands: `transaction.submit`. Named after the home of the process that issues it, it shares
    /// that process' partition.
    const TYPE: &'static str;
    /// What its settings are called, `[activity."transaction.create"]`.
    const SETTINGS: &'static str = Self::TYPE;

    /// Whether one that was given up may be tried again by hand, behind the back of the process that called it: not where
    /// that would do what the process takes for not done.
    const BY_HAND: bool = true;

    /// When it is tried again, where the settings do not say otherwise.
    fn policy() -> Policy {
        Policy::default()
    }
}

/// When an activity is tried again, and for how long.
#[derive(Clone, Debug, PartialEq)]
pub struct Policy {
    /// How often it is tried at most.
    pub attempts: u32,
    /// How long to wait between two attempts.
    pub pause: Pause,
    /// How long all may take.
    pub within: Within,
}

/// Waiting between two attempts: the first pause, and each one after it so many times as long as the one before.
#[derive(Clone, Debug, PartialEq)]
pub struct Pause {
    /// After the first attempt.
    pub first: Duration,
    /// What each is multiplied by for the next.
    pub factor: f64,
    /// The longest.
    pub most: Duration,
    /// The share of a pause that is left to chance, 0 to 1: so much longer or shorter it may be.
    pub jitter: f64,
}

/// Bounds in time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Within {
    /// Of one attempt: connecting, sending, and the whole answer.
    pub attempt: Duration,
    /// Of all: when so much has passed since the first attempt began, no other one is made.
    pub all: Duration,
    /// For so long the other side knows a request that it has seen before by its key. Later it would do it twice, so
    /// that a request in doubt is not repeated.
    pub key: Duration,
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            attempts: 10,
            pause: Pause {
                first: Duration::from_secs(1),
                factor: 2.0,
                most: Duration::from_secs(300),
                jitter: 0.1,
            },
            within: Within {
                attempt: Duration::from_secs(10),
                all: Duration::from_secs(3600),
                key: Duration::from_secs(86400),
            },
        }
    }
}

impl Pause {
    /// The pause after the attempt of that number, from 1; `chance` is 0 to 1, and decides the part that is left to it.
    pub fn after(&self, attempt: u32, chance: f64) -> Duration {
        let longest = self.most.as_secs_f64();
        let exponent = i32::try_from(attempt.saturating_sub(1)).unwrap_or(i32::MAX);
        let even = (self.first.as_secs_f64() * self.factor.powi(exponent)).min(longest);
        let uneven = even * (1.0 + self.jitter * (2.0 * chance - 1.0));
        Duration::try_from_secs_f64(uneven).unwrap_or(self.most)
    }
}

impl Policy {
    /// Of messages that somebody is to be brought: for a day, longer and longer apart.
    pub const fn of_messages() -> Self {
        const DAY: Duration = Duration::from_secs(86400);
        Self {
            attempts: 100,
            pause: Pause {
                first: Duration::from_secs(1),
                factor: 2.0,
                most: Duration::from_secs(3600),
                jitter: 0.2,
            },
            within: Within { attempt: Duration::from_secs(15), all: DAY, key: DAY },
        }
    }

    /// When to try again after the attempt of that number, from 1, where the first one began then. `asked_for` is how long
    /// the other side wants to be left alone. `None`: it is given up.
    pub fn again(
        &self,
        attempt: u32,
        begun_at: DateTime<Utc>,
        now: DateTime<Utc>,
        asked_for: Option<Duration>,
        chance: f64,
    ) -> Option<DateTime<Utc>> {
        let end = later(begun_at, self.within.all);
        if attempt >= self.attempts || now >= end {
            return None;
        }
        let pause = self.pause.after(attempt, chance).max(asked_for.unwrap_or_default());
        Some(later(now, pause).min(end))
    }
}

impl Policy {
    /// Whether the time of all attempts, of which the first one began then, is long over: an attempt that was still to come
    /// is not made any more.
    pub fn is_over(&self, begun_at: Option<DateTime<Utc>>, now: DateTime<Utc>) -> bool {
        let longest = self.within.all.saturating_add(self.within.attempt);
        begun_at.is_some_and(|begun_at| now > later(begun_at, longest))
    }
}

fn later(at: DateTime<Utc>, by: Duration) -> DateTime<Utc> {
    let by = TimeDelta::from_std(by).unwrap_or(TimeDelta::MAX);
    at.checked_add_signed(by).unwrap_or(DateTime::<Utc>::MAX_UTC)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const START: DateTime<Utc> = DateTime::UNIX_EPOCH;

    fn policy(attempts: u32, first: u64, all: u64) -> Policy {
        let pause = Pause {
            first: Duration::from_secs(first),
            factor: 1.0,
            most: Duration::from_secs(first),
            jitter: 0.0,
        };
        let within = Within { all: Duration::from_secs(all), ..Policy::default().within };
        Policy { attempts, pause, within }
    }

    #[test]
    fn it_is_tried_so_often_and_no_more() {
        let policy = policy(4, 120, 900);
        let (mut now, mut attempt) = (START, 1);
        while let Some(at) = policy.again(attempt, START, now, None, 0.5) {
            assert_eq!(at - now, TimeDelta::seconds(120));
            (now, attempt) = (at, attempt + 1);
        }
        assert_eq!(attempt, 4);
    }

    #[test]
    fn who_wants_to_be_left_alone_is_but_not_beyond_the_end() {
        let policy = policy(4, 10, 100);
        let again = |asked| policy.again(1, START, START, Some(Duration::from_secs(asked)), 0.0);
        assert_eq!(again(5), Some(START + TimeDelta::seconds(10)));
        assert_eq!(again(50), Some(START + TimeDelta::seconds(50)));
        assert_eq!(again(5000), Some(START + TimeDelta::seconds(100)));
        assert_eq!(policy.again(1, START, START + TimeDelta::seconds(100), None, 0.0), None);
    }

    proptest! {
        #[test]
        fn a_pause_is_never_longer_than_the_longest_and_its_jitter(
            attempt in 1_u32..u32::MAX, chance in 0.0..1.0_f64, factor in 1.0..10.0_f64, jitter in 0.0..1.0_f64
        ) {
            let pause = Pause { first: Duration::from_secs(1), factor, most: Duration::from_secs(60), jitter };
            prop_assert!(pause.after(attempt, chance) <= Duration::from_secs(60).mul_f64(1.0 + jitter));
        }
    }
}
