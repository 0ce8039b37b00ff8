//! Messages of third parties.

use std::time::Duration;

use axum::body::Body;
use axum::http::Method;
use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Value, json};
use wilco::sandbox::SECRET;
use wilco_application::engine::CommandQuery;
use wilco_application::webhook::SigningKey;
use wilco_domain::kernel::Caller;

use crate::support::{Reply, Server};

const PATH: &str = "/v1/hooks/payment-provider";
const OTHER: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

fn now() -> DateTime<Utc> {
    DateTime::from(std::time::SystemTime::now())
}

/// Sends a body as it is, signed by that secret as of then.
async fn send(server: &Server, path: &str, id: &str, secret: &str, at: DateTime<Utc>, body: &[u8]) -> Reply {
    let key: SigningKey = secret.parse().unwrap();
    let signed = key.headers(id, at, body);
    let headers: Vec<(&str, &str)> = signed.iter().map(|(name, value)| (*name, value.as_str())).collect();
    server.request(Method::POST, path, &headers, Body::from(body.to_vec())).await
}

async fn tell(server: &Server, id: &str, message: &Value) -> Reply {
    send(server, PATH, id, SECRET, now(), message.to_string().as_bytes()).await
}

fn message(transaction: &str, status: &str) -> Value {
    json!({ "transaction_id": transaction, "status": status })
}

/// A payment whose provider does not say by itself what has become of it.
async fn pending(server: &Server, id: &str) -> String {
    let payment = json!({ "id": id, "amount": 1250, "currency": "EUR" });
    let reply = server.post("/v1/transactions", &payment).await.expect(202);
    reply.json()["id"].as_str().unwrap().to_owned()
}

async fn ended(server: &Server, command: &str) -> Value {
    let path = format!("/v1/commands/{command}?redirect=false");
    server.get_with(&path, &[("prefer", "wait=10")]).await.expect(200).json()
}

/// A server whose provider is asked no more than once in a while.
async fn patient() -> Server {
    let (server, sandbox) =
        Server::playing(&[("payments.poll.base", "30s"), ("payments.poll.first", "20ms")]).await;
    // The provider says `pending` for good.
    let slow = json!({ "mode": "503", "on": "read" });
    reqwest::Client::new().put(format!("{sandbox}/faults")).json(&slow).send().await.unwrap();
    server
}

#[tokio::test]
async fn a_message_settles_what_it_is_about_once_however_often_it_comes() {
    let server = patient().await;
    let command = pending(&server, "t-1").await;
    for _ in 0..3 {
        tell(&server, "msg_1", &message("t-1", "completed")).await.expect(204);
    }
    // The first one counts.
    tell(&server, "msg_1", &message("t-1", "declined")).await.expect(204);
    tell(&server, "msg_2", &message("t-1", "declined")).await.expect(204);
    let status = ended(&server, &command).await;
    assert_eq!(status["status"], "succeeded", "{status}");
    assert_eq!(server.get("/v1/transactions/t-1").await.json()["status"], "completed");
    let heard = server.get("/v1/commands?type=transaction.hear").await.json();
    assert_eq!(heard["items"].as_array().unwrap().len(), 2, "{heard}");
}

#[tokio::test]
async fn a_message_about_what_is_not_there_yet_waits_for_it() {
    let server = patient().await;
    tell(&server, "msg_1", &message("t-1", "completed")).await.expect(204);
    let command = pending(&server, "t-1").await;
    assert_eq!(ended(&server, &command).await["status"], "succeeded");
}

/// It is looked at again after half as long as it has waited; unless what it is about begins meanwhile.
#[tokio::test]
async fn a_message_that_has_waited_for_long_is_heard_when_what_it_is_about_begins() {
    let server = patient().await;
    tell(&server, "msg_1", &message("t-1", "completed")).await.expect(204);
    let waiting = async || server.engine.commands(&Caller::default(), heard()).await.unwrap().items.remove(0);
    let put_off = async {
        loop {
            match waiting().await.not_before {
                Some(due) if due - now() > TimeDelta::seconds(3) => return due,
                _ => tokio::time::sleep(Duration::from_millis(100)).await,
            }
        }
    };
    let due = tokio::time::timeout(Duration::from_secs(60), put_off).await.expect("it is put off");
    let command = pending(&server, "t-1").await;
    assert_eq!(ended(&server, &command).await["status"], "succeeded");
    let settled = waiting().await.settlement.unwrap();
    assert!(settled.at < due, "{settled:?} would have been due at {due}");
}

