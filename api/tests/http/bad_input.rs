//! Invariant 6 of the design: bad input of any kind is a 4xx with a problem, and changes nothing.

use axum::body::Body;
use axum::http::Method;
use serde_json::{Value, json};

use crate::support::{Reply, Server, car, pet, pet_with_id};

const JSON: (&str, &str) = ("content-type", "application/json");

async fn raw(server: &Server, path: &str, body: impl Into<Body>) -> Reply {
    server.request(Method::POST, path, &[JSON], body).await
}

#[tokio::test]
async fn what_is_not_json_is_refused() {
    let server = Server::start().await;
    let deep = format!("{{\"name\":{}", "[".repeat(10_000));
    let bodies: Vec<Vec<u8>> = vec![
        b"".to_vec(),
        b" ".to_vec(),
        b"{".to_vec(),
        b"nonsense".to_vec(),
        b"{\"name\":\"a\",}".to_vec(),
        b"{\"name\":\"\xff\"}".to_vec(),
        b"\xef\xbb\xbf{}".to_vec(),
        b"{\"price\":1e400}".to_vec(),
        b"{\"name\":\"\\ud800\"}".to_vec(),
        b"{} {}".to_vec(),
        deep.into_bytes(),
    ];
    for body in bodies {
        let shown = String::from_utf8_lossy(&body[..body.len().min(40)]).into_owned();
        for path in ["/v1/pets", "/v1/commands", "/v1/pets/p/reserve"] {
            let reply = raw(&server, path, body.clone()).await;
            assert_eq!(reply.status, 400, "{path} {shown}");
            reply.expect_problem(400, "malformed");
        }
    }
    assert_eq!(server.stored().await, 0);
}

#[tokio::test]
async fn nul_characters_and_members_named_twice_are_pointed_at() {
    let server = Server::start().await;
    let nul = r#"{"name":"a\u0000b","category":"dog"}"#;
    assert_eq!(raw(&server, "/v1/pets", nul).await.expect_problem(400, "malformed").pointers(), ["/name"]);
    let twice = r#"{"name":"a","category":"dog","name":"b"}"#;
    assert_eq!(raw(&server, "/v1/pets", twice).await.expect_problem(400, "malformed").pointers(), ["/name"]);
    let nested = r#"{"type":"pet.create","data":{"tags":["x","\u0000"]}}"#;
    let reply = raw(&server, "/v1/commands", nested).await.expect_problem(400, "malformed");
    assert_eq!(reply.pointers(), ["/data/tags/1"]);
    assert_eq!(server.stored().await, 0);
}

#[tokio::test]
async fn members_that_do_not_fit_the_schema_are_pointed_at() {
    let server = Server::start().await;
    let long = "x".repeat(201);
    let big: Value = serde_json::from_str("9223372036854775808").unwrap();
    let huge: Value = serde_json::from_str("1e300").unwrap();
    let cases: Vec<(&str, Value, &str)> = vec![
        ("/v1/pets", json!([]), ""),
        ("/v1/pets", json!("x"), ""),
        ("/v1/pets", json!({ "category": "dog" }), "/name"),
        ("/v1/pets", json!({ "name": 5, "category": "dog" }), "/name"),
        ("/v1/pets", json!({ "name": "", "category": "dog" }), "/name"),
        ("/v1/pets", json!({ "name": long, "category": "dog" }), "/name"),
        ("/v1/pets", json!({ "name": "a", "category": "dog", "colour": "red" }), "/colour"),
        ("/v1/pets", json!({ "name": "a", "category": "dog", "a/b": 1 }), "/a~1b"),
        (
            "/v1/pets",
            json!({ "name": "a", "category": "dog", "price": { "amount": big, "currency": "EUR" } }),
            "/price/amount",
        ),
        (
            "/v1/pets",
            json!({ "name": "a", "category": "dog", "price": { "amount": huge, "currency": "EUR" } }),
            "/price/amount",
        ),
        (
            "/v1/pets",
            json!({ "name": "a", "category": "dog", "price": { "amount": 1.5, "currency": "EUR" } }),
            "/price/amount",
        ),
        (
            "/v1/pets",
            json!({ "name": "a", "category": "dog", "price": { "amount": 1, "currency": "EURO" } }),
            "/price/currency",
        ),
        ("/v1/pets", json!({ "name": "a", "category": "dog", "tags": vec!["t"; 51] }), "/tags"),
        ("/v1/pets", json!({ "name": "a", "category": "dog", "tags": [1] }), "/tags/0"),
        ("/v1/pets", json!({ "id": 7, "name": "a", "category": "dog" }), "/id"),
        ("/v1/pets", json!({ "id": "a/b", "name": "a", "category": "dog" }), "/id"),
        ("/v1/pets", json!({ "id": "", "name": "a", "category": "dog" }), "/id"),
        ("/v1/pets", json!({ "id": "..", "name": "a", "category": "dog" }), "/id"),
        ("/v1/pets", json!({ "id": "x".repeat(129), "name": "a", "category": "dog" }), "/id"),
        ("/v1/pets/p/reserve", json!({}), "/order_id"),
        ("/v1/pets/p/reserve", json!({ "order_id": null }), "/order_id"),
        ("/v1/pets/p/reserve", json!({ "order_id": "o", "id": "q" }), "/id"),
        ("/v1/cars/c/retire", json!({ "now": true }), "/now"),
    ];
    for (path, body, pointer) in cases {
        let reply = server.post(path, &body).await.expect_problem(400, "invalid-request");
        assert_eq!(reply.pointers(), [pointer], "{path} {body}");
    }
    assert_eq!(server.stored().await, 0);
}

