//! One simulation, from its seed to what has come of it.

use std::sync::Arc;

use chrono::TimeDelta;
use rand::rngs::StdRng;
use rand::{Rng as _, SeedableRng as _};

use super::auditor::Auditor;
use super::clients::Clients;
use super::judge::Judge;
use super::life::{self, World};
use super::line::Trouble;
use super::place::Place;
use super::plan::Plan;
use super::provider::Provider;
use super::time::{BEGINNING, ScriptedIds};

/// See the module's description.
pub(super) struct Simulation {
    plan: Plan,
}

/// What has come of a simulation.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Outcome {
    /// What is the same however often and wherever the program ends.
    pub(super) facts: Vec<String>,
    /// How many writes each program has asked for.
    pub(super) writes: Vec<u64>,
}

impl Simulation {
    /// What this seed decides, on so many partitions.
    pub(super) fn seed(seed: u64, partitions: u16) -> Self {
        Self { plan: Plan::of(seed, partitions) }
    }

    /// The one that is small, and can come out in one way alone.
    pub(super) fn fixed(partitions: u16) -> Self {
        Self { plan: Plan::fixed(partitions) }
    }

    /// The same; this goes wrong with the programs, one after the other, and nothing else.
    #[must_use]
    pub(super) fn with(mut self, lives: Vec<Vec<Trouble>>) -> Self {
        self.plan.lives = lives;
        self
    }

    /// Runs until there is nothing left to do.
    ///
    /// # Panics
    /// When something does not hold; it says what, what has happened before, and how to see it again.
    pub(super) fn run(self) -> Outcome {
        let (seed, partitions, lives) = (self.plan.seed, self.plan.partitions, self.plan.lives.clone());
        self.outcome().unwrap_or_else(|why| {
            panic!("WILCO_SEED={seed}, {partitions} partitions, troubles {lives:?}:\n{why}")
        })
    }

    fn outcome(self) -> Result<Outcome, String> {
        let mut plan = self.plan;
        let mut chance = StdRng::seed_from_u64(plan.chance.random());
        let place = Arc::new(Place::new(plan.partitions));
        let auditor = Auditor::of(&place);
        let clients = Clients::new(plan.wishes.clone(), &auditor);
        let provider = Provider::new(&place, &auditor, plan.scripts.clone(), plan.payments.clone());
        let ids = Arc::new(ScriptedIds::of(chance.random()));
        let world = World { plan, place, auditor, clients, provider, ids };
        let writes = run_through(&world, &mut chance)?;
        let stored = world.place.look();
        let World { plan, clients, provider, auditor, .. } = &world;
        let judge = Judge { plan, stored: &stored, clients, provider };
        if let Err(why) = judge.verdict() {
            auditor.fail(why);
        }
        auditor.verdict()?;
        Ok(Outcome { facts: judge.facts(), writes })
    }
}

/// Runs one program after the other, until one has nothing left to do. How many writes each has asked for.
fn run_through(world: &World, chance: &mut StdRng) -> Result<Vec<u64>, String> {
    let (mut now, mut writes) = (BEGINNING, Vec::new());
    let mut lives = world.plan.lives.iter();
    loop {
        let troubles = lives.next().map(Vec::as_slice).unwrap_or_default();
        world.auditor.tell(&format!("program {} begins: {troubles:?}", writes.len() + 1));
        let ended = life::live(world, now, troubles, chance);
        writes.push(ended.writes);
        let _ = world.auditor.look();
        world.auditor.verdict()?;
        if ended.at_rest {
            return Ok(writes);
        }
        let down = TimeDelta::milliseconds(chance.random_range(0..=life::DOWN.num_milliseconds()));
        now = ended.at + down;
    }
}
