//! Behind a proxy that takes a part of the path away.

use axum::body::Body;
use axum::http::Method;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use wilco::http::{ApiSettings, BasePath, Limits};
use wilco_application::engine::EngineSettings;

use crate::support::{Server, pet, pet_with_id};

async fn below(base: &str) -> Server {
    let settings = ApiSettings { base_path: BasePath::parse(base).unwrap(), ..ApiSettings::default() };
    Server::with(settings, EngineSettings::default(), Vec::new()).await
}

/// Every path in the answers begins with the base, whether the proxy took it away or not.
#[tokio::test]
async fn every_path_is_the_one_that_clients_see() {
    let server = below("/shop/wilco/").await;
    for (base, id) in [("", "p"), ("/shop/wilco", "q")] {
        let waited = server.done(&format!("{base}/v1/pets"), &pet_with_id(id)).await.expect(201);
        assert_eq!(waited.header("location"), format!("/shop/wilco/v1/pets/{id}"));
        let command = waited.header("content-location").to_owned();
        assert!(command.starts_with("/shop/wilco/v1/commands/"), "{command}");
        assert_eq!(waited.json()["resource"], format!("/shop/wilco/v1/pets/{id}"));
        assert_eq!(waited.json()["links"]["self"], command);
        assert_eq!(waited.json()["links"]["events"], format!("{command}/events"));

        let accepted = server.post(&format!("{base}/v1/pets"), &pet("Rex")).await.expect(202);
        assert_eq!(accepted.header("location"), accepted.json()["links"]["self"].as_str().unwrap());
        assert_eq!(accepted.header("location"), accepted.header("operation-location"));

        let status = server.get(&command).await.expect(303);
        assert_eq!(status.header("location"), format!("/shop/wilco/v1/pets/{id}"));
        server.get(status.header("location")).await.expect(200);
        let (_, mut events) = server.open(&command, &[]).await;
        let told: Value = serde_json::from_str(&events.next_event().await.unwrap().data).unwrap();
        assert_eq!(told["links"]["self"], command);

        let page = server.get(&format!("{base}/v1/commands?limit=1")).await.expect(200);
        assert!(page.header("link").starts_with("</shop/wilco/v1/commands?"), "{}", page.header("link"));
        assert!(page.json()["items"][0]["links"]["self"].as_str().unwrap().starts_with("/shop/wilco/v1/"));

        let line = json!({ "type": "pet.create", "data": pet("A") }).to_string();
        let headers = [("content-type", "application/x-ndjson")];
        let batch = server.request(Method::POST, &format!("{base}/v1/commands/batch"), &headers, line).await;
        assert!(batch.json()["location"].as_str().unwrap().starts_with("/shop/wilco/v1/commands/"));

        let document = server.get(&format!("{base}/openapi.json")).await.expect(200);
        assert_eq!(document.json()["servers"][0]["url"], "/shop/wilco");
        let docs = server.get(&format!("{base}/docs")).await.expect(308);
        assert_eq!(docs.header("location"), "/shop/wilco/docs/");
        server.get(&format!("{base}/docs/")).await.expect(200);
        let person = server.get_with(&format!("{base}/"), &[("accept", "text/html")]).await.expect(303);
        assert_eq!(person.header("location"), "/shop/wilco/docs/");
    }
}

#[tokio::test]
async fn a_request_is_the_same_with_and_without_the_base() {
    let server = below("/wilco").await;
    let headers = [("idempotency-key", "k"), ("content-type", "application/json")];
    let mut locations = Vec::new();
    for path in ["/v1/pets", "/wilco/v1/pets"] {
        let reply = server.request(Method::POST, path, &headers, pet("Rex").to_string()).await.expect(202);
        locations.push(reply.header("location").to_owned());
    }
    assert_eq!(locations[0], locations[1]);
    server.get("/wilcox/v1/pets").await.expect_problem(404, "unknown-route");
    server.get("/wilco/v1/nothing").await.expect_problem(404, "unknown-route");
    server.request(Method::DELETE, "/wilco/v1/pets", &[], Body::empty()).await.expect(405);
}

async fn exchange(address: std::net::SocketAddr, prefix: &str) -> String {
    let mut stream = TcpStream::connect(address).await.unwrap();
    let request = format!(
        "GET /docs HTTP/1.1\r\nHost: localhost\r\nX-Forwarded-Prefix: {prefix}\r\nConnection: close\r\n\r\n"
    );
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    answer
}

#[tokio::test]
async fn a_trusted_proxy_may_say_what_it_took_away() {
    for (trusted, prefix, location) in [
        ("127.0.0.0/8", "/proxied", "/proxied/docs/"),
        ("127.0.0.0/8", "//evil.example", "/wilco/docs/"),
        ("127.0.0.0/8", "https://evil.example", "/wilco/docs/"),
        ("10.0.0.0/8", "/proxied", "/wilco/docs/"),
    ] {
        let base_path = BasePath::parse("/wilco").unwrap();
        let trusted_proxies = vec![trusted.parse().unwrap()];
        let settings = ApiSettings { base_path, trusted_proxies, ..ApiSettings::default() };
        let server = Server::with(settings, EngineSettings::default(), Vec::new()).await;
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let never = std::future::pending();
        let serving =
            tokio::spawn(wilco::http::serve(listener, server.router.clone(), Limits::default(), never));
        let answer = exchange(address, prefix).await;
        assert!(answer.contains(&format!("location: {location}\r\n")), "{trusted} {prefix}: {answer}");
        serving.abort();
    }
}
