//! Calling back whoever gave an address with a command.

use std::time::Duration;

use axum::body::Body;
use axum::http::Method;
use serde_json::{Value, json};

use crate::support::{Server, pet_with_id};

/// What was received at the client's endpoint, as soon as it is so much.
async fn received(sandbox: &str, path: &str, count: usize) -> Vec<Value> {
    let client = reqwest::Client::new();
    let all = async || {
        let answer = client.get(format!("{sandbox}/received?path={path}")).send().await.unwrap();
        answer.json::<Value>().await.unwrap()["items"].as_array().unwrap().clone()
    };
    let mut often = tokio::time::interval(Duration::from_millis(10));
    let waiting = async {
        while all().await.len() < count {
            often.tick().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), waiting).await.expect("a message");
    all().await
}

async fn deliveries(server: &Server) -> Vec<Value> {
    let all = server.get("/v1/commands?type=callback.deliver").await.expect(200).json();
    all["items"].as_array().unwrap().clone()
}

/// The delivery, once it is settled.
async fn delivered(server: &Server) -> Value {
    let mut often = tokio::time::interval(Duration::from_millis(10));
    let waiting = async {
        loop {
            often.tick().await;
            if let [one] = &*deliveries(server).await
                && !one["settled_at"].is_null()
            {
                return one.clone();
            }
        }
    };
    tokio::time::timeout(Duration::from_secs(20), waiting).await.expect("a delivery that is settled")
}

#[tokio::test]
async fn how_a_command_ended_is_posted_to_its_address() {
    let (server, sandbox) = Server::playing(&[]).await;
    let to = format!("{sandbox}/client/one");
    let wait = [("prefer", "wait=10"), ("callback-url", to.as_str())];
    let made = server.post_with("/v1/pets", &wait, &pet_with_id("p-1")).await.expect(201).json();
    let [message] = &received(&sandbox, "/client/one", 1).await[..] else { panic!("one message") };
    assert_eq!(message["method"], "POST");
    assert_eq!(message["headers"]["content-type"], "application/cloudevents+json");
    let event = &message["body"];
    assert_eq!((&event["type"], &event["data"]["id"]), (&json!("wilco.command.succeeded"), &made["id"]));
    assert_eq!(message["headers"]["webhook-id"], event["id"], "the same as on the feed");
    let delivery = delivered(&server).await;
    assert_eq!((&delivery["status"], &delivery["caused_by"]), (&json!("succeeded"), &made["id"]));
    let tree = server.get(&format!("/v1/commands/{}/tree", made["id"].as_str().unwrap())).await.json();
    assert_eq!(tree["children"][0]["command"]["type"], "callback.deliver", "{tree}");
}

#[tokio::test]
async fn a_failure_is_told_as_well_and_so_is_a_cancellation() {
    let (server, sandbox) = Server::playing(&[]).await;
    let envelope = |name: &str, more: Value| {
        let mut envelope = json!({
            "type": "pet.sell", "target": "absent", "data": { "order_id": "o" },
            "callback_url": format!("{sandbox}/client/{name}"),
        });
        envelope.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        envelope
    };
    server.post("/v1/commands", &envelope("failed", json!({}))).await.expect(202);
    let [failed] = &received(&sandbox, "/client/failed", 1).await[..] else { panic!("one message") };
    assert_eq!(failed["body"]["type"], "wilco.command.failed");
    let later = envelope("cancelled", json!({ "not_before": "2100-01-01T00:00:00Z" }));
    server.post("/v1/commands", &later).await.expect_problem(400, "invalid-request");
    let tomorrow =
        chrono::DateTime::<chrono::Utc>::from(std::time::SystemTime::now() + Duration::from_secs(86400));
    let later = envelope("cancelled", json!({ "not_before": tomorrow }));
    let later = server.post("/v1/commands", &later).await.expect(202).json();
    let path = format!("/v1/commands/{}", later["id"].as_str().unwrap());
    server.request(Method::DELETE, &path, &[], Body::empty()).await.expect(200);
    let [cancelled] = &received(&sandbox, "/client/cancelled", 1).await[..] else { panic!("one message") };
    assert_eq!(cancelled["body"]["data"]["status"], "cancelled");
}