fn heard() -> CommandQuery {
    CommandQuery { command_type: Some("transaction.hear".to_owned()), limit: 9, ..CommandQuery::default() }
}

#[tokio::test]
async fn whatever_is_not_authentic_gets_the_same_401_and_leaves_nothing() {
    let server = patient().await;
    let body = message("t-1", "completed").to_string();
    let bytes = body.as_bytes();
    let mut replies = Vec::new();
    for (path, secret, at) in [
        (PATH, OTHER, now()),
        (PATH, SECRET, now() - TimeDelta::minutes(6)),
        (PATH, SECRET, now() + TimeDelta::minutes(6)),
        ("/v1/hooks/nobody", SECRET, now()),
    ] {
        replies.push(send(&server, path, "msg_1", secret, at, bytes).await);
    }
    let key: SigningKey = SECRET.parse().unwrap();
    let signed = key.headers("msg_1", now(), bytes);
    for left_out in 0..3 {
        let headers = signed.iter().enumerate().filter(|(at, _)| *at != left_out);
        let headers: Vec<(&str, &str)> = headers.map(|(_, (name, value))| (*name, value.as_str())).collect();
        replies.push(server.request(Method::POST, PATH, &headers, Body::from(body.clone())).await);
    }
    // Other bytes of the same meaning are not what was signed.
    let headers: Vec<(&str, &str)> = signed.iter().map(|(name, value)| (*name, value.as_str())).collect();
    replies.push(server.request(Method::POST, PATH, &headers, Body::from(format!("{body} "))).await);
    let detail = replies[0].json()["detail"].clone();
    for reply in replies {
        assert_eq!(reply.json()["detail"], detail);
        reply.expect_problem(401, "unauthenticated");
    }
    assert_eq!(server.stored().await, 0);
}

#[tokio::test]
async fn what_is_genuine_and_not_understood_is_refused_and_leaves_nothing() {
    let server = patient().await;
    for body in [
        "",
        "{",
        "[]",
        "null",
        r#"{"status":"completed"}"#,
        r#"{"transaction_id":"t-1"}"#,
        r#"{"transaction_id":7,"status":"completed"}"#,
        r#"{"transaction_id":"a b","status":"completed"}"#,
        r#"{"transaction_id":"t-1","status":"perhaps"}"#,
    ] {
        let reply = send(&server, PATH, "msg_1", SECRET, now(), body.as_bytes()).await;
        reply.expect_problem(400, "invalid-request");
    }
    let long = format!(r#"{{"transaction_id":"t-1","status":"completed","x":"{}"}}"#, "x".repeat(256 << 10));
    let reply = send(&server, PATH, "msg_1", SECRET, now(), long.as_bytes()).await;
    reply.expect_problem(413, "too-large");
    assert_eq!(server.stored().await, 0);
}

#[tokio::test]
async fn a_secret_that_is_on_its_way_out_and_the_one_that_comes_are_both_taken() {
    let both = format!("{OTHER}, {SECRET}");
    let (server, _) = Server::playing(&[("hooks.payment-provider.secrets", &both)]).await;
    for (id, secret) in [("msg_1", SECRET), ("msg_2", OTHER)] {
        let body = message("t-1", "completed").to_string();
        send(&server, PATH, id, secret, now(), body.as_bytes()).await.expect(204);
    }
}

#[tokio::test]
async fn nobody_else_asks_for_what_messages_ask_for() {
    let server = patient().await;
    let envelope = json!({ "type": "transaction.hear", "target": "t-1", "data": { "status": "completed" } });
    server.post("/v1/commands", &envelope).await.expect_problem(404, "unknown-command-type");
}
