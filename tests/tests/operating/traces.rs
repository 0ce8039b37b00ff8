//! Traces, as a collector gets them.

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpListener;
use std::sync::{Arc, Mutex};

use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::trace::v1::Span;
use prost::Message as _;
use wilco_tests::client::pet;
use wilco_tests::e2e::{Place as _, SqlitePlace};
use wilco_tests::nats::NatsServer;
use wilco_tests::wait_for;

/// Takes spans at `POST /v1/traces`.
struct Collector {
    address: String,
    spans: Arc<Mutex<Vec<Span>>>,
}

impl Collector {
    fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let spans = Arc::new(Mutex::new(Vec::new()));
        let kept = Arc::clone(&spans);
        std::thread::spawn(move || {
            for connection in listener.incoming() {
                let kept = Arc::clone(&kept);
                std::thread::spawn(move || serve(connection.unwrap(), &kept));
            }
        });
        Self { address, spans }
    }

    /// The spans so far, by name.
    fn spans(&self) -> BTreeMap<String, Span> {
        self.spans.lock().unwrap().iter().map(|span| (span.name.clone(), span.clone())).collect()
    }
}

fn serve(connection: std::net::TcpStream, kept: &Mutex<Vec<Span>>) {
    let mut reader = BufReader::new(connection.try_clone().unwrap());
    let mut answers = connection;
    loop {
        let (mut head, mut length) = (String::new(), 0);
        while !head.ends_with("\r\n\r\n") {
            let mut line = String::new();
            if reader.read_line(&mut line).unwrap_or(0) == 0 {
                return;
            }
            if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
                length = value.trim().parse().unwrap();
            }
            head.push_str(&line);
        }
        assert!(head.starts_with("POST /v1/traces "), "{head}");
        let mut body = vec![0; length];
        reader.read_exact(&mut body).unwrap();
        let request = ExportTraceServiceRequest::decode(&*body).unwrap();
        let scopes = request.resource_spans.into_iter().flat_map(|spans| spans.scope_spans);
        kept.lock().unwrap().extend(scopes.flat_map(|scope| scope.spans));
        answers.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n").unwrap();
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |text, byte| format!("{text}{byte:02x}"))
}

#[tokio::test]
async fn a_request_is_traced_from_its_client_to_the_commit_and_the_broker() {
    let (place, nats, collector) =
        (SqlitePlace::new().await, NatsServer::started().await, Collector::start());
    let otlp = format!("telemetry.otlp={}", collector.address);
    let mut server = place.wilco().nats(nats.url()).set(&otlp).start().await;
    let (trace, parent) = ("4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7");
    let traceparent = format!("00-{trace}-{parent}-01");
    // Of an id that a client chose something might be stored, which is loaded.
    let mut chosen = pet("Rex");
    chosen["id"] = "rex".into();
    let reply = server.client().post("/v1/pets", &chosen, &[("traceparent", &traceparent)]).await;
    assert_eq!(reply.status, 202, "{reply:?}");
    let told = nats.stream(2).await;
    assert!(told.iter().all(|message| message.header("traceparent") == Some(&traceparent)), "{told:?}");

    // Without a traceparent a trace of its own begins.
    server.client().read("/v1/pets/nobody").await;
    // What is left is sent at the end.
    assert!(server.stop().await.success());
    let all = |spans: &BTreeMap<String, Span>| {
        ["POST /v1/pets", "accept", "commit", "publish", "load", "GET /v1/pets/{id}"]
            .iter()
            .all(|name| spans.contains_key(*name))
    };
    let spans = wait_for("the spans", async || collector.spans(), all).await;
    let request = &spans["POST /v1/pets"];
    assert_eq!((hex(&request.trace_id), hex(&request.parent_span_id)), (trace.to_owned(), parent.to_owned()));
    let accept = &spans["accept"];
    assert_eq!((&accept.trace_id, &accept.parent_span_id), (&request.trace_id, &request.span_id));
    let links: Vec<_> = spans["commit"].links.iter().map(|link| link.span_id.clone()).collect();
    assert!(links.contains(&accept.span_id), "the commit names what it settles: {links:?}");
    assert_ne!(spans["GET /v1/pets/{id}"].trace_id, request.trace_id);
}

#[tokio::test]
async fn a_collector_that_is_away_holds_nothing_up() {
    let place = SqlitePlace::new().await;
    let closed = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let mut server = place.wilco().set(&format!("telemetry.otlp=http://{closed}")).start().await;
    let reply = server.client().post("/v1/pets", &pet("Rex"), &[("Prefer", "wait=5")]).await;
    assert_eq!(reply.status, 201, "{reply:?}");
    assert!(server.stop().await.success());
}