#[tokio::test]
async fn every_fault_of_an_envelope_is_pointed_at() {
    let server = Server::start().await;
    let cases: Vec<(Value, &[&str])> = vec![
        (json!([]), &[""]),
        (json!({}), &["/type"]),
        (json!({ "type": 5 }), &["/type"]),
        (json!({ "type": "pet.create", "data": [] }), &["/data"]),
        (json!({ "type": "pet.create", "data": { "name": 5, "category": "dog" } }), &["/data/name"]),
        (json!({ "type": "pet.create", "data": pet("a"), "surplus": 1 }), &["/surplus"]),
        (json!({ "type": "pet.reserve", "data": { "order_id": "o" } }), &["/target"]),
        (json!({ "type": "pet.create", "data": pet("a"), "id": "x" }), &["/id"]),
        (json!({ "type": "pet.create", "data": pet("a"), "target": "a b" }), &["/target"]),
        (json!({ "type": "pet.create", "data": pet("a"), "expected_version": -1 }), &["/expected_version"]),
        (json!({ "type": "pet.create", "data": pet("a"), "expected_version": 1.5 }), &["/expected_version"]),
        (
            json!({ "type": "pet.create", "data": pet("a"), "expected_version": u64::MAX }),
            &["/expected_version"],
        ),
        (json!({ "type": "pet.create", "data": pet("a"), "not_before": "tomorrow" }), &["/not_before"]),
        (
            json!({ "type": "pet.create", "data": pet("a"), "not_before": "9999-01-01T00:00:00Z" }),
            &["/not_before"],
        ),
        (json!({ "type": null, "data": pet("a") }), &["/type"]),
        (json!({ "type": "pet.create", "data": pet("a"), "callback_url": 1 }), &["/callback_url"]),
        (json!({ "type": "pet.create", "data": pet("a"), "metadata": [] }), &["/metadata"]),
        (json!({ "type": "pet.create", "data": pet("a"), "metadata": { "k": 1 } }), &["/metadata/k"]),
        (
            json!({ "type": "pet.create", "data": pet("a"), "metadata": { "k": "v".repeat(1025) } }),
            &["/metadata/k"],
        ),
        (json!({ "type": 1, "id": 1, "target": 1, "x": 1 }), &["/type", "/id", "/target", "/x"]),
    ];
    for (envelope, pointers) in cases {
        let reply = server.post("/v1/commands", &envelope).await.expect_problem(400, "invalid-request");
        assert_eq!(reply.pointers(), pointers, "{envelope}");
    }
    let many: serde_json::Map<_, _> = (0..33).map(|n| (n.to_string(), json!("v"))).collect();
    let reply = server
        .post("/v1/commands", &json!({ "type": "pet.create", "data": pet("a"), "metadata": many }))
        .await;
    assert_eq!(reply.expect_problem(400, "invalid-request").pointers(), ["/metadata"]);
    server
        .post("/v1/commands", &json!({ "type": "pet.fly" }))
        .await
        .expect_problem(404, "unknown-command-type");
    assert_eq!(server.stored().await, 0);
}

