//! One program: an engine over the store, from its start until it ends or has nothing left to do.
//!
//! It has a runtime of its own, with one thread, whose time stands still while there is anything to do, and then jumps to
//! what is due next. When it ends the runtime is dropped with all that is under way in it, wherever that stands.

use std::any::Any;
use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use rand::rngs::StdRng;
use rand::{Rng as _, SeedableRng as _};
use tokio::time::Instant;
use wilco_application::activities::{DestinationSettings, Outside};
use wilco_application::catalog::{AggregateRegistration, Catalog};
use wilco_application::engine::{Engine, EngineSettings, ParkedError};
use wilco_application::ports::{Clock as _, ProcessKey, Runner};
use wilco_domain::kernel::{Caller, Pause, Policy, Shown, Tenant, Within};
use wilco_domain::payments::provider::{AskProvider, MakeAtProvider, NotifyClient};
use wilco_domain::payments::{Paying, Polling, Transaction};

use super::auditor::Auditor;
use super::clients::Clients;
use super::line::{Line, Trouble};
use super::lined::Lined;
use super::place::Place;
use super::plan::{Fate, Plan};
use super::provider::{KINDS, Provider};
use super::seats::{Seat, Trip};
use super::time::{ScriptedClock, ScriptedIds};
use super::travelling::{Announce, Charge, Refund, Travelling, be_steady};

/// How often it is looked whether there is something left to do.
const OFTEN: Duration = Duration::from_millis(100);
/// After so long something stands still for ever.
const PATIENCE: Duration = Duration::from_secs(3 * 3600);
/// For so long an instance stands still until somebody has seen to it.
const UNTIL_HELP: Duration = Duration::from_secs(2);

/// What all programs of a simulation have in common.
pub(super) struct World {
    pub(super) plan: Plan,
    pub(super) place: Arc<Place>,
    pub(super) auditor: Arc<Auditor>,
    pub(super) clients: Arc<Clients>,
    pub(super) provider: Arc<Provider>,
    pub(super) ids: Arc<ScriptedIds>,
}

/// How a program has ended.
pub(super) struct Ended {
    /// Whether there was nothing left to do.
    pub(super) at_rest: bool,
    /// When.
    pub(super) at: DateTime<Utc>,
    /// How many writes it had asked for.
    pub(super) writes: u64,
}

/// Runs a program that begins at this time, and in which this goes wrong.
pub(super) fn live(world: &World, now: DateTime<Utc>, troubles: &[Trouble], chance: &mut StdRng) -> Ended {
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
    let mut line = |troubles| {
        let chance = StdRng::seed_from_u64(chance.random());
        Line::new(&world.place, &world.auditor, world.plan.latency, chance, troubles)
    };
    let (line, other) = (line(troubles), line(&[]));
    let ended = runtime.block_on(async {
        let clock = Arc::new(ScriptedClock::set(now));
        let at_rest = tokio::select! {
            biased;
            () = line.ended() => false,
            () = other.ended() => false,
            () = run(world, &line, &clock) => true,
            () = take_over(world, &line, &other, &clock) => true,
        };
        Ended { at_rest, at: clock.now(), writes: line.writes() }
    });
    drop(runtime);
    line.replica().into_iter().chain(other.replica()).for_each(|replica| world.place.let_run_out(replica));
    ended
}

/// Another program finds that the lease of the one at work has run out, takes what that owns, and goes on beside it.
/// Never returns.
async fn take_over(world: &World, line: &Line, other: &Arc<Line>, clock: &Arc<ScriptedClock>) {
    let mut _engine = None;
    if let Some(pause) = world.plan.taken_over_after {
        tokio::time::sleep(pause).await;
        if let Some(replica) = line.replica() {
            world.place.let_run_out(replica);
            _engine = start(world, other, clock).await.ok();
            world.auditor.tell("another program takes over");
        }
    }
    std::future::pending::<()>().await;
}

/// Returns when there is nothing left to do.
async fn run(world: &World, line: &Arc<Line>, clock: &Arc<ScriptedClock>) {
    let engine = loop {
        match start(world, line, clock).await {
            Ok(engine) => break engine,
            // Whoever looks after the program starts it again.
            Err(error) => world.auditor.tell(&format!("no start: {error:?}")),
        }
        tokio::time::sleep(Duration::from_secs(1)).await;
    };
    world.clients.turn_to(&engine);
    let (begun, mut helper) = (Instant::now(), Helper::default());
    while !(world.clients.are_content() && world.auditor.is_at_rest()) {
        tokio::time::sleep(OFTEN).await;
        helper.help(world, &engine).await;
        if begun.elapsed() > PATIENCE {
            let left = world.auditor.left().err().unwrap_or_default();
            world.auditor.fail(format!("it does not come to an end: {left}"));
        }
        if world.auditor.verdict().is_err() {
            return;
        }
    }
    engine.close();
}

