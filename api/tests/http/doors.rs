//! Section 1 of the contract: commands in.

use axum::http::Method;
use serde_json::{Value, json};

use std::time::Duration;

use wilco::http::ApiSettings;
use wilco_application::engine::EngineSettings;

use crate::support::{Server, car, pet, pet_with_id};

#[tokio::test]
async fn a_command_is_accepted_with_202_and_its_status() {
    let mut server = Server::start().await;
    server.pause().await;
    let reply = server.post("/v1/pets", &pet("Rex")).await.expect(202);
    let status = reply.json();
    let location = format!("/v1/commands/{}", status["id"].as_str().unwrap());
    assert_eq!(reply.header("location"), location);
    assert_eq!(reply.header("operation-location"), location);
    assert_eq!(reply.header("retry-after"), "1");
    assert_eq!(reply.header("content-type"), "application/json");
    assert!(!reply.header("x-request-id").is_empty());
    assert_eq!(status["type"], "pet.create");
    assert_eq!(status["status"], "pending");
    assert_eq!(status["target"]["type"], "pet");
    assert_eq!(status["target"]["id"], status["id"], "the server makes the id");
    let id = status["id"].as_str().unwrap();
    let links = json!({
        "self": location, "events": format!("{location}/events"), "tree": format!("{location}/tree"),
        "resource": format!("/v1/pets/{id}"),
    });
    assert_eq!(status["links"], links, "the resource's from the first answer on");
    for absent in ["settled_at", "not_before", "progress", "version", "resource", "error", "caused_by"] {
        assert_eq!(status[absent], Value::Null, "{absent}");
    }
    assert!(status["eta"].is_string());
}

#[tokio::test]
async fn every_command_route_makes_its_command() {
    let server = Server::start().await;
    let wait = ("prefer", "wait=10");
    let json = ("content-type", "application/json");
    let order = json!({ "order_id": "o-1" }).to_string();
    let steps = [
        (Method::POST, "/v1/pets", pet_with_id("p").to_string(), 201, "pet.create"),
        (Method::PUT, "/v1/pets/p", pet_with_id("p").to_string(), 200, "pet.update"),
        (Method::POST, "/v1/pets/p/reserve", order.clone(), 200, "pet.reserve"),
        (Method::POST, "/v1/pets/p/release", order.clone(), 200, "pet.release"),
        (Method::POST, "/v1/pets", pet_with_id("q").to_string(), 201, "pet.create"),
        (Method::POST, "/v1/pets/q/sell", String::new(), 200, "pet.sell"),
        (Method::DELETE, "/v1/pets/p", String::new(), 200, "pet.delete"),
        (Method::POST, "/v1/cars", car().to_string(), 201, "car.create"),
        (Method::PUT, "/v1/cars/c", car().to_string(), 201, "car.create"),
        (Method::POST, "/v1/cars/c/repaint", json!({ "colour": "blue" }).to_string(), 200, "car.repaint"),
        (Method::POST, "/v1/cars/c/retire", String::new(), 200, "car.retire"),
    ];
    for (method, path, body, status, command_type) in steps {
        let headers = if body.is_empty() { vec![wait] } else { vec![wait, json] };
        let reply = server.request(method, path, &headers, body).await.expect(status);
        assert_eq!(reply.json()["type"], command_type);
        assert_eq!(reply.json()["status"], "succeeded", "{path}");
    }
}

#[tokio::test]
async fn an_envelope_makes_any_registered_command() {
    let mut server = Server::start().await;
    let envelope = json!({ "type": "pet.create", "target": "p", "data": pet("Rex") });
    server.done("/v1/commands", &envelope).await.expect(201);
    let envelope =
        json!({ "type": "pet.reserve", "target": "p", "data": { "order_id": "o" }, "expected_version": 1 });
    server.done("/v1/commands", &envelope).await.expect(200);
    server.pause().await;
    let id = "018f0000-0000-7000-8000-000000000001";
    let envelope = json!({
        "id": id, "type": "pet.delete", "target": "p", "not_before": "2999-01-01T00:00:00Z",
    });
    server.post("/v1/commands", &envelope).await.expect_problem(400, "invalid-request");
    let soon = (server.engine.now() + chrono::TimeDelta::hours(1)).to_rfc3339();
    let envelope = json!({
        "id": id, "type": "pet.delete", "target": "p", "data": {}, "not_before": soon,
        "metadata": { "who": "me" },
    });
    let reply = server.post("/v1/commands", &envelope).await.expect(202);
    assert_eq!(reply.json()["id"], id);
    assert_eq!(reply.json()["status"], "scheduled");
    assert!(reply.header("retry-after").parse::<u64>().unwrap() > 3500);
    let again = server.post("/v1/commands", &envelope).await.expect(202);
    assert_eq!(again.header("idempotency-replayed"), "true", "its id is its key");
    server
        .post("/v1/commands", &json!({ "id": id, "type": "pet.delete", "target": "q" }))
        .await
        .expect_problem(422, "idempotency-key-reused");
}

