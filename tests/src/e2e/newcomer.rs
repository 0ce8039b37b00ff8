use serde_json::{Value, json};

use super::Place;
use crate::client::{create_pet, pet};
use crate::wait_for;

/// POST, 202, status, 303, 200: as the first page of a manual would have it.
pub async fn a_newcomer_gets_from_a_command_to_its_resource(place: &impl Place) {
    let server = place.wilco().start().await;
    let client = server.client();
    let accepted = client.post("/v1/pets", &pet("Rex"), &[]).await;
    assert_eq!(accepted.status, 202, "{accepted:?}");
    let id = accepted.id();
    assert_eq!(accepted.header("location"), format!("/v1/commands/{id}"));
    assert_eq!(accepted.header("operation-location"), accepted.header("location"));
    assert!(accepted.header("retry-after").parse::<u64>().is_ok_and(|seconds| seconds >= 1), "{accepted:?}");
    assert_eq!(accepted.body["type"], "pet.create");
    assert_eq!(accepted.body["links"]["self"], accepted.header("location"));

    let path = accepted.header("location").to_owned();
    let ask = async || client.read(&path).await;
    let done = wait_for("the redirect", ask, |reply| reply.status != 200).await;
    assert_eq!(done.status, 303, "{done:?}");
    assert_eq!((&done.body["status"], &done.body["version"]), (&json!("succeeded"), &json!(1)));
    let resource = done.header("location").to_owned();
    assert_eq!(done.body["resource"], resource);

    let pet = client.read(&resource).await;
    assert_eq!(pet.status, 200, "{pet:?}");
    assert_eq!((&pet.body["name"], &pet.body["status"]), (&json!("Rex"), &json!("available")));
    assert_eq!(pet.header("etag"), "\"1\"");
    assert_eq!(client.status(&id).await.status, 200, "without the redirect");
}

/// Business rules are decided after the 202, and the status says which one was broken.
pub async fn a_command_that_breaks_a_rule_fails_with_its_problem(place: &impl Place) {
    let server = place.wilco().start().await;
    let client = server.client();
    client.done(&create_pet("rex")).await;
    let reserve = json!({ "type": "pet.reserve", "target": "rex", "data": { "order_id": "o-1" } });
    assert_eq!(client.done(&reserve).await["status"], "succeeded");
    let cases: [(Value, u64, &str); 4] = [
        (
            json!({ "type": "pet.reserve", "target": "rex", "data": { "order_id": "o-2" } }),
            409,
            "pet-reserved",
        ),
        (json!({ "type": "pet.create", "target": "rex", "data": pet("Other") }), 409, "already-exists"),
        (
            json!({ "type": "pet.reserve", "target": "nobody", "data": { "order_id": "o-1" } }),
            404,
            "not-found",
        ),
        (
            json!({ "type": "pet.update", "target": "rex", "data": pet("Max"), "expected_version": 1 }),
            412,
            "version-conflict",
        ),
    ];
    for (envelope, status, slug) in cases {
        let failed = client.done(&envelope).await;
        assert_eq!(failed["status"], "failed", "{failed}");
        let problem = &failed["error"];
        assert_eq!(
            (&problem["status"], &problem["type"]),
            (&json!(status), &json!(format!("/problems/{slug}")))
        );
        assert!(failed["resource"].is_null() && failed["version"].is_null(), "{failed}");
        assert_eq!(client.read(&format!("/problems/{slug}")).await.status, 200, "{slug} is explained");
    }
    assert_eq!(client.read("/v1/pets/rex").await.body["version"], 2, "failures change nothing");
}

/// Each is a 4xx with a problem; the registry stays empty.
pub async fn bad_input_is_refused_and_stores_nothing(place: &impl Place) {
    let server = place.wilco().start().await;
    let client = server.client();
    let cases = [
        (json!({ "type": "pet.create", "data": {} }), 400),
        (json!({ "type": "pet.create", "data": pet("Rex"), "surplus": 1 }), 400),
        (json!({ "type": "pet.create", "target": "no/slash", "data": pet("Rex") }), 400),
        (json!({ "type": "pet.reserve", "data": { "order_id": "o-1" } }), 400),
        (json!({ "type": "pet.fly", "target": "rex", "data": {} }), 404),
        (json!({ "type": "pet.create", "data": pet("nul \u{0} inside") }), 400),
        (json!([]), 400),
    ];
    for (envelope, status) in cases {
        let refused = client.submit(&envelope).await;
        assert_eq!(refused.status, status, "{envelope}: {refused:?}");
        assert_eq!(refused.header("content-type"), "application/problem+json");
        assert_eq!(refused.body["status"], status, "{refused:?}");
        assert!(!refused.header("x-request-id").is_empty());
    }
    assert_eq!(client.commands("").await, Vec::<Value>::new());
}

/// 410 instead of 404, and no redirect to it.
pub async fn a_deleted_resource_is_gone(place: &impl Place) {
    let server = place.wilco().start().await;
    let client = server.client();
    client.done(&create_pet("rex")).await;
    let deleted =
        client.send(client.request(reqwest::Method::DELETE, "/v1/pets/rex")).await.expect("an answer");
    assert_eq!(deleted.status, 202, "{deleted:?}");
    let id = deleted.id();
    let settled = client.settled(&id).await;
    assert_eq!((&settled["status"], &settled["resource"]), (&json!("succeeded"), &Value::Null));
    assert_eq!(client.read(&format!("/v1/commands/{id}")).await.status, 200);
    assert_eq!(client.read("/v1/pets/rex").await.status, 410);
    assert_eq!(client.read("/v1/pets/nobody").await.status, 404);
}
