//! The program is killed in the middle of load, again and again; nothing that was promised may be lost.

use std::time::Duration;

use rand::rngs::StdRng;
use rand::{Rng as _, SeedableRng as _};
use wilco_tests::e2e::{Place, PostgresPlace, SqlitePlace};
use wilco_tests::faults::{Load, Promises, audit, seed};
use wilco_tests::nats::NatsServer;
use wilco_tests::wait_for;
use wilco_tests::wilco::Wilco;

const ROUNDS: u64 = 4;

/// Kills it `ROUNDS` times, each at a random moment of the load; then audits. The number of feed entries.
async fn killed_again_and_again(wilco: &Wilco, nats: Option<&NatsServer>) {
    let seed = seed();
    let mut random = StdRng::seed_from_u64(seed);
    let mut promises = Promises::default();
    for round in 0..ROUNDS {
        let mut server = wilco.start().await;
        let load = Load::start(server.client(), seed, round);
        let enough = random.random_range(100..800);
        wait_for("load to flow", async || load.accepted(), |accepted| *accepted >= enough).await;
        tokio::time::sleep(Duration::from_micros(random.random_range(0..20_000))).await;
        server.kill().await;
        promises.extend(load.stop().await);
    }
    let server = wilco.start().await;
    promises.repeat_unknown(server.client()).await;
    println!("{} commands were accepted", promises.accepted.len());
    let feed = audit::everything(server.client(), &promises).await;
    if let Some(nats) = nats {
        audit::stream_matches(&feed, &nats.stream(feed.len() as u64).await);
    }
}

#[tokio::test]
async fn nothing_is_lost_on_sqlite() {
    killed_again_and_again(&SqlitePlace::new().await.wilco(), None).await;
}

#[tokio::test]
async fn nothing_is_lost_on_postgres() {
    killed_again_and_again(&PostgresPlace::new().await.wilco().set("engine.lease_ms=1000"), None).await;
}

#[tokio::test]
async fn nothing_is_lost_on_the_way_to_nats_from_sqlite() {
    let (place, nats) = (SqlitePlace::new().await, NatsServer::started().await);
    killed_again_and_again(&place.wilco().nats(nats.url()), Some(&nats)).await;
}

#[tokio::test]
async fn nothing_is_lost_on_the_way_to_nats_from_postgres() {
    let (place, nats) = (PostgresPlace::new().await, NatsServer::started().await);
    let wilco = place.wilco().nats(nats.url()).set("engine.lease_ms=1000");
    killed_again_and_again(&wilco, Some(&nats)).await;
}