#[tokio::test]
async fn a_delivery_is_tried_again_and_keeps_its_id() {
    let quick =
        [("activity.callback.deliver.pause.first", "20ms"), ("activity.callback.deliver.pause.jitter", "0")];
    let (server, sandbox) = Server::playing(&quick).await;
    let fault = json!({ "mode": "503", "on": "client", "times": 2 });
    reqwest::Client::new().put(format!("{sandbox}/faults")).json(&fault).send().await.unwrap();
    let to = format!("{sandbox}/client/one");
    server.post_with("/v1/pets", &[("callback-url", &to)], &pet_with_id("p-1")).await.expect(202);
    let messages = received(&sandbox, "/client/one", 3).await;
    for message in &messages {
        assert_eq!(message["headers"]["webhook-id"], messages[0]["headers"]["webhook-id"]);
        assert_eq!(message["body"], messages[0]["body"]);
    }
    assert_eq!(delivered(&server).await["attempts"], 3);
}

#[tokio::test]
async fn whoever_wants_no_more_is_told_no_more() {
    let (server, sandbox) = Server::playing(&[]).await;
    let fault = json!({ "mode": "410", "on": "client" });
    reqwest::Client::new().put(format!("{sandbox}/faults")).json(&fault).send().await.unwrap();
    let to = format!("{sandbox}/client/one");
    server.post_with("/v1/pets", &[("callback-url", &to)], &pet_with_id("p-1")).await.expect(202);
    let delivery = delivered(&server).await;
    assert_eq!(delivery["error"]["type"], "/problems/undeliverable", "{delivery}");
    assert_eq!(delivery["attempts"], 1);
    // By hand it is another command.
    reqwest::Client::new().delete(format!("{sandbox}/faults")).send().await.unwrap();
    let retry = format!("/v1/commands/{}/retry", delivery["id"].as_str().unwrap());
    server.post_with(&retry, &[("prefer", "wait=10")], &json!({})).await.expect(200);
    assert_eq!(received(&sandbox, "/client/one", 2).await.len(), 2);
}

#[tokio::test]
async fn an_address_that_may_not_be_called_is_refused_at_the_door() {
    let (server, _) = Server::playing(&[]).await;
    for url in [
        "http://10.0.0.1/x",
        "http://[::ffff:10.0.0.1]/x",
        "http://0xa000001/x",
        "ftp://a.example/x",
        "x",
        "",
    ] {
        let envelope = json!({ "type": "pet.create", "data": pet_with_id("p-1"), "callback_url": url });
        let mut envelope = envelope;
        envelope["data"].as_object_mut().unwrap().remove("id");
        let reply = server.post("/v1/commands", &envelope).await.expect_problem(400, "invalid-request");
        assert_eq!(reply.pointers(), ["/callback_url"], "{url}");
    }
    assert_eq!(server.stored().await, 0);
}

#[tokio::test]
async fn a_name_that_leads_where_nobody_may_be_called_fails_the_delivery_at_once() {
    let (server, _) = Server::playing(&[("egress.allow", "::1/128")]).await;
    let to = [("callback-url", "http://localhost:1/x")];
    server.post_with("/v1/pets", &to, &pet_with_id("p-1")).await.expect(202);
    let delivery = delivered(&server).await;
    assert_eq!((&delivery["attempts"], &delivery["status"]), (&json!(1), &json!("failed")), "{delivery}");
}

#[tokio::test]
async fn without_a_secret_nobody_is_called_back() {
    let server = Server::start().await;
    let to = [("callback-url", "https://shop.example/x")];
    let reply = server.post_with("/v1/pets", &to, &pet_with_id("p-1")).await;
    assert!(
        reply.expect_problem(503, "not-configured").json()["detail"]
            .as_str()
            .unwrap()
            .contains("callbacks.secrets")
    );
    assert_eq!(server.stored().await, 0);
}
