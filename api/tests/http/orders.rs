//! Section 9 of the contract: orders, the work of a process.

use axum::body::Body;
use axum::http::Method;
use serde_json::{Value, json};

use crate::support::{Server, pet_with_id};

async fn with_pets(ids: &[&str]) -> Server {
    let server = Server::start().await;
    for id in ids {
        server.done("/v1/pets", &pet_with_id(id)).await.expect(201);
    }
    server
}

fn order(id: &str, pet: &str) -> Value {
    json!({ "id": id, "pet_id": pet })
}

/// What is asked of an order that exists.
async fn asked(server: &Server, id: &str, verb: &str) -> crate::support::Reply {
    server.done(&format!("/v1/orders/{id}/{verb}"), &json!({})).await
}

async fn pet_status(server: &Server, id: &str) -> Value {
    server.get(&format!("/v1/pets/{id}")).await.expect(200).json()["status"].take()
}

#[tokio::test]
async fn an_order_runs_until_its_pet_is_held_and_it_is_noted() {
    let server = with_pets(&["rex"]).await;
    server.may_commit().await;
    let accepted = server.post("/v1/orders", &order("o-1", "rex")).await.expect(202);
    let (status, location) = (accepted.json(), accepted.header("location").to_owned());
    assert_eq!(
        (&status["type"], &status["links"]["resource"]),
        (&json!("order.place"), &json!("/v1/orders/o-1"))
    );
    assert!(status["status"] == "running" || status["status"] == "pending", "{status}");
    if status["status"] == "running" {
        assert_eq!(status["progress"], json!({ "done": 0, "total": 2, "step": "reserve pet" }));
    }
    let settled = server.get_with(&location, &[("prefer", "wait=10")]).await.expect(303);
    assert_eq!(settled.header("location"), "/v1/orders/o-1");
    assert_eq!((&settled.json()["version"], &settled.json()["progress"]), (&json!(1), &Value::Null));
    let order = server.get("/v1/orders/o-1").await.expect(200);
    assert_eq!(order.header("etag"), "\"1\"");
    let order = order.json();
    assert_eq!(
        (&order["status"], &order["pet_id"], &order["customer"]),
        (&json!("placed"), &json!("rex"), &Value::Null)
    );
    assert!(order["placed_at"].is_string(), "{order}");
    let pet = server.get("/v1/pets/rex").await.expect(200).json();
    assert_eq!((&pet["status"], &pet["order_id"]), (&json!("reserved"), &json!("o-1")));
}

#[tokio::test]
async fn a_waited_for_order_is_201_with_its_place() {
    let server = with_pets(&["rex"]).await;
    let placed = server.done("/v1/orders", &json!({ "pet_id": "rex" })).await.expect(201);
    server.get(placed.header("location")).await.expect(200);
}

#[tokio::test]
async fn an_order_fails_with_the_problem_of_its_pet() {
    let server = with_pets(&["held", "sold", "gone"]).await;
    server.done("/v1/pets/held/reserve", &json!({ "order_id": "somebody" })).await.expect(200);
    server.done("/v1/pets/sold/sell", &json!({})).await.expect(200);
    server
        .request(Method::DELETE, "/v1/pets/gone", &[("prefer", "wait=10")], Body::empty())
        .await
        .expect(200);
    for (pet, status, slug) in [
        ("held", 409, "pet-reserved"),
        ("sold", 409, "pet-sold"),
        ("nobody", 404, "not-found"),
        ("gone", 410, "gone"),
    ] {
        let failed = server.done("/v1/orders", &order(&format!("for-{pet}"), pet)).await;
        let problem = failed.expect_problem(status, slug).json();
        assert!(problem["instance"].as_str().unwrap().starts_with("/v1/commands/"), "{problem}");
        server.get(&format!("/v1/orders/for-{pet}")).await.expect_problem(404, "not-found");
    }
    let listed = server.get("/v1/commands?status=failed&type=order.place").await.json();
    assert_eq!(listed["items"].as_array().unwrap().len(), 4);
}

#[tokio::test]
async fn an_order_is_approved_and_completed_and_its_pet_goes_along() {
    let server = with_pets(&["rex"]).await;
    server.done("/v1/orders", &order("o-1", "rex")).await.expect(201);
    asked(&server, "o-1", "complete").await.expect_problem(409, "order-not-approved");
    asked(&server, "o-1", "approve").await.expect(200);
    assert_eq!(pet_status(&server, "rex").await, "sold");
    asked(&server, "o-1", "cancel").await.expect_problem(409, "order-approved");
    asked(&server, "o-1", "approve").await.expect_problem(409, "order-approved");
    asked(&server, "o-1", "complete").await.expect(200);
    for verb in ["approve", "complete", "cancel"] {
        asked(&server, "o-1", verb).await.expect_problem(409, "order-completed");
    }
    let history = server.get("/v1/orders/o-1/history").await.expect(200).json();
    let types: Vec<&str> =
        history["items"].as_array().unwrap().iter().map(|event| event["type"].as_str().unwrap()).collect();
    assert_eq!(types, ["order.placed", "order.approved", "order.completed"]);
}

