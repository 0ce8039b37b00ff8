//! Section 6 of the contract: probes, documents, and what every answer has in common.

use std::sync::Arc;

use async_trait::async_trait;
use axum::body::Body;
use axum::http::Method;
use serde_json::json;
use wilco::http::{ApiSettings, ReadinessCheck};
use wilco_application::engine::EngineSettings;

use crate::support::{Server, pet};

struct Broker(Result<(), String>, bool);

#[async_trait]
impl ReadinessCheck for Broker {
    fn name(&self) -> &'static str {
        "broker"
    }

    fn is_required(&self) -> bool {
        self.1
    }

    async fn check(&self) -> Result<(), String> {
        self.0.clone()
    }
}

async fn with_broker(answer: Result<(), String>, required: bool) -> Server {
    let broker = Arc::new(Broker(answer, required));
    let server = Server::with(ApiSettings::default(), EngineSettings::default(), vec![broker]).await;
    server.may_commit().await;
    server
}

#[tokio::test]
async fn readiness_is_told_per_dependency() {
    let server = with_broker(Ok(()), true).await;
    server.get("/livez").await.expect(200);
    let reply = server.get("/readyz").await.expect(200).json();
    let fine = json!({ "ready": true, "required": true });
    assert_eq!(reply["dependencies"], json!({ "broker": fine, "store": fine }));
    let server = with_broker(Err("no connection".into()), true).await;
    let reply = server.get("/readyz").await.expect(503).json();
    assert_eq!(reply["ready"], false);
    let down = json!({ "ready": false, "required": true, "detail": "no connection" });
    assert_eq!(reply["dependencies"]["broker"], down);
    let server = with_broker(Err("no connection".into()), false).await;
    let reply = server.get("/readyz").await.expect(200).json();
    assert_eq!((&reply["ready"], &reply["dependencies"]["broker"]["ready"]), (&true.into(), &false.into()));
    server.lose_store().await;
    let reply = server.get("/readyz").await.expect(503).json();
    assert_eq!(reply["dependencies"]["store"]["ready"], false);
}

#[tokio::test]
async fn a_store_that_does_not_answer_is_503_with_retry_after() {
    let server = Server::start().await;
    server.lose_store().await;
    let reply = server.post("/v1/pets", &pet("Rex")).await.expect_problem(503, "store-unavailable");
    assert_eq!(reply.header("retry-after"), "1");
    server.get("/v1/pets/p").await.expect_problem(503, "store-unavailable");
    server.get("/v1/commands").await.expect_problem(503, "store-unavailable");
}

#[tokio::test]
async fn a_full_backlog_is_503_with_retry_after() {
    let engine = EngineSettings { max_backlog: 1, ..EngineSettings::default() };
    let mut server = Server::with(ApiSettings::default(), engine, Vec::new()).await;
    server.pause().await;
    server.post("/v1/pets", &pet("Rex")).await.expect(202);
    let reply = server.post("/v1/pets", &pet("Tom")).await.expect_problem(503, "backlog-full");
    assert!(!reply.header("retry-after").is_empty());
    assert_eq!(server.stored().await, 1);
}

#[tokio::test]
async fn a_stopping_server_takes_no_commands() {
    let server = Server::start().await;
    server.engine.close();
    server.post("/v1/pets", &pet("Rex")).await.expect_problem(503, "shutting-down");
    let headers = [("content-type", "application/x-ndjson")];
    let reply = server.request(Method::POST, "/v1/commands/batch", &headers, "{}").await;
    reply.expect_problem(503, "shutting-down");
    server.get("/readyz").await.expect(503);
    server.get("/v1/pets").await.expect(200);
}

#[tokio::test]
async fn every_answer_bears_a_request_id_and_the_security_headers() {
    let server = Server::start().await;
    for path in
        ["/v1/pets", "/v1/pets/none", "/v1/nothing", "/livez", "/docs/", "/problems/gone", "/v1/feed?x"]
    {
        let reply = server.get(path).await;
        assert_eq!(reply.header("x-request-id").len(), 36, "{path}");
        assert_eq!(reply.header("x-content-type-options"), "nosniff");
        assert_eq!(reply.header("x-frame-options"), "DENY");
        assert_eq!(reply.header("referrer-policy"), "no-referrer");
        assert!(reply.header("content-security-policy").contains("frame-ancestors 'none'"));
        assert!(!reply.header("cache-control").is_empty());
    }
    let reply = server.get_with("/livez", &[("x-request-id", "from-the-client")]).await;
    assert_eq!(reply.header("x-request-id"), "from-the-client");
}

