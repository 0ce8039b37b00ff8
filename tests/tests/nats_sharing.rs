//! NATS is not Wilco's alone: others publish, and other stores are there.

#![expect(clippy::unwrap_used, reason = "all of this is tests")]

use std::time::Duration;

use async_nats::jetstream::stream::Config;
use serde_json::{Value, json};
use wilco_tests::client::create_pet;
use wilco_tests::e2e::{Place, SqlitePlace};
use wilco_tests::faults::{FarLine, LEASE, Load, World, audit, seed};
use wilco_tests::nats::NatsServer;
use wilco_tests::wilco::Server;
use wilco_tests::{on_both_stores, wait_for};

on_both_stores!(
    somebody_elses_messages_lose_and_reorder_nothing,
    a_second_store_on_the_stream_publishes_nothing_and_says_so,
    a_restored_store_is_told_apart_from_what_it_was,
);

async fn somebody_elses_messages_lose_and_reorder_nothing(place: impl Place) {
    let nats = NatsServer::started().await;
    let server = place.wilco().nats(nats.url()).start().await;
    let foreign = nats.foreign_publisher().await;
    let load = Load::start(server.client(), seed(), 0);
    wait_for("load to flow", async || load.accepted(), |accepted| *accepted >= 2000).await;
    let mut promises = load.stop().await;
    promises.repeat_unknown(server.client()).await;
    let feed = audit::everything(server.client(), &promises).await;
    let stream = nats.stream(feed.len() as u64).await;
    drop(foreign);
    audit::stream_matches(&feed, &audit::without_repeats(stream));
}

async fn a_second_store_on_the_stream_publishes_nothing_and_says_so(place: impl Place) {
    let nats = NatsServer::started().await;
    let first = place.wilco().nats(nats.url()).start().await;
    first.client().done(&create_pet("rex")).await;
    nats.stream(2).await;
    let other = SqlitePlace::new().await;
    let mut second = other.wilco().nats(nats.url()).start().await;
    second.client().done(&create_pet("other")).await;
    let ready = async || second.client().read("/readyz").await.body.to_string();
    wait_for("the second to say so", ready, |ready| ready.contains("belongs to another store")).await;
    first.client().done(&create_pet("max")).await;
    let told: Vec<Value> = nats.stream(4).await.into_iter().map(|message| message.event).collect();
    assert_eq!(told, first.client().feed("").await, "the first goes on alone");

    second.stop().await;
    let apart = other.wilco().nats(nats.url()).set("jetstream.stream=OTHER");
    let second = apart.clone().start().await;
    let ready = async || second.client().read("/readyz").await.body.to_string();
    wait_for("the subjects to be missed", ready, |ready| ready.contains("engine.subject_prefix")).await;
    drop(second);
    let second = apart.set("engine.subject_prefix=other.wilco").start().await;
    let context = async_nats::jetstream::new(nats.client().await);
    let count = async || match context.get_stream("OTHER").await {
        Ok(mut stream) => stream.info().await.unwrap().state.messages,
        Err(_) => 0,
    };
    wait_for("its messages to be in a stream of their own", count, |count| *count == 2).await;
    let page = second.client().feed("subject=other.wilco.event.pet.*.*").await;
    assert_eq!(page.len(), 1, "{page:?}");
}

async fn with_pets(server: &Server, ids: &[&str]) {
    for id in ids {
        server.client().done(&create_pet(id)).await;
    }
}

async fn a_restored_store_is_told_apart_from_what_it_was<P: Place>(place: P) {
    let nats = NatsServer::started().await;
    let mut server = place.wilco().nats(nats.url()).start().await;
    with_pets(&server, &["a", "b"]).await;
    nats.stream(4).await;
    server.stop().await;
    let backup = place.copy().await;
    let mut server = place.wilco().nats(nats.url()).start().await;
    with_pets(&server, &["c", "d"]).await;
    let cursor = server.client().feed_page("after=start").await["next_cursor"].as_str().unwrap().to_owned();
    nats.stream(8).await;
    server.stop().await;

    // Back to before c and d, and on in another way.
    let server = backup.wilco().nats(nats.url()).start().await;
    with_pets(&server, &["e", "f", "g"]).await;
    let noticed = async || server.log().contains("a new generation begins");
    wait_for("the store to notice", noticed, |noticed| *noticed).await;
    let feed = server.client().feed("").await;
    let stream = nats.stream(8 + 6).await;
    let heard: Vec<Value> = audit::without_repeats(stream).into_iter().map(|message| message.event).collect();
    for entry in &feed {
        let same = |event: &&Value| event["id"] == entry["id"] && event["data"] == entry["data"];
        assert_eq!(heard.iter().filter(same).count(), 1, "heard of once: {entry}");
    }
    let stale = server.client().get(&format!("/v1/feed?after={cursor}&limit=10")).await.unwrap();
    assert_eq!((stale.status, stale.slug()), (410, "cursor-expired"), "{stale:?}");
    // The original comes back: it must not publish beside its copy.
    let original = place.wilco().nats(nats.url()).start().await;
    let ready = async || original.client().read("/readyz").await.body.to_string();
    wait_for("the original to refuse", ready, |ready| ready.contains("a restored copy of this store")).await;
}