#[tokio::test]
async fn a_reused_key_gives_the_same_command_and_no_second_one() {
    let server = Server::start().await;
    let key = [("idempotency-key", "k-1")];
    let first = server.post_with("/v1/pets", &key, &pet("Rex")).await.expect(202);
    let reordered = json!({ "category": "dog", "name": "Rex" });
    let again = server.post_with("/v1/pets", &[("idempotency-key", "\"k-1\"")], &reordered).await.expect(202);
    assert_eq!(again.header("location"), first.header("location"));
    assert_eq!(again.header("idempotency-replayed"), "true");
    assert_eq!(first.header("idempotency-replayed"), "");
    let waited = [("idempotency-key", "k-1"), ("prefer", "wait=10")];
    let waited = server.post_with("/v1/pets", &waited, &pet("Rex")).await.expect(201);
    assert_eq!(waited.header("idempotency-replayed"), "true");
    let settled = server.post_with("/v1/pets", &key, &pet("Rex")).await.expect(202);
    assert_eq!(settled.json()["status"], "succeeded", "its present status");
    assert_eq!(server.stored().await, 1);
}

#[tokio::test]
async fn a_reused_key_with_another_request_is_refused() {
    let server = Server::start().await;
    let key = [("idempotency-key", "k-1")];
    server.post_with("/v1/pets", &key, &pet("Rex")).await.expect(202);
    server.post_with("/v1/pets", &key, &pet("Tom")).await.expect_problem(422, "idempotency-key-reused");
    server.post_with("/v1/cars", &key, &car()).await.expect_problem(422, "idempotency-key-reused");
    assert_eq!(server.stored().await, 1);
}

#[tokio::test]
async fn a_creating_command_with_a_chosen_id_is_its_own_key() {
    let server = Server::start().await;
    for path in ["/v1/pets", "/v1/pets"] {
        server.done(path, &pet_with_id("p")).await.expect(201);
    }
    assert_eq!(server.stored().await, 1);
    let other = json!({ "id": "p", "name": "Tom", "category": "cat" });
    server.done("/v1/pets", &other).await.expect_problem(409, "already-exists");
    assert_eq!(server.stored().await, 2);
    let put = |colour: &str| {
        let mut car = car();
        car["colour"] = json!(colour);
        car.to_string()
    };
    let headers = [("content-type", "application/json"), ("prefer", "wait=10")];
    for (colour, status) in [("red", 201), ("red", 201), ("blue", 409)] {
        server.request(Method::PUT, "/v1/cars/c", &headers, put(colour)).await.expect(status);
    }
}

#[tokio::test]
async fn two_spellings_of_a_path_are_the_same_request() {
    let server = Server::start().await;
    let headers = [("idempotency-key", "k"), ("content-type", "application/json")];
    let first = server.request(Method::PUT, "/v1/cars/car-1", &headers, car().to_string()).await.expect(202);
    let again =
        server.request(Method::PUT, "/v1/cars/car%2D1", &headers, car().to_string()).await.expect(202);
    assert_eq!(first.header("location"), again.header("location"));
}

#[tokio::test]
async fn whoever_waits_gets_the_outcome() {
    let mut server = Server::start().await;
    let made = server.done("/v1/pets", &pet_with_id("p")).await.expect(201);
    assert_eq!(made.header("location"), "/v1/pets/p");
    assert_eq!(made.header("preference-applied"), "wait=10");
    let command = format!("/v1/commands/{}", made.json()["id"].as_str().unwrap());
    assert_eq!(made.header("content-location"), command);
    server.get("/v1/pets/p").await.expect(200);

    let changed = server.done("/v1/pets/p/reserve", &json!({ "order_id": "o" })).await.expect(200);
    assert_eq!(changed.header("location"), "");
    assert!(changed.header("content-location").starts_with("/v1/commands/"));

    let failed = server.done("/v1/pets/p/reserve", &json!({ "order_id": "x" })).await;
    let failed = failed.expect_problem(409, "pet-reserved");
    assert_eq!(failed.header("preference-applied"), "wait=10");
    assert!(failed.header("content-location").starts_with("/v1/commands/"));
    let missing = server.done("/v1/pets/none/reserve", &json!({ "order_id": "x" })).await;
    missing.expect_problem(404, "not-found");

    server.pause().await;
    let open = server.post_with("/v1/pets", &[("prefer", "wait=1")], &pet("Tom")).await.expect(202);
    assert_eq!(open.header("preference-applied"), "wait=1");
    assert!(!open.header("location").is_empty());
    let capped = [("prefer", "respond-async, wait=0")];
    let capped = server.post_with("/v1/pets", &capped, &pet("Tom")).await.expect(202);
    assert_eq!(capped.header("preference-applied"), "wait=0");
}

