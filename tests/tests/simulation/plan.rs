//! What a seed decides: who asks for what and when, how the provider goes about it, how the program is set up, and where
//! it ends.

use std::collections::HashMap;
use std::time::Duration;

use rand::Rng as _;
use rand::SeedableRng as _;
use rand::rngs::StdRng;
use serde_json::json;
use wilco_application::worker::WorkerSettings;

use super::clients::Wish;
use super::line::{Then, Trouble};
use super::provider::{Deed, Request, Script, Sight};
use super::travelling::be_clumsy;

/// Longer than a simulation lasts, in milliseconds.
const A_DAY: u64 = 86_400_000;

/// What becomes of a trip.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fate {
    /// It is booked, lasts, and is over.
    Plain,
    /// One of its seats is taken.
    Full,
    /// The traveller cannot pay.
    Declined,
    /// It is called off; `jams`: a seat cannot be left for a while.
    CalledOff { jams: bool },
    /// The payment takes too long.
    Impatient,
    /// Another one wants the same seats.
    Rival,
    /// Somebody takes back what it asks of a seat.
    Meddled,
    /// It stumbles, and is helped.
    Clumsy,
    /// It stumbles, and is given up.
    GivenUp,
}

/// A trip that somebody wishes for.
#[derive(Clone, Debug)]
pub(super) struct TripPlan {
    pub(super) id: String,
    pub(super) seats: Vec<String>,
    pub(super) fate: Fate,
    /// The wish that books it, and the one that calls it off.
    pub(super) booked_by: usize,
    pub(super) called_off_by: Option<usize>,
}

/// A payment that somebody wishes for.
#[derive(Clone, Debug)]
pub(super) struct PaymentPlan {
    pub(super) id: String,
    pub(super) goes_well: bool,
    pub(super) made_by: usize,
}

/// See the module's description.
pub(super) struct Plan {
    pub(super) seed: u64,
    pub(super) partitions: u16,
    pub(super) worker: WorkerSettings,
    pub(super) latency: Duration,
    pub(super) wishes: Vec<Wish>,
    pub(super) scripts: HashMap<Request, Script>,
    pub(super) payments: HashMap<String, (usize, bool)>,
    pub(super) trips: Vec<TripPlan>,
    pub(super) paid: Vec<PaymentPlan>,
    /// What goes wrong in one program after the other; in later ones nothing does.
    pub(super) lives: Vec<Vec<Trouble>>,
    /// After so long another program takes over from each that does not know of it, and goes on beside it.
    pub(super) taken_over_after: Option<Duration>,
    /// For what is left to chance while it runs.
    pub(super) chance: StdRng,
}

impl Plan {
    /// Of a seed.
    pub(super) fn of(seed: u64, partitions: u16) -> Self {
        let mut plan = Self::empty(seed, partitions);
        plan.worker = plan.any_worker();
        plan.latency = Duration::from_millis(plan.chance.random_range(0..=5));
        for _ in 0..plan.chance.random_range(3..=6) {
            let fate = plan.any_fate();
            plan.wish_for_a_trip(fate);
        }
        for _ in 0..plan.chance.random_range(0..=2) {
            let (questions, goes_well) = (plan.chance.random_range(0..=3), plan.chance.random_bool(0.7));
            let script = plan.any_script();
            plan.wish_for_a_payment(questions, goes_well, script);
        }
        plan.lives = (0..plan.chance.random_range(1..=5)).map(|_| plan.any_troubles()).collect();
        if plan.chance.random_bool(0.3) {
            plan.taken_over_after = Some(Duration::from_millis(plan.chance.random_range(0..=5000)));
        }
        plan
    }

    /// The same for all numbers of partitions: everything that a process does, and nothing that could come out in one way
    /// or another.
    pub(super) fn fixed(partitions: u16) -> Self {
        let mut plan = Self::empty(0, partitions);
        plan.latency = Duration::from_millis(2);
        plan.worker.lanes = usize::from(partitions.min(2));
        let off = plan.wish_for_a_trip(Fate::CalledOff { jams: true });
        plan.script("trip.charge", &off, &[Deed::Unknown { done: true }], Sight::Sees);
        plan.script("trip.refund", &off, &[Deed::Retry { is_ill: false }], Sight::Sees);
        let script = Script { deeds: [Deed::Unknown { done: false }].into(), sight: Sight::Blind };
        plan.wish_for_a_payment(1, true, script);
        plan
    }

