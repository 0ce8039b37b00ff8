//! What must hold of a payment, whatever happens to the program meanwhile.

use serde_json::Value;

use crate::client::Client;
use crate::sandbox::Sandbox;
use crate::wait_for;

/// Waits until a payment has come to its end and the client was told; then it is completed here and there, with one
/// effect, and nothing was asked for again without a look.
pub async fn is_made_once(client: &Client, provider: &Sandbox, shop: &Sandbox, id: &str) {
    let path = format!("/v1/transactions/{id}");
    let look = async || client.read(&path).await.body;
    // It is told of twice: that it takes its time, and how it has ended.
    let is_told = |seen: &Value| seen["status"] != "pending" && seen["steps"]["notify"] == "done";
    let seen = wait_for("the payment to end", look, is_told).await;
    assert_eq!(seen["status"], "completed", "{seen}");
    let made = provider.made().await.into_iter().filter(|made| made["id"] == id);
    let made: Vec<Value> = made.map(|mut made| made["status"].take()).collect();
    assert_eq!(made, ["completed"], "{id} at the provider");
    let told = shop.received(&format!("/client/{id}")).await;
    assert!(told.iter().all(|message| message["answer"] != 401), "not all is signed: {told:?}");
    let newest = told.iter().max_by_key(|message| message["body"]["version"].as_i64());
    let status = newest.map(|message| &message["body"]["status"]);
    assert_eq!(status, Some(&Value::from("completed")), "what the client of {id} was told");
    never_asks_again_without_a_look(&provider.asked_about(id).await);
}

/// Who may have asked for something already looks whether it was done before asking again.
pub fn never_asks_again_without_a_look(requests: &[Value]) {
    for two in requests.windows(2) {
        let both_make = two.iter().all(|request| request["method"] == "POST");
        let was_refused = [429, 503].iter().any(|status| two[0]["answer"] == *status);
        assert!(!both_make || was_refused, "it was asked for again without a look: {two:?}");
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn request(method: &str, answer: u16) -> Value {
        json!({ "method": method, "answer": answer })
    }

    #[test]
    fn a_look_or_a_refusal_comes_before_the_next_request() {
        never_asks_again_without_a_look(&[request("POST", 504), request("GET", 404), request("POST", 201)]);
        never_asks_again_without_a_look(&[request("POST", 503), request("POST", 201)]);
    }

    #[test]
    #[should_panic(expected = "without a look")]
    fn asking_again_in_doubt_is_noticed() {
        never_asks_again_without_a_look(&[request("POST", 504), request("POST", 201)]);
    }
}
