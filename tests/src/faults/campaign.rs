//! One fault after the other, in an order that a seed decides, with a check of everything after each.

use std::collections::BTreeMap;
use std::fmt;
use std::time::{Duration, Instant};

use rand::rngs::StdRng;
use rand::seq::SliceRandom as _;
use rand::{Rng as _, SeedableRng as _};

use super::{Fault, World};
use crate::wait_for;

/// After so many faults a new world begins: an audit reads all there is, so worlds must not grow too old.
const FAULTS_IN_A_WORLD: u64 = 8;

/// What a run has done.
#[derive(Debug, Default)]
pub struct Summary {
    /// Faults, by kind.
    pub faults: BTreeMap<Fault, usize>,
    /// Commands that were accepted.
    pub accepted: usize,
    /// Commands by how they ended: those, and what came of them.
    pub settled: BTreeMap<String, usize>,
    /// Those that processes have issued.
    pub issued: usize,
    /// Orders that were placed.
    pub orders: usize,
    /// Payments that were made at the provider.
    pub payments: usize,
    /// How often those who listened to the feed had to connect again.
    pub reconnections: usize,
    /// The longest time from a healing to the usual answers.
    pub slowest: Duration,
    /// The longest time from the stop of a replica until another had taken over; zero when none had to.
    pub slowest_takeover: Duration,
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (fault, count) in &self.faults {
            writeln!(f, "  {count:>4} × {fault:?}")?;
        }
        let settled: usize = self.settled.values().sum();
        writeln!(f, "  accepted {}, settled {settled} {:?}", self.accepted, self.settled)?;
        writeln!(
            f,
            "  issued {}, orders placed {}, payments made {}",
            self.issued, self.orders, self.payments
        )?;
        // Each would have ended the run.
        writeln!(f, "  lost 0, doubled 0; listeners connected again {} times", self.reconnections)?;
        writeln!(f, "  normal again at the latest {} ms after a healing", self.slowest.as_millis())?;
        match self.slowest_takeover.as_millis() {
            0 => write!(f, "  no replica had to take over"),
            slowest => write!(f, "  taken over at the latest {slowest} ms after a stop"),
        }
    }
}

impl Summary {
    /// Lets one fault happen under load, and checks everything after it.
    pub async fn round(&mut self, world: &mut World, fault: Fault, seed: u64, round: u64) {
        let _told = ToldOnFailure(format!("it failed in round {round} of seed {seed}: {fault:?}"));
        let started = Instant::now();
        let mut random = StdRng::seed_from_u64(seed ^ (round << 16));
        let enough = random.random_range(20..200);
        if fault == Fault::StoreRestored {
            restored(world, seed, round, enough).await;
        }
        let load = world.load(seed, round);
        wait_for("load to flow", async || load.accepted(), |accepted| *accepted >= enough).await;
        let unrest = world.stir(seed, round);
        let takeover = fault.strike(world, &mut random).await;
        unrest.end().await;
        let normal = world.answers_normally().await;
        world.promises.extend(load.stop().await);
        let feed = world.audit().await;
        *self.faults.entry(fault).or_default() += 1;
        self.slowest = self.slowest.max(normal);
        self.slowest_takeover = self.slowest_takeover.max(takeover.unwrap_or_default());
        println!(
            "{fault:?}: {} entries in order, normal after {} ms, {} ms in all",
            feed.len(),
            normal.as_millis(),
            started.elapsed().as_millis()
        );
    }

    /// Adds what became of a world.
    pub async fn add(&mut self, world: &World) {
        self.reconnections += world.reconnections();
        self.accepted += world.promises.accepted.len();
        self.payments += world.outside.made().await;
        for command in world.commands().await {
            let status = command["status"].as_str().unwrap_or_default();
            *self.settled.entry(status.to_owned()).or_default() += 1;
            self.issued += usize::from(command["caused_by"].is_string());
            self.orders += usize::from(command["type"] == "order.place" && status == "succeeded");
        }
    }
}

/// Backs the store up, lets things happen and be told, and returns to the backup: what happened since is forgotten, and
/// so is what was promised.
async fn restored(world: &mut World, seed: u64, round: u64, enough: usize) {
    let backup = world.back_up().await;
    // The load after it must not give the same commands again.
    let load = world.load(seed.rotate_left(7), round);
    wait_for("load to flow", async || load.accepted(), |accepted| *accepted >= enough).await;
    load.stop().await;
    world.all_is_told().await;
    world.restore(&backup).await;
}

/// A line that is printed if the test fails meanwhile.
struct ToldOnFailure(String);

impl Drop for ToldOnFailure {
    fn drop(&mut self) {
        if std::thread::panicking() {
            println!("{}", self.0);
        }
    }
}

/// These faults in this order.
pub async fn these(world: &mut World, faults: &[Fault], seed: u64) -> Summary {
    let mut summary = Summary::default();
    for (round, fault) in (0..).zip(faults) {
        summary.round(world, *fault, seed, round).await;
    }
    summary.add(world).await;
    println!("{summary}");
    summary
}

/// A store that faults are tried around.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Store {
    /// One replica on a file.
    Sqlite,
    /// Two replicas on a server.
    Postgres,
}

impl Store {
    /// All of them.
    pub const ALL: [Self; 2] = [Self::Sqlite, Self::Postgres];

    async fn world(self) -> World {
        match self {
            Self::Sqlite => World::on_sqlite().await,
            Self::Postgres => World::on_postgres(2).await,
        }
    }
}

impl fmt::Display for Store {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Sqlite => "sqlite",
            Self::Postgres => "postgres",
        })
    }
}

/// A run of random faults.
#[derive(Debug)]
pub struct Plan {
    /// Decides what happens in each round.
    pub seed: u64,
    /// For how long.
    pub time: Duration,
    /// Around these stores in turn.
    pub stores: Vec<Store>,
    /// Begins with the world that this round belongs to.
    pub from_round: u64,
}

impl Plan {
    /// What each store has come through.
    pub async fn run(&self) -> BTreeMap<Store, Summary> {
        let started = Instant::now();
        let mut summaries = BTreeMap::new();
        let first = self.from_round / FAULTS_IN_A_WORLD;
        for (number, store) in (first..).zip(self.stores.iter().cycle()) {
            if started.elapsed() >= self.time {
                break;
            }
            let round = number * FAULTS_IN_A_WORLD;
            println!("tests/run faults --seed {} --store {store} --round {round}", self.seed);
            let summary: &mut Summary = summaries.entry(*store).or_default();
            let mut world = store.world().await;
            let rounds = (round..round + FAULTS_IN_A_WORLD).take_while(|_| started.elapsed() < self.time);
            for round in rounds {
                let fault = self.fault(&world, round);
                summary.round(&mut world, fault, self.seed, round).await;
            }
            summary.add(&world).await;
        }
        summaries
    }

    /// Decided by the seed and the round alone, so that a round can be repeated without those before its world. Each
    /// fault comes once before any comes again.
    fn fault(&self, world: &World, round: u64) -> Fault {
        let mut all = Fault::all(&world.base);
        let (turn, place) = (round / all.len() as u64, round % all.len() as u64);
        all.shuffle(&mut StdRng::seed_from_u64(self.seed.rotate_left(32) ^ turn));
        all[place as usize]
    }
}
