use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::Place;
use crate::client::create_pet;
use crate::faults::audit;

/// Every event and every outcome, gapless in each partition.
pub async fn the_feed_has_everything_in_order(place: &impl Place) {
    let server = place.wilco().start().await;
    let client = server.client();
    for number in 0..20 {
        client.done(&create_pet(&format!("pet-{number}"))).await;
    }
    client.done(&json!({ "type": "pet.reserve", "target": "nobody", "data": { "order_id": "o" } })).await;
    let feed = client.feed("").await;
    assert_eq!(feed.len(), 41);
    audit::gapless(&feed);
    let event = feed.iter().find(|item| item["type"] == "wilco.pet.created").expect("an event");
    assert_eq!((&event["specversion"], &event["source"]), (&json!("1.0"), &json!("/wilco")));
    assert_eq!(event["data"]["name"], "Rex");
    let failed = feed.iter().find(|item| item["type"] == "wilco.command.failed").expect("a failure");
    assert_eq!(failed["data"]["error"]["status"], 404);
    assert_eq!(client.read("/v1/feed?after=nonsense").await.status, 400);
}

/// Behind the newest event that was read: no gap, no repeat.
pub async fn a_stream_resumes_across_a_restart(place: &impl Place) {
    let wilco = place.wilco();
    let mut server = wilco.start().await;
    for number in 0..10 {
        server.client().done(&create_pet(&format!("pet-{number}"))).await;
    }
    let mut seen: Vec<Value> = Vec::new();
    let mut stream = server.client().stream("/v1/feed?after=start", None).await;
    let mut last = String::new();
    for _ in 0..7 {
        let event = stream.next().await.expect("the stream goes on");
        last = event.id;
        seen.push(event.data);
    }
    assert!(server.stop().await.success());

    let server = wilco.start().await;
    let mut stream = server.client().stream("/v1/feed", Some(&last)).await;
    server.client().done(&create_pet("after")).await;
    while seen.len() < 22 {
        seen.push(stream.next().await.expect("the stream goes on").data);
    }
    audit::gapless(&seen);
    let mut by_id: BTreeMap<&str, u32> = BTreeMap::new();
    for event in &seen {
        *by_id.entry(event["id"].as_str().expect("an id")).or_default() += 1;
    }
    assert!(by_id.values().all(|count| *count == 1), "{by_id:?}");
}

/// By subject, and by aggregate.
pub async fn a_filtered_feed_has_only_what_was_asked_for(place: &impl Place) {
    let server = place.wilco().start().await;
    let client = server.client();
    client.done(&create_pet("rex")).await;
    client.done(&create_pet("max")).await;
    let reserve = json!({ "type": "pet.reserve", "target": "rex", "data": { "order_id": "o" } });
    client.done(&reserve).await;
    assert_eq!(client.done(&reserve).await["status"], "failed");
    let types = async |query: &str| -> Vec<String> {
        let feed = client.feed(query).await;
        feed.iter().map(|item| item["type"].as_str().expect("a type").to_owned()).collect()
    };
    assert_eq!(types("subject=wilco.command.failed.%3E").await, ["wilco.command.failed"]);
    assert_eq!(types("subject=wilco.event.pet.reserved.*").await, ["wilco.pet.reserved"]);
    assert_eq!(types("target=pet/max").await.len(), 2);
    assert_eq!(types("target=pet/rex").await.len(), 5);
}
