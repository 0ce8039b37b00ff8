//! Whom activities ask: a bounded number at once, and nobody while it is ill.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// Bounds of what is asked of destinations.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DestinationSettings {
    /// Attempts at one that may be under way at once, by all replicas together.
    pub slots: usize,
    /// Attempts that may be under way at once, whomever they ask, by each replica.
    pub in_all: usize,
    /// So many failures in a row, and it is left alone.
    pub failures: u32,
    /// For so long; then one attempt shows whether it is well again.
    pub rest: Duration,
}

impl Default for DestinationSettings {
    fn default() -> Self {
        Self { slots: 64, in_all: 1000, failures: 5, rest: Duration::from_secs(15) }
    }
}

/// So many are remembered; of more, those are forgotten that are neither asked nor ill.
const MOST: usize = 10_000;

/// All that are being asked, or are ill.
#[derive(Debug)]
pub(crate) struct Destinations {
    settings: DestinationSettings,
    /// This replica's share of the slots.
    slots: AtomicUsize,
    all: Mutex<HashMap<Arc<str>, Destination>>,
    /// Attempts that are under way.
    taken: AtomicUsize,
    /// Somebody has asked in vain since the last was given back, because there were too many in all.
    is_wanted: AtomicBool,
    /// None begins any more.
    is_closed: AtomicBool,
}

#[derive(Debug, Default)]
struct Destination {
    taken: usize,
    /// Somebody has asked in vain since the last slot was given back.
    is_wanted: bool,
    /// In a row.
    failures: u32,
    ill_until: Option<Instant>,
}

/// The right to ask a destination once.
#[derive(Debug)]
pub(crate) struct Slot {
    destinations: Arc<Destinations>,
    /// `None` once it is given back.
    name: Option<Arc<str>>,
}

impl Destinations {
    pub(crate) fn new(settings: DestinationSettings) -> Self {
        Self {
            settings,
            slots: AtomicUsize::new(settings.slots),
            all: Mutex::default(),
            taken: AtomicUsize::new(0),
            is_wanted: AtomicBool::new(false),
            is_closed: AtomicBool::new(false),
        }
    }

    /// This replica has so many of the partitions, and as large a share of the slots: one at least.
    pub(crate) fn share(&self, owned: usize, partitions: usize) {
        let share = (self.settings.slots * owned).div_ceil(partitions.max(1));
        self.slots.store(share.max(1), Ordering::Relaxed);
    }

    fn slots(&self) -> usize {
        self.slots.load(Ordering::Relaxed)
    }

    /// A slot, if there is one.
    pub(crate) fn take(self: &Arc<Self>, name: &str) -> Option<Slot> {
        let now = Instant::now();
        let mut all = self.all();
        if all.len() >= MOST {
            all.retain(|_, one| one.taken > 0 || one.ill_until.is_some_and(|until| until > now));
        }
        let name = all.get_key_value(name).map_or_else(|| name.into(), |(name, _)| Arc::clone(name));
        let destination = all.entry(Arc::clone(&name)).or_default();
        let left = self.left();
        if self.is_closed.load(Ordering::Relaxed) || left == 0 || destination.room(self.slots(), now) == 0 {
            destination.is_wanted = true;
            self.is_wanted.fetch_or(left == 0, Ordering::Relaxed);
            return None;
        }
        destination.taken += 1;
        self.taken.fetch_add(1, Ordering::Relaxed);
        drop(all);
        Some(Slot { destinations: Arc::clone(self), name: Some(name) })
    }

    /// How many slots there are of each of these for so many that wait. Where there are not enough, whoever gives one
    /// back hears that somebody waits.
    pub(crate) fn grant<'w>(&self, waiting: impl Iterator<Item = (&'w str, usize)>) -> Vec<usize> {
        let (now, slots) = (Instant::now(), self.slots());
        let mut all = self.all();
        let mut left = if self.is_closed.load(Ordering::Relaxed) { 0 } else { self.left() };
        waiting
            .map(|(name, wanted)| {
                let room = all.get(name).map_or(slots, |destination| destination.room(slots, now));
                let granted = wanted.min(room).min(left);
                left -= granted;
                if granted < wanted {
                    all.entry(name.into()).or_default().is_wanted = true;
                    self.is_wanted.fetch_or(left == 0, Ordering::Relaxed);
                }
                granted
            })
            .collect()
    }

    /// How many more attempts may be under way, whomever they ask.
    fn left(&self) -> usize {
        self.settings.in_all.saturating_sub(self.taken.load(Ordering::Relaxed))
    }

    /// How many attempts at one destination are to be read at once: those that follow need not be asked for one by one.
    pub(crate) fn to_read(&self) -> u32 {
        u32::try_from(2 * self.slots()).unwrap_or(u32::MAX)
    }

    /// Nobody is asked any more.
    pub(crate) fn close(&self) {
        self.is_closed.store(true, Ordering::Relaxed);
    }

    /// Those that cannot be asked now.
    pub(crate) fn closed(&self) -> Vec<String> {
        let (now, slots) = (Instant::now(), self.slots());
        let mut all = self.all();
        let closed = all.iter_mut().filter(|(_, destination)| destination.room(slots, now) == 0);
        closed
            .map(|(name, destination)| {
                destination.is_wanted = true;
                name.to_string()
            })
            .collect()
    }

    /// How long until the next one that is ill may be asked again.
    pub(crate) fn next_opening(&self) -> Option<Duration> {
        let now = Instant::now();
        let all = self.all();
        let ill = all.values().filter(|destination| destination.taken == 0);
        let openings = ill.filter_map(|destination| destination.ill_until?.checked_duration_since(now));
        openings.filter(|pause| !pause.is_zero()).min()
    }

    /// How many are asked at present, and how many are ill.
    pub(crate) fn count(&self) -> (usize, usize) {
        let all = self.all();
        let asked = all.values().map(|destination| destination.taken).sum();
        (asked, all.values().filter(|destination| destination.ill_until.is_some()).count())
    }

    fn all(&self) -> MutexGuard<'_, HashMap<Arc<str>, Destination>> {
        self.all.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Destination {
    /// How many more may ask it. One that is ill, or was until now, is asked one at a time.
    fn room(&self, slots: usize, now: Instant) -> usize {
        match self.ill_until {
            Some(until) => usize::from(now >= until && self.taken == 0),
            None => slots.saturating_sub(self.taken),
        }
    }
}

