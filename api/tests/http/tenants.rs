//! Section 8 of the contract, as far as it goes without keys: every client is the default tenant's, and whatever belongs
//! to another answers as if it did not exist.

use std::sync::Arc;

use axum::body::Body;
use axum::http::Method;
use serde_json::{Value, json};
use wilco_application::engine::Submission;
use wilco_application::ports::Command;
use wilco_domain::kernel::{AggregateId, Caller, Tenant};

use crate::support::{Server, pet, pet_with_id};

/// Ways in which a client might try to name a tenant.
const CLAIMS: [(&str, &str); 5] = [
    ("wilco-tenant", "acme"),
    ("x-tenant", "acme"),
    ("x-tenant-id", "acme"),
    ("tenant", "acme"),
    ("authorization", "Bearer acme"),
];

/// Another tenant's command for its `pet-42`.
fn by_acme(server: &Server, verb: &str, data: Value) -> Submission {
    let command_type = server.engine.catalog().command(&format!("pet.{verb}")).unwrap();
    let caller = Caller::from(Tenant::parse("acme").unwrap());
    Submission {
        target: Some(AggregateId::parse("pet-42").unwrap()),
        idempotency_key: Some(verb.to_owned()),
        ..Submission::new(caller, Arc::clone(command_type), data)
    }
}

/// What another tenant has done: one command of each end, two events.
async fn acme_was_here(server: &Server) -> Vec<Arc<Command>> {
    let later = Submission {
        not_before: Some(server.engine.now() + chrono::TimeDelta::hours(1)),
        ..by_acme(server, "delete", json!({}))
    };
    let submissions = [
        by_acme(server, "create", pet("Theirs")),
        by_acme(server, "reserve", json!({ "order_id": "o" })),
        Submission { expected_version: Some(7), ..by_acme(server, "sell", json!({ "order_id": "o" })) },
    ];
    let mut commands = Vec::new();
    for submission in submissions {
        let command = server.engine.submit(submission).await.unwrap().command;
        commands.push(server.engine.settled(command, std::time::Duration::from_secs(10)).await.unwrap());
    }
    commands.push(server.engine.submit(later).await.unwrap().command);
    commands
}

async fn empty_list(server: &Server, path: &str) {
    let page = server.get_with(path, &CLAIMS).await.expect(200).json();
    assert_eq!(page["items"], json!([]), "{path}");
}

#[tokio::test]
async fn what_another_tenant_has_answers_as_if_it_did_not_exist() {
    let server = Server::start().await;
    let theirs = acme_was_here(&server).await;
    for path in ["/v1/pets/pet-42", "/v1/pets/pet-42?version=1", "/v1/pets/pet-42/history"] {
        server.get_with(path, &CLAIMS).await.expect_problem(404, "not-found");
    }
    for command in &theirs {
        let path = format!("/v1/commands/{}", command.id);
        server.get_with(&path, &CLAIMS).await.expect_problem(404, "not-found");
        server.get(&format!("{path}/events")).await.expect_problem(404, "not-found");
        server.request(Method::DELETE, &path, &CLAIMS, Body::empty()).await.expect_problem(404, "not-found");
        server.request(Method::POST, &format!("{path}/retry"), &CLAIMS, Body::empty()).await.expect(404);
        empty_list(&server, &format!("/v1/commands?correlation_id={}", command.id)).await;
    }
    let lists = [
        "/v1/pets",
        "/v1/pets?status=reserved",
        "/v1/commands",
        "/v1/commands?status=failed",
        "/v1/commands?status=scheduled",
        "/v1/commands?target=pet/pet-42",
        "/v1/feed?after=start",
        "/v1/feed?after=start&target=pet/pet-42",
        "/v1/feed?after=start&subject=wilco.tenant.acme.event.%3E",
    ];
    for path in lists {
        let accept = [CLAIMS.as_slice(), &[("accept", "application/json")]].concat();
        let page = server.get_with(path, &accept).await.expect(200).json();
        assert_eq!(page["items"], json!([]), "{path}");
    }
    // Their ids lead nowhere either, however they are spelled.
    for id in ["acme%2Fpet-42", "@acme%2Fpet%2Fpet-42"] {
        server.get(&format!("/v1/pets/{id}")).await.expect_problem(400, "invalid-parameter");
    }
}

#[tokio::test]
async fn both_tenants_have_a_pet_of_one_id_and_a_stream_tells_but_ours() {
    let server = Server::start().await;
    acme_was_here(&server).await;
    let (_, mut events) = server.open("/v1/feed?after=start", &[]).await;
    let created = server.done("/v1/pets", &pet_with_id("pet-42")).await.expect(201);
    for _ in 0..2 {
        let told: Value = serde_json::from_str(&events.next_event().await.unwrap().data).unwrap();
        assert_eq!((&told["subject"], &told["causationid"]), (&json!("pet/pet-42"), &created.json()["id"]));
        assert_eq!(told["tenant"], "default");
    }
    let ours = server.get("/v1/pets/pet-42").await.expect(200).json();
    assert_eq!((&ours["id"], &ours["name"], &ours["version"]), (&json!("pet-42"), &json!("Rex"), &json!(1)));
    assert_eq!(server.get("/v1/pets").await.json()["items"], json!([ours]));
    let history = server.get("/v1/pets/pet-42/history").await.expect(200).json();
    assert_eq!(history["items"].as_array().unwrap().len(), 1);

    // They go on as if nothing had happened: theirs is reserved.
    let sold = server.engine.submit(by_acme(&server, "release", json!({ "order_id": "o" }))).await.unwrap();
    let sold = server.engine.settled(sold.command, std::time::Duration::from_secs(10)).await.unwrap();
    assert_eq!(sold.settlement.as_ref().unwrap().version, Some(3));
    let status = serde_json::to_value(server.engine.status(&sold)).unwrap();
    assert_eq!(status["target"], json!({ "type": "pet", "id": "pet-42" }));
    assert_eq!(server.get("/v1/pets/pet-42").await.json(), ours);
}

#[tokio::test]
async fn a_client_that_claims_a_tenant_gets_what_is_its_own() {
    let server = Server::start().await;
    let headers: Vec<_> = CLAIMS.iter().copied().chain([("prefer", "wait=10")]).collect();
    server.post_with("/v1/pets", &headers, &pet_with_id("mine")).await.expect(201);
    server.get("/v1/pets/mine").await.expect(200);
}
