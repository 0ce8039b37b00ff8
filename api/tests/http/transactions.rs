//! Payments, at a provider that does and does not do as it should.

use std::time::{Duration, Instant};

use axum::http::Method;
use serde_json::{Value, json};

use crate::support::Server;

fn payment(id: &str) -> Value {
    json!({ "id": id, "amount": 1250, "currency": "EUR" })
}

async fn break_provider(sandbox: &str, fault: &Value) {
    let put = reqwest::Client::new().put(format!("{sandbox}/faults")).json(fault).send().await.unwrap();
    assert!(put.status().is_success(), "{put:?}");
}

/// The transactions that the provider has made.
async fn made(sandbox: &str) -> Vec<Value> {
    let answer = reqwest::get(format!("{sandbox}/transactions")).await.unwrap();
    answer.json::<Value>().await.unwrap()["items"].as_array().unwrap().clone()
}

/// The requests that came in at a path.
async fn received(sandbox: &str, path: &str) -> Vec<Value> {
    let answer = reqwest::get(format!("{sandbox}/received?path={path}")).await.unwrap();
    answer.json::<Value>().await.unwrap()["items"].as_array().unwrap().clone()
}

/// What comes of this, once something does.
async fn wait_for<T>(look: impl AsyncFn() -> Option<T>) -> T {
    let mut often = tokio::time::interval(Duration::from_millis(10));
    let waiting = async {
        loop {
            often.tick().await;
            if let Some(seen) = look().await {
                return seen;
            }
        }
    };
    tokio::time::timeout(Duration::from_secs(20), waiting).await.expect("what is waited for")
}

/// Settings under which what is tried again is tried again soon.
const SOON: [(&str, &str); 4] = [
    ("activity.transaction.create.pause.first", "30ms"),
    ("activity.transaction.create.pause.most", "30ms"),
    ("activity.transaction.create.within.attempt", "400ms"),
    ("payments.poll.first", "50ms"),
];

#[tokio::test]
async fn a_payment_leads_to_its_resource_which_is_there_as_soon_as_it_is_recorded() {
    let (server, sandbox) = Server::playing(&[]).await;
    let accepted = server.post("/v1/transactions", &payment("t-1")).await.expect(202).json();
    let path = accepted["links"]["self"].as_str().unwrap();
    let running = wait_for(async || {
        let status = server.get(path).await.json();
        (status["status"] == "running").then_some(status)
    });
    assert_eq!(running.await["progress"]["total"], 4);
    let status = server.get_with(path, &[("prefer", "wait=10")]).await.expect(303);
    assert_eq!(status.header("location"), "/v1/transactions/t-1");
    let transaction = server.get("/v1/transactions/t-1").await.expect(200).json();
    assert_eq!((&transaction["status"], &transaction["amount"]), (&json!("completed"), &json!(1250)));
    assert_eq!(transaction["steps"]["create"], "done");
    assert_eq!(made(&sandbox).await.len(), 1);
}

#[tokio::test]
async fn the_same_payment_is_the_same_command_and_another_one_under_its_id_is_refused() {
    let (server, sandbox) = Server::playing(&[]).await;
    let first = server.post("/v1/transactions", &payment("t-1")).await.expect(202).json();
    let again = server.post("/v1/transactions", &payment("t-1")).await.expect(202);
    assert_eq!(again.json()["id"], first["id"]);
    assert_eq!(again.header("idempotency-replayed"), "true");
    let other = json!({ "id": "t-1", "amount": 9, "currency": "EUR" });
    server.post("/v1/transactions", &other).await.expect_problem(422, "idempotency-key-reused");
    server.done("/v1/transactions", &payment("t-1")).await.expect(201);
    assert_eq!(made(&sandbox).await.len(), 1);
}

#[tokio::test]
async fn whatever_the_provider_does_a_payment_is_made_once() {
    let (server, sandbox) = Server::playing(&SOON).await;
    for mode in
        ["504-but-done", "504-and-lost", "hang", "reset", "garbage", "endless", "dribble", "503", "slow"]
    {
        break_provider(&sandbox, &json!({ "mode": mode, "times": 1 })).await;
        let id = format!("t-{mode}");
        server.done("/v1/transactions", &payment(&id)).await.expect(201);
        let of_id = made(&sandbox).await.into_iter().filter(|one| one["id"] == id);
        assert_eq!(of_id.count(), 1, "{mode}");
    }
}

#[tokio::test]
async fn a_provider_that_is_to_be_left_alone_is() {
    let (server, sandbox) = Server::playing(&SOON).await;
    break_provider(&sandbox, &json!({ "mode": "429", "times": 1, "delay_ms": 1000 })).await;
    let started = Instant::now();
    server.done("/v1/transactions", &payment("t-1")).await.expect(201);
    assert!(started.elapsed() >= Duration::from_millis(900), "{:?}", started.elapsed());
}

