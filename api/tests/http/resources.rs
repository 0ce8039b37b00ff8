//! Section 3 of the contract: resources.

use axum::body::Body;
use axum::http::Method;
use serde_json::{Value, json};

use crate::support::{Server, car, pet_with_id};

async fn with_pets(ids: &[&str]) -> Server {
    let server = Server::start().await;
    for id in ids {
        server.done("/v1/pets", &pet_with_id(id)).await.expect(201);
    }
    server
}

fn without_id(mut envelope: Value) -> Value {
    envelope["data"].as_object_mut().unwrap().remove("id");
    envelope
}

async fn delete(server: &Server, path: &str) {
    server.request(Method::DELETE, path, &[("prefer", "wait=10")], Body::empty()).await.expect(200);
}

#[tokio::test]
async fn a_resource_bears_its_version_as_etag() {
    let server = with_pets(&["p"]).await;
    let reply = server.get("/v1/pets/p").await.expect(200);
    assert_eq!(reply.header("etag"), "\"1\"");
    assert_eq!(reply.header("content-type"), "application/json");
    assert_eq!(reply.json()["name"], "Rex");
    assert_eq!(reply.json()["status"], "available");
    let same = server.get_with("/v1/pets/p", &[("if-none-match", "\"1\"")]).await.expect(304);
    assert!(same.body.is_empty());
    server.get_with("/v1/pets/p", &[("if-none-match", "\"2\"")]).await.expect(200);
}

#[tokio::test]
async fn an_unknown_resource_is_404_and_a_deleted_one_410() {
    let server = with_pets(&["p"]).await;
    server.get("/v1/pets/none").await.expect_problem(404, "not-found");
    server.get("/v1/pets/none/history").await.expect_problem(404, "not-found");
    delete(&server, "/v1/pets/p").await;
    let gone = server.get("/v1/pets/p").await.expect_problem(410, "gone");
    assert_eq!(gone.json()["instance"], "/v1/pets/p");
}

/// A client that asks for nothing but the resource learns why it is not there.
#[tokio::test]
async fn a_resource_that_is_still_to_be_made_names_the_command_that_makes_it() {
    let server = Server::start().await;
    let tomorrow = (server.engine.now() + chrono::TimeDelta::days(1)).to_rfc3339();
    let create =
        json!({ "type": "pet.create", "target": "p", "data": pet_with_id("p"), "not_before": tomorrow });
    let create = without_id(create);
    let command = server.post("/v1/commands", &create).await.expect(202).header("location").to_owned();
    let monitor = format!("<{command}>; rel=\"monitor\"");
    let not_yet = server.get("/v1/pets/p").await.expect_problem(404, "not-yet");
    assert_eq!(not_yet.header("link"), monitor);
    assert!(not_yet.header("retry-after").parse::<u64>().unwrap() > 80_000, "it is for tomorrow");
    server.get("/v1/pets/p?version=1").await.expect_problem(404, "not-found");
    server.get("/v1/cars/p").await.expect_problem(404, "not-found");

    // One that comes later and is applied at once makes it; then nothing is awaited any more.
    delete(&server, &command).await;
    let taken_back = server.get("/v1/pets/p").await.expect_problem(404, "not-found");
    assert_eq!((taken_back.header("link"), taken_back.header("retry-after")), (monitor.as_str(), ""));
    server.done("/v1/pets", &pet_with_id("p")).await.expect(201);
    assert_eq!(server.get("/v1/pets/p").await.expect(200).header("link"), "");
    let never = server.get("/v1/pets/q").await.expect_problem(404, "not-found");
    assert_eq!(never.header("link"), "", "nobody has asked for it");
}

