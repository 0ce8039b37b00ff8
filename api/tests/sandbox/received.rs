use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::support::Playing;

#[tokio::test]
async fn requests_are_written_down_as_they_came_newest_last() {
    let sandbox = Playing::start().await;
    sandbox.create("t1").await.unwrap();
    sandbox.get("/transactions/t1").await;
    let request = sandbox.request(Method::PUT, "/client/c1?a=1").header("x-one", "1").header("x-one", "2");
    request.body("no JSON").send().await.unwrap();
    let items = sandbox.shown("/received").await["items"].clone();
    let of =
        |member: &str| items.as_array().unwrap().iter().map(|item| item[member].clone()).collect::<Vec<_>>();
    assert_eq!(of("method"), ["POST", "GET", "PUT"]);
    assert_eq!(of("path"), ["/transactions", "/transactions/t1", "/client/c1"]);
    assert_eq!(of("query"), [Value::Null, Value::Null, json!("a=1")]);
    assert_eq!(of("answer"), [201, 200, 204]);
    let order = json!({"id": "t1", "amount": 1000, "currency": "EUR"});
    assert_eq!(of("body"), [order, Value::Null, json!("no JSON")]);
    assert_eq!(items[0]["headers"]["idempotency-key"], "key-t1");
    assert_eq!(items[2]["headers"]["x-one"], "1, 2");
    assert!(items[0]["at"].as_str().unwrap() <= items[2]["at"].as_str().unwrap());
}

#[tokio::test]
async fn they_are_found_by_their_path_and_forgotten_when_told_so() {
    let sandbox = Playing::start().await;
    sandbox.create("t1").await.unwrap();
    sandbox.get("/transactions/t1").await;
    assert_eq!(sandbox.answers("/transactions").await, [201]);
    assert_eq!(sandbox.answers("/client/c1").await, [0; 0]);
    let wrong = sandbox.get("/received?paths=/transactions").await;
    assert_eq!(wrong.status(), StatusCode::BAD_REQUEST);
    let cleared = sandbox.request(Method::DELETE, "/received").send().await.unwrap();
    assert_eq!(cleared.json::<Value>().await.unwrap(), json!({"items": []}));
    assert_eq!(sandbox.shown("/received").await, json!({"items": []}));
    assert_eq!(sandbox.made().await, ["t1"]);
}

#[tokio::test]
async fn of_many_the_last_thousand_are_remembered() {
    let sandbox = Playing::start().await;
    for number in 0..1005 {
        sandbox.get(&format!("/transactions/{number}")).await;
    }
    let items = sandbox.shown("/received").await["items"].as_array().unwrap().clone();
    assert_eq!((items.len(), &items[0]["path"]), (1000, &json!("/transactions/5")));
}
