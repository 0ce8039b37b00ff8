//! Entries of the feed that a message can hardly be made of, or not at all: none of them stops another.

#![expect(clippy::unwrap_used, reason = "all of this is tests")]

use serde_json::{Value, json};
use wilco_tests::client::create_pet;
use wilco_tests::e2e::{Place, PostgresPlace};
use wilco_tests::faults::audit;
use wilco_tests::nats::NatsServer;
use wilco_tests::wilco::Server;
use wilco_tests::{on_both_stores, wait_for};

on_both_stores!(
    what_was_stored_unchecked_is_published_without_what_cannot_be_a_header,
    an_entry_that_cannot_be_read_is_parked_and_stops_no_other,
);

async fn started_with_nats(place: &impl Place, nats: &NatsServer) -> Server {
    place.wilco().nats(nats.url()).start().await
}

/// A statement that breaks the line of every `traceparent`: as was possible before they were checked.
fn broken_lines(place: &impl Place) -> [&'static str; 2] {
    if place.url().starts_with("sqlite") {
        [
            "UPDATE commands SET traceparent = 'a' || char(10) || 'b'",
            "UPDATE events SET metadata = json_set(metadata, '$.traceparent', 'a' || char(13, 10) || 'b')",
        ]
    } else {
        [
            "UPDATE commands SET traceparent = E'a\\nb'",
            r#"UPDATE events SET metadata = (metadata::jsonb || '{"traceparent": "a\r\nb"}')::json"#,
        ]
    }
}

async fn what_was_stored_unchecked_is_published_without_what_cannot_be_a_header(place: impl Place) {
    let nats = NatsServer::started().await;
    let mut server = place.wilco().start().await;
    server.client().done(&create_pet("rex")).await;
    server.stop().await;
    for statement in broken_lines(&place) {
        place.execute(statement).await;
    }
    let server = started_with_nats(&place, &nats).await;
    server.client().done(&create_pet("max")).await;
    let stream = nats.stream(4).await;
    assert!(stream.iter().all(|message| message.header("traceparent").is_none()), "{stream:?}");
    audit::stream_matches(&server.client().feed("").await, &stream);
}

async fn an_entry_that_cannot_be_read_is_parked_and_stops_no_other(place: impl Place) {
    let nats = NatsServer::started().await;
    let mut server = place.wilco().start().await;
    server.client().done(&create_pet("rex")).await;
    let failed = json!({ "type": "pet.sell", "target": "nobody", "data": {} });
    assert_eq!(server.client().done(&failed).await["status"], "failed");
    server.client().done(&create_pet("max")).await;
    server.stop().await;
    place.execute("UPDATE commands SET error = '{ this is no problem' WHERE error IS NOT NULL").await;

    let server = started_with_nats(&place, &nats).await;
    server.client().done(&create_pet("leo")).await;
    let stream = nats.stream(6).await;
    let feed = server.client().feed("").await;
    assert_eq!(feed.len(), 6, "the feed over HTTP passes over it as well: {feed:?}");
    audit::stream_matches(&feed, &stream);
    let parked = async || metric(&server, "wilco_relay_parked").await;
    wait_for("it to be counted", parked, |parked| *parked == Some(1.0)).await;
    let complaints = server.log().lines().filter(|line| line.contains("cannot be told")).count();
    assert_eq!(complaints, 1, "it is said once:\n{}", server.log());

    // It stays behind, and is still counted after a restart.
    drop(server);
    let server = started_with_nats(&place, &nats).await;
    server.client().done(&create_pet("tim")).await;
    nats.stream(8).await;
    assert_eq!(metric(&server, "wilco_relay_parked").await, Some(1.0));
}

/// The value of a metric without labels.
async fn metric(server: &Server, name: &str) -> Option<f64> {
    let text =
        reqwest::get(format!("{}/metrics", server.client().base())).await.unwrap().text().await.unwrap();
    let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '))?;
    Some(line.parse().unwrap())
}

/// Events of another program, whose ids are what they are.
#[tokio::test(flavor = "multi_thread")]
async fn adopted_events_with_odd_ids_are_published() {
    let nats = NatsServer::started().await;
    let place = PostgresPlace::new().await;
    let mut server = place.wilco().start().await;
    server.stop().await;
    let payload = json!({ "type": "created", "name": "Rex", "category": "dog" });
    let insert = format!(
        "INSERT INTO events (aggregate_type, aggregate_id, sequence, event_type, event_version, payload, metadata)
         VALUES ('pet', E'a\\nb ü', 1, 'pet.created', '1.0', '{payload}', '{{\"command_id\": \"x\\r\\ny\"}}')"
    );
    place.execute(&insert).await;
    let server = started_with_nats(&place, &nats).await;
    server.client().done(&create_pet("rex")).await;
    let stream = nats.stream(3).await;
    let odd =
        stream.iter().find(|message| message.header("Wilco-Target") == Some("pet/a%0Ab%20%C3%BC")).unwrap();
    assert_eq!(odd.header("Wilco-Command-Id"), Some("x%0D%0Ay"));
    let ids: Vec<&Value> = stream.iter().map(|message| &message.event["id"]).collect();
    assert!(ids.contains(&&json!("event:x%0D%0Ay:1")), "{ids:?}");
}
