use std::io;
use std::time::{Duration, Instant};

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::support::{PATIENCE, Playing};

/// Switches a fault on for one request, whose answer has this status; whether it was done; and how it was written down.
async fn refused(mode: &str, status: StatusCode, is_done: bool) {
    let sandbox = Playing::start().await;
    sandbox.fault(json!({"mode": mode, "times": 1})).await;
    let answer = sandbox.create("t1").await.unwrap();
    assert_eq!(answer.status(), status, "{mode}");
    assert_eq!(sandbox.made().await.len(), usize::from(is_done), "{mode}");
    // The same request again finds out.
    assert_eq!(sandbox.create("t1").await.unwrap().status(), StatusCode::CREATED, "{mode}");
    assert_eq!(sandbox.made().await, ["t1"], "{mode}");
    assert_eq!(sandbox.answers("/transactions").await, [json!(status.as_u16()), json!(201)], "{mode}");
}

/// Switches a fault on, which the caller hears nothing whole of, though what he wanted is done.
async fn done(sandbox: &Playing, mode: &str) {
    assert_eq!(sandbox.made().await, ["t1"], "{mode}");
    assert_eq!(sandbox.answers("/transactions").await, [json!(mode)]);
    sandbox.request(Method::DELETE, "/faults").send().await.unwrap();
    assert_eq!(sandbox.create("t1").await.unwrap().status(), StatusCode::CREATED);
    assert_eq!(sandbox.made().await, ["t1"], "{mode}");
}

#[tokio::test]
async fn none_is_no_fault() {
    let sandbox = Playing::start().await;
    sandbox.fault(json!({"mode": "503"})).await;
    sandbox.fault(json!({"mode": "none"})).await;
    assert_eq!(sandbox.create("t1").await.unwrap().status(), StatusCode::CREATED);
}

#[tokio::test]
async fn a_504_may_be_done() {
    refused("504-but-done", StatusCode::GATEWAY_TIMEOUT, true).await;
}

#[tokio::test]
async fn a_504_may_be_lost() {
    refused("504-and-lost", StatusCode::GATEWAY_TIMEOUT, false).await;
}

#[tokio::test]
async fn a_503_is_not_done() {
    refused("503", StatusCode::SERVICE_UNAVAILABLE, false).await;
}

#[tokio::test]
async fn a_410_is_not_done() {
    refused("410", StatusCode::GONE, false).await;
}

#[tokio::test]
async fn a_429_is_not_done_and_asks_for_a_pause() {
    refused("429", StatusCode::TOO_MANY_REQUESTS, false).await;
    let sandbox = Playing::start().await;
    for (fault, wanted) in [(json!({"mode": "429"}), "1"), (json!({"mode": "429", "delay_ms": 1500}), "2")] {
        sandbox.fault(fault).await;
        assert_eq!(sandbox.create("t1").await.unwrap().headers()["retry-after"], wanted);
    }
}

#[tokio::test]
async fn slow_is_done_at_once_and_answered_late() {
    let sandbox = Playing::start().await;
    sandbox.fault(json!({"mode": "slow", "delay_ms": 400})).await;
    let start = Instant::now();
    let answering = tokio::spawn(sandbox.order("t1").send());
    while sandbox.made().await.is_empty() {
        assert!(start.elapsed() < PATIENCE);
    }
    assert!(!answering.is_finished() || start.elapsed() >= Duration::from_millis(400));
    assert_eq!(answering.await.unwrap().unwrap().status(), StatusCode::CREATED);
    assert!(start.elapsed() >= Duration::from_millis(400));
    assert_eq!(sandbox.answers("/transactions").await, [json!(201)]);
}

#[tokio::test]
async fn hang_is_done_and_never_answered() {
    let sandbox = Playing::start().await;
    sandbox.fault(json!({"mode": "hang"})).await;
    let error = sandbox.order("t1").timeout(Duration::from_millis(300)).send().await.unwrap_err();
    assert!(error.is_timeout(), "{error:?}");
    done(&sandbox, "hang").await;
}

#[tokio::test]
async fn reset_is_done_and_the_connection_is_reset() {
    let sandbox = Playing::start().await;
    sandbox.fault(json!({"mode": "reset"})).await;
    let error = sandbox.create("t1").await.unwrap_err();
    let causes = std::iter::successors(Some(&error as &dyn std::error::Error), |&error| error.source());
    let kinds: Vec<_> =
        causes.filter_map(|cause| cause.downcast_ref::<io::Error>()).map(io::Error::kind).collect();
    assert!(kinds.contains(&io::ErrorKind::ConnectionReset), "{error:?}");
    done(&sandbox, "reset").await;
}

