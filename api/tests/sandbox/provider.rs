use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use wilco::sandbox::{Error, Options, SECRET, Sandbox};

use crate::support::{Playing, wait_for};

#[tokio::test]
async fn a_transaction_is_pending_and_then_completed_or_declined() {
    let sandbox = Playing::start().await;
    for (id, amount, end) in [("t1", 1000, "completed"), ("t2", 1013, "declined")] {
        let mut order = json!({"id": id, "amount": amount, "currency": "EUR"});
        let made = sandbox.order_under(id, &order).send().await.unwrap();
        assert_eq!(made.status(), StatusCode::CREATED);
        order["status"] = "pending".into();
        assert_eq!(made.json::<Value>().await.unwrap(), order);
        let path = format!("/transactions/{id}");
        let look = || async { sandbox.shown(&path).await };
        order["status"] = end.into();
        wait_for(look, |seen| *seen == order).await;
    }
    assert_eq!(sandbox.get("/transactions/t3").await.status(), StatusCode::NOT_FOUND);
    assert_eq!(sandbox.made().await, ["t1", "t2"]);
}

#[tokio::test]
async fn the_same_request_has_one_effect_and_another_one_is_refused() {
    let sandbox = Playing::start().await;
    let order = json!({"id": "t1", "amount": 1000, "currency": "EUR"});
    let first = sandbox.order_under("k1", &order).send().await.unwrap().text().await.unwrap();
    let completed = |seen: &Value| seen["status"] == "completed";
    wait_for(|| async { sandbox.shown("/transactions/t1").await }, completed).await;
    let again = sandbox.order_under("k1", &order).send().await.unwrap();
    assert_eq!((again.status(), again.text().await.unwrap()), (StatusCode::CREATED, first));
    let dearer = json!({"id": "t1", "amount": 1001, "currency": "EUR"});
    let other = json!({"id": "t2", "amount": 1000, "currency": "EUR"});
    for (key, body) in [("k1", &dearer), ("k1", &other), ("k2", &order), ("k2", &dearer)] {
        let refused = sandbox.order_under(key, body).send().await.unwrap();
        assert_eq!(refused.status(), StatusCode::CONFLICT, "{key} {body}");
    }
    assert_eq!(sandbox.made().await, ["t1"]);
}

#[tokio::test]
async fn what_is_no_order_is_refused() {
    let sandbox = Playing::start().await;
    for body in [
        json!({}),
        json!({"id": "t", "amount": 0, "currency": "EUR"}),
        json!({"id": "t", "amount": -1, "currency": "EUR"}),
        json!({"id": "t", "amount": 1.5, "currency": "EUR"}),
        json!({"id": "t", "amount": 1, "currency": "eur"}),
        json!({"id": "", "amount": 1, "currency": "EUR"}),
        json!({"id": "t", "amount": 1, "currency": "EUR", "more": 1}),
        json!("t"),
        json!(["t", 1, "EUR"]),
    ] {
        let refused = sandbox.order_under("k", &body).send().await.unwrap();
        assert_eq!(refused.status(), StatusCode::BAD_REQUEST, "{body}");
        assert_eq!(refused.headers()["content-type"], "application/problem+json");
    }
    let order = json!({"id": "t", "amount": 1, "currency": "EUR"});
    let keyless = sandbox.request(Method::POST, "/transactions").json(&order).send().await.unwrap();
    assert_eq!(keyless.status(), StatusCode::BAD_REQUEST);
    let long = sandbox.order("t").body(" ".repeat((64 << 10) + 1)).send().await.unwrap();
    assert_eq!(long.status(), StatusCode::PAYLOAD_TOO_LARGE);
    assert!(sandbox.made().await.is_empty());
}

#[tokio::test]
async fn what_is_not_there_is_told_as_a_problem() {
    let sandbox = Playing::start().await;
    assert_eq!(sandbox.get("/nothing").await.status(), StatusCode::NOT_FOUND);
    let wrong = sandbox.request(Method::DELETE, "/transactions").send().await.unwrap();
    assert_eq!(wrong.status(), StatusCode::METHOD_NOT_ALLOWED);
    assert_eq!(wrong.headers()["content-type"], "application/problem+json");
}

#[tokio::test]
async fn it_listens_on_loopback_only() {
    let options = || Options::new(SECRET.parse().unwrap());
    for address in ["0.0.0.0:0", "[::]:0", "10.0.0.1:0"] {
        let refused = Sandbox::bind(address.parse().unwrap(), options()).await;
        assert!(matches!(refused, Err(Error::NotLoopback(_))), "{address}");
    }
    let taken = Sandbox::bind("127.0.0.1:0".parse().unwrap(), options()).await.unwrap();
    let refused = Sandbox::bind(taken.address(), options()).await;
    assert!(matches!(refused, Err(Error::Listen(..))));
}