/// Paused for longer than NATS remembers message ids, so that what it repeats would be taken for new.
#[tokio::test(flavor = "multi_thread")]
async fn replicas_that_were_replaced_and_come_back_lose_and_reorder_nothing() {
    let mut world = World::on_postgres(2).await;
    let context = async_nats::jetstream::new(world.nats.client().await);
    let window = Duration::from_secs(1);
    let mut stream =
        wait_for("the stream", async || context.get_stream("WILCO").await, Result::is_ok).await.unwrap();
    let config = stream.info().await.unwrap().config.clone();
    context.update_stream(Config { duplicate_window: window, ..config }).await.unwrap();
    let seed = seed();
    for round in 0..3 {
        let load = world.load(seed, round);
        wait_for("load to flow", async || load.accepted(), |accepted| *accepted >= 100).await;
        let paused = (round % 2) as usize;
        world.replicas[paused].signal("STOP");
        tokio::time::sleep(LEASE + window * 3).await;
        world.replicas[paused].signal("CONT");
        let enough = load.accepted() + 100;
        wait_for("load to flow", async || load.accepted(), |accepted| *accepted >= enough).await;
        world.promises.extend(load.stop().await);
        world.answers_normally().await;
        world.audit().await;
    }
}

/// Two replicas on a broker that is 20 ms away, each way.
#[tokio::test(flavor = "multi_thread")]
async fn a_far_broker_is_told_everything_in_order() {
    let place = wilco_tests::e2e::PostgresPlace::new().await;
    let nats = NatsServer::started().await;
    let line = FarLine::to(nats.port(), Duration::from_millis(10)).await;
    let far = place.wilco().nats(format!("nats://127.0.0.1:{}", line.port()));
    let servers = [far.start().await, far.start().await];
    let clients: Vec<_> = servers.iter().map(Server::client).collect();
    let load = Load::on(&clients, seed(), 0, Duration::ZERO);
    wait_for("load to flow", async || load.accepted(), |accepted| *accepted >= 2000).await;
    let mut promises = load.stop().await;
    promises.repeat_unknown(clients[0]).await;
    let feed = audit::everything(clients[0], &promises).await;
    let stream = nats.stream(feed.len() as u64).await;
    audit::stream_matches(&feed, &audit::without_repeats(stream));
}

/// What is too large for the broker says where it can be read.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_too_large_for_the_broker_goes_without_its_data() {
    let place = SqlitePlace::new().await;
    let limit = |_: &std::path::Path| "max_payload: 65536".to_owned();
    let nats = NatsServer::configured(limit, async_nats::ConnectOptions::new()).await;
    let server = place.wilco().nats(nats.url()).start().await;
    let mut large = create_pet("large");
    large["data"]["photo_urls"] = json!(vec![format!("https://example.org/{}", "x".repeat(1900)); 50]);
    assert_eq!(server.client().done(&large).await["status"], "succeeded");
    server.client().done(&create_pet("small")).await;
    let stream = nats.stream(4).await;
    let created = &stream.iter().find(|message| message.event["type"] == "wilco.pet.created").unwrap().event;
    assert!(created.get("data").is_none(), "{created}");
    let place = created["dataref"].as_str().unwrap();
    let events = server.client().read(place).await;
    assert_eq!(events.body["items"][0]["type"], "pet.created", "{events:?}");
    let metrics = server.client().get("/metrics").await;
    assert!(format!("{metrics:?}").contains("wilco_published_without_data_total 1"), "{metrics:?}");
}
