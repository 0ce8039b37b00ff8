//! Clients that behave badly, one way or the other.

use std::time::{Duration, Instant};

use rand::rngs::StdRng;
use rand::{Rng as _, SeedableRng as _};
use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use wilco_tests::client::{Client, create_pet, pet};
use wilco_tests::e2e::{Place, SqlitePlace};
use wilco_tests::faults::{Promises, audit, seed};
use wilco_tests::on_both_stores;
use wilco_tests::wilco::Server;

on_both_stores!(
    clients_that_hang_up_cost_nobody_a_command,
    five_hundred_requests_with_one_key_make_one_command,
    sixty_four_clients_of_one_aggregate_lose_nothing,
    connections_that_do_not_come_to_the_point_are_ended,
);

fn address(server: &Server) -> String {
    server.client().base().trim_start_matches("http://").to_owned()
}

/// A request in full, as bytes.
fn request(key: &str, body: &str) -> Vec<u8> {
    let head = "POST /v1/commands HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n";
    format!("{head}Idempotency-Key: {key}\r\nContent-Length: {}\r\n\r\n{body}", body.len()).into_bytes()
}

async fn clients_that_hang_up_cost_nobody_a_command(place: impl Place) {
    let server = place.wilco().start().await;
    let address = address(&server);
    let mut random = StdRng::seed_from_u64(seed());
    let mut promises = Promises::default();
    for number in 0..300 {
        let key = format!("hung-up-{number}");
        let envelope = create_pet(&key);
        let bytes = request(&key, &envelope.to_string());
        // Mostly the whole of it, and away before the answer; else somewhere within.
        let sent = if random.random_bool(0.7) { bytes.len() } else { random.random_range(1..bytes.len()) };
        let mut stream = TcpStream::connect(&address).await.expect("the server listens");
        stream.write_all(&bytes[..sent]).await.expect("it reads");
        tokio::time::sleep(Duration::from_micros(random.random_range(0..3000))).await;
        drop(stream);
        promises.unknown.insert(key.clone(), envelope);
        // One that stays, beside them.
        let (key, envelope) = (format!("stays-{number}"), create_pet(&format!("stays-{number}")));
        let reply = server.client().post("/v1/commands", &envelope, &[("Idempotency-Key", &key)]).await;
        assert_eq!(reply.status, 202, "{reply:?}");
        promises.accepted.insert(key, reply.id());
    }
    promises.repeat_unknown(server.client()).await;
    audit::everything(server.client(), &promises).await;
}

async fn five_hundred_requests_with_one_key_make_one_command(place: impl Place) {
    let server = place.wilco().start().await;
    let mut promises = Promises::default();
    for different in [false, true] {
        let key = format!("shared-{different}");
        let replies = futures::future::join_all((0..500).map(|number| {
            let name = if different { format!("name-{number}") } else { "name".to_owned() };
            let envelope = json!({ "type": "pet.create", "target": key, "data": pet(&name) });
            let (client, key) = (server.client().clone(), key.clone());
            async move { client.post("/v1/commands", &envelope, &[("Idempotency-Key", &key)]).await }
        }))
        .await;
        let taken: Vec<_> = replies.iter().filter(|reply| reply.status == 202).collect();
        assert_eq!(taken.len(), if different { 1 } else { 500 }, "{:?}", replies.last());
        assert!(taken.iter().all(|reply| reply.id() == taken[0].id()), "they are one command");
        let refused = replies.iter().filter(|reply| matches!(reply.status, 409 | 422)).count();
        assert_eq!(refused, 500 - taken.len(), "all others are refused");
        promises.accepted.insert(key, taken[0].id());
    }
    audit::everything(server.client(), &promises).await;
}

