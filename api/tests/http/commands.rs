//! Section 2 of the contract: the status of a command.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::http::Method;
use serde_json::{Value, json};
use wilco::http::ApiSettings;
use wilco_application::engine::EngineSettings;
use wilco_application::ports::{Command, Registry};

use crate::support::{Reply, Server, pet, pet_with_id};

fn location(reply: &Reply) -> String {
    format!("/v1/commands/{}", reply.json()["id"].as_str().unwrap())
}

async fn failed(server: &Server) -> String {
    let order = json!({ "order_id": "o" });
    let reply = server.done("/v1/pets/none/reserve", &order).await.expect_problem(404, "not-found");
    reply.header("content-location").to_owned()
}

fn in_an_hour(server: &Server) -> String {
    (server.engine.now() + chrono::TimeDelta::hours(1)).to_rfc3339()
}

async fn scheduled(server: &Server) -> String {
    let envelope = json!({ "type": "pet.create", "data": pet("Rex"), "not_before": in_an_hour(server) });
    location(&server.post("/v1/commands", &envelope).await.expect(202))
}

#[tokio::test]
async fn an_open_command_is_200_with_retry_after() {
    let mut server = Server::start().await;
    let scheduled = scheduled(&server).await;
    let reply = server.get(&scheduled).await.expect(200);
    assert_eq!(reply.json()["status"], "scheduled");
    assert!(reply.header("retry-after").parse::<u64>().unwrap() > 3500);
    server.pause().await;
    let pending = server.post("/v1/pets", &pet("Rex")).await;
    let reply = server.get(pending.header("location")).await.expect(200);
    assert_eq!(reply.json()["status"], "pending");
    assert_eq!(reply.header("retry-after"), "1");
}

#[tokio::test]
async fn a_succeeded_command_redirects_to_its_resource() {
    let server = Server::start().await;
    let made = server.done("/v1/pets", &pet_with_id("p")).await;
    let reply = server.get(&location(&made)).await.expect(303);
    assert_eq!(reply.header("location"), "/v1/pets/p");
    assert_eq!(reply.json()["status"], "succeeded");
    assert_eq!(reply.json()["version"], 1);
    assert_eq!(reply.json()["resource"], "/v1/pets/p");
    assert_eq!(reply.header("retry-after"), "");
    server.get("/v1/pets/p").await.expect(200);
    let plain = server.get(&format!("{}?redirect=false", location(&made))).await.expect(200);
    assert_eq!(plain.json(), reply.json());
    server.get(&format!("{}?redirect=true", location(&made))).await.expect(303);
    let stays = server.get_with(&location(&made), &[("prefer", "wait=1, redirect=no")]).await.expect(200);
    assert_eq!(stays.json(), reply.json());
    assert!(stays.header("vary").contains("accept") && stays.header("vary").contains("prefer"));
    server.get_with(&location(&made), &[("prefer", "redirect=yes")]).await.expect(303);
}

#[tokio::test]
async fn a_succeeded_command_without_a_resource_is_200() {
    let server = Server::start().await;
    server.done("/v1/pets", &pet_with_id("p")).await;
    let headers = [("prefer", "wait=10")];
    let deleted = server.request(Method::DELETE, "/v1/pets/p", &headers, Body::empty()).await.expect(200);
    let reply = server.get(&location(&deleted)).await.expect(200);
    assert_eq!(reply.json()["status"], "succeeded");
    assert_eq!(reply.json()["resource"], Value::Null);
}

#[tokio::test]
async fn a_failed_command_is_200_with_its_error() {
    let server = Server::start().await;
    let reply = server.get(&failed(&server).await).await.expect(200);
    assert_eq!(reply.json()["status"], "failed");
    assert_eq!(reply.json()["error"]["type"], "/problems/not-found");
    assert_eq!(reply.json()["error"]["status"], 404);
    assert!(reply.json()["settled_at"].is_string());
}

