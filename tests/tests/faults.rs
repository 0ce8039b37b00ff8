//! A selection of faults, one after the other, with everything checked after each. The long run is left out; see
//! `tests/run faults`.

use std::time::Duration;

use serde_json::json;
use wilco_tests::client::{create_pet, pet};
use wilco_tests::faults::campaign::{Plan, Store};
use wilco_tests::faults::{Base, Fault, LEASE, LineFault, Trouble, World, campaign, seed};
use wilco_tests::wait_for;

#[tokio::test(flavor = "multi_thread")]
async fn no_fault_around_sqlite_loses_or_doubles_anything() {
    let faults = [
        Fault::Kill,
        Fault::DiskFull,
        Fault::FileAway,
        Fault::NatsTailLost,
        Fault::NatsStreamFull,
        Fault::NatsStreamDeleted,
        Fault::StoreRestored,
        Fault::NatsForeign,
        Fault::NatsLine(LineFault::AnswersLost),
        Fault::NatsLine(LineFault::CutAfter),
    ];
    let mut world = World::on_sqlite().await;
    campaign::these(&mut world, &faults, seed()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn no_fault_around_postgres_loses_or_doubles_anything() {
    let faults = [
        Fault::Kill,
        Fault::PauseBeyondLease,
        Fault::PauseBeyondWindow,
        Fault::NatsForeign,
        Fault::NatsFar,
        Fault::StoreRestored,
        Fault::PostgresCrash,
        Fault::PostgresTerminate,
        Fault::PostgresReadOnly,
        Fault::PostgresLine(LineFault::AnswersLost),
        Fault::PostgresLine(LineFault::Stall),
        Fault::PostgresLine(LineFault::CutAfter),
        Fault::PostgresLine(LineFault::RequestsLost),
    ];
    let mut world = World::on_postgres(2).await;
    campaign::these(&mut world, &faults, seed()).await;
}

/// Commits and new commands alike, as often as it takes to meet them at any point of their way.
#[tokio::test(flavor = "multi_thread")]
async fn writes_that_were_done_unheard_are_done_once() {
    const TIMES: usize = 20;
    let mut world = World::on_postgres(2).await;
    let load = world.load(seed(), 0);
    for _ in 0..TIMES {
        let Base::Postgres { line, .. } = &world.base else { panic!("this world is on PostgreSQL") };
        let (unheard, accepted) = (line.unheard(), load.accepted());
        line.set(Trouble::Unheard);
        wait_for("an answer to be lost", async || line.unheard(), |count| *count > unheard).await;
        line.heal();
        wait_for("load to flow", async || load.accepted(), |count| *count > accepted + 20).await;
    }
    world.promises.extend(load.stop().await);
    world.answers_normally().await;
    let Base::Postgres { line, .. } = &world.base else { panic!("this world is on PostgreSQL") };
    let unheard = line.unheard();
    println!("{unheard} writes were done unheard, {} entries in order", world.audit().await.len());
}

/// Its partitions are another's long before it goes on, and what it then writes late commits nothing.
#[tokio::test(flavor = "multi_thread")]
async fn a_replica_that_stood_still_for_ten_leases_harms_nothing() {
    let mut world = World::on_postgres(2).await;
    let summary = campaign::these(&mut world, &[Fault::PauseForLong], seed()).await;
    assert!(summary.slowest_takeover > LEASE / 2, "nothing was taken over: {summary}");
}

/// Two replicas publish into one stream, and NATS comes back without what it acknowledged to both; then one of them
/// publishes more than was lost, and the other has nothing to say.
#[tokio::test(flavor = "multi_thread")]
async fn what_nats_has_lost_of_a_replica_that_is_idle_is_published_again() {
    let mut world = World::on_postgres(2).await;
    let created = |world: &World, range: std::ops::Range<u32>| {
        let client = world.replicas[0].client().clone();
        async move {
            let each = range.map(|number| format!("pet-{number}"));
            let done =
                each.map(|key| async { (client.done(&create_pet(&key)).await["id"].to_string(), key) });
            futures::future::join_all(done).await
        }
    };
    let note = |world: &mut World, done: Vec<(String, String)>| {
        world
            .promises
            .accepted
            .extend(done.into_iter().map(|(id, key)| (key, id.trim_matches('"').to_owned())));
    };
    let first = created(&world, 0..20).await;
    note(&mut world, first);
    world.audit().await;
    world.nats.stop().await;
    world.nats.keep_copy();
    world.nats.start().await;
    let lost = created(&world, 20..60).await;
    note(&mut world, lost);
    world.audit().await;
    world.nats.kill();
    world.nats.put_back();
    world.nats.start().await;
    // All for one aggregate: one partition, one replica.
    for number in 0..60 {
        let update =
            json!({ "type": "pet.update", "target": "pet-0", "data": pet(&format!("name-{number}")) });
        let done = world.replicas[0].client().done(&update).await;
        note(&mut world, vec![(done["id"].to_string(), format!("update-{number}"))]);
    }
    world.audit().await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "takes as long as it is told to, with WILCO_MINUTES"]
async fn no_random_fault_loses_or_doubles_anything() {
    let minutes = variable("WILCO_MINUTES", 1.0);
    let chosen = std::env::var("WILCO_FAULTS_STORE").unwrap_or_default();
    let stores = Store::ALL.into_iter().filter(|store| chosen.is_empty() || chosen == store.to_string());
    let plan = Plan {
        seed: seed(),
        time: Duration::from_secs_f64(minutes * 60.0),
        stores: stores.collect(),
        from_round: variable("WILCO_FAULTS_ROUND", 0),
    };
    assert!(!plan.stores.is_empty(), "there is no store {chosen:?}");
    let summaries = plan.run().await;
    println!("seed {}, {minutes} minutes", plan.seed);
    for (store, summary) in summaries {
        println!("{store}\n{summary}");
    }
}

fn variable<T: std::str::FromStr>(name: &str, usual: T) -> T {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(usual)
}