#[tokio::test]
async fn what_only_the_server_may_say_is_refused_in_metadata() {
    let server = Server::start().await;
    for (name, value) in [
        ("actor", "admin"),
        ("at", "2026-01-01T00:00:00Z"),
        ("causation_id", "x"),
        ("command_id", "x"),
        ("correlation_id", "x"),
        ("tenant", "acme"),
        ("traceparent", "a\nb"),
        ("tracestate", "a=b"),
        ("note", "a\nb"),
        ("note", "a\u{7f}"),
        ("note", "\u{85}"),
        ("no\tte", "a"),
    ] {
        let envelope = json!({ "type": "pet.create", "data": pet("a"), "metadata": { name: value } });
        let reply = server.post("/v1/commands", &envelope).await.expect_problem(400, "invalid-request");
        assert_eq!(reply.pointers(), [format!("/metadata/{name}")], "{value:?}");
        let headers = [("content-type", "application/x-ndjson")];
        let reply = server.request(Method::POST, "/v1/commands/batch", &headers, envelope.to_string()).await;
        let line: Value = serde_json::from_slice(&reply.expect(200).body).unwrap();
        assert_eq!(line["problem"]["errors"][0]["pointer"], format!("/metadata/{name}"));
    }
    assert_eq!(server.stored().await, 0);
    let plain = json!({ "type": "pet.create", "data": pet("a"), "metadata": { "who": "Jörg ✓" } });
    server.post("/v1/commands", &plain).await.expect(202);
}

#[tokio::test]
async fn null_is_absence_wherever_a_member_is_optional() {
    let server = Server::start().await;
    let envelope = json!({
        "type": "pet.create", "data": pet("a"), "id": null, "target": null, "expected_version": null,
        "not_before": null, "callback_url": null, "metadata": null,
    });
    server.done("/v1/commands", &envelope).await.expect(201);
    let body = json!({ "id": null, "name": "a", "category": "dog", "tags": null, "photo_urls": null, "price": null });
    let key = [("idempotency-key", "k")];
    let first = server.post_with("/v1/pets", &key, &body).await.expect(202);
    let again = server.post_with("/v1/pets", &key, &pet("a")).await.expect(202);
    assert_eq!(first.json()["id"], again.json()["id"], "the same request");
    let envelope = json!({ "type": "car.retire", "target": "c", "data": null });
    server.done("/v1/commands", &envelope).await.expect_problem(404, "not-found");
}

#[tokio::test]
async fn a_whole_number_may_be_written_with_a_fraction_of_zero() {
    let server = Server::start().await;
    let body = r#"{"id":"p","name":"a","category":"dog","price":{"amount":12500.0,"currency":"EUR"}}"#;
    raw(&server, "/v1/pets", body).await.expect(202);
    let envelope = r#"{"type":"pet.sell","target":"p","expected_version":1.0}"#;
    let headers = [JSON, ("prefer", "wait=10")];
    server.request(Method::POST, "/v1/commands", &headers, envelope).await.expect(200);
    let sold = server.get("/v1/pets/p").await.expect(200).json();
    assert_eq!((&sold["price"]["amount"], &sold["status"]), (&json!(12500), &json!("sold")));
}

#[tokio::test]
async fn bodies_over_the_limit_are_refused_whether_or_not_they_say_so() {
    let server = Server::start().await;
    let body = format!("{{\"name\":\"{}\"}}", "x".repeat(300 << 10));
    raw(&server, "/v1/pets", body.clone()).await.expect_problem(413, "too-large");
    let pieces: Vec<Result<Vec<u8>, std::io::Error>> =
        body.into_bytes().chunks(1000).map(|piece| Ok(piece.to_vec())).collect();
    let stream = Body::from_stream(futures::stream::iter(pieces));
    raw(&server, "/v1/pets", stream).await.expect_problem(413, "too-large");
    assert_eq!(server.stored().await, 0);
}