#[tokio::test]
async fn a_command_that_was_never_seen_is_404_and_a_bad_id_is_400() {
    let server = Server::start().await;
    let path = "/v1/commands/018f0000-0000-7000-8000-000000000001";
    for suffix in ["", "/events"] {
        server.get(&format!("{path}{suffix}")).await.expect_problem(404, "not-found");
        let bad = server.get(&format!("/v1/commands/nonsense{suffix}")).await;
        assert_eq!(bad.expect_problem(400, "invalid-parameter").pointers(), ["id"]);
    }
    for (method, suffix) in [(Method::DELETE, ""), (Method::POST, "/retry")] {
        let reply = server.request(method.clone(), &format!("{path}{suffix}"), &[], Body::empty()).await;
        reply.expect_problem(404, "not-found");
        let reply =
            server.request(method, &format!("/v1/commands/nonsense{suffix}"), &[], Body::empty()).await;
        reply.expect_problem(400, "invalid-parameter");
    }
}

#[tokio::test]
async fn a_tree_shows_what_a_command_set_off() {
    let server = Server::start().await;
    let made = server.done("/v1/pets", &pet_with_id("p")).await;
    let tree = server.get(&format!("{}/tree", location(&made))).await.expect(200).json();
    assert_eq!(tree["command"]["type"], "pet.create");
    let event = json!({
        "type": "pet.created", "target": "pet/p", "sequence": 1, "at": tree["command"]["settled_at"],
    });
    assert_eq!((&tree["events"], &tree["children"]), (&json!([event]), &json!([])));

    // A command that fails again and again.
    let root = failed(&server).await;
    let mut last = root.clone();
    for _ in 0..3 {
        let retried = server.request(Method::POST, &format!("{last}/retry"), &[], Body::empty()).await;
        last = location(&retried.expect(202));
        server.get_with(&last, &[("prefer", "wait=10")]).await.expect(200);
    }
    let mut node = server.get(&format!("{root}/tree")).await.expect(200).json();
    for _ in 0..3 {
        assert_eq!((&node["command"]["status"], &node["events"]), (&json!("failed"), &json!([])));
        assert_eq!(node["children"].as_array().unwrap().len(), 1);
        node = node["children"][0].take();
    }
    assert_eq!((&node["children"], node.get("truncated")), (&json!([]), None));
    server
        .get("/v1/commands/018f4c7e-5a10-7c3e-9d2b-6f1a2b3c4d5e/tree")
        .await
        .expect_problem(404, "not-found");
}

#[tokio::test]
async fn a_command_settled_longer_ago_than_the_retention_is_410() {
    let settings = EngineSettings { retention: Duration::ZERO, ..EngineSettings::default() };
    let server = Server::with(ApiSettings::default(), settings, Vec::new()).await;
    let made = server.done("/v1/pets", &pet("Rex")).await;
    tokio::time::sleep(Duration::from_millis(2)).await;
    server.get(&location(&made)).await.expect_problem(410, "command-expired");
    server.get(&format!("{}/events", location(&made))).await.expect_problem(410, "command-expired");
}

#[tokio::test]
async fn a_status_is_not_sent_again_to_whoever_has_it() {
    let server = Server::start().await;
    let path = failed(&server).await;
    let tag = server.get(&path).await.header("etag").to_owned();
    let reply = server.get_with(&path, &[("if-none-match", &tag)]).await.expect(304);
    assert!(reply.body.is_empty());
    assert_eq!(reply.header("etag"), tag);
    let path = scheduled(&server).await;
    let tag = server.get(&path).await.header("etag").to_owned();
    server.get_with(&path, &[("if-none-match", &tag)]).await.expect(304);
    server.request(Method::DELETE, &path, &[], Body::empty()).await.expect(200);
    server.get_with(&path, &[("if-none-match", &tag)]).await.expect(200);
}