#[tokio::test]
async fn a_cancelled_order_sets_its_pet_free() {
    let server = with_pets(&["rex"]).await;
    server.done("/v1/orders", &order("o-1", "rex")).await.expect(201);
    asked(&server, "o-1", "cancel").await.expect(200);
    assert_eq!(pet_status(&server, "rex").await, "available");
    assert_eq!(server.get("/v1/orders/o-1").await.expect(200).json()["status"], "cancelled");
    asked(&server, "o-1", "approve").await.expect_problem(409, "order-cancelled");
    server.done("/v1/orders", &order("o-2", "rex")).await.expect(201);
}

#[tokio::test]
async fn an_id_is_ordered_under_once() {
    let server = with_pets(&["rex", "fido"]).await;
    let placed = server.done("/v1/orders", &order("o-1", "rex")).await.expect(201);
    let again = server.done("/v1/orders", &order("o-1", "rex")).await.expect(201);
    assert_eq!(again.header("content-location"), placed.header("content-location"), "the same command");
    server.done("/v1/orders", &order("o-1", "fido")).await.expect_problem(409, "already-exists");
    assert_eq!(pet_status(&server, "fido").await, "available");
    asked(&server, "o-9", "approve").await.expect_problem(404, "not-found");
}

/// What the process does shows in the tree of the command that it does it for.
#[tokio::test]
async fn the_tree_of_an_order_has_what_was_done_for_it() {
    let server = with_pets(&["rex"]).await;
    let placed = server.done("/v1/orders", &order("o-1", "rex")).await.expect(201);
    let tree = server.get(&format!("{}/tree", placed.header("content-location"))).await.expect(200).json();
    assert_eq!(children(&tree), [("pet.reserve", "pet.reserved"), ("order.create", "order.placed")]);
    let correlation = &tree["command"]["correlation_id"];
    assert!(
        tree["children"]
            .as_array()
            .unwrap()
            .iter()
            .all(|child| child["command"]["correlation_id"] == *correlation)
    );
    let approved = asked(&server, "o-1", "approve").await.expect(200);
    let tree = server.get(&format!("{}/tree", approved.header("content-location"))).await.expect(200).json();
    assert_eq!(children(&tree), [("pet.sell", "pet.sold"), ("order.mark_approved", "order.approved")]);
}

/// The commands that one led to, and the first event of each.
fn children(tree: &Value) -> Vec<(&str, &str)> {
    let children = tree["children"].as_array().unwrap().iter();
    children
        .map(|child| {
            (child["command"]["type"].as_str().unwrap(), child["events"][0]["type"].as_str().unwrap())
        })
        .collect()
}

/// What only the process may ask is nothing that a client could.
#[tokio::test]
async fn the_order_itself_takes_orders_from_its_process_alone() {
    let server = with_pets(&["rex"]).await;
    let create = json!({ "type": "order.create", "target": "o-1", "data": { "pet_id": "rex" } });
    server.post("/v1/commands", &create).await.expect_problem(404, "unknown-command-type");
    let types = server.get("/v1/command-types").await.expect(200).json();
    let orders: Vec<&str> = types["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| one["name"].as_str().unwrap())
        .filter(|name| name.starts_with("order."))
        .collect();
    assert_eq!(orders, ["order.approve", "order.cancel", "order.complete", "order.place"]);
    let place = json!({ "type": "order.place", "data": { "pet_id": "rex" } });
    server.post_with("/v1/commands", &[("prefer", "wait=10")], &place).await.expect(201);
}

#[tokio::test]
async fn the_process_behind_an_order_is_shown() {
    let server = with_pets(&["rex", "fido"]).await;
    server.done("/v1/orders", &order("o-1", "rex")).await.expect(201);
    server.done("/v1/orders", &order("o-2", "fido")).await.expect(201);
    asked(&server, "o-2", "cancel").await.expect(200);
    let process = server.get("/v1/processes/ordering/o-1").await.expect(200).json();
    assert_eq!(
        (&process["type"], &process["id"], &process["status"]),
        (&json!("ordering"), &json!("o-1"), &json!("running"))
    );
    assert_eq!(
        (&process["waits_for"], &process["commands"], &process["parked"]),
        (&json!([]), &json!([]), &Value::Null)
    );
    assert_eq!(process["timers"][0]["name"], "reserved");
    assert_eq!(process["state"]["pet_id"], "rex");
    let ids = async |query: &str| {
        let page = server.get(&format!("/v1/processes?{query}")).await.expect(200).json();
        let items = page["items"].as_array().unwrap();
        items.iter().map(|one| one["id"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(ids("").await, ["o-1", "o-2"]);
    assert_eq!(ids("status=running").await, ["o-1"]);
    assert_eq!(ids("status=ended&type=ordering").await, ["o-2"]);
    assert_eq!(ids("status=parked").await, [""; 0]);
    let first = server.get("/v1/processes?limit=1").await.expect(200).json();
    let cursor = first["next_cursor"].as_str().unwrap();
    assert_eq!(ids(&format!("cursor={cursor}")).await, ["o-2"]);
    server.get("/v1/processes?status=lost").await.expect_problem(400, "invalid-parameter");
    for path in ["ordering/o-9", "unknown/o-1"] {
        server.get(&format!("/v1/processes/{path}")).await.expect_problem(404, "not-found");
        server
            .post(&format!("/v1/processes/{path}/resume"), &json!({}))
            .await
            .expect_problem(404, "not-found");
    }
    for verb in ["resume", "give-up"] {
        let path = format!("/v1/processes/ordering/o-1/{verb}");
        server.post(&path, &json!({})).await.expect_problem(409, "process-not-parked");
    }
}