#[tokio::test]
async fn garbage_is_done_and_answered_by_somebody_else() {
    let sandbox = Playing::start().await;
    sandbox.fault(json!({"mode": "garbage"})).await;
    let answer = sandbox.create("t1").await.unwrap();
    assert_eq!(
        (answer.status(), &answer.headers()["content-type"]),
        (StatusCode::OK, &"text/html".parse().unwrap())
    );
    assert!(answer.text().await.unwrap().starts_with("<html>"));
    done(&sandbox, "garbage").await;
}

#[tokio::test]
async fn endless_is_done_and_answered_without_end() {
    let sandbox = Playing::start().await;
    sandbox.fault(json!({"mode": "endless"})).await;
    let mut answer = sandbox.create("t1").await.unwrap();
    assert_eq!(answer.status(), StatusCode::OK);
    let mut read = 0;
    while read < 1 << 20 {
        read += answer.chunk().await.unwrap().expect("no end").len();
    }
    drop(answer);
    done(&sandbox, "endless").await;
}

#[tokio::test]
async fn dribble_is_done_and_answered_a_byte_at_a_time() {
    let sandbox = Playing::start().await;
    sandbox.fault(json!({"mode": "dribble", "delay_ms": 20})).await;
    let address = sandbox.url("").replace("http://", "");
    let mut stream = TcpStream::connect(address).await.unwrap();
    let body = r#"{"id":"t1","amount":1000,"currency":"EUR"}"#;
    let head = format!(
        "POST /transactions HTTP/1.1\r\nhost: a\r\nidempotency-key: key-t1\r\ncontent-length: {}\r\n\r\n",
        body.len()
    );
    stream.write_all(format!("{head}{body}").as_bytes()).await.unwrap();
    let mut read = Vec::new();
    while read.len() < 60 {
        let mut some = [0; 64];
        let count = tokio::time::timeout(PATIENCE, stream.read(&mut some)).await.unwrap().unwrap();
        assert!((1..10).contains(&count), "{count} bytes at once");
        read.extend_from_slice(&some[..count]);
    }
    let text = String::from_utf8(read).unwrap();
    assert!(text.starts_with("HTTP/1.1 200 OK\r\n") && !text.contains("\r\n\r\n"), "{text}");
    done(&sandbox, "dribble").await;
}

#[tokio::test]
async fn each_kind_of_request_has_a_fault_of_its_own_for_so_many_times() {
    let sandbox = Playing::start().await;
    let none = json!({"mode": "none"});
    sandbox.fault(json!({"mode": "503", "times": 2})).await;
    let shown = sandbox.fault(json!({"mode": "504-and-lost", "on": "read"})).await;
    let wanted = json!({
        "create": {"mode": "503", "times": 2}, "read": {"mode": "504-and-lost"}, "client": none,
    });
    assert_eq!(shown, wanted);
    assert_eq!(sandbox.create("t1").await.unwrap().status(), StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(sandbox.shown("/faults").await["create"], json!({"mode": "503", "times": 1}));
    assert_eq!(sandbox.create("t1").await.unwrap().status(), StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(sandbox.create("t1").await.unwrap().status(), StatusCode::CREATED);
    assert_eq!(sandbox.get("/transactions/t1").await.status(), StatusCode::GATEWAY_TIMEOUT);
    let cleared = sandbox.request(Method::DELETE, "/faults").send().await.unwrap();
    assert_eq!(cleared.json::<Value>().await.unwrap(), json!({"create": none, "read": none, "client": none}));
    assert_eq!(sandbox.get("/transactions/t1").await.status(), StatusCode::OK);
}

#[tokio::test]
async fn what_is_no_fault_is_refused_and_changes_nothing() {
    let sandbox = Playing::start().await;
    let before = sandbox.fault(json!({"mode": "reset"})).await;
    for fault in [
        json!({}),
        json!({"mode": "504"}),
        json!({"mode": "None"}),
        json!({"mode": 504}),
        json!({"mode": "none", "more": 1}),
        json!({"mode": "503", "times": 0}),
        json!({"mode": "503", "times": -1}),
        json!({"mode": "503", "on": "write"}),
        json!({"mode": "503", "delay_ms": 10}),
        json!({"mode": "slow", "delay_ms": 600_001}),
        json!(["reset"]),
        json!("reset"),
    ] {
        let refused = sandbox.request(Method::PUT, "/faults").body(fault.to_string()).send().await.unwrap();
        assert_eq!(refused.status(), StatusCode::BAD_REQUEST, "{fault}");
        assert_eq!(refused.headers()["content-type"], "application/problem+json");
    }
    assert_eq!(sandbox.shown("/faults").await, before);
}