#[tokio::test]
async fn if_match_is_the_version_that_is_expected() {
    let server = Server::start().await;
    server.done("/v1/pets", &pet_with_id("p")).await.expect(201);
    let order = json!({ "order_id": "o" });
    let headers = |version| [("if-match", version), ("prefer", "wait=10")];
    let conflict = server.post_with("/v1/pets/p/reserve", &headers("\"7\""), &order).await;
    conflict.expect_problem(412, "version-conflict");
    server.post_with("/v1/pets/p/reserve", &headers("\"1\""), &order).await.expect(200);
    server.post_with("/v1/pets/p/release", &headers("*"), &order).await.expect(200);
}

#[tokio::test]
async fn each_line_of_a_batch_is_answered_in_its_place() {
    let server = Server::start().await;
    let lines = [
        json!({ "type": "pet.create", "target": "a", "data": pet("A") }).to_string(),
        String::new(),
        "{".to_owned(),
        json!({ "type": "pet.create", "data": { "name": 5, "category": "dog" } }).to_string(),
        json!({ "type": "pet.nothing" }).to_string(),
        json!({ "type": "pet.reserve", "target": "a", "data": { "order_id": "o" } }).to_string(),
    ];
    let headers = [("content-type", "application/x-ndjson")];
    let reply =
        server.request(Method::POST, "/v1/commands/batch", &headers, lines.join("\n")).await.expect(200);
    assert_eq!(reply.header("content-type"), "application/x-ndjson");
    let text = String::from_utf8(reply.body.to_vec()).unwrap();
    let answers: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let statuses: Vec<_> = answers.iter().map(|answer| answer["status"].as_u64().unwrap()).collect();
    assert_eq!(statuses, [202, 400, 400, 404, 202]);
    assert_eq!(answers[0]["location"], format!("/v1/commands/{}", answers[0]["id"].as_str().unwrap()));
    assert_eq!(answers[1]["problem"]["type"], "/problems/malformed");
    assert_eq!(answers[2]["problem"]["errors"][0]["pointer"], "/data/name");
    assert_eq!(answers[3]["problem"]["type"], "/problems/unknown-command-type");
    assert_eq!(server.stored().await, 2);
}

