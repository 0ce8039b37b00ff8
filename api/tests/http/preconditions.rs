//! `If-Match` and `If-None-Match` on what changes something (RFC 9110, 13.1).

use axum::http::Method;
use serde_json::{Value, json};

use crate::support::{Reply, Server, car, pet, pet_with_id};

const WAIT: (&str, &str) = ("prefer", "wait=10");
const JSON: (&str, &str) = ("content-type", "application/json");

async fn put(server: &Server, path: &str, condition: (&str, &str), body: &Value) -> Reply {
    server.request(Method::PUT, path, &[WAIT, JSON, condition], body.to_string()).await
}

#[tokio::test]
async fn what_is_there_is_not_overwritten_by_whoever_wants_to_make_it() {
    let server = Server::start().await;
    server.done("/v1/pets", &pet_with_id("p")).await.expect(201);
    put(&server, "/v1/pets/p", ("if-none-match", "*"), &pet("Other"))
        .await
        .expect_problem(412, "version-conflict");
    assert_eq!(server.get("/v1/pets/p").await.json()["name"], "Rex");
    let made = put(&server, "/v1/cars/c", ("if-none-match", "*"), &car()).await.expect(201);
    assert_eq!(made.header("location"), "/v1/cars/c");
    let again = put(&server, "/v1/cars/c", ("if-none-match", "*"), &car()).await;
    again.expect_problem(412, "version-conflict");
    let named = server.post_with("/v1/pets", &[WAIT, ("if-none-match", "*")], &pet_with_id("p")).await;
    named.expect_problem(412, "version-conflict");
    server.post_with("/v1/pets", &[WAIT, ("if-none-match", "*")], &pet("Rex")).await.expect(201);
}

/// Both are accepted before either is applied: the one that is applied second finds the first.
#[tokio::test]
async fn of_two_that_want_to_make_the_same_one_fails() {
    let server = Server::start().await;
    let request = |colour: &str| {
        let mut car = car();
        car["colour"] = json!(colour);
        car
    };
    let (red, blue) = (request("red"), request("blue"));
    let condition = ("if-none-match", "*");
    let (one, other) = tokio::join!(
        put(&server, "/v1/cars/c", condition, &red),
        put(&server, "/v1/cars/c", condition, &blue)
    );
    let mut statuses = [one.status.as_u16(), other.status.as_u16()];
    statuses.sort_unstable();
    assert_eq!(statuses, [201, 412]);
}

#[tokio::test]
async fn a_key_is_good_for_a_conditional_request_too() {
    let server = Server::start().await;
    let headers = [WAIT, JSON, ("if-none-match", "*"), ("idempotency-key", "k")];
    for replayed in ["", "true"] {
        let reply = server.request(Method::PUT, "/v1/cars/c", &headers, car().to_string()).await.expect(201);
        assert_eq!(reply.header("idempotency-replayed"), replayed);
    }
}

#[tokio::test]
async fn what_is_not_there_is_not_made_by_whoever_wants_to_change_it() {
    let server = Server::start().await;
    put(&server, "/v1/cars/c", ("if-match", "*"), &car()).await.expect_problem(412, "version-conflict");
    server.get("/v1/cars/c").await.expect(404);
    put(&server, "/v1/pets/p", ("if-match", "*"), &pet("Rex")).await.expect_problem(412, "version-conflict");
    let order = json!({ "order_id": "o" });
    let reserve = server.post_with("/v1/pets/p/reserve", &[WAIT, ("if-match", "*")], &order).await;
    reserve.expect_problem(412, "version-conflict");
    let delete = server.request(Method::DELETE, "/v1/pets/p", &[WAIT, ("if-match", "*")], "").await;
    delete.expect_problem(412, "version-conflict");
    put(&server, "/v1/cars/c", ("if-match", "\"0\""), &car()).await.expect(201);
    put(&server, "/v1/cars/c", ("if-match", "*"), &json!({})).await.expect(400);
}

#[tokio::test]
async fn tags_are_judged_as_tags() {
    let server = Server::start().await;
    server.done("/v1/pets", &pet_with_id("p")).await.expect(201);
    let name = |reply: Reply| reply.json()["version"].as_i64().unwrap();
    for tags in
        ["W/\"1\"", "\"abc\"", "\"\"", "\"7\", \"8\"", "\"01\"", "\"99999999999999999999\"", "W/\"1\", \"x\""]
    {
        let reply = put(&server, "/v1/pets/p", ("if-match", tags), &pet("Other")).await;
        reply.expect_problem(412, "version-conflict");
    }
    let changed = put(&server, "/v1/pets/p", ("if-match", "\"7\", \"1\""), &pet("Other")).await.expect(200);
    assert_eq!(name(changed), 2);
    for tags in ["\"2\"", "W/\"2\"", "\"1\", \"2\"", "*"] {
        let reply = put(&server, "/v1/pets/p", ("if-none-match", tags), &pet("Third")).await;
        reply.expect_problem(412, "version-conflict");
    }
    let changed = put(&server, "/v1/pets/p", ("if-none-match", "\"1\""), &pet("Third")).await.expect(200);
    assert_eq!(name(changed), 3);
    let order = json!({ "order_id": "o" });
    let headers = [WAIT, ("if-match", "W/\"3\"")];
    server.post_with("/v1/pets/p/reserve", &headers, &order).await.expect_problem(412, "version-conflict");
    let envelope = json!({ "type": "pet.delete", "target": "p" });
    server.post_with("/v1/commands", &headers, &envelope).await.expect_problem(412, "version-conflict");
    for tags in ["\"2\", \"x\"", "W/\"3\""] {
        let headers = [WAIT, ("if-match", tags)];
        let delete = server.request(Method::DELETE, "/v1/pets/p", &headers, "").await;
        delete.expect_problem(412, "version-conflict");
    }
    server.request(Method::DELETE, "/v1/pets/p", &[WAIT, ("if-match", "\"3\", \"x\"")], "").await.expect(200);
}

#[tokio::test]
async fn a_command_is_taken_back_only_as_it_is_known() {
    let mut server = Server::start().await;
    server.pause().await;
    let path = server.post("/v1/pets", &pet("Rex")).await.expect(202).header("location").to_owned();
    for condition in [("if-none-match", "*"), ("if-match", "W/\"1-0\"")] {
        let reply = server.request(Method::DELETE, &path, &[condition], "").await;
        reply.expect_problem(412, "version-conflict");
    }
    server.request(Method::DELETE, &path, &[("if-match", "*")], "").await.expect(200);
}
