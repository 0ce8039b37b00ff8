//! The program on PostgreSQL.

use std::time::{Duration, Instant};

use sqlx::{Connection as _, Executor as _, PgConnection};
use wilco_tests::client::create_pet;
use wilco_tests::e2e::{Place, PostgresPlace};
use wilco_tests::faults::{Load, Promises, audit, seed};
use wilco_tests::postgres::PARTITIONS;
use wilco_tests::wait_for;
use wilco_tests::wilco::Server;

wilco_tests::e2e!(PostgresPlace);

/// How many partitions a replica says it owns.
async fn owned(server: &Server) -> u16 {
    gauge(server, "wilco_owned_partitions").await as u16
}

async fn gauge(server: &Server, name: &str) -> u32 {
    let metrics = server.client().read("/metrics").await.text;
    let line = metrics.lines().find(|line| line.split(' ').next() == Some(name));
    line.and_then(|line| line.rsplit(' ').next()?.parse().ok()).unwrap_or(0)
}

#[tokio::test]
async fn a_session_that_is_idle_in_a_transaction_shows_in_the_metrics() {
    let place = PostgresPlace::new().await;
    let server = place.wilco().set("engine.lease_ms=1000").start().await;
    let mut idle = PgConnection::connect(&place.url()).await.expect("PostgreSQL answers");
    idle.execute("BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT 1").await.expect("a snapshot is taken");
    for number in 0..200 {
        server.client().done(&create_pet(&format!("pet-{number}"))).await;
    }
    let age = async || gauge(&server, "wilco_postgres_oldest_snapshot_age").await;
    wait_for("the old snapshot to show", age, |age| *age >= 200).await;
    idle.execute("ROLLBACK").await.expect("it ends");
    wait_for("it to be gone", age, |age| *age < 200).await;
}

#[tokio::test]
async fn two_replicas_share_the_partitions_and_what_one_accepts_the_other_settles_soon() {
    let place = PostgresPlace::new().await;
    // Without a hint nobody would look for half a minute.
    let wilco = place.wilco().set("engine.look_every_ms=30000").set("engine.lease_ms=2000");
    let (first, second) = (wilco.start().await, wilco.start().await);
    for replica in [&first, &second] {
        wait_for(
            "the partitions to be shared",
            async || owned(replica).await,
            |count| *count == PARTITIONS / 2,
        )
        .await;
    }
    for number in 0..32 {
        let replica = if number % 2 == 0 { &first } else { &second };
        let envelope = create_pet(&format!("pet-{number}"));
        let started = Instant::now();
        let created = replica.client().post("/v1/commands", &envelope, &[("Prefer", "wait=10")]).await;
        assert_eq!(created.status, 201, "{created:?}");
        assert!(started.elapsed() < Duration::from_secs(5), "{number} took {:?}", started.elapsed());
    }
    let feeds = (first.client().feed("").await, second.client().feed("").await);
    assert_eq!(feeds.0.len(), 64);
    audit::gapless(&feeds.1);
}

#[tokio::test]
async fn when_a_replica_dies_the_other_takes_over_within_its_lease() {
    const LEASE: Duration = Duration::from_secs(2);
    let seed = seed();
    let place = PostgresPlace::new().await;
    let wilco = place.wilco().set("engine.lease_ms=2000");
    let (mut first, second) = (wilco.start().await, wilco.start().await);
    wait_for("the partitions to be shared", async || owned(&second).await, |count| *count == PARTITIONS / 2)
        .await;
    let loads = [Load::start(first.client(), seed, 0), Load::start(second.client(), seed, 1)];
    let flowing = async || loads.iter().map(Load::accepted).min().unwrap_or(0);
    wait_for("load to flow", flowing, |accepted| *accepted > 100).await;
    first.kill().await;
    let died = Instant::now();
    wait_for("the other to take over", async || owned(&second).await, |count| *count == PARTITIONS).await;
    let taken = died.elapsed();
    assert!(taken < LEASE + Duration::from_secs(3), "it took {taken:?}");
    let mut promises = Promises::default();
    for load in loads {
        promises.extend(load.stop().await);
    }
    promises.repeat_unknown(second.client()).await;
    audit::everything(second.client(), &promises).await;
}

#[tokio::test]
async fn a_replica_that_was_frozen_commits_nothing_it_no_longer_owns() {
    let seed = seed();
    let place = PostgresPlace::new().await;
    let wilco = place.wilco().set("engine.lease_ms=1000");
    let (first, second) = (wilco.start().await, wilco.start().await);
    wait_for("the partitions to be shared", async || owned(&second).await, |count| *count == PARTITIONS / 2)
        .await;
    let load = Load::start(second.client(), seed, 0);
    wait_for("load to flow", async || load.accepted(), |accepted| *accepted > 100).await;
    first.signal("STOP");
    wait_for("the other to take over", async || owned(&second).await, |count| *count == PARTITIONS).await;
    first.signal("CONT");
    let shared = async || (owned(&first).await, owned(&second).await);
    wait_for("the partitions to be shared again", shared, |owned| *owned == (PARTITIONS / 2, PARTITIONS / 2))
        .await;
    let mut promises = load.stop().await;
    promises.repeat_unknown(first.client()).await;
    audit::everything(first.client(), &promises).await;
    assert_eq!(first.client().submit(&create_pet("one-more")).await.status, 202, "it works again");
}