    fn empty(seed: u64, partitions: u16) -> Self {
        let worker = WorkerSettings {
            lanes: 1,
            batch: 500,
            inbox: 10_000,
            cache: 50_000,
            snapshot_every: 20,
            look_every: Duration::from_secs(5),
        };
        Self {
            seed,
            partitions,
            worker,
            latency: Duration::ZERO,
            wishes: Vec::new(),
            scripts: HashMap::new(),
            payments: HashMap::new(),
            trips: Vec::new(),
            paid: Vec::new(),
            lives: Vec::new(),
            taken_over_after: None,
            chance: StdRng::seed_from_u64(seed.wrapping_mul(2).wrapping_add(u64::from(partitions > 1))),
        }
    }

    /// The fate of a trip.
    pub(super) fn fate_of(&self, instance: &str) -> Option<Fate> {
        let id = instance.strip_prefix("travelling/")?;
        self.trips.iter().find(|trip| trip.id == id).map(|trip| trip.fate)
    }

    fn any_worker(&mut self) -> WorkerSettings {
        let chance = &mut self.chance;
        WorkerSettings {
            lanes: chance.random_range(1..=usize::from(self.partitions.min(4))),
            batch: [1, 3, 500][chance.random_range(0..3)],
            inbox: [4, 10_000][chance.random_range(0..2)],
            cache: [1, 50_000][chance.random_range(0..2)],
            snapshot_every: [1, 20][chance.random_range(0..2)],
            look_every: Duration::from_secs([1, 5, 30][chance.random_range(0..3)]),
        }
    }

    fn any_fate(&mut self) -> Fate {
        match self.chance.random_range(0..12) {
            0 => Fate::Full,
            1 => Fate::Declined,
            2 => Fate::CalledOff { jams: true },
            3 => Fate::CalledOff { jams: false },
            4 => Fate::Impatient,
            5 | 6 => Fate::Rival,
            7 => Fate::Meddled,
            8 => Fate::Clumsy,
            9 => Fate::GivenUp,
            _ => Fate::Plain,
        }
    }

    /// What goes wrong in one program: it ends, and before that the answer to a write or two may be lost.
    fn any_troubles(&mut self) -> Vec<Trouble> {
        let chance = &mut self.chance;
        let end = chance.random_range(1..=25);
        let mut troubles = vec![Trouble { at: end, done: chance.random(), then: Then::End }];
        for _ in 0..chance.random_range(0..=2) {
            let (at, then) = (chance.random_range(1..=25), Then::GoOn(chance.random_range(0..=4)));
            troubles.push(Trouble { at, done: chance.random(), then });
        }
        troubles
    }

    fn any_script(&mut self) -> Script {
        let chance = &mut self.chance;
        let deed = |chance: &mut StdRng| match chance.random_range(0..6) {
            0 => Deed::Retry { is_ill: false },
            1 => Deed::Retry { is_ill: true },
            2 => Deed::Unknown { done: chance.random() },
            3 => Deed::Hang { done: chance.random() },
            _ => Deed::Slow(chance.random_range(1..=2000)),
        };
        let deeds = (0..chance.random_range(0..=3)).map(|_| deed(chance)).collect();
        let sight = if chance.random_bool(0.3) { Sight::Blind } else { Sight::Sees };
        Script { deeds, sight }
    }

    fn script(&mut self, kind: &'static str, target: &str, deeds: &[Deed], sight: Sight) {
        let script = Script { deeds: deeds.iter().copied().collect(), sight };
        self.scripts.insert((kind, target.to_owned()), script);
    }

