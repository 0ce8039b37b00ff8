//! What subscribers on NATS see.

use std::collections::BTreeMap;
use std::time::Duration;

use async_nats::jetstream::stream::DiscardPolicy;
use futures::StreamExt as _;
use serde_json::json;
use wilco_tests::client::create_pet;
use wilco_tests::e2e::{Place, SqlitePlace};
use wilco_tests::faults::{Load, audit, seed};
use wilco_tests::nats::{NatsServer, Notification};
use wilco_tests::wilco::Server;
use wilco_tests::{on_both_stores, wait_for};

on_both_stores!(
    a_subscriber_gets_every_event_and_outcome,
    notifications_wait_for_a_server_that_is_not_there_yet,
    a_restart_of_nats_under_load_loses_and_reorders_nothing,
    a_frozen_nats_loses_and_reorders_nothing,
    messages_that_nats_has_lost_are_published_again,
    without_jetstream_notifications_are_plain_messages,
);

/// Load until so many more commands are accepted.
async fn until(load: &Load, more: usize) {
    let enough = load.accepted() + more;
    wait_for("load to flow", async || load.accepted(), |accepted| *accepted >= enough).await;
}

/// Ends the load, and checks the store and the stream.
async fn audited(server: &Server, nats: &NatsServer, load: Load) {
    let mut promises = load.stop().await;
    promises.repeat_unknown(server.client()).await;
    let feed = audit::everything(server.client(), &promises).await;
    audit::stream_matches(&feed, &nats.stream(feed.len() as u64).await);
}

async fn a_subscriber_gets_every_event_and_outcome(place: impl Place) {
    let nats = NatsServer::started().await;
    let client = nats.client().await;
    let mut alerts = client.subscribe("wilco.command.failed.>").await.expect("a subscription");
    let mut reserved = client.subscribe("wilco.event.pet.reserved.*").await.expect("a subscription");
    client.flush().await.expect("NATS knows of them");
    let server = place.wilco().nats(nats.url()).start().await;
    let http = server.client();
    let parent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    let reserve = json!({ "type": "pet.reserve", "target": "rex", "data": { "order_id": "o-1" } });
    http.done(&create_pet("rex")).await;
    let done = http.post("/v1/commands", &reserve, &[("traceparent", parent), ("Prefer", "wait=10")]).await;
    assert_eq!(done.status, 200, "{done:?}");
    let failed = http.done(&json!({ "type": "pet.delete", "target": "rex", "data": {} })).await;

    let within = |next| tokio::time::timeout(Duration::from_secs(20), next);
    let event = Notification::of(&within(reserved.next()).await.expect("in time").expect("a message"));
    assert_eq!(event.event["type"], "wilco.pet.reserved");
    assert_eq!(event.event["data"]["order_id"], "o-1");
    assert_eq!(event.event["causationid"], done.body["id"]);
    let continued = |text: &str| text.contains("0af7651916cd43dd8448eb211c80319c");
    assert!(event.header("traceparent").is_some_and(continued), "{event:?}");
    assert!(event.event["traceparent"].as_str().is_some_and(continued), "{event:?}");
    audit::shape(&event);
    let alert = Notification::of(&within(alerts.next()).await.expect("in time").expect("a message"));
    assert_eq!((&alert.event["type"], &alert.event["data"]), (&json!("wilco.command.failed"), &failed));
    audit::shape(&alert);

    let feed = http.feed("").await;
    assert_eq!(feed.len(), 5);
    audit::stream_matches(&feed, &nats.stream(5).await);
    let stream = async_nats::jetstream::new(client).get_stream("WILCO").await.expect("the stream is there");
    let discard = stream.cached_info().config.discard;
    assert_eq!(discard, DiscardPolicy::New, "a full stream says so, and forgets nothing");
}

async fn notifications_wait_for_a_server_that_is_not_there_yet(place: impl Place) {
    let mut nats = NatsServer::prepared();
    let server = place.wilco().nats(nats.url()).start().await;
    let load = Load::start(server.client(), seed(), 0);
    until(&load, 200).await;
    nats.start().await;
    until(&load, 200).await;
    audited(&server, &nats, load).await;
}