#[tokio::test]
async fn only_json_is_taken() {
    let server = Server::start().await;
    let body = pet("Rex").to_string();
    for headers in
        [&[][..], &[("content-type", "text/plain")], &[("content-type", "application/json; charset=latin1")]]
    {
        let reply = server.request(Method::POST, "/v1/pets", headers, body.clone()).await;
        reply.expect_problem(415, "unsupported-media-type");
    }
    let twice = [("content-type", "application/json"), ("content-type", "text/plain")];
    let reply = server.request(Method::POST, "/v1/pets", &twice, body.clone()).await;
    reply.expect_problem(400, "invalid-header");
    assert_eq!(server.stored().await, 0);
    for name in ["merge-patch", "json-patch", "problem", "cloudevents"] {
        let headers = [("content-type", &*format!("application/{name}+json"))];
        let reply = server.request(Method::PUT, "/v1/pets/p", &headers, body.clone()).await;
        reply.expect_problem(415, "unsupported-media-type");
    }
    let odd = [("content-type", "application/vnd.pet+json;charset=UTF-8")];
    server.request(Method::POST, "/v1/pets", &odd, body).await.expect(202);
}

#[tokio::test]
async fn headers_that_cannot_be_meant_are_refused_by_name() {
    let server = Server::start().await;
    for (name, value) in [
        ("idempotency-key", ""),
        ("idempotency-key", "a b"),
        ("idempotency-key", "\"open"),
        ("if-match", "3"),
        ("if-match", "\"3"),
        ("if-none-match", "*, \"3\""),
    ] {
        for path in ["/v1/pets", "/v1/commands"] {
            let reply = server.post_with(path, &[(name, value)], &pet("Rex")).await;
            assert_eq!(reply.expect_problem(400, "invalid-header").pointers(), [name], "{value}");
        }
    }
    let long = "k".repeat(256);
    let reply = server.post_with("/v1/pets", &[("idempotency-key", &long)], &pet("Rex")).await;
    reply.expect_problem(400, "invalid-header");
    assert_eq!(server.stored().await, 0);
    let lenient = [("prefer", "wait=soon"), ("traceparent", "nonsense"), ("x-request-id", "a b")];
    let reply = server.post_with("/v1/pets", &lenient, &pet("Rex")).await.expect(202);
    assert_eq!(reply.header("preference-applied"), "");
    assert_ne!(reply.header("x-request-id"), "a b");
}

#[tokio::test]
async fn ids_in_paths_are_decoded_and_checked() {
    let server = Server::start().await;
    server.done("/v1/pets", &pet_with_id("pet-42")).await.expect(201);
    server.get("/v1/pets/pet%2D42").await.expect(200);
    let long = format!("/v1/pets/{}", "x".repeat(129));
    for path in [
        "/v1/pets/a%2Fb",
        "/v1/pets/%00",
        "/v1/pets/%ff",
        "/v1/pets/a%20b",
        "/v1/pets/%C3%A9",
        "/v1/pets/..",
        &long,
    ] {
        let reply = server.get(path).await;
        assert_eq!(reply.expect_problem(400, "invalid-parameter").pointers(), ["id"], "{path}");
        let headers = [JSON];
        server.request(Method::PUT, path, &headers, pet("a").to_string()).await.expect(400);
    }
    assert_eq!(server.stored().await, 1);
}

#[tokio::test]
async fn parameters_of_the_query_are_known_and_sound() {
    let server = Server::start().await;
    for (path, name) in [
        ("/v1/pets?colour=red", "colour"),
        ("/v1/pets?limit=0", "limit"),
        ("/v1/pets?limit=-1", "limit"),
        ("/v1/pets?limit=501", "limit"),
        ("/v1/pets?limit=x", "limit"),
        ("/v1/pets?limit=1&limit=2", "limit"),
        ("/v1/pets?status=%00", "status"),
        ("/v1/pets/p?x", "x"),
        ("/v1/pets/p/history?limit=0", "limit"),
        ("/v1/commands?limit=501", "limit"),
        ("/v1/commands?status=lost", "status"),
        ("/v1/commands?target=a%20b", "target"),
        ("/v1/commands?type=%00", "type"),
        ("/v1/commands?correlation_id=x", "correlation_id"),
        ("/v1/commands?page=2", "page"),
        ("/v1/feed?limit=1001", "limit"),
        ("/v1/feed?limit=0", "limit"),
        ("/v1/feed?subject=a..b", "subject"),
        ("/v1/feed?subject=", "subject"),
        ("/v1/feed?target=p", "target"),
        ("/v1/feed?since=1", "since"),
        ("/v1/command-types?x=1", "x"),
        ("/openapi.json?x=1", "x"),
    ] {
        let reply = server.get(path).await;
        assert_eq!(reply.expect_problem(400, "invalid-parameter").pointers(), [name], "{path}");
    }
    let reply = server.post("/v1/pets?dry_run=true", &pet("Rex")).await;
    assert_eq!(reply.expect_problem(400, "invalid-parameter").pointers(), ["dry_run"]);
    assert_eq!(server.stored().await, 0);
}

