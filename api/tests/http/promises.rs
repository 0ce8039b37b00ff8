//! What the document allows is taken, what it rules out is not, and what it says of failures is all there is.

use std::collections::BTreeSet;

use axum::body::Body;
use axum::http::Method;
use serde_json::{Value, json};

use wilco_application::catalog::EventKind;

use crate::document::{DOCUMENT, examples, faults, operation, operations, parameters};
use crate::support::{Server, car, car_with_id, pet, pet_with_id};

#[tokio::test]
async fn every_example_of_a_request_is_taken() {
    let (server, _) = Server::playing(&[]).await;
    let made = server.done("/v1/cars", &car_with_id("car-42")).await.expect(201).json();
    let id = made["id"].as_str().unwrap();
    // What third parties send has to be signed: see `hooks`.
    let by_anybody = |(_, path, _): &(Method, &str, &Value)| !path.contains("/hooks/");
    for (method, path, operation) in operations().into_iter().filter(by_anybody) {
        let bodies = operation["requestBody"]["content"].as_object().into_iter().flatten();
        for (media, content) in bodies {
            for example in examples(content) {
                let path = path.replace("{id}", "pet-42");
                let text = example.as_str().map_or_else(|| example.to_string(), ToOwned::to_owned);
                let headers = [("content-type", media.as_str())];
                let reply = server.request(method.clone(), &path, &headers, text).await;
                assert!(reply.status.is_success(), "{method} {path} {example}: {reply:?}");
            }
        }
        for parameter in parameters(operation).filter(|one| one["in"] == "query") {
            for example in examples(parameter) {
                let path =
                    path.replace("/commands/{id}", &format!("/commands/{id}")).replace("{id}", "car-42");
                let text = example.as_str().map_or_else(|| example.to_string(), ToOwned::to_owned);
                let text = text.replace('>', "%3E");
                let path = format!("{path}?{}={text}", parameter["name"].as_str().unwrap());
                let reply = server.get_with(&path, &[("accept", "application/json")]).await;
                assert!(!reply.status.is_client_error() || reply.status == 404, "{path}: {reply:?}");
            }
        }
    }
}

/// What a command of the program that ships may fail with.
const FAILURES: [&str; 16] = [
    "already-exists",
    "car-retired",
    "declined",
    "gone",
    "not-found",
    "order-approved",
    "order-cancelled",
    "order-completed",
    "order-not-approved",
    "pet-not-reserved",
    "pet-reserved",
    "pet-sold",
    "timed-out",
    "transaction-ended",
    "undeliverable",
    "validation",
];

#[tokio::test]
async fn what_a_command_fails_with_is_named_among_its_answers() {
    let (server, sandbox) = Server::playing(&[("payments.poll.deadline", "500ms")]).await;
    let order = |id: &str| json!({ "order_id": id });
    for (pet, path) in [("reserved", "reserve"), ("sold", "sell"), ("deleted", ""), ("available", "")] {
        server.done("/v1/pets", &pet_with_id(pet)).await.expect(201);
        if !path.is_empty() {
            server.done(&format!("/v1/pets/{pet}/{path}"), &order("o-1")).await.expect(200);
        }
    }
    let wait = [("prefer", "wait=10"), ("content-type", "application/json")];
    server.request(Method::DELETE, "/v1/pets/deleted", &wait, Body::empty()).await.expect(200);
    for car in ["retired", "active"] {
        server.done("/v1/cars", &car_with_id(car)).await.expect(201);
    }
    server.done("/v1/cars/retired/retire", &json!({})).await.expect(200);
    server.done("/v1/cars/active/repaint", &json!({ "colour": "blue" })).await.expect(200);
    server.done("/v1/cars/active/repaint", &json!({ "colour": "red" })).await.expect(200);
    server.done("/v1/pets/available/reserve", &order("o-1")).await.expect(200);
    server.done("/v1/pets/available/release", &order("o-1")).await.expect(200);
    // `Server::send` looks each answer up in the document.
    for id in ["absent", "reserved", "sold", "deleted", "available"] {
        for verb in ["release", "reserve", "sell"] {
            server.done(&format!("/v1/pets/{id}/{verb}"), &order("o-2")).await;
        }
        server.done("/v1/pets", &json!({ "id": id, "name": "Tom", "category": "cat" })).await;
        let rex = pet("Rex").to_string();
        server.request(Method::PUT, &format!("/v1/pets/{id}"), &wait, rex).await;
        server.request(Method::DELETE, &format!("/v1/pets/{id}"), &wait, Body::empty()).await;
    }
    for id in ["missing", "retired", "active"] {
        server.done(&format!("/v1/cars/{id}/repaint"), &json!({ "colour": "red" })).await;
        server.done(&format!("/v1/cars/{id}/retire"), &json!({})).await;
        server.done(&format!("/v1/cars/{id}/retire"), &json!({})).await;
        server.request(Method::PUT, &format!("/v1/cars/{id}"), &wait, car().to_string()).await;
    }
    ask_everything_of_orders(&server).await;
    pay_with_every_end(&server, &sandbox).await;
    expect_events_that_fit(
        &server,
        &[
            "pets/reserved",
            "pets/sold",
            "pets/available",
            "pets/deleted",
            "cars/active",
            "orders/completed",
            "orders/cancelled",
            "transactions/completed",
            "transactions/declined",
            "transactions/failed",
            "transactions/timed-out",
            "transactions/cancelled",
        ],
    )
    .await;
    assert_eq!(failures(&server).await, FAILURES.map(|slug| format!("/problems/{slug}")).into());
}