async fn a_restart_of_nats_under_load_loses_and_reorders_nothing(place: impl Place) {
    let mut nats = NatsServer::started().await;
    let server = place.wilco().nats(nats.url()).start().await;
    let load = Load::start(server.client(), seed(), 0);
    for _ in 0..2 {
        until(&load, 150).await;
        nats.kill();
        until(&load, 150).await;
        nats.start().await;
    }
    until(&load, 150).await;
    nats.stop().await;
    nats.start().await;
    audited(&server, &nats, load).await;
}

async fn a_frozen_nats_loses_and_reorders_nothing(place: impl Place) {
    let nats = NatsServer::started().await;
    let server = place.wilco().nats(nats.url()).start().await;
    let load = Load::start(server.client(), seed(), 0);
    until(&load, 150).await;
    nats.freeze();
    until(&load, 300).await;
    let noticed = async || server.log().contains("notifications are delayed");
    wait_for("the relay to give up waiting for an answer", noticed, |noticed| *noticed).await;
    nats.thaw();
    until(&load, 150).await;
    audited(&server, &nats, load).await;
}

/// As when the machine loses power between an acknowledgement and the disk.
async fn messages_that_nats_has_lost_are_published_again(place: impl Place) {
    let nats = NatsServer::started().await;
    let server = place.wilco().nats(nats.url()).start().await;
    for number in 0..10 {
        server.client().done(&create_pet(&format!("pet-{number}"))).await;
    }
    nats.stream(20).await;
    let context = async_nats::jetstream::new(nats.client().await);
    context.delete_stream("WILCO").await.expect("the stream is deleted");
    server.client().done(&create_pet("one-more")).await;
    let feed = server.client().feed("").await;
    assert_eq!(feed.len(), 22);
    let stream = nats.stream(22).await;
    // Repeats are allowed here, and can be told by their offsets.
    let mut last: BTreeMap<String, i64> = BTreeMap::new();
    let fresh = stream.into_iter().filter(|message| {
        let offset = message.event["offset"].as_str().and_then(|text| text.parse().ok()).unwrap_or(0);
        let last = last.entry(message.event["partition"].to_string()).or_default();
        let fresh = offset > *last;
        *last = offset.max(*last);
        fresh
    });
    audit::stream_matches(&feed, &fresh.collect::<Vec<_>>());
}

async fn without_jetstream_notifications_are_plain_messages(place: impl Place) {
    let nats = NatsServer::started().await;
    let client = nats.client().await;
    let mut all = client.subscribe("wilco.>").await.expect("a subscription");
    client.flush().await.expect("NATS knows of it");
    let server = place.wilco().nats(nats.url()).set("jetstream.enabled=false").start().await;
    server.client().done(&create_pet("rex")).await;
    for _ in 0..2 {
        let next = tokio::time::timeout(Duration::from_secs(20), all.next()).await;
        audit::shape(&Notification::of(&next.expect("in time").expect("a message")));
    }
    let context = async_nats::jetstream::new(client);
    assert!(context.get_stream("WILCO").await.is_err(), "no stream is made");
}

#[tokio::test]
async fn a_second_signal_ends_a_stop_that_takes_its_time() {
    let (place, nats) = (SqlitePlace::new().await, NatsServer::started().await);
    let mut server = place.wilco().nats(nats.url()).start().await;
    server.client().done(&create_pet("rex")).await;
    nats.stream(2).await;
    nats.freeze();
    server.client().done(&create_pet("max")).await;
    server.signal("TERM");
    let stopping = async || server.log().contains("stopping");
    wait_for("the stop to begin", stopping, |stopping| *stopping).await;
    server.signal("TERM");
    assert_eq!(server.exit().await.code(), Some(1), "{}", server.log());
    nats.thaw();
    let server = place.wilco().nats(nats.url()).start().await;
    let feed = server.client().feed("").await;
    audit::stream_matches(&feed, &nats.stream(4).await);
}