#[tokio::test]
async fn a_poll_can_be_held_until_the_command_settles() {
    let server = Server::start().await;
    let open = server.post("/v1/pets", &pet("Rex")).await.expect(202);
    let path = open.header("location").to_owned();
    let reply = server.get_with(&path, &[("prefer", "wait=10")]).await.expect(303);
    assert_eq!(reply.header("preference-applied"), "wait=10");
    let path = scheduled(&server).await;
    let reply = server.get_with(&path, &[("prefer", "wait=1")]).await.expect(200);
    assert_eq!(reply.header("preference-applied"), "wait=1");
    assert_eq!(reply.json()["status"], "scheduled");
}

#[tokio::test]
async fn changes_of_a_status_are_streamed_until_it_is_settled() {
    let server = Server::start().await;
    let soon = (server.engine.now() + chrono::TimeDelta::milliseconds(300)).to_rfc3339();
    let envelope = json!({ "type": "pet.create", "data": pet("Rex"), "not_before": soon });
    let path = location(&server.post("/v1/commands", &envelope).await.expect(202));
    let (head, mut events) = server.open(&path, &[]).await;
    assert_eq!(head.header("content-type"), "text/event-stream");
    let mut seen = Vec::new();
    while let Some(event) = events.next_event().await {
        assert_eq!(event.name.as_deref(), Some("status"));
        let status: Value = serde_json::from_str(&event.data).unwrap();
        seen.push(status["status"].as_str().unwrap().to_owned());
    }
    assert_eq!(seen.first().map(String::as_str), Some("scheduled"));
    assert_eq!(seen.last().map(String::as_str), Some("succeeded"));
    let (_, mut again) = server.open(&path, &[("last-event-id", "")]).await;
    assert!(again.next_event().await.unwrap().data.contains("succeeded"));
    assert_eq!(again.next().await, None);
}

/// An `EventSource` connects again for ever, until it is told that there is no more.
#[tokio::test]
async fn whoever_has_the_settled_status_is_told_that_there_is_no_more() {
    let server = Server::start().await;
    let path = scheduled(&server).await;
    let (_, mut events) = server.open(&path, &[]).await;
    let scheduled = events.next_event().await.unwrap().id.unwrap();
    let (_, mut resumed) = server.open(&path, &[("last-event-id", &scheduled)]).await;
    server.request(Method::DELETE, &path, &[], Body::empty()).await.expect(200);
    let settled = resumed.next_event().await.unwrap();
    assert!(settled.data.contains("cancelled"), "not what it had already: {settled:?}");
    let settled = settled.id.unwrap();
    assert_ne!(scheduled, settled);
    let (head, mut ended) = server.open(&path, &[("last-event-id", &settled)]).await;
    head.expect(204);
    assert_eq!(ended.next().await, None);
    let (head, _) = server.open(&path, &[("last-event-id", &scheduled)]).await;
    head.expect(200);
}

#[tokio::test]
async fn streams_and_waits_end_when_the_server_stops() {
    let server = Server::start().await;
    let path = scheduled(&server).await;
    let (_, mut events) = server.open(&path, &[]).await;
    events.next_event().await.unwrap();
    let waiting = server.get_with(&path, &[("prefer", "wait=60")]);
    let closing = async {
        tokio::time::sleep(Duration::from_millis(50)).await;
        server.engine.close();
    };
    let (reply, ()) = tokio::join!(waiting, closing);
    reply.expect(200);
    assert_eq!(events.next().await, None);
}

#[tokio::test]
async fn commands_are_listed_newest_first_page_by_page() {
    let server = Server::start().await;
    for n in 0..7 {
        server.done("/v1/pets", &pet_with_id(&format!("p{n}"))).await.expect(201);
    }
    let (mut seen, mut path) = (Vec::new(), "/v1/commands?limit=3".to_owned());
    loop {
        let reply = server.get(&path).await.expect(200);
        let page = reply.json();
        let items = page["items"].as_array().unwrap();
        assert!(items.len() <= 3);
        seen.extend(items.iter().map(|item| item["target"]["id"].as_str().unwrap().to_owned()));
        let Some(cursor) = page["next_cursor"].as_str() else {
            assert_eq!(reply.header("link"), "");
            break;
        };
        path = format!("/v1/commands?limit=3&cursor={cursor}");
        assert_eq!(reply.header("link"), format!("<{path}>; rel=\"next\""));
    }
    assert_eq!(seen, (0..7).rev().map(|n| format!("p{n}")).collect::<Vec<_>>());
}