#[tokio::test]
async fn cursors_from_elsewhere_are_refused() {
    let server = Server::start().await;
    server.done("/v1/pets", &pet_with_id("a")).await;
    server.done("/v1/pets", &pet_with_id("b")).await;
    let page = server.get("/v1/pets?limit=1").await.json();
    let of_pets = page["next_cursor"].as_str().unwrap();
    for path in ["/v1/pets", "/v1/cars", "/v1/commands", "/v1/pets/a/history"] {
        for cursor in ["", "x", "!!", "AAAA", "999999999999999999999"] {
            let reply = server.get(&format!("{path}?cursor={cursor}")).await;
            assert_eq!(reply.expect_problem(400, "invalid-cursor").pointers(), ["cursor"], "{path} {cursor}");
        }
        if path != "/v1/pets" {
            server.get(&format!("{path}?cursor={of_pets}")).await.expect_problem(400, "invalid-cursor");
        }
    }
    for cursor in ["x", "1", "1.2.3", "99999.0", "-1.0"] {
        let reply = server.get(&format!("/v1/feed?after={cursor}")).await;
        assert_eq!(reply.expect_problem(400, "invalid-cursor").pointers(), ["after"]);
        let reply = server.get_with("/v1/feed", &[("last-event-id", cursor)]).await;
        assert_eq!(reply.expect_problem(400, "invalid-cursor").pointers(), ["last-event-id"]);
    }
}

#[tokio::test]
async fn routes_and_methods_that_are_not_there_are_problems() {
    let server = Server::start().await;
    for path in ["/v1/dogs", "/v1/pets/", "/v1/pets/p/fly", "/x", "/v1//pets", "/"] {
        let reply = server.get(path).await.expect_problem(404, "unknown-route");
        assert_eq!(reply.json()["instance"], path);
    }
    for (method, path, allowed) in [
        (Method::DELETE, "/v1/pets", "POST"),
        (Method::PATCH, "/v1/pets/p", "PUT"),
        (Method::DELETE, "/v1/cars/c", "PUT"),
        (Method::GET, "/v1/pets/p/reserve", "POST"),
        (Method::POST, "/v1/feed", "GET"),
        (Method::OPTIONS, "/v1/pets", "GET"),
    ] {
        let reply = server.request(method, path, &[], Body::empty()).await;
        let reply = reply.expect_problem(405, "method-not-allowed");
        assert!(reply.header("allow").contains(allowed), "{path}: {}", reply.header("allow"));
    }
}

#[tokio::test]
async fn what_cannot_be_accepted_is_406_before_anything_is_stored() {
    let server = Server::start().await;
    let html = [("accept", "text/html")];
    server.post_with("/v1/pets", &html, &pet("Rex")).await.expect_problem(406, "not-acceptable");
    server.post_with("/v1/commands", &html, &json!({ "type": "x" })).await.expect(406);
    for path in ["/v1/pets", "/v1/pets/p", "/v1/commands", "/v1/feed", "/openapi.json", "/livez", "/readyz"] {
        server.get_with(path, &html).await.expect_problem(406, "not-acceptable");
    }
    assert_eq!(server.stored().await, 0);
    for accept in ["*/*", "application/*", "application/json", "text/html, */*;q=0.1"] {
        server.post_with("/v1/cars", &[("accept", accept)], &car()).await.expect(202);
    }
}