/// What commands have failed with so far.
async fn failures(server: &Server) -> BTreeSet<String> {
    let failed = server.get("/v1/commands?status=failed&limit=500").await.json();
    let slug = |one: &Value| one["error"]["type"].as_str().unwrap().to_owned();
    failed["items"].as_array().unwrap().iter().map(slug).collect()
}

/// Orders of pets of every kind, and everything that can be asked of them.
async fn ask_everything_of_orders(server: &Server) {
    for (id, verbs) in [("completed", &["approve", "complete"][..]), ("cancelled", &["cancel"])] {
        server.done("/v1/pets", &pet_with_id(&format!("for-{id}"))).await.expect(201);
        server.done("/v1/orders", &json!({ "id": id, "pet_id": format!("for-{id}") })).await.expect(201);
        server.done(&format!("/v1/orders/{id}/complete"), &json!({})).await;
        for verb in verbs {
            server.done(&format!("/v1/orders/{id}/{verb}"), &json!({})).await.expect(200);
            server.done(&format!("/v1/orders/{id}/cancel"), &json!({})).await;
        }
    }
    for pet in ["reserved", "sold", "deleted", "absent"] {
        server.done("/v1/orders", &json!({ "pet_id": pet })).await;
    }
}

/// Payments that come to each of their ends, and what is refused after it.
async fn pay_with_every_end(server: &Server, sandbox: &str) {
    let payment = |id: &str, amount: i64| json!({ "id": id, "amount": amount, "currency": "EUR" });
    server.done("/v1/transactions", &payment("completed", 100)).await.expect(201);
    server.done("/v1/transactions", &payment("declined", 113)).await.expect_problem(409, "declined");
    server
        .done("/v1/transactions/completed/cancel", &json!({}))
        .await
        .expect_problem(409, "transaction-ended");
    server.done("/v1/transactions/absent/cancel", &json!({})).await.expect_problem(404, "not-found");
    break_provider(sandbox, &json!({ "mode": "410", "times": 1 })).await;
    server.done("/v1/transactions", &payment("failed", 100)).await.expect_problem(502, "undeliverable");
    break_provider(sandbox, &json!({ "mode": "hang", "on": "read" })).await;
    server.done("/v1/transactions", &payment("timed-out", 100)).await.expect_problem(504, "timed-out");
    server.post("/v1/transactions", &payment("cancelled", 100)).await.expect(202);
    server.done("/v1/transactions/cancelled/cancel", &json!({})).await.expect(200);
}

async fn break_provider(sandbox: &str, fault: &Value) {
    let put = reqwest::Client::new().put(format!("{sandbox}/faults")).json(fault).send().await.unwrap();
    assert!(put.status().is_success(), "{put:?}");
}

/// That the data of each event fits the schema of its kind, and that each kind is among them.
async fn expect_events_that_fit(server: &Server, resources: &[&str]) {
    let kinds: Vec<EventKind> =
        wilco::modules::shipped().unwrap().iter().flat_map(|module| module.events().to_vec()).collect();
    let mut seen = BTreeSet::new();
    for resource in resources {
        let history = server.get(&format!("/v1/{resource}/history")).await.expect(200).json();
        for event in history["items"].as_array().unwrap() {
            let kind = kinds.iter().find(|kind| event["type"] == kind.name);
            let kind = kind.unwrap_or_else(|| panic!("no such kind: {event}"));
            assert_eq!(faults(&kind.schema, &event["data"]), [""; 0], "{event}");
            seen.insert(&kind.name);
        }
    }
    assert_eq!(seen, kinds.iter().map(|kind| &kind.name).collect());
}