async fn start(
    world: &World,
    line: &Arc<Line>,
    clock: &Arc<ScriptedClock>,
) -> Result<Arc<Engine>, wilco_application::ports::StoreError> {
    let settings = EngineSettings {
        worker: world.plan.worker,
        // Of the time of the store, which is the real one: it does not run out.
        lease: Duration::from_secs(3600),
        ..EngineSettings::default()
    };
    let (store, ids) = (Arc::new(Lined(Arc::clone(line))), Arc::<ScriptedIds>::clone(&world.ids));
    let (outside, clock) = (outside(&world.provider), Arc::<ScriptedClock>::clone(clock));
    let (engine, _running) =
        Engine::start(store, None, Arc::clone(&CATALOG), clock, ids, outside, settings).await?;
    Ok(engine)
}

/// The same for all programs; to make it takes longer than many of them live.
static CATALOG: LazyLock<Arc<Catalog>> = LazyLock::new(|| Arc::new(catalog()));

fn catalog() -> Catalog {
    let seats = AggregateRegistration::<_, Shown<Seat, Seat>>::decider("seats").activity::<Announce>();
    let trips = AggregateRegistration::<_, Shown<Trip, Trip>>::decider("trips")
        .process::<Travelling>()
        .activity::<Charge>()
        .activity::<Refund>();
    let transactions = AggregateRegistration::<_, Shown<Transaction, Transaction>>::decider("transactions")
        .process::<Paying>()
        .activity::<MakeAtProvider>()
        .activity::<AskProvider>()
        .activity::<NotifyClient>();
    let all = [seats.finish().unwrap(), trips.finish().unwrap(), transactions.finish().unwrap()];
    Catalog::new(&all).unwrap()
}

fn outside(provider: &Arc<Provider>) -> Outside {
    let runner = |kind| (kind, Arc::<Provider>::clone(provider) as Arc<dyn Runner>);
    let names = KINDS.into_iter().chain(["transaction.create"]);
    let polling: Arc<dyn Any + Send + Sync> = Arc::new(Polling::default());
    Outside {
        runners: KINDS.map(runner).into(),
        policies: names.map(|name| (name.to_owned(), policy())).collect(),
        destinations: DestinationSettings::default(),
        processes: HashMap::from([("paying", polling)]),
        ..Outside::default()
    }
}

/// So patient that whatever is to be done is done in the end.
fn policy() -> Policy {
    let long = Duration::from_secs(7 * 86_400);
    let (first, most) = (Duration::from_millis(500), Duration::from_secs(10));
    Policy {
        attempts: 1000,
        pause: Pause { first, factor: 2.0, most, jitter: 0.2 },
        within: Within { attempt: Duration::from_secs(3), all: long, key: long },
    }
}

/// Sees to instances that stand still.
#[derive(Default)]
struct Helper {
    since: BTreeMap<String, Instant>,
}

impl Helper {
    async fn help(&mut self, world: &World, engine: &Engine) {
        for (name, why) in world.auditor.parked() {
            let fate = world.plan.fate_of(&name);
            if !matches!(fate, Some(Fate::Clumsy | Fate::GivenUp)) || !why.contains("stumbles") {
                return world.auditor.fail(format!("{name} stands still: {why}"));
            }
            let since = *self.since.entry(name.clone()).or_insert_with(Instant::now);
            if since.elapsed() >= UNTIL_HELP {
                let id = name.rsplit('/').next().unwrap_or_default();
                see_to(world, engine, id, fate == Some(Fate::GivenUp)).await;
            }
        }
    }
}

async fn see_to(world: &World, engine: &Engine, trip: &str, give_up: bool) {
    let tenant = Tenant::default();
    let key = ProcessKey { process_type: "travelling".to_owned(), tenant, id: trip.to_owned() };
    be_steady(trip);
    let seen_to =
        if give_up { engine.give_up(&Caller::default(), &key).await } else { engine.resume(&key).await };
    match seen_to {
        Ok(()) | Err(ParkedError::Store(_) | ParkedError::NotParked) => {}
        Err(error) => world.auditor.fail(format!("{trip}: {error:?}")),
    }
    world.auditor.tell(&format!("{trip} was seen to"));
}

/// For how long there is no program, at most.
pub(super) const DOWN: TimeDelta = TimeDelta::seconds(20);
