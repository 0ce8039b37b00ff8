use serde_json::{Value, json};

use super::Place;
use crate::client::{create_pet, pet};

/// `Prefer: wait`, and the command succeeds.
pub async fn a_wait_is_answered_with_the_outcome(place: &impl Place) {
    let server = place.wilco().start().await;
    let client = server.client();
    let created = client.post("/v1/commands", &create_pet("rex"), &[("Prefer", "wait=10")]).await;
    assert_eq!(created.status, 201, "{created:?}");
    assert_eq!(created.header("preference-applied"), "wait=10");
    assert_eq!(created.header("location"), "/v1/pets/rex");
    assert_eq!(created.header("content-location"), format!("/v1/commands/{}", created.id()));
    assert_eq!(created.body["status"], "succeeded");
    let order = json!({ "order_id": "o-1" });
    let reserved = client.post("/v1/pets/rex/reserve", &order, &[("Prefer", "wait=10")]).await;
    assert_eq!((reserved.status, &reserved.body["version"]), (200, &json!(2)), "{reserved:?}");
}

/// `Prefer: wait`, and the command fails.
pub async fn a_wait_for_a_failure_is_answered_with_its_problem(place: &impl Place) {
    let server = place.wilco().start().await;
    let client = server.client();
    let order = json!({ "order_id": "o-1" });
    let failed = client.post("/v1/pets/nobody/reserve", &order, &[("Prefer", "wait=10")]).await;
    assert_eq!((failed.status, failed.slug()), (404, "not-found"), "{failed:?}");
    assert_eq!(failed.header("content-type"), "application/problem+json");
}

/// `Prefer: wait`, and the time passes.
pub async fn a_wait_in_vain_is_answered_as_usual(place: &impl Place) {
    let server = place.wilco().start().await;
    let client = server.client();
    let later = json!({ "type": "pet.create", "data": pet("Rex"), "not_before": in_seconds(300) });
    let accepted = client.post("/v1/commands", &later, &[("Prefer", "wait=1")]).await;
    assert_eq!((accepted.status, &accepted.body["status"]), (202, &json!("scheduled")), "{accepted:?}");
    assert_eq!(accepted.header("preference-applied"), "wait=1");
}

/// Each change of the status is an event, and the stream ends after the last.
pub async fn a_status_can_be_watched_until_it_is_settled(place: &impl Place) {
    let server = place.wilco().start().await;
    let client = server.client();
    let soon = json!({ "type": "pet.create", "data": pet("Rex"), "not_before": in_seconds(1) });
    let id = client.submit(&soon).await.id();
    let mut stream = client.stream(&format!("/v1/commands/{id}"), None).await;
    let mut seen = Vec::new();
    while let Some(event) = stream.next().await {
        assert_eq!((event.name.as_str(), &event.data["id"]), ("status", &Value::from(id.clone())));
        seen.push(event.data["status"].as_str().expect("a status").to_owned());
    }
    assert_eq!(seen.first().map(String::as_str), Some("scheduled"), "{seen:?}");
    assert_eq!(seen.last().map(String::as_str), Some("succeeded"), "{seen:?}");
    let mut distinct = seen.clone();
    distinct.dedup();
    assert_eq!(distinct, seen, "only changes are told");
}

/// The time so many seconds from now, as a client writes it.
pub fn in_seconds(seconds: u64) -> String {
    from_now(std::time::Duration::from_secs(seconds))
}

/// The same, for any time.
pub fn from_now(time: std::time::Duration) -> String {
    let at = std::time::SystemTime::now() + time;
    chrono::DateTime::<chrono::Utc>::from(at).to_rfc3339_opts(chrono::SecondsFormat::Millis, true)
}