async fn sixty_four_clients_of_one_aggregate_lose_nothing(place: impl Place) {
    const EACH: usize = 15;
    let server = place.wilco().start().await;
    let mut promises = Promises::default();
    let created = server.client().done(&create_pet("hot")).await;
    promises.accepted.insert("created".into(), created["id"].as_str().expect("an id").to_owned());
    let tasks = futures::future::join_all((0..64).map(|number| {
        let client = server.client().clone();
        async move {
            let mut ids = Vec::new();
            for step in 0..EACH {
                let data = pet(&format!("name-{number}-{step}"));
                let reply =
                    client.submit(&json!({ "type": "pet.update", "target": "hot", "data": data })).await;
                assert_eq!(reply.status, 202, "{reply:?}");
                ids.push((format!("{number}-{step}"), reply.id()));
            }
            ids
        }
    }));
    promises.accepted.extend(tasks.await.into_iter().flatten());
    audit::everything(server.client(), &promises).await;
    let hot = server.client().read("/v1/pets/hot").await;
    assert_eq!(hot.body["version"], 64 * EACH + 1);
}

/// Sends a beginning and then nothing; how long the connection lived, and what was answered.
async fn left_alone(address: &str, beginning: &[u8]) -> (Duration, String) {
    let started = Instant::now();
    let mut stream = TcpStream::connect(address).await.expect("the server listens");
    // It may be refused before it is sent in full.
    let _ = stream.write_all(beginning).await;
    let mut answer = Vec::new();
    let read = tokio::time::timeout(Duration::from_secs(15), stream.read_to_end(&mut answer)).await;
    assert!(read.is_ok(), "the connection was still open after 15 s");
    (started.elapsed(), String::from_utf8_lossy(&answer).into_owned())
}

async fn connections_that_do_not_come_to_the_point_are_ended(place: impl Place) {
    let wilco = place.wilco().set("http.header_timeout_ms=700").set("http.idle_timeout_ms=1500");
    let server = wilco.set("http.body_timeout_ms=700").start().await;
    let (address, client) = (address(&server), server.client().clone());
    let full = request("slow", &create_pet("slow").to_string());
    let huge =
        format!("GET /v1/pets HTTP/1.1\r\nHost: localhost\r\nX-Big: {}\r\n\r\n", "x".repeat(300 << 10));
    let both = b"POST /v1/commands HTTP/1.1\r\nHost: localhost\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n";
    let (head, body, silent, idle) =
        (&full[..40], &full[..full.len() - 5], b"", b"GET /readyz HTTP/1.1\r\nHost: localhost\r\n\r\n");
    let crowd = futures::future::join_all((0..200).map(|_| left_alone(&address, silent)));
    let others = async {
        // Meanwhile the others are served as usual.
        let started = Instant::now();
        client.done(&create_pet("meanwhile")).await;
        started.elapsed()
    };
    let (crowd, head, body, idle, huge, both, meanwhile) = tokio::join!(
        crowd,
        left_alone(&address, head),
        left_alone(&address, body),
        left_alone(&address, idle),
        left_alone(&address, huge.as_bytes()),
        left_alone(&address, both),
        others,
    );
    assert!(meanwhile < Duration::from_secs(3), "{meanwhile:?}");
    assert!(crowd.iter().all(|(lived, _)| *lived < Duration::from_secs(8)), "{:?}", crowd.first());
    assert!(head.0 < Duration::from_secs(5), "{head:?}");
    assert!(body.0 < Duration::from_secs(5) && body.1.starts_with("HTTP/1.1 408"), "{body:?}");
    assert!(idle.0 < Duration::from_secs(8) && idle.1.starts_with("HTTP/1.1 200"), "{idle:?}");
    assert!(huge.1.is_empty() || huge.1.starts_with("HTTP/1.1 431"), "{huge:?}");
    assert!(both.1.starts_with("HTTP/1.1 400"), "{both:?}");
    assert_eq!(client.commands("").await.len(), 1, "none of them was a command");
}

#[tokio::test]
async fn a_second_process_on_the_file_of_the_first_is_refused() {
    let place = SqlitePlace::new().await;
    let first = place.wilco().start().await;
    let mut second = place.wilco().spawn();
    assert!(!second.exit().await.success(), "a second process uses the file");
    let client: &Client = first.client();
    assert_eq!(client.done(&create_pet("rex")).await["status"], "succeeded");
}