    /// Wishes for a trip of this fate; its id.
    fn wish_for_a_trip(&mut self, fate: Fate) -> String {
        let number = self.trips.len();
        let id = format!("t{}-{}-{number}", self.seed, self.partitions);
        let seats = self.seats_for(number, fate);
        for kind in ["trip.charge", "trip.refund", "seat.announce"] {
            if self.seed > 0 {
                let script = self.any_script();
                self.scripts.insert((kind, id.clone()), script);
            }
        }
        let (mut stay, mut patience) = (self.chance.random_range(10..=20_000), None);
        let mut before = None;
        let pause = if self.seed > 0 { self.chance.random_range(0..=3000) } else { 0 };
        match fate {
            Fate::Full => {
                before = Some(self.wish("seat.take", &seats[0], json!({"trip": "somebody"}), None, 0));
            }
            Fate::Declined => {
                // However often it is asked, since the program may end while it is.
                let mut deeds = [Deed::Never; 100];
                deeds[0] = Deed::Retry { is_ill: false };
                self.script("trip.charge", &id, &deeds, Sight::Sees);
            }
            Fate::CalledOff { .. } => stay = A_DAY,
            Fate::Impatient => {
                patience = Some(self.chance.random_range(1000..=15_000));
                let done = self.chance.random();
                self.script("trip.charge", &id, &[Deed::Unknown { done }; 100], Sight::Mute);
            }
            Fate::Clumsy => be_clumsy(&id, ["take 0", "charge", "leave"][self.chance.random_range(0..3)]),
            Fate::GivenUp => be_clumsy(&id, ["take 0", "charge"][self.chance.random_range(0..2)]),
            Fate::Plain | Fate::Rival | Fate::Meddled => {}
        }
        let data = json!({ "seats": seats, "stay": stay, "patience": patience });
        let booked_by = self.wish("trip.book", &id, data, before, pause);
        self.wishes[booked_by].is_meddled_with = fate == Fate::Meddled;
        let called_off_by = self.wish_for_its_end(&id, &seats, fate, booked_by);
        self.trips.push(TripPlan { id: id.clone(), seats, fate, booked_by, called_off_by });
        id
    }

    fn wish_for_its_end(&mut self, id: &str, seats: &[String], fate: Fate, booked: usize) -> Option<usize> {
        let Fate::CalledOff { jams } = fate else { return None };
        if !jams {
            return Some(self.wish("trip.call_off", id, json!({}), Some(booked), 700));
        }
        let jammed = self.wish("seat.jam", &seats[0], json!({}), Some(booked), 0);
        self.wish("seat.repair", &seats[0], json!({}), Some(jammed), 4000);
        Some(self.wish("trip.call_off", id, json!({}), Some(jammed), 10))
    }

    fn seats_for(&mut self, number: usize, fate: Fate) -> Vec<String> {
        let (seed, partitions) = (self.seed, self.partitions);
        if fate == Fate::Rival {
            let mut seats: Vec<String> = (0..2).map(|seat| format!("r{seed}-{partitions}-{seat}")).collect();
            seats.rotate_left(number % 2);
            return seats;
        }
        let count = if seed > 0 { self.chance.random_range(1..=4) } else { 2 };
        (0..count).map(|seat| format!("s{seed}-{partitions}-{number}-{seat}")).collect()
    }

    fn wish_for_a_payment(&mut self, questions: usize, goes_well: bool, script: Script) {
        let id = format!("p{}-{}-{}", self.seed, self.partitions, self.paid.len());
        self.scripts.insert(("transaction.make", id.clone()), script);
        self.payments.insert(id.clone(), (questions, goes_well));
        let data = json!({ "amount": 1250, "currency": "EUR", "client_url": "https://shop.example/told" });
        let pause = if self.seed > 0 { self.chance.random_range(0..=3000) } else { 0 };
        let made_by = self.wish("transaction.create", &id, data, None, pause);
        self.paid.push(PaymentPlan { id, goes_well, made_by });
    }

    fn wish(
        &mut self,
        command_type: &'static str,
        target: &str,
        data: serde_json::Value,
        after: Option<usize>,
        pause: u64,
    ) -> usize {
        let target = target.to_owned();
        self.wishes.push(Wish { command_type, target, data, after, pause, is_meddled_with: false });
        self.wishes.len() - 1
    }
}
