//! What a browser may be made to do by a page of somebody else.

use axum::body::Body;
use axum::http::Method;
use wilco::http::ApiSettings;
use wilco_application::engine::EngineSettings;

use crate::support::{Reply, Server, pet_with_id};

const HOST: (&str, &str) = ("host", "wilco.example:8080");

async fn with(settings: ApiSettings) -> Server {
    Server::with(settings, EngineSettings::default(), Vec::new()).await
}

async fn sell(server: &Server, headers: &[(&str, &str)]) -> Reply {
    server.request(Method::POST, "/v1/pets/p/sell", headers, Body::empty()).await
}

#[tokio::test]
async fn pages_of_others_change_nothing() {
    let settings = ApiSettings { cors_origins: vec!["https://app.example".into()], ..ApiSettings::default() };
    let server = with(settings).await;
    server.done("/v1/pets", &pet_with_id("p")).await.expect(201);
    let foreign: [&[(&str, &str)]; 8] = [
        &[("origin", "https://evil.example")],
        &[("origin", "null")],
        &[("origin", "")],
        &[("origin", "https://app.example.evil.example")],
        &[("origin", "http://wilco.example:8081")],
        &[("sec-fetch-site", "cross-site")],
        &[("sec-fetch-site", "same-site"), ("origin", "https://other.wilco.example")],
        &[("sec-fetch-site", "cross-site"), ("origin", "http://wilco.example:8080")],
    ];
    for headers in foreign {
        let headers = [&[HOST], headers].concat();
        sell(&server, &headers).await.expect_problem(403, "cross-site");
        for (method, path) in
            [(Method::DELETE, "/v1/pets/p"), (Method::PUT, "/v1/pets/p"), (Method::POST, "/v1/commands")]
        {
            let reply = server.request(method, path, &headers, Body::empty()).await;
            reply.expect_problem(403, "cross-site");
        }
        server.get_with("/v1/pets/p", &headers).await.expect(200);
    }
    assert_eq!(server.get("/v1/pets/p").await.json()["version"], 1);
}

#[tokio::test]
async fn own_and_listed_pages_and_programs_are_let_in() {
    let settings = ApiSettings { cors_origins: vec!["https://app.example".into()], ..ApiSettings::default() };
    let server = with(settings).await;
    let let_in: [&[(&str, &str)]; 7] = [
        &[],
        &[("origin", "http://wilco.example:8080")],
        &[("origin", "http://WILCO.example:8080")],
        &[("origin", "https://app.example")],
        &[("origin", "https://app.example"), ("sec-fetch-site", "cross-site")],
        &[("sec-fetch-site", "same-origin"), ("origin", "https://proxy.example")],
        &[("sec-fetch-site", "none")],
    ];
    for headers in let_in {
        sell(&server, &[&[HOST], headers].concat()).await.expect(202);
    }
}

#[tokio::test]
async fn on_loopback_only_its_names_are_answered_to() {
    let hosts = vec!["wilco.test".to_owned()];
    let server = with(ApiSettings { loopback_only: true, hosts, ..ApiSettings::default() }).await;
    for host in
        ["evil.example", "evil.example:8080", "127.0.0.1.evil.example", "10.0.0.1:8080", "[fe80::1]:80"]
    {
        for path in ["/livez", "/v1/pets", "/docs/"] {
            let reply = server.get_with(path, &[("host", host)]).await;
            reply.expect_problem(421, "misdirected-request");
        }
    }
    for host in ["localhost:8080", "127.0.0.1", "127.0.0.2:1", "[::1]:8080", "wilco.test:8080", "WILCO.test"]
    {
        server.get_with("/livez", &[("host", host)]).await.expect(200);
    }
    let server = with(ApiSettings::default()).await;
    server.get_with("/livez", &[("host", "wilco.example")]).await.expect(200);
}