impl Slot {
    /// Gives it back, with what it has shown of the destination. Says whether somebody waits for it.
    pub(crate) fn give_back(mut self, is_ill: bool) -> bool {
        self.release(Some(is_ill))
    }

    fn release(&mut self, is_ill: Option<bool>) -> bool {
        let Some(name) = self.name.take() else { return false };
        let settings = self.destinations.settings;
        let mut all = self.destinations.all();
        let Some(destination) = all.get_mut(&name) else { return false };
        destination.taken -= 1;
        self.destinations.taken.fetch_sub(1, Ordering::Relaxed);
        match is_ill {
            Some(true) => {
                destination.failures = destination.failures.saturating_add(1);
                if destination.failures >= settings.failures {
                    destination.ill_until = Some(Instant::now() + settings.rest);
                }
            }
            Some(false) => (destination.failures, destination.ill_until) = (0, None),
            None => {}
        }
        // Whoever takes it back unused goes on by itself.
        let is_wanted = is_ill.is_some()
            && (std::mem::take(&mut destination.is_wanted)
                | self.destinations.is_wanted.swap(false, Ordering::Relaxed));
        if destination.taken == 0 && destination.failures == 0 {
            all.remove(&name);
        }
        is_wanted
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        self.release(None);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SETTINGS: DestinationSettings =
        DestinationSettings { slots: 2, in_all: 1000, failures: 2, rest: Duration::from_secs(15) };

    fn destinations() -> Arc<Destinations> {
        Arc::new(Destinations::new(SETTINGS))
    }

    #[tokio::test(start_paused = true)]
    async fn one_that_is_full_holds_up_no_other() {
        let all = destinations();
        let held = (all.take("a").unwrap(), all.take("a").unwrap());
        assert!(all.take("a").is_none());
        assert!(all.take("b").is_some());
        assert_eq!(all.closed(), ["a"]);
        assert!(held.0.give_back(false), "somebody waits");
        assert!(all.take("a").is_some());
    }

    #[tokio::test(start_paused = true)]
    async fn replicas_share_the_slots_by_their_partitions() {
        let all = Arc::new(Destinations::new(DestinationSettings { slots: 16, ..SETTINGS }));
        for (owned, slots) in [(8, 16), (4, 8), (3, 6), (1, 2), (0, 1), (8, 16)] {
            all.share(owned, 8);
            let taken: Vec<Slot> = std::iter::from_fn(|| all.take("a")).collect();
            assert_eq!((taken.len(), all.to_read()), (slots, 2 * slots as u32), "{owned} of 8");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn one_that_is_ill_rests_and_is_then_asked_once() {
        let all = destinations();
        for _ in 0..2 {
            all.take("a").unwrap().give_back(true);
        }
        assert!(all.take("a").is_none());
        assert_eq!(all.next_opening(), Some(SETTINGS.rest));
        tokio::time::advance(SETTINGS.rest).await;
        let probe = all.take("a").unwrap();
        assert!(all.take("a").is_none(), "one at a time");
        probe.give_back(true);
        assert!(all.take("a").is_none());
        tokio::time::advance(SETTINGS.rest).await;
        all.take("a").unwrap().give_back(false);
        assert!(all.take("a").is_some() && all.closed().is_empty());
    }

    #[tokio::test(start_paused = true)]
    async fn nothing_is_kept_of_one_that_is_well_and_not_asked() {
        let all = destinations();
        let slots: Vec<Slot> = (0..100).map(|n| all.take(&n.to_string()).unwrap()).collect();
        assert_eq!(all.count(), (100, 0));
        drop(slots);
        assert_eq!(all.all().len(), 0);
    }
}