#[tokio::test]
async fn commands_are_listed_by_what_they_are() {
    let server = Server::start().await;
    let made = server.done("/v1/pets", &pet_with_id("p")).await.json();
    failed(&server).await;
    scheduled(&server).await;
    let correlation = made["correlation_id"].as_str().unwrap();
    for (query, count) in [
        ("status=succeeded".to_owned(), 1),
        ("status=failed".to_owned(), 1),
        ("status=scheduled".to_owned(), 1),
        ("status=pending".to_owned(), 0),
        ("status=running".to_owned(), 0),
        ("status=cancelled".to_owned(), 0),
        ("type=pet.create".to_owned(), 2),
        ("type=pet.reserve&status=failed".to_owned(), 1),
        ("target=p".to_owned(), 1),
        ("target=pet/p".to_owned(), 1),
        ("target=pet%2Fp".to_owned(), 1),
        ("target=car/p".to_owned(), 0),
        (format!("correlation_id={correlation}"), 1),
    ] {
        let page = server.get(&format!("/v1/commands?{query}")).await.expect(200).json();
        assert_eq!(page["items"].as_array().unwrap().len(), count, "{query}");
        assert_eq!(page["next_cursor"], Value::Null);
    }
}

#[tokio::test]
async fn the_events_of_a_command_are_those_it_led_to() {
    let server = Server::start().await;
    server.done("/v1/pets", &pet_with_id("p")).await;
    let reserved = server.done("/v1/pets/p/reserve", &json!({ "order_id": "o" })).await;
    server.done("/v1/pets/p/release", &json!({ "order_id": "o" })).await;
    let page = server.get(&format!("{}/events", location(&reserved))).await.expect(200).json();
    assert_eq!(page["next_cursor"], Value::Null);
    assert_eq!(page["items"].as_array().unwrap().len(), 1);
    let event = &page["items"][0];
    assert_eq!(event["type"], "pet.reserved");
    assert_eq!(event["sequence"], 2);
    assert_eq!(event["command_id"], reserved.json()["id"]);
    assert_eq!(event["data"]["order_id"], "o");
    let none = server.get(&format!("{}/events", failed(&server).await)).await.expect(200).json();
    assert_eq!(none["items"], json!([]));
}

#[tokio::test]
async fn an_open_command_can_be_cancelled_and_a_settled_one_not() {
    let server = Server::start().await;
    let path = scheduled(&server).await;
    let reply = server.request(Method::DELETE, &path, &[], Body::empty()).await.expect(200);
    assert_eq!(reply.json()["status"], "cancelled");
    assert_eq!(reply.json()["error"]["type"], "/problems/cancelled");
    server.get(&path).await.expect(200);
    let again = server.request(Method::DELETE, &path, &[], Body::empty()).await;
    again.expect_problem(409, "command-settled");
    let made = server.done("/v1/pets", &pet("Rex")).await;
    let reply = server.request(Method::DELETE, &location(&made), &[], Body::empty()).await;
    reply.expect_problem(409, "command-settled");
}

