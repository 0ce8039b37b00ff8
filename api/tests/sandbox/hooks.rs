use std::time::Duration;

use serde_json::{Value, json};
use wilco::sandbox::{Options, SECRET};

use crate::support::{Playing, options, wait_for};

/// A provider that tells a client, which wants it signed; both are sandboxes.
async fn provider_and_told() -> (Playing, Playing) {
    let secret = Some(SECRET.parse().unwrap());
    let told = Playing::with(Options { callback_secret: secret, ..options() }).await;
    let hook_url = Some(told.url("/client/hooks").parse().unwrap());
    (Playing::with(Options { hook_url, ..options() }).await, told)
}

/// What was told, once it is so much.
async fn heard(told: &Playing, count: usize) -> Vec<Value> {
    let look =
        || async { told.shown("/received?path=/client/hooks").await["items"].as_array().unwrap().clone() };
    wait_for(look, |seen| seen.len() == count).await
}

#[tokio::test]
async fn what_becomes_of_a_transaction_is_told_and_signed() {
    let (provider, told) = provider_and_told().await;
    provider.create("t1").await.unwrap();
    let unlucky = json!({"id": "t2", "amount": 13, "currency": "EUR"});
    provider.order_under("k2", &unlucky).send().await.unwrap();
    let heard = heard(&told, 2).await;
    let mut bodies: Vec<_> = heard.iter().map(|one| one["body"].to_string()).collect();
    bodies.sort();
    let wanted = [("t1", "completed"), ("t2", "declined")]
        .map(|(id, status)| json!({"transaction_id": id, "status": status}).to_string());
    assert_eq!(bodies, wanted);
    assert!(heard.iter().all(|one| one["answer"] == 204 && one["method"] == "POST"), "{heard:?}");
    assert_ne!(heard[0]["headers"]["webhook-id"], heard[1]["headers"]["webhook-id"]);
}

#[tokio::test]
async fn what_is_not_taken_is_told_again_under_the_same_id() {
    let (provider, told) = provider_and_told().await;
    told.fault(json!({"mode": "503", "on": "client", "times": 2})).await;
    provider.create("t1").await.unwrap();
    provider.create("t1").await.unwrap();
    let heard = heard(&told, 3).await;
    let answers: Vec<_> = heard.iter().map(|one| one["answer"].clone()).collect();
    assert_eq!(answers, [503, 503, 204]);
    for one in &heard {
        assert_eq!(one["headers"]["webhook-id"], heard[0]["headers"]["webhook-id"]);
        assert_eq!(one["body"], heard[0]["body"]);
    }
}

#[tokio::test]
async fn what_is_gone_is_told_nothing_more() {
    let (provider, told) = provider_and_told().await;
    told.fault(json!({"mode": "410", "on": "client"})).await;
    provider.create("t1").await.unwrap();
    heard(&told, 1).await;
    tokio::time::sleep(Duration::from_millis(500)).await;
    heard(&told, 1).await;
}

#[tokio::test]
async fn a_hook_may_come_before_the_answer_to_what_caused_it() {
    let (provider, told) = provider_and_told().await;
    provider.fault(json!({"mode": "slow", "delay_ms": 600})).await;
    let answering = tokio::spawn(provider.order("t1").send());
    heard(&told, 1).await;
    assert!(!answering.is_finished());
    answering.await.unwrap().unwrap();
}