/// The schema of a parameter.
fn schema(operation: &'static Value, name: &str) -> &'static Value {
    &parameters(operation).find(|one| one["name"] == name).unwrap_or_else(|| panic!("{name}"))["schema"]
}

#[tokio::test]
async fn what_a_header_may_be_is_what_is_taken() {
    let server = Server::start().await;
    server.done("/v1/pets", &pet_with_id("pet-42")).await.expect(201);
    let long = "k".repeat(256);
    for (operation, method, path, name, values) in [
        (
            operation("sellPet"),
            Method::POST,
            "/v1/pets/pet-42/sell",
            "Idempotency-Key",
            &["k-1", "\"k-1\"", "", "\"\"", "a b", "\"a", "a\"b", &long][..],
        ),
        (
            operation("sellPet"),
            Method::POST,
            "/v1/pets/pet-42/sell",
            "If-Match",
            &[
                "*",
                "\"3\"",
                "W/\"3\"",
                "\"7\", \"1\"",
                "\"a\",W/\"b\"",
                "",
                "3",
                "\"3",
                "w/\"3\"",
                "\"1\" \"2\"",
            ],
        ),
        (operation("readFeed"), Method::GET, "/v1/feed", "Last-Event-ID", &["", "x", "1-", "1."]),
    ] {
        for value in values {
            let headers = [(name, *value), ("accept", "application/json")];
            let reply = server.request(method.clone(), path, &headers, Body::empty()).await;
            let fits = faults(schema(operation, name), &json!(value)).is_empty();
            assert_eq!(fits, reply.status != 400, "{name}: {value:?}: {reply:?}");
        }
    }
}

#[tokio::test]
async fn what_a_query_may_be_is_what_is_taken() {
    let server = Server::start().await;
    server.done("/v1/pets", &pet_with_id("pet-42")).await.expect(201);
    for (operation, path, name, values) in [
        (
            operation("readFeed"),
            "/v1/feed",
            "target",
            &["pet/pet-42", "", "pet", "pet/", "/pet", "pet/a/b"][..],
        ),
        (
            operation("readFeed"),
            "/v1/feed",
            "subject",
            &["wilco.%3E", "%3E", "*", "a.*.b", "", "a..b", "a.%3E.b", "a*"],
        ),
        (operation("readFeed"), "/v1/feed", "after", &["start", "", "begin", "1-"]),
        (operation("readFeed"), "/v1/feed", "event", &["none", "type", "", "x"]),
        (operation("listCommands"), "/v1/commands", "target", &["pet-42", "pet/pet-42", "", "pet/", "a%20b"]),
        (operation("listCommands"), "/v1/commands", "status", &["running", "gone", ""]),
        (operation("listPets"), "/v1/pets", "status", &["available", "sold", "deleted", "absent", ""]),
        (operation("listPets"), "/v1/pets", "limit", &["1", "500", "0", "501"]),
        (
            operation("getPet"),
            "/v1/pets/pet-42",
            "version",
            &["1", "0", "9223372036854775807", "9223372036854775808"],
        ),
    ] {
        for value in values {
            let reply =
                server.get_with(&format!("{path}?{name}={value}"), &[("accept", "application/json")]).await;
            let value = value.replace("%3E", ">").replace("%20", " ");
            let kind = &schema(operation, name)["type"];
            let value = if *kind == "integer" { serde_json::from_str(&value).unwrap() } else { json!(value) };
            let fits = faults(schema(operation, name), &value).is_empty();
            assert_eq!(fits, reply.status != 400, "{name}: {value}: {reply:?}");
        }
    }
}

#[tokio::test]
async fn the_metadata_that_fits_its_schema_is_the_metadata_that_is_taken() {
    let server = Server::start().await;
    let many: Value = (0..33).map(|n| (n.to_string(), json!("v"))).collect::<serde_json::Map<_, _>>().into();
    for metadata in [
        json!({}),
        json!({ "source": "shop" }),
        json!({ "n".repeat(128): "v".repeat(1024) }),
        json!({ "n".repeat(129): "v" }),
        json!({ "k": "v".repeat(1025) }),
        json!({ "": "v" }),
        json!({ "k": "a\nb" }),
        json!({ "k\u{85}": "v" }),
        json!({ "actor": "me" }),
        json!({ "k": 1 }),
        many,
    ] {
        let envelope = json!({ "type": "pet.create", "data": pet("Rex"), "metadata": metadata });
        let fits = faults(&DOCUMENT["components"]["schemas"]["CommandEnvelope"], &envelope).is_empty();
        let reply = server.post("/v1/commands", &envelope).await;
        assert_eq!(fits, reply.status == 202, "{envelope}: {reply:?}");
    }
}