#[tokio::test]
async fn a_resource_is_shown_as_it_was_at_a_version() {
    let server = with_pets(&["p"]).await;
    server.done("/v1/pets/p/reserve", &json!({ "order_id": "o" })).await.expect(200);
    server.done("/v1/pets/p/release", &json!({ "order_id": "o" })).await.expect(200);
    delete(&server, "/v1/pets/p").await;
    for (version, status) in [(1, "available"), (2, "reserved"), (3, "available")] {
        let reply = server.get(&format!("/v1/pets/p?version={version}")).await.expect(200);
        assert_eq!(reply.json()["status"], status);
        assert_eq!(reply.json()["version"], version);
        assert_eq!(reply.header("etag"), format!("\"{version}\""));
    }
    server.get("/v1/pets/p?version=4").await.expect_problem(410, "gone");
    server.get("/v1/pets/p?version=5").await.expect_problem(404, "not-found");
    server.get("/v1/pets/none?version=1").await.expect_problem(404, "not-found");
    for version in ["0", "-1", "x", "", "99999999999999999999"] {
        let reply = server.get(&format!("/v1/pets/p?version={version}")).await;
        assert_eq!(reply.expect_problem(400, "invalid-parameter").pointers(), ["version"]);
    }
}

#[tokio::test]
async fn resources_are_listed_in_a_stable_order_page_by_page() {
    let server = with_pets(&["e", "b", "a", "d", "c"]).await;
    server.done("/v1/pets/b/reserve", &json!({ "order_id": "o" })).await.expect(200);
    delete(&server, "/v1/pets/d").await;
    let ids = |page: &Value| {
        let items = page["items"].as_array().unwrap();
        items.iter().map(|item| item["id"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    let first = server.get("/v1/pets?limit=3").await.expect(200).json();
    assert_eq!(ids(&first), ["a", "b", "c"]);
    let cursor = first["next_cursor"].as_str().unwrap();
    let rest = server.get(&format!("/v1/pets?limit=3&cursor={cursor}")).await.expect(200).json();
    assert_eq!(ids(&rest), ["e"]);
    assert_eq!(rest["next_cursor"], Value::Null);
    let reserved = server.get("/v1/pets?status=reserved").await.expect(200).json();
    assert_eq!(ids(&reserved), ["b"]);
    let unknown = server.get("/v1/pets?status=lost").await.expect_problem(400, "invalid-parameter");
    assert_eq!(unknown.pointers(), ["status"]);
    assert_eq!(server.get("/v1/cars").await.expect(200).json(), json!({ "items": [], "next_cursor": null }));
}

#[tokio::test]
async fn a_history_is_the_events_in_their_order() {
    let server = Server::start().await;
    let headers = [("content-type", "application/json"), ("prefer", "wait=10")];
    server.request(Method::PUT, "/v1/cars/c", &headers, car().to_string()).await.expect(201);
    for colour in ["blue", "green"] {
        server.done("/v1/cars/c/repaint", &json!({ "colour": colour })).await.expect(200);
    }
    let first = server.get("/v1/cars/c/history?limit=2").await.expect(200).json();
    let cursor = first["next_cursor"].as_str().unwrap();
    let rest = server.get(&format!("/v1/cars/c/history?cursor={cursor}")).await.expect(200).json();
    assert_eq!(rest["next_cursor"], Value::Null);
    let events: Vec<&Value> =
        [&first, &rest].into_iter().flat_map(|page| page["items"].as_array().unwrap()).collect();
    let types: Vec<_> = events.iter().map(|event| event["type"].as_str().unwrap()).collect();
    assert_eq!(types, ["car.created", "car.repainted", "car.repainted"]);
    for (index, event) in events.iter().enumerate() {
        assert_eq!(event["sequence"], index + 1);
        assert!(event["at"].is_string() && event["command_id"].is_string());
        assert_eq!(event["actor"], Value::Null);
    }
}

#[tokio::test]
async fn the_history_of_what_is_gone_remains() {
    let server = with_pets(&["p"]).await;
    delete(&server, "/v1/pets/p").await;
    let page = server.get("/v1/pets/p/history").await.expect(200).json();
    assert_eq!(page["items"][1]["type"], "pet.deleted");
}
