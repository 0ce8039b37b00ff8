//! The work of a process while the program is killed before, within and after one commit after the other: every command
//! is issued once and told of once, and every order ends as if nothing had happened.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use reqwest::Method;
use serde_json::{Value, json};
use wilco_tests::client::Client;
use wilco_tests::e2e::Place;
use wilco_tests::on_both_stores;
use wilco_tests::wilco::{Server, faulty};

/// A request, under a key of its own.
#[derive(Clone)]
struct Request {
    path: String,
    body: Value,
    key: String,
}

impl Request {
    async fn send(&self, client: &Client) -> Option<String> {
        let request = client.request(Method::POST, &self.path).header("idempotency-key", &self.key);
        let request = request.header("prefer", "wait=5");
        // A server that dies does not answer; one that answers takes it.
        let reply = client.send(request.json(&self.body)).await.ok()?;
        assert!((200..300).contains(&reply.status), "{reply:?}");
        Some(reply.id())
    }
}

/// A pet, an order for it, and its approval, where the order is an even one.
fn requests(id: &str, number: u32) -> Vec<Request> {
    let request = |path: String, body| Request { key: format!("{path}+{id}"), path, body };
    let mut all = vec![
        request("/v1/pets".to_owned(), json!({ "id": id, "name": "Rex", "category": "dog" })),
        request("/v1/orders".to_owned(), json!({ "id": id, "pet_id": id })),
    ];
    if number.is_multiple_of(2) {
        all.push(request(format!("/v1/orders/{id}/approve"), json!({})));
    }
    all
}

/// Sends one after the other, each when the one before it is settled, and waits until the server has died of it.
async fn die_of(mut server: Server, all: &[Request]) {
    for request in all {
        request.send(server.client()).await;
    }
    let patience = Instant::now() + Duration::from_secs(1);
    while !server.has_ended() && Instant::now() < patience {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    if !server.has_ended() {
        server.kill().await;
    }
}

async fn types_of(client: &Client, path: &str) -> Vec<String> {
    let history = client.read(&format!("{path}/history")).await.body;
    let items = history["items"].as_array().unwrap_or_else(|| panic!("{path}: {history}"));
    items.iter().map(|event| event["type"].as_str().unwrap_or_default().to_owned()).collect()
}

async fn audit(client: &Client, id: &str, approved: bool) {
    let (mut of_pet, mut of_order) = (vec!["pet.created", "pet.reserved"], vec!["order.placed"]);
    if approved {
        of_pet.push("pet.sold");
        of_order.push("order.approved");
    }
    assert_eq!(types_of(client, &format!("/v1/pets/{id}")).await, of_pet, "{id}");
    assert_eq!(types_of(client, &format!("/v1/orders/{id}")).await, of_order, "{id}");
}

async fn every_step_is_taken_once(store: impl Place) {
    let wilco = store.wilco().set("engine.lease_ms=1000");
    let mut orders: BTreeMap<String, (bool, Vec<Request>)> = BTreeMap::new();
    for place in ["before-commit", "inside-commit", "after-commit"] {
        for pass in 1..=6 {
            let failing = wilco.clone().program(faulty());
            let failing = failing.environment("WILCO_FAIL_POINTS", &format!("{place}=kill@{pass}"));
            let id = format!("{place}-{pass}");
            let all = requests(&id, pass);
            // What was left over may be enough to die of.
            if let Some(server) = failing.start_unless_it_dies().await {
                die_of(server, &all).await;
            }
            orders.insert(id, (pass.is_multiple_of(2), all));
        }
    }
    let server = wilco.start().await;
    let client = server.client();
    for (id, (approved, all)) in &orders {
        for request in all {
            let command =
                request.send(client).await.unwrap_or_else(|| panic!("{} is not taken", request.key));
            let status = client.settled(&command).await;
            assert_eq!(status["status"], "succeeded", "{id}: {status}");
        }
        audit(client, id, *approved).await;
    }
    let mut told: BTreeMap<String, u32> = BTreeMap::new();
    for event in client.feed("").await {
        if event["type"].as_str().is_some_and(|kind| kind.starts_with("wilco.command.")) {
            *told.entry(event["data"]["id"].to_string()).or_default() += 1;
        }
    }
    assert!(told.values().all(|times| *times == 1), "{told:?}");
    let approved = orders.values().filter(|(approved, _)| *approved).count();
    // Each order: the pet, the order, what it asks of the pet and of itself; each approval three more.
    assert_eq!(told.len(), 4 * orders.len() + 3 * approved);
}

on_both_stores!(every_step_is_taken_once,);
