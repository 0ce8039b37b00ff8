use reqwest::Method;
use serde_json::{Value, json};

use super::Place;
use crate::client::{create_pet, pet};

/// Events in order, and the resource as each left it.
pub async fn a_history_and_every_version_can_be_read(place: &impl Place) {
    let server = place.wilco().start().await;
    let client = server.client();
    client.done(&create_pet("rex")).await;
    for (kind, data) in
        [("update", pet("Max")), ("reserve", json!({ "order_id": "o-1" })), ("sell", json!({}))]
    {
        let done =
            client.done(&json!({ "type": format!("pet.{kind}"), "target": "rex", "data": data })).await;
        assert_eq!(done["status"], "succeeded", "{done}");
    }
    let history = client.read("/v1/pets/rex/history").await;
    let items = history.body["items"].as_array().expect("items").clone();
    let told: Vec<(&Value, &Value)> = items.iter().map(|item| (&item["sequence"], &item["type"])).collect();
    let expected = ["pet.created", "pet.updated", "pet.reserved", "pet.sold"].map(Value::from);
    let numbers = [1, 2, 3, 4].map(Value::from);
    assert_eq!(told, numbers.iter().zip(&expected).collect::<Vec<_>>(), "{history:?}");
    assert!(items.iter().all(|item| item["at"].is_string()), "{history:?}");

    for (version, name, status) in
        [(1, "Rex", "available"), (2, "Max", "available"), (3, "Max", "reserved"), (4, "Max", "sold")]
    {
        let then = client.read(&format!("/v1/pets/rex?version={version}")).await;
        assert_eq!(then.status, 200, "{then:?}");
        let body = &then.body;
        assert_eq!(
            (&body["version"], &body["name"], &body["status"]),
            (&json!(version), &json!(name), &json!(status))
        );
    }
    assert_eq!(client.read("/v1/pets/rex?version=4").await.body, client.read("/v1/pets/rex").await.body);
    assert_eq!(client.read("/v1/pets/rex?version=5").await.status, 404);
}

/// 304 for the version the client has.
pub async fn an_unchanged_resource_is_not_sent_again(place: &impl Place) {
    let server = place.wilco().start().await;
    let client = server.client();
    client.done(&create_pet("rex")).await;
    let tag = client.read("/v1/pets/rex").await.header("etag").to_owned();
    let known = async || {
        let request = client.request(Method::GET, "/v1/pets/rex").header("If-None-Match", &tag);
        client.send(request).await.expect("an answer")
    };
    let unchanged = known().await;
    assert_eq!((unchanged.status, unchanged.text.as_str()), (304, ""), "{unchanged:?}");
    let update = client.request(Method::PUT, "/v1/pets/rex").header("If-Match", &tag).json(&pet("Max"));
    let update = client.send(update).await.expect("an answer");
    assert_eq!(update.status, 202, "{update:?}");
    assert_eq!(client.settled(&update.id()).await["status"], "succeeded");
    assert_eq!(known().await.body["name"], "Max");
}

/// No resource twice, none left out; the gone ones are not listed.
pub async fn a_list_of_resources_goes_on_behind_its_cursor(place: &impl Place) {
    let server = place.wilco().start().await;
    let client = server.client();
    for id in ["a", "b", "c", "d", "e"] {
        client.done(&create_pet(id)).await;
    }
    client.done(&json!({ "type": "pet.delete", "target": "c", "data": {} })).await;
    client.done(&json!({ "type": "pet.sell", "target": "d", "data": {} })).await;
    let mut seen = Vec::new();
    let mut cursor = String::new();
    loop {
        let page = client.read(&format!("/v1/pets?status=available&limit=2{cursor}")).await;
        assert_eq!(page.status, 200, "{page:?}");
        let items = page.body["items"].as_array().expect("items");
        seen.extend(items.iter().map(|item| item["id"].as_str().expect("an id").to_owned()));
        match page.body["next_cursor"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => break,
        }
    }
    assert_eq!(seen, ["a", "b", "e"]);
}