#[tokio::test]
async fn pages_of_other_origins_may_call_only_when_listed() {
    let preflight = [("origin", "https://app.example"), ("access-control-request-method", "POST")];
    let server = Server::start().await;
    let reply = server.get_with("/v1/pets", &preflight[..1]).await.expect(200);
    assert_eq!(reply.header("access-control-allow-origin"), "");
    let settings = ApiSettings { cors_origins: vec!["https://app.example".into()], ..ApiSettings::default() };
    let server = Server::with(settings, EngineSettings::default(), Vec::new()).await;
    let reply = server.get_with("/v1/pets", &preflight[..1]).await.expect(200);
    assert_eq!(reply.header("access-control-allow-origin"), "https://app.example");
    let exposed = reply.header("access-control-expose-headers");
    for name in [
        "location",
        "operation-location",
        "retry-after",
        "etag",
        "link",
        "preference-applied",
        "idempotency-replayed",
        "content-location",
    ] {
        assert!(exposed.contains(name), "{name} in {exposed}");
    }
    let reply = server.request(Method::OPTIONS, "/v1/pets", &preflight, Body::empty()).await.expect(200);
    assert!(reply.header("access-control-allow-methods").contains("POST"));
    assert_eq!(reply.header("access-control-max-age"), "7200");
    for name in ["authorization", "tracestate", "baggage", "sentry-trace", "if-match", "content-encoding"] {
        let allowed = reply.header("access-control-allow-headers");
        assert!(allowed.contains(name), "{name} in {allowed}");
    }
    assert!(!reply.header("x-request-id").is_empty());
    let other = server.get_with("/v1/pets", &[("origin", "https://evil.example")]).await;
    assert_eq!(other.header("access-control-allow-origin"), "");
}

#[tokio::test]
async fn problems_are_explained_to_people_and_programs() {
    let server = Server::start().await;
    let page = server.get("/problems/pet-reserved").await.expect(200);
    assert!(page.header("content-type").starts_with("text/html"));
    let explained =
        server.get_with("/problems/pet-reserved", &[("accept", "application/json")]).await.expect(200);
    assert_eq!(explained.json()["type"], "/problems/pet-reserved");
    assert_eq!(explained.json()["status"], 409);
    let html = String::from_utf8(page.body.to_vec()).unwrap();
    assert!(html.contains("What to do") && html.contains("href=\"../docs/\""), "{html}");
    assert!(page.header("vary").contains("accept") && explained.header("vary").contains("accept"));
    let axios = [("accept", "application/json, text/plain, */*")];
    let explained = server.get_with("/problems/pet-reserved", &axios).await.expect(200);
    assert_eq!(explained.header("content-type"), "application/json");
    server.get("/problems/nonsense").await.expect_problem(404, "not-found");
}

#[tokio::test]
async fn the_api_browser_is_served_whole_from_this_server() {
    let server = Server::start().await;
    let reply = server.get("/docs").await.expect(308);
    assert_eq!(reply.header("location"), "/docs/");
    let index = server.get("/docs/").await.expect(200);
    let html = String::from_utf8(index.body.to_vec()).unwrap();
    assert!(!html.contains("http://") && !html.contains("https://"), "works offline");
    let parts: Vec<&str> = html
        .split('"')
        .filter(|part| [".css", ".js", ".png"].iter().any(|end| part.ends_with(end)))
        .collect();
    assert_eq!(parts.len(), 5, "{html}");
    for part in parts {
        server.get(&format!("/docs/{part}")).await.expect(200);
    }
    let script = server.get("/docs/start.js").await.expect(200);
    let script = String::from_utf8(script.body.to_vec()).unwrap();
    assert!(script.contains("/openapi.json") && script.contains("BaseLayout"), "no bar: {script}");
    assert!(script.contains("document.title"), "the page bears the program's name: {script}");
    for file in ["", "swagger-ui.css", "swagger-ui-bundle.js"] {
        let tag = server.get(&format!("/docs/{file}")).await.header("etag").to_owned();
        let again = [("if-none-match", tag.as_str())];
        server.get_with(&format!("/docs/{file}"), &again).await.expect(304);
    }
    server.get("/docs/nothing.js").await.expect_problem(404, "not-found");
}

#[tokio::test]
async fn a_person_is_led_to_the_api_browser() {
    let server = Server::start().await;
    let browser = [("accept", "text/html,application/xhtml+xml,application/xml;q=0.9,image/webp,*/*;q=0.8")];
    let reply = server.get_with("/", &browser).await.expect(303);
    assert_eq!(reply.header("location"), "/docs/");
    server.get_with("/", &[("accept", "*/*")]).await.expect_problem(404, "unknown-route");
}

#[tokio::test]
async fn metrics_are_only_there_when_recorded() {
    Server::start().await.get("/metrics").await.expect_problem(404, "not-found");
}
