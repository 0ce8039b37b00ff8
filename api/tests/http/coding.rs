//! Content codings.

use std::io::{Read, Write};

use axum::body::Body;
use axum::http::Method;
use flate2::Compression;
use flate2::read::GzDecoder;
use flate2::write::GzEncoder;
use serde_json::{Value, json};

use crate::support::{Server, pet, pet_with_id};

const JSON: (&str, &str) = ("content-type", "application/json");
const GZIP: (&str, &str) = ("content-encoding", "gzip");
const TAKES_GZIP: (&str, &str) = ("accept-encoding", "br, gzip, deflate");

fn compressed(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn plain(bytes: &[u8]) -> Vec<u8> {
    let mut plain = Vec::new();
    GzDecoder::new(bytes).read_to_end(&mut plain).unwrap();
    plain
}

#[tokio::test]
async fn a_body_may_come_in_gzip() {
    let server = Server::start().await;
    let body = compressed(pet_with_id("p").to_string().as_bytes());
    let headers = [JSON, GZIP, ("prefer", "wait=10")];
    server.request(Method::POST, "/v1/pets", &headers, body).await.expect(201);
    let lines = json!({ "type": "pet.create", "data": pet("A") }).to_string() + "\n";
    let headers = [("content-type", "application/x-ndjson"), ("content-encoding", "X-GZIP")];
    let body = compressed(lines.repeat(3).as_bytes());
    let pieces: Vec<std::io::Result<Vec<u8>>> = body.chunks(7).map(|piece| Ok(piece.to_vec())).collect();
    let body = Body::from_stream(futures::stream::iter(pieces));
    server.request(Method::POST, "/v1/commands/batch", &headers, body).await.expect(200);
    assert_eq!(server.stored().await, 4);
    server.request(Method::POST, "/v1/pets/p/sell", &[GZIP], Body::empty()).await.expect(202);
    let headers = [JSON, ("content-encoding", "identity")];
    server.request(Method::POST, "/v1/pets", &headers, pet("B").to_string()).await.expect(202);
}

#[tokio::test]
async fn what_is_small_when_sent_and_large_when_read_is_too_large() {
    let server = Server::start().await;
    let bomb = compressed(&vec![b' '; 64 << 20]);
    assert!(bomb.len() < 100_000);
    server.request(Method::POST, "/v1/pets", &[JSON, GZIP], bomb).await.expect_problem(413, "too-large");
}

#[tokio::test]
async fn what_is_not_gzip_and_what_is_another_coding_is_refused() {
    let server = Server::start().await;
    let whole = compressed(pet("A").to_string().as_bytes());
    for body in [&b"{}"[..], &whole[..whole.len() - 5], &[&whole[..], b"more"].concat()] {
        let reply = server.request(Method::POST, "/v1/pets", &[JSON, GZIP], body.to_vec()).await;
        reply.expect_problem(400, "malformed");
    }
    for coding in ["br", "zstd", "deflate", "gzip, gzip", "x"] {
        let headers = [JSON, ("content-encoding", coding)];
        let reply = server.request(Method::POST, "/v1/pets", &headers, whole.clone()).await;
        let reply = reply.expect_problem(415, "unsupported-content-coding");
        assert_eq!(reply.header("accept-encoding"), "gzip");
    }
    assert_eq!(server.stored().await, 0);
}

#[tokio::test]
async fn long_answers_are_sent_in_gzip_to_whoever_takes_it() {
    let server = Server::start().await;
    for n in 0..30 {
        server.done("/v1/pets", &pet_with_id(&format!("p{n}"))).await.expect(201);
    }
    for path in ["/v1/pets", "/openapi.json", "/docs/swagger-ui-bundle.js"] {
        let as_it_is = server.get(path).await.expect(200);
        let short = server.get_with(path, &[TAKES_GZIP]).await.expect(200);
        assert_eq!(
            (as_it_is.header("content-encoding"), short.header("content-encoding")),
            ("", "gzip"),
            "{path}"
        );
        for reply in [&as_it_is, &short] {
            assert!(reply.header("vary").contains("accept-encoding"), "{path}");
        }
        assert!(short.body.len() < as_it_is.body.len() / 2);
        assert_eq!(plain(&short.body), as_it_is.body);
        let head = server.request(Method::HEAD, path, &[TAKES_GZIP], Body::empty()).await.expect(200);
        for name in ["content-encoding", "content-type", "vary", "etag"] {
            assert_eq!(head.header(name), short.header(name), "{name}");
        }
        assert_eq!(head.header("content-length"), short.body.len().to_string());
    }
    let problem = server.get_with("/v1/nothing", &[TAKES_GZIP]).await.expect(404);
    assert_eq!(problem.header("content-encoding"), "", "not worth it");
}

/// A version has one tag, and `If-Match` compares strongly.
#[tokio::test]
async fn what_bears_its_version_is_sent_as_it_is() {
    let server = Server::start().await;
    let mut long = pet_with_id("p");
    long["photo_urls"] = Value::from(vec!["https://example.com/".repeat(20); 20]);
    server.done("/v1/pets", &long).await.expect(201);
    let reply = server.get_with("/v1/pets/p", &[TAKES_GZIP]).await.expect(200);
    assert_eq!((reply.header("etag"), reply.header("content-encoding")), ("\"1\"", ""));
    assert_eq!(reply.json()["photo_urls"], long["photo_urls"]);
}

#[tokio::test]
async fn streams_are_sent_as_they_are() {
    let server = Server::start().await;
    let (head, _) = server.open("/v1/feed", &[TAKES_GZIP]).await;
    assert_eq!(head.header("content-encoding"), "");
}