#[tokio::test]
async fn a_waiter_hears_of_a_cancellation() {
    let server = Server::start().await;
    let envelope = json!({ "type": "pet.create", "data": pet("Rex"), "not_before": in_an_hour(&server) });
    let waiting = server.done("/v1/commands", &envelope);
    let cancelling = async {
        let listed = loop {
            let page = server.get("/v1/commands").await.json();
            if let Some(id) = page["items"][0]["id"].as_str() {
                break format!("/v1/commands/{id}");
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        };
        server.request(Method::DELETE, &listed, &[], Body::empty()).await.expect(200);
    };
    let (reply, ()) = tokio::join!(waiting, cancelling);
    reply.expect_problem(409, "cancelled");
}

#[tokio::test]
async fn a_failed_command_can_be_retried_as_a_new_one() {
    let server = Server::start().await;
    let path = failed(&server).await;
    let retry = format!("{path}/retry");
    let reply = server.request(Method::POST, &retry, &[], Body::empty()).await.expect(202);
    let new = reply.json();
    assert_eq!(format!("/v1/commands/{}", new["caused_by"].as_str().unwrap()), path);
    assert_ne!(new["id"], new["caused_by"]);
    let keyed = [("idempotency-key", "k")];
    let first = server.request(Method::POST, &retry, &keyed, Body::empty()).await.expect(202);
    let again = server.request(Method::POST, &retry, &keyed, Body::empty()).await.expect(202);
    assert_eq!(first.header("location"), again.header("location"));
    let waited = [("prefer", "wait=10")];
    server.request(Method::POST, &retry, &waited, Body::empty()).await.expect_problem(404, "not-found");
    let made = server.done("/v1/pets", &pet("Rex")).await;
    let reply = server.request(Method::POST, &format!("{}/retry", location(&made)), &[], Body::empty()).await;
    reply.expect_problem(409, "command-not-failed");
    server.post(&retry, &json!({ "x": 1 })).await.expect_problem(400, "invalid-request");
}

#[tokio::test]
async fn a_status_can_be_asked_for_by_head() {
    let server = Server::start().await;
    let path = failed(&server).await;
    let reply = server.request(Method::HEAD, &path, &[], Body::empty()).await.expect(200);
    assert!(reply.body.is_empty());
    assert!(!reply.header("etag").is_empty());
    let problem = server.request(Method::HEAD, "/v1/nothing", &[], Body::empty()).await.expect(404);
    assert!(problem.body.is_empty());
}

#[tokio::test]
async fn a_command_that_cannot_be_read_is_not_made_again() {
    let server = Server::start().await;
    let sound = Command {
        id: "018f0000-0000-7000-8000-000000000001".parse().unwrap(),
        tenant: wilco_domain::kernel::Tenant::default(),
        partition: 0,
        command_type: "pet.sell".to_owned(),
        target: "p".to_owned(),
        data: "{}".to_owned(),
        expected_version: None,
        not_before: None,
        accepted_at: server.engine.now(),
        actor: None,
        callback_url: None,
        metadata: None,
        idempotency: None,
        correlation_id: "018f0000-0000-7000-8000-000000000001".parse().unwrap(),
        caused_by: None,
        traceparent: None,
        reply_to: None,
        depth: 0,
        running: false,
        settlement: None,
    };
    let broken = Command { id: server.engine.new_id(), metadata: Some("[]".to_owned()), ..sound.clone() };
    let path = format!("/v1/commands/{}", broken.id);
    server.store.accept(vec![Arc::new(broken)]).await.unwrap();
    let status = server.get_with(&path, &[("prefer", "wait=10")]).await.expect(200).json();
    assert_eq!(status["error"]["type"], "/problems/internal", "{status}");
    let retry = server.request(Method::POST, &format!("{path}/retry"), &[], Body::empty()).await;
    retry.expect_problem(500, "internal");

    // Another version of the program may know what this one cannot read.
    let later = Command { id: server.engine.new_id(), data: r#"{"order_id":1}"#.to_owned(), ..sound };
    let path = format!("/v1/commands/{}", later.id);
    server.store.accept(vec![Arc::new(later)]).await.unwrap();
    let status = server.get_with(&path, &[("prefer", "wait=3")]).await.expect(200).json();
    assert_eq!((&status["status"], &status["error"]), (&json!("pending"), &Value::Null), "{status}");
    assert_eq!(status["blocked"]["type"], "/problems/blocked", "{status}");
    assert_eq!(server.stored().await, 2);
}