#[tokio::test]
async fn a_batch_of_many_lines_is_answered_whole() {
    let server = Server::start().await;
    let line =
        |n: usize| json!({ "type": "pet.create", "target": format!("p{n}"), "data": pet("A") }).to_string();
    let body = (0..1203).map(line).collect::<Vec<_>>().join("\n");
    let headers = [("content-type", "application/x-ndjson")];
    let reply = server.request(Method::POST, "/v1/commands/batch", &headers, body).await.expect(200);
    let text = String::from_utf8(reply.body.to_vec()).unwrap();
    assert_eq!(text.lines().filter(|line| line.starts_with(r#"{"status":202"#)).count(), 1203);
}

#[tokio::test]
async fn a_batch_as_a_whole_is_refused_like_any_request() {
    let server = Server::start().await;
    let path = "/v1/commands/batch";
    let ndjson = ("content-type", "application/x-ndjson");
    let reply = server.request(Method::POST, path, &[ndjson, ("idempotency-key", "k")], "{}").await;
    assert_eq!(reply.expect_problem(400, "invalid-header").pointers(), ["idempotency-key"]);
    server.request(Method::POST, path, &[("content-type", "application/json")], "{}").await.expect(415);
    let big = vec![b'\n'; (8 << 20) + 1];
    server.request(Method::POST, path, &[ndjson], big).await.expect_problem(413, "too-large");
    server.request(Method::POST, path, &[ndjson], "").await.expect_problem(400, "malformed");
    server.request(Method::POST, path, &[], "").await.expect_problem(400, "malformed");
    let reply = server.request(Method::POST, path, &[ndjson, ("callback-url", "https://a/b")], "{}").await;
    assert_eq!(reply.expect_problem(400, "invalid-header").pointers(), ["callback-url"]);
}

#[tokio::test]
async fn a_batch_may_begin_with_a_byte_order_mark_and_goes_by_several_names() {
    let server = Server::start().await;
    let line = json!({ "type": "pet.create", "data": pet("A") }).to_string();
    for name in ["application/x-ndjson", "application/ndjson", "application/jsonl; charset=utf-8"] {
        let body = format!("\u{feff}{line}\n{line}");
        let headers = [("content-type", name)];
        let reply = server.request(Method::POST, "/v1/commands/batch", &headers, body).await.expect(200);
        let text = String::from_utf8(reply.body.to_vec()).unwrap();
        assert_eq!(text.lines().filter(|line| line.starts_with(r#"{"status":202"#)).count(), 2, "{text}");
    }
}

#[tokio::test]
async fn a_create_after_the_deletion_is_gone_and_a_replay_of_one_too() {
    let server = Server::start().await;
    let keyed = [("idempotency-key", "k"), ("prefer", "wait=10")];
    server.done("/v1/pets", &pet_with_id("p")).await.expect(201);
    server.post_with("/v1/pets", &keyed, &pet_with_id("q")).await.expect(201);
    for path in ["/v1/pets/p", "/v1/pets/q"] {
        let headers = [("prefer", "wait=10"), ("idempotency-key", path)];
        server.request(Method::DELETE, path, &headers, "").await.expect(200);
        let again = server.request(Method::DELETE, path, &headers, "").await.expect(200);
        assert_eq!(again.header("idempotency-replayed"), "true", "what removed it succeeded");
    }
    for _ in 0..2 {
        server.done("/v1/pets", &pet_with_id("p")).await.expect_problem(410, "gone");
    }
    assert_eq!(
        server.stored().await,
        5,
        "the second create is a command of its own, the third one that one again"
    );
    for headers in [&keyed[..], &keyed[..1]] {
        let replay =
            server.post_with("/v1/pets", headers, &pet_with_id("q")).await.expect_problem(410, "gone");
        assert_eq!(replay.header("idempotency-replayed"), "true");
        assert_eq!(replay.header("content-location"), replay.json()["instance"].as_str().unwrap());
    }
    let envelope =
        json!({ "id": "018f0000-0000-7000-8000-000000000001", "type": "pet.create", "data": pet("r") });
    let made = server.done("/v1/commands", &envelope).await.expect(201);
    let path = made.header("location").to_owned();
    server.request(Method::DELETE, &path, &[("prefer", "wait=10")], "").await.expect(200);
    let headers = [("content-type", "application/x-ndjson")];
    let reply = server.request(Method::POST, "/v1/commands/batch", &headers, envelope.to_string()).await;
    let line: Value = serde_json::from_slice(&reply.expect(200).body).unwrap();
    assert_eq!((&line["status"], &line["problem"]["type"]), (&json!(410), &json!("/problems/gone")));
}

/// A key lives as long as the entry it is of; nobody is sent to a status that is not there any more.
#[tokio::test]
async fn a_key_is_free_again_when_its_command_has_expired() {
    let settings = EngineSettings { retention: Duration::ZERO, ..EngineSettings::default() };
    let server = Server::with(ApiSettings::default(), settings, Vec::new()).await;
    let keyed = [("idempotency-key", "k"), ("prefer", "wait=10")];
    let mut ids = std::collections::BTreeSet::new();
    for name in ["a", "a", "b"] {
        let reply = server.post_with("/v1/pets", &keyed, &pet(name)).await.expect(201);
        assert_eq!(reply.header("idempotency-replayed"), "");
        ids.insert(reply.json()["id"].as_str().unwrap().to_owned());
    }
    assert_eq!(ids.len(), 3);
    server.done("/v1/pets", &pet_with_id("p")).await.expect(201);
    server.done("/v1/pets", &pet_with_id("p")).await.expect_problem(409, "already-exists");
    let envelope =
        json!({ "id": "018f0000-0000-7000-8000-000000000001", "type": "pet.create", "data": pet("r") });
    server.done("/v1/commands", &envelope).await.expect(201);
    server.done("/v1/commands", &envelope).await.expect_problem(410, "command-expired");
}

#[tokio::test]
async fn command_types_are_listed_with_their_schemas() {
    let server = Server::start().await;
    let listed = server.get("/v1/command-types").await.expect(200).json();
    let items = listed["items"].as_array().unwrap();
    assert_eq!(listed["next_cursor"], Value::Null);
    let names: Vec<_> = items.iter().map(|item| item["name"].as_str().unwrap()).collect();
    assert!(names.contains(&"pet.create") && names.contains(&"car.retire"), "{names:?}");
    let create = items.iter().find(|item| item["name"] == "pet.create").unwrap();
    assert_eq!(create["aggregate"], "pet");
    assert_eq!(create["effect"], "creates");
    assert_eq!(create["schema"]["properties"]["name"]["maxLength"], 200);
}

#[tokio::test]
async fn a_traced_request_is_carried_onto_its_events() {
    let server = Server::start().await;
    let parent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
    let headers = [("traceparent", parent), ("prefer", "wait=10")];
    server.post_with("/v1/pets", &headers, &pet("Rex")).await.expect(201);
    let headers = [("accept", "application/json")];
    let page = server.get_with("/v1/feed?after=start", &headers).await.json();
    assert_eq!(page["items"][0]["traceparent"], parent);
}
