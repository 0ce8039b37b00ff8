//! Between a program and its store: takes its time, and ends the program before or after its n-th write, or loses the
//! answer to that.
//!
//! A program that has ended is not told of anything any more: whatever it asks is refused, until its tasks are dropped.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rand::Rng as _;
use rand::rngs::StdRng;
use tokio::sync::Notify;
use uuid::Uuid;
use wilco_application::ports::{Store, StoreError};

use super::auditor::Auditor;
use super::place::Place;

/// More questions than any program has.
const MOST_QUESTIONS: u64 = 20_000;

/// What goes wrong with a write of a program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Trouble {
    /// With which one, from 1.
    pub(super) at: u64,
    /// Whether it is done all the same.
    pub(super) done: bool,
    /// What comes of it.
    pub(super) then: Then,
}

/// What comes of a write that has gone wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Then {
    /// The program ends.
    End,
    /// It goes on; the store does not answer its next so many questions either.
    GoOn(u32),
}

/// See the module's description.
pub(super) struct Line {
    place: Arc<Place>,
    auditor: Arc<Auditor>,
    state: Mutex<State>,
    ended: Notify,
}

struct State {
    /// The longest that a question and its answer are under way, each.
    latency: Duration,
    chance: StdRng,
    troubles: Vec<Trouble>,
    writes: u64,
    questions: u64,
    /// The program has ended.
    has_ended: bool,
    /// So many questions are not answered.
    away: u32,
    /// As which the program owns partitions.
    replica: Option<Uuid>,
}

/// What is to happen to a write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fate {
    Good,
    Bad { done: bool, then: Then },
}

impl Line {
    /// The line of a program.
    pub(super) fn new(
        place: &Arc<Place>,
        auditor: &Arc<Auditor>,
        latency: Duration,
        chance: StdRng,
        troubles: &[Trouble],
    ) -> Arc<Self> {
        let state = State {
            latency,
            chance,
            troubles: troubles.to_vec(),
            writes: 0,
            questions: 0,
            has_ended: false,
            away: 0,
            replica: None,
        };
        let (place, auditor) = (Arc::clone(place), Arc::clone(auditor));
        Arc::new(Self { place, auditor, state: Mutex::new(state), ended: Notify::new() })
    }

    /// How many writes the program has asked for.
    pub(super) fn writes(&self) -> u64 {
        self.state().writes
    }

    /// As which the program owns partitions.
    pub(super) fn replica(&self) -> Option<Uuid> {
        self.state().replica
    }

    /// Resolves when the program has ended.
    pub(super) async fn ended(&self) {
        self.ended.notified().await;
    }

    /// The store at the other end.
    pub(super) fn store(&self) -> &dyn Store {
        self.place.store()
    }

    /// Notes as which the program owns partitions.
    pub(super) fn note(&self, replica: Uuid) {
        self.state().replica = Some(replica);
    }

    /// Reads.
    pub(super) async fn read<T>(
        &self,
        work: impl Future<Output = Result<T, StoreError>>,
    ) -> Result<T, StoreError> {
        self.travel().await;
        self.bear()?;
        self.state().answers()?;
        let found = self.place.wait(work);
        self.travel().await;
        self.state().lives()?;
        found
    }

    /// Writes; `what` it is, is for people.
    pub(super) async fn write<T>(
        &self,
        what: &str,
        work: impl Future<Output = Result<T, StoreError>>,
    ) -> Result<T, StoreError> {
        self.travel().await;
        let (number, fate) = self.state().begin()?;
        if let Fate::Bad { done: false, then } = fate {
            self.auditor.tell(&format!("write {number}, {what}: not done, and then {then:?}"));
            return Err(self.lose(then));
        }
        let written = self.place.wait(work);
        let outcome = written.as_ref().map_or_else(|error| format!("{error:?}"), |_| "done".to_owned());
        self.auditor.tell(&format!("write {number}, {what}: {outcome}, {fate:?}"));
        if self.auditor.look().is_err() {
            return Err(self.lose(Then::End));
        }
        if let Fate::Bad { then, .. } = fate {
            return Err(self.lose(then));
        }
        self.travel().await;
        self.state().lives()?;
        written
    }

    /// One more question; a program that asks on and on does nothing else, and may leave the time no chance to go on.
    fn bear(&self) -> Result<(), StoreError> {
        let mut state = self.state();
        state.questions += 1;
        if state.questions < MOST_QUESTIONS {
            return Ok(());
        }
        drop(state);
        self.auditor.fail("the program asks the store without end".to_owned());
        Err(self.lose(Then::End))
    }

    /// The answer is lost.
    fn lose(&self, then: Then) -> StoreError {
        match then {
            Then::End => {
                self.state().has_ended = true;
                self.ended.notify_one();
            }
            Then::GoOn(away) => self.state().away = away,
        }
        no_answer()
    }

    /// For how long a question or an answer is under way.
    async fn travel(&self) {
        let pause = self.state().pause();
        if pause.is_zero() {
            tokio::task::yield_now().await;
        } else {
            tokio::time::sleep(pause).await;
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn pause(&mut self) -> Duration {
        let longest = self.latency.as_millis() as u64;
        Duration::from_millis(self.chance.random_range(0..=longest))
    }

    fn lives(&self) -> Result<(), StoreError> {
        if self.has_ended { Err(no_answer()) } else { Ok(()) }
    }

    fn answers(&mut self) -> Result<(), StoreError> {
        self.lives()?;
        if self.away > 0 {
            self.away -= 1;
            return Err(no_answer());
        }
        Ok(())
    }

    fn begin(&mut self) -> Result<(u64, Fate), StoreError> {
        self.answers()?;
        self.writes += 1;
        let trouble = self.troubles.iter().find(|trouble| trouble.at == self.writes);
        let fate = trouble.map_or(Fate::Good, |trouble| Fate::Bad { done: trouble.done, then: trouble.then });
        Ok((self.writes, fate))
    }
}

fn no_answer() -> StoreError {
    StoreError::Unavailable("the simulated store does not answer".into())
}