#[tokio::test]
async fn a_provider_that_never_does_it_fails_the_payment_after_four_attempts_and_the_client_is_told() {
    let (server, sandbox) = Server::playing(&SOON).await;
    break_provider(&sandbox, &json!({ "mode": "504-and-lost" })).await;
    let mut lost = payment("t-1");
    lost["client_url"] = json!(format!("{sandbox}/client/t-1"));
    server.done("/v1/transactions", &lost).await.expect_problem(502, "undeliverable");
    let posts = received(&sandbox, "/transactions").await;
    assert_eq!(posts.len(), 4, "{posts:?}");
    for post in &posts {
        assert_eq!(post["headers"]["idempotency-key"], posts[0]["headers"]["idempotency-key"]);
        assert_eq!(post["body"], posts[0]["body"]);
    }
    assert_eq!(server.get("/v1/transactions/t-1").await.json()["status"], "failed");
    let told = wait_for(async || received(&sandbox, "/client/t-1").await.pop()).await;
    assert_eq!((&told["method"], &told["body"]["status"]), (&json!("PUT"), &json!("failed")));
}

#[tokio::test]
async fn a_payment_that_is_taken_back_is_cancelled_and_the_provider_is_not_asked_again() {
    let slow = [
        ("activity.transaction.create.pause.first", "300ms"),
        ("activity.transaction.create.pause.most", "300ms"),
    ];
    let (server, sandbox) = Server::playing(&slow).await;
    break_provider(&sandbox, &json!({ "mode": "504-and-lost" })).await;
    let accepted = server.post("/v1/transactions", &payment("t-1")).await.expect(202).json();
    wait_for(async || received(&sandbox, "/transactions").await.pop()).await;
    server.done("/v1/transactions/t-1/cancel", &json!({})).await.expect(200);
    let path = accepted["links"]["self"].as_str().unwrap();
    assert_eq!(server.get(path).await.expect(200).json()["status"], "cancelled");
    break_provider(&sandbox, &json!({ "mode": "none" })).await;
    let make = wait_for(async || {
        let all = server.get("/v1/commands?type=transaction.make").await.expect(200).json();
        Some(all["items"][0].clone()).filter(|make| !make["settled_at"].is_null())
    });
    assert_eq!(make.await["status"], "cancelled");
    assert_eq!(made(&sandbox).await.len(), 0);
}

#[tokio::test]
async fn a_payment_that_makes_no_sense_is_refused_at_the_door() {
    let (server, _) = Server::playing(&[]).await;
    for (member, value) in [
        ("amount", json!(0)),
        ("amount", json!(-1)),
        ("amount", json!(1.5)),
        ("amount", json!("1")),
        ("currency", json!("XXX1")),
        ("currency", json!("eur")),
        ("client_url", json!("ftp://a")),
        ("colour", json!("red")),
    ] {
        let mut odd = payment("t-1");
        odd[member] = value.clone();
        let reply = server.post("/v1/transactions", &odd).await.expect_problem(400, "invalid-request");
        assert_eq!(reply.pointers(), [format!("/{member}")], "{value}");
    }
    assert_eq!(server.stored().await, 0);
}

#[tokio::test]
async fn without_a_provider_no_payment_is_taken() {
    let server = Server::start().await;
    let reply = server.post("/v1/transactions", &payment("t-1")).await.expect_problem(503, "not-configured");
    assert!(reply.json()["detail"].as_str().unwrap().contains("payments.provider"));
    let body = axum::body::Body::empty();
    server.request(Method::GET, "/v1/transactions", &[], body).await.expect(200);
}

#[tokio::test]
async fn a_stream_tells_how_far_a_payment_is() {
    let (server, sandbox) = Server::playing(&SOON).await;
    break_provider(&sandbox, &json!({ "mode": "slow", "delay_ms": 1500, "on": "read" })).await;
    let accepted = server.post("/v1/transactions", &payment("t-1")).await.expect(202).json();
    let (_, mut events) = server.open(accepted["links"]["self"].as_str().unwrap(), &[]).await;
    let mut seen = Vec::new();
    while let Some(event) = events.next().await {
        // Comments say that the stream is still there.
        let Ok(status) = serde_json::from_str::<Value>(&event.data) else { continue };
        seen.push((status["status"].clone(), status["progress"]["done"].clone()));
    }
    assert!(seen.contains(&(json!("running"), json!(2))), "{seen:?}");
    assert_eq!(seen.last(), Some(&(json!("succeeded"), Value::Null)), "{seen:?}");
}
