//! The program ends, or hears of an error, at each place where something durable meets what is known of it.

use std::time::{Duration, Instant};

use rand::rngs::StdRng;
use rand::{Rng as _, SeedableRng as _};
use wilco_tests::client::create_pet;
use wilco_tests::e2e::in_seconds;
use wilco_tests::faults::{LEASE, Promises, World, seed};
use wilco_tests::postgres::PARTITIONS;
use wilco_tests::wait_for;
use wilco_tests::wilco::faulty;

const PLACES: [&str; 11] = [
    "before-accept",
    "after-accept",
    "before-commit",
    "inside-commit",
    "after-commit",
    "before-publish",
    "after-publish",
    "before-checkpoint",
    "after-checkpoint",
    "before-heartbeat",
    "after-heartbeat",
];

/// Starts the replicas anew, to fail as told.
async fn started_anew(world: &mut World, fail_points: &str) {
    let plain = world.wilco().clone();
    *world.wilco() = plain.clone().program(faulty()).environment("WILCO_FAIL_POINTS", fail_points);
    world.replicas.clear();
    world.complete().await;
    *world.wilco() = plain;
}

/// Killed at each place; then started again, and everything is checked.
async fn killed_at_each_place(mut world: World) {
    let seed = seed();
    let mut random = StdRng::seed_from_u64(seed);
    for (round, place) in (0..).zip(PLACES) {
        // Checkpoints and heartbeats are seconds apart.
        let often = place.ends_with("accept") || place.ends_with("commit") || place.ends_with("publish");
        let pass = random.random_range(if often { 5..40 } else { 3..5 });
        started_anew(&mut world, &format!("{place}=kill@{pass}")).await;
        let load = world.load(seed, round);
        for replica in &mut world.replicas {
            replica.exit().await;
        }
        world.promises.extend(load.stop().await);
        world.replicas.clear();
        world.complete().await;
        world.answers_normally().await;
        let entries = world.audit().await.len();
        println!("{place}=kill@{pass}: {entries} entries in order");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_anywhere_on_sqlite_nothing_is_lost_or_doubled() {
    let mut world = World::on_sqlite().await;
    *world.wilco() = world.wilco().clone().set("engine.lease_ms=1000");
    Box::pin(killed_at_each_place(world)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_anywhere_on_postgres_nothing_is_lost_or_doubled() {
    Box::pin(killed_at_each_place(World::on_postgres(1).await)).await;
}

/// Errors everywhere, again and again, under load; then everything is checked, without them.
async fn errors_at_each_place(mut world: World) {
    let seed = seed();
    let errors: Vec<String> = PLACES
        .into_iter()
        .filter(|place| *place != "inside-commit")
        .zip([7, 11, 5, 6, 4, 5, 3, 4, 3, 4])
        .map(|(place, every)| format!("{place}=error@{every}"))
        .collect();
    started_anew(&mut world, &errors.join(",")).await;
    let load = world.load(seed, 0);
    wait_for("load to flow", async || load.accepted(), |accepted| *accepted >= 500).await;
    world.promises.extend(load.stop().await);
    let unknown = world.promises.unknown.len();
    // Without the errors: requests are repeated once, and each must be answered.
    world.replicas.clear();
    world.complete().await;
    let entries = world.audit().await.len();
    println!("{unknown} requests without an answer, {entries} entries in order");
}

#[tokio::test(flavor = "multi_thread")]
async fn lost_answers_on_sqlite_lose_and_double_nothing() {
    errors_at_each_place(World::on_sqlite().await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn lost_answers_on_postgres_lose_and_double_nothing() {
    errors_at_each_place(World::on_postgres(2).await).await;
}

/// Asks PostgreSQL for a number until it is as wished.
async fn counted(world: &World, what: &str, count: &str, wished: i64) {
    let ask = async || sqlx::query_scalar::<_, i64>(count).fetch_one(&mut world.admin().await).await;
    wait_for(what, ask, |found| found.as_ref().is_ok_and(|found| *found == wished)).await.expect("it is");
}

/// Two replicas with a half of the partitions each; the first fails as told.
async fn two_of_which_one_fails(fail_points: &str) -> World {
    let mut world = World::on_postgres(2).await;
    world.replicas.clear();
    // What the first claims at its start it claims at once: that is its first claim.
    let alive = "SELECT count(*) FROM replicas WHERE lease_until > clock_timestamp()";
    counted(&world, "all leases to run out", alive, 0).await;
    let failing = world.wilco().clone().program(faulty()).environment("WILCO_FAIL_POINTS", fail_points);
    world.replicas.push(failing.start().await);
    counted(&world, "the first to own all", "SELECT count(owner) FROM partitions", PARTITIONS.into()).await;
    world.complete().await;
    let halves = format!(
        "SELECT count(*) FROM (SELECT FROM partitions GROUP BY owner HAVING count(owner) = {}) halves",
        PARTITIONS / 2
    );
    counted(&world, "both replicas to own a half", &halves, 2).await;
    world
}

/// Starts what is missing, and checks everything.
async fn checked(world: &mut World, promises: Promises, what: &str) {
    world.promises.extend(promises);
    world.complete().await;
    world.answers_normally().await;
    println!("{what}: {} entries in order", world.audit().await.len());
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_as_it_takes_over_it_loses_and_doubles_nothing() {
    let mut world = two_of_which_one_fails("after-claim=kill@2").await;
    let load = world.load(seed(), 0);
    wait_for("load to flow", async || load.accepted(), |accepted| *accepted >= 100).await;
    world.replicas[1].kill().await;
    // It owns what it has not begun to work on.
    world.replicas[0].exit().await;
    world.replicas.clear();
    checked(&mut world, load.stop().await, "killed as it took over").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_claim_whose_answer_is_lost_is_found_out_about() {
    let mut world = two_of_which_one_fails("after-claim=error@2").await;
    let load = world.load(seed(), 0);
    wait_for("load to flow", async || load.accepted(), |accepted| *accepted >= 100).await;
    world.replicas[1].kill().await;
    let killed = Instant::now();
    world.replicas.truncate(1);
    let before = load.accepted();
    wait_for("load to flow", async || load.accepted(), |accepted| *accepted >= before + 50).await;
    let promises = load.stop().await;
    let open = async || world.replicas[0].client().commands("status=pending").await.len();
    wait_for("what the other had accepted to be settled", open, |open| *open == 0).await;
    assert!(killed.elapsed() < LEASE + Duration::from_secs(3), "it took {:?}", killed.elapsed());
    checked(&mut world, promises, "a claim without an answer").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_as_it_resigns_it_loses_and_doubles_nothing() {
    for fail_point in ["before-resign=kill@1", "after-resign=kill@1", "after-resign=error@1"] {
        let mut world = two_of_which_one_fails(fail_point).await;
        let load = world.load(seed(), 0);
        wait_for("load to flow", async || load.accepted(), |accepted| *accepted >= 100).await;
        let ended = world.replicas[0].stop().await;
        assert_eq!(ended.success(), fail_point.ends_with("error@1"), "{fail_point}: {ended:?}");
        world.replicas.remove(0);
        checked(&mut world, load.stop().await, fail_point).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_cancelled_is_told_even_when_the_feed_cannot_be_looked_at() {
    let mut world = World::on_sqlite().await;
    // The first look is that of the start; of the others every second fails.
    started_anew(&mut world, "before-heads=error@2").await;
    let client = world.replicas[0].client();
    for number in 0..10 {
        let mut envelope = create_pet(&format!("cancelled-{number}"));
        envelope["not_before"] = in_seconds(3600).into();
        let id = client.submit(&envelope).await.id();
        let cancel = client.request(reqwest::Method::DELETE, &format!("/v1/commands/{id}"));
        let reply = client.send(cancel).await.expect("the server answers");
        assert_eq!((reply.status, &reply.body["status"]), (200, &"cancelled".into()), "{reply:?}");
    }
}
