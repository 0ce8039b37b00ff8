use reqwest::Method;
use serde_json::{Value, json};

use super::Place;
use super::waiting::in_seconds;
use crate::client::{create_pet, pet};

/// A line each, in order.
pub async fn a_bad_line_of_a_batch_harms_no_other(place: &impl Place) {
    let server = place.wilco().start().await;
    let client = server.client();
    let lines = [create_pet("a").to_string(), "{not json".to_owned(), create_pet("b").to_string()];
    let request = client
        .request(Method::POST, "/v1/commands/batch")
        .header("Content-Type", "application/x-ndjson")
        .body(lines.join("\n"));
    let reply = client.send(request).await.expect("an answer");
    assert_eq!(reply.status, 200, "{reply:?}");
    assert_eq!(reply.header("content-type"), "application/x-ndjson");
    let answers: Vec<Value> =
        reply.text.lines().map(|line| serde_json::from_str(line).expect("a line of JSON")).collect();
    let statuses: Vec<&Value> = answers.iter().map(|answer| &answer["status"]).collect();
    assert_eq!(statuses, [202, 400, 202], "{answers:?}");
    assert_eq!(answers[1]["problem"]["status"], 400);
    for (answer, pet) in [(&answers[0], "a"), (&answers[2], "b")] {
        let id = answer["id"].as_str().expect("an id");
        assert_eq!(answer["location"], format!("/v1/commands/{id}"));
        let settled = client.settled(id).await;
        assert_eq!(settled["resource"], format!("/v1/pets/{pet}"));
    }
}

/// Scheduled until then, and applied soon after.
pub async fn a_delayed_command_waits_for_its_time(place: &impl Place) {
    let server = place.wilco().start().await;
    let client = server.client();
    let delayed = json!({
        "type": "pet.create", "target": "rex", "data": pet("Rex"), "not_before": in_seconds(2),
    });
    let accepted = client.submit(&delayed).await;
    assert_eq!((accepted.status, &accepted.body["status"]), (202, &json!("scheduled")), "{accepted:?}");
    assert_eq!(client.read("/v1/pets/rex").await.status, 404);
    let settled = client.settled(&accepted.id()).await;
    assert_eq!(settled["status"], "succeeded");
    let time = |name: &str| {
        let text = settled[name].as_str().expect("a time");
        chrono::DateTime::parse_from_rfc3339(text).expect("RFC 3339")
    };
    assert!(time("settled_at") >= time("not_before"), "{settled}");
}

/// And stays so; a settled one cannot be.
pub async fn a_scheduled_command_can_be_cancelled(place: &impl Place) {
    let server = place.wilco().start().await;
    let client = server.client();
    let delayed = json!({
        "type": "pet.create", "target": "rex", "data": pet("Rex"), "not_before": in_seconds(1),
    });
    let id = client.submit(&delayed).await.id();
    let path = format!("/v1/commands/{id}");
    let cancel = async || client.send(client.request(Method::DELETE, &path)).await.expect("an answer");
    let cancelled = cancel().await;
    assert_eq!((cancelled.status, &cancelled.body["status"]), (200, &json!("cancelled")), "{cancelled:?}");
    let again = cancel().await;
    assert_eq!((again.status, again.slug()), (409, "command-settled"), "{again:?}");
    // One that is due later and done shows that the time of the cancelled one is over.
    let later = json!({ "type": "pet.create", "data": pet("Max"), "not_before": in_seconds(2) });
    client.done(&later).await;
    assert_eq!(client.read("/v1/pets/rex").await.status, 404);
    assert_eq!(client.status(&id).await.body["status"], "cancelled");
}

/// A new command that names the one it was made of.
pub async fn a_failed_command_can_be_retried(place: &impl Place) {
    let server = place.wilco().start().await;
    let client = server.client();
    let reserve = json!({ "type": "pet.reserve", "target": "rex", "data": { "order_id": "o-1" } });
    let failed = client.done(&reserve).await;
    assert_eq!(failed["error"]["type"], "/problems/not-found", "{failed}");
    client.done(&create_pet("rex")).await;
    let id = failed["id"].as_str().expect("an id");
    let retried = client.post(&format!("/v1/commands/{id}/retry"), &json!({}), &[]).await;
    assert_eq!(retried.status, 202, "{retried:?}");
    assert_ne!(retried.id(), id);
    let settled = client.settled(&retried.id()).await;
    assert_eq!((&settled["status"], &settled["caused_by"]), (&json!("succeeded"), &json!(id)), "{settled}");
    assert_eq!(settled["correlation_id"], failed["correlation_id"]);
    assert_eq!(client.status(id).await.body["status"], "failed", "the first one stays as it was");
}

/// And can be narrowed and paged.
pub async fn commands_are_listed_newest_first(place: &impl Place) {
    let server = place.wilco().start().await;
    let client = server.client();
    let mut ids = Vec::new();
    for number in 0..5 {
        let done = client.done(&create_pet(&format!("pet-{number}"))).await;
        ids.insert(0, done["id"].as_str().expect("an id").to_owned());
    }
    client.done(&json!({ "type": "pet.reserve", "target": "nobody", "data": { "order_id": "o" } })).await;
    let listed = async |query: &str| -> Vec<String> {
        let items = client.commands(query).await;
        items.iter().map(|item| item["id"].as_str().expect("an id").to_owned()).collect()
    };
    assert_eq!(listed("type=pet.create").await, ids);
    assert_eq!(listed("status=succeeded").await, ids);
    assert_eq!(listed("status=failed").await.len(), 1);
    assert_eq!(listed("target=pet-2").await, ids[2..3]);
    let first = client.read("/v1/commands?type=pet.create&limit=2").await.body;
    let cursor = first["next_cursor"].as_str().expect("there are more");
    let second = client.read(&format!("/v1/commands?type=pet.create&limit=2&cursor={cursor}")).await.body;
    assert_eq!((&second["items"][0]["id"], &second["items"][1]["id"]), (&json!(ids[2]), &json!(ids[3])));
}
