//! The program ends, or hears of an error, at each place where something durable meets what is known of it.

use rand::rngs::StdRng;
use rand::{Rng as _, SeedableRng as _};
use wilco_tests::faults::{World, seed};
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
    killed_at_each_place(world).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_anywhere_on_postgres_nothing_is_lost_or_doubled() {
    killed_at_each_place(World::on_postgres(1).await).await;
}

/// Errors everywhere, again and again, while it goes on; then everything is checked, still under errors.
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
