//! Connections, over real sockets: framing, limits, and the end of the server.

use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use wilco::http::Limits;

use crate::support::{Server, pet};

struct Listening {
    server: Server,
    address: SocketAddr,
    stop: Option<oneshot::Sender<()>>,
    serving: JoinHandle<std::io::Result<()>>,
}

impl Listening {
    async fn start(limits: Limits) -> Self {
        let server = Server::start().await;
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (stop, stopped) = oneshot::channel::<()>();
        let serving = tokio::spawn(wilco::http::serve(listener, server.router.clone(), limits, async {
            let _ = stopped.await;
        }));
        Self { server, address, stop: Some(stop), serving }
    }

    /// Everything that comes back for `bytes`, until the server closes or nothing more comes.
    async fn exchange(&self, bytes: &[u8]) -> String {
        let mut stream = TcpStream::connect(self.address).await.unwrap();
        stream.write_all(bytes).await.unwrap();
        read(&mut stream).await
    }
}

async fn read(stream: &mut TcpStream) -> String {
    let mut got = Vec::new();
    let mut buffer = [0; 4096];
    while let Ok(Ok(count)) = tokio::time::timeout(Duration::from_millis(300), stream.read(&mut buffer)).await
    {
        if count == 0 {
            got.extend_from_slice(b"<closed>");
            break;
        }
        got.extend_from_slice(&buffer[..count]);
    }
    String::from_utf8(got).unwrap()
}

fn statuses(text: &str) -> Vec<&str> {
    text.split("HTTP/1.1 ")
        .skip(1)
        .map(|rest| &rest[..3])
        .filter(|status| status.starts_with(char::is_numeric))
        .collect()
}

#[tokio::test]
async fn requests_that_can_be_read_in_two_ways_are_refused_with_a_problem_and_closed() {
    let listening = Listening::start(Limits::default()).await;
    let body = pet("Rex").to_string();
    let length = body.len();
    for head in [
        format!(
            "POST /v1/pets HTTP/1.1\r\nhost: a\r\ncontent-length: {length}\r\ntransfer-encoding: chunked\r\n\r\n"
        ),
        format!(
            "POST /v1/pets HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\ncontent-length: {length}\r\n\r\n"
        ),
        format!(
            "POST /v1/pets HTTP/1.1\r\nhost: a\r\ncontent-length: {length}\r\ncontent-length: {length}\r\n\r\n"
        ),
        format!("POST /v1/pets HTTP/1.1\r\nhost: a\r\ncontent-length: {length}\r\ncontent-length: 3\r\n\r\n"),
        format!("POST /v1/pets HTTP/1.1\r\nhost: a\r\ncontent-length: {length}, {length}\r\n\r\n"),
        format!("POST /v1/pets HTTP/1.1\r\nhost: a\r\ncontent-length: +{length}\r\n\r\n"),
        "POST /v1/pets HTTP/1.1\r\nhost: a\r\ntransfer-encoding: gzip, chunked\r\n\r\n".into(),
        "POST /v1/pets HTTP/1.1\r\nhost: a\r\ntransfer-encoding: identity\r\n\r\n".into(),
        "POST /v1/pets HTTP/1.1\r\nhost: a\r\ntransfer-encoding : chunked\r\n\r\n".into(),
        "POST /v1/pets HTTP/1.0\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n".into(),
        format!("POST /v1/pets HTTP/1.1\r\ncontent-length: {length}\r\n\r\n"),
        format!("POST /v1/pets HTTP/1.1\r\nhost: a\r\nhost: b\r\ncontent-length: {length}\r\n\r\n"),
        format!("POST /v1/pets HTTP/1.1\nhost: a\ncontent-length: {length}\n\n"),
        format!("POST /v1/pets HTTP/1.1\r\nhost: a\r\ncontent-length: {length}\r\n\n"),
        format!("POST /v1/pets HTTP/1.1\r\nhost: a\r\nx: 1\r\n y\r\ncontent-length: {length}\r\n\r\n"),
        format!("POST  /v1/pets HTTP/1.1\r\nhost: a\r\ncontent-length: {length}\r\n\r\n"),
    ] {
        let got = listening.exchange(format!("{head}{body}").as_bytes()).await;
        assert_eq!(statuses(&got), ["400"], "{head}\n{got}");
        assert!(got.contains("\"type\":\"/problems/malformed-http\""), "{got}");
        assert!(got.contains("content-type: application/problem+json"), "{got}");
        assert!(got.contains("x-request-id: ") && got.contains("connection: close"), "{got}");
        assert!(got.ends_with("<closed>"), "{got}");
        assert!(!got.contains(".refused-"), "the marker stays within: {got}");
    }
    let got = listening.exchange(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n").await;
    assert_eq!(statuses(&got), ["505"]);
    assert_eq!(listening.server.stored().await, 0);
}

#[tokio::test]
async fn a_request_smuggled_behind_a_refused_one_is_never_seen() {
    let listening = Listening::start(Limits::default()).await;
    let body = pet("Rex").to_string();
    let smuggled = format!(
        "POST /v1/pets HTTP/1.1\r\nhost: a\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    );
    let bytes = format!(
        "GET /v1/pets HTTP/1.1\r\nhost: a\r\n\r\nPOST /v1/cars HTTP/1.1\r\nhost: a\r\ncontent-length: 5\r\n\
         transfer-encoding: chunked\r\n\r\n0\r\n\r\n{smuggled}"
    );
    let got = listening.exchange(bytes.as_bytes()).await;
    assert_eq!(statuses(&got), ["200", "400"], "{got}");
    assert!(got.contains("\"instance\":\"/v1/cars\""), "{got}");
    assert_eq!(listening.server.stored().await, 0);
}

#[tokio::test]
async fn a_subject_may_stand_in_the_query_as_it_is() {
    let listening = Listening::start(Limits::default()).await;
    let head = "accept: application/json\r\nhost: a\r\n\r\n";
    let bytes = format!(
        "GET /v1/feed?subject=wilco.command.failed.> HTTP/1.1\r\n{head}GET /v1/pets?<\"> HTTP/1.1\r\n{head}\
         GET /v1/pets HTTP/1.1\r\n{head}GET /v1/<pets> HTTP/1.1\r\n{head}"
    );
    let got = listening.exchange(bytes.as_bytes()).await;
    assert_eq!(statuses(&got), ["200", "400", "200", "400"], "{got}");
    assert!(got.contains("\"pointer\":\"<\\\">\""), "{got}");
}

#[tokio::test]
async fn sound_requests_follow_each_other_on_one_connection() {
    let listening = Listening::start(Limits::default()).await;
    let body = pet("Rex").to_string();
    let fixed = format!(
        "POST /v1/pets HTTP/1.1\r\nhost: a\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    );
    let chunked = format!(
        "POST /v1/pets HTTP/1.1\r\nhost: a\r\ncontent-type: application/json\r\ntransfer-encoding: chunked\r\n\r\n\
         {:x}\r\n{body}\r\n0\r\n\r\n",
        body.len()
    );
    let got = listening
        .exchange(format!("{fixed}{chunked}GET /livez HTTP/1.1\r\nhost: a\r\n\r\n").as_bytes())
        .await;
    assert_eq!(statuses(&got), ["202", "202", "200"], "{got}");
    assert!(!got.ends_with("<closed>"), "kept alive");
    assert_eq!(listening.server.stored().await, 2);
}

#[tokio::test]
async fn heads_are_bounded_in_number_length_and_time() {
    let limits = Limits { header_timeout: Duration::from_millis(200), ..Limits::default() };
    let listening = Listening::start(limits).await;
    let many = "x: 1\r\n".repeat(64);
    let got = listening.exchange(format!("GET /livez HTTP/1.1\r\nhost: a\r\n{many}\r\n").as_bytes()).await;
    assert_eq!(statuses(&got), ["431"]);
    let long = "y".repeat(40 << 10);
    let got =
        listening.exchange(format!("GET /livez HTTP/1.1\r\nhost: a\r\nx: {long}\r\n\r\n").as_bytes()).await;
    assert_eq!(statuses(&got), ["431"]);
    assert!(got.contains("header-fields-too-large"));
    let got = listening.exchange(b"GET /livez HTTP/1.1\r\nhost: a\r\n").await;
    assert_eq!(statuses(&got), ["408"]);
    let got = listening.exchange(b"").await;
    assert_eq!(got, "<closed>", "a silent connection is closed");
}

#[tokio::test]
async fn an_idle_connection_is_closed() {
    let limits = Limits { idle_timeout: Duration::from_millis(200), ..Limits::default() };
    let listening = Listening::start(limits).await;
    let got = listening.exchange(b"GET /livez HTTP/1.1\r\nhost: a\r\n\r\n").await;
    assert_eq!(statuses(&got), ["200"]);
    assert!(got.ends_with("<closed>"));
}

#[tokio::test]
async fn a_handler_may_take_longer_than_a_connection_may_be_idle() {
    let limits = Limits { idle_timeout: Duration::from_millis(100), ..Limits::default() };
    let mut listening = Listening::start(limits).await;
    listening.server.pause().await;
    let body = pet("Rex").to_string();
    let request = format!(
        "POST /v1/pets HTTP/1.1\r\nhost: a\r\ncontent-type: application/json\r\nprefer: wait=1\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    );
    let mut stream = TcpStream::connect(listening.address).await.unwrap();
    stream.write_all(request.as_bytes()).await.unwrap();
    tokio::time::sleep(Duration::from_millis(900)).await;
    assert_eq!(statuses(&read(&mut stream).await), ["202"]);
}

#[tokio::test]
async fn a_body_that_breaks_its_framing_stores_nothing() {
    let listening = Listening::start(Limits::default()).await;
    let head = "POST /v1/pets HTTP/1.1\r\nhost: a\r\ncontent-type: application/json\r\n";
    for bytes in [
        format!("{head}transfer-encoding: chunked\r\n\r\n5\n12345\r\n0\r\n\r\n"),
        format!("{head}transfer-encoding: chunked\r\n\r\n{{\r\n"),
    ] {
        let got = listening.exchange(bytes.as_bytes()).await;
        assert!(got.ends_with("<closed>"), "{got}");
        assert!(statuses(&got).iter().all(|status| *status == "400"), "{got}");
    }
    assert_eq!(listening.server.stored().await, 0);
}

#[tokio::test]
async fn a_client_that_hangs_up_in_the_middle_harms_nobody() {
    let listening = Listening::start(Limits::default()).await;
    let body = pet("Rex").to_string();
    let head = format!(
        "POST /v1/pets HTTP/1.1\r\nhost: a\r\ncontent-type: application/json\r\nprefer: wait=30\r\ncontent-length: {}\r\n\r\n",
        body.len()
    );
    for cut in [10, head.len(), head.len() + 5, head.len() + body.len()] {
        for _ in 0..5 {
            let mut stream = TcpStream::connect(listening.address).await.unwrap();
            stream.write_all(&format!("{head}{body}").as_bytes()[..cut]).await.unwrap();
        }
    }
    let reply = listening.server.done("/v1/pets", &pet("Tom")).await.expect(201);
    listening.server.get(reply.header("location")).await.expect(200);
}

#[tokio::test]
async fn connections_beyond_the_cap_wait_for_their_turn() {
    let limits = Limits { max_connections: 1, ..Limits::default() };
    let listening = Listening::start(limits).await;
    let first = TcpStream::connect(listening.address).await.unwrap();
    tokio::time::sleep(Duration::from_millis(50)).await;
    let mut second = TcpStream::connect(listening.address).await.unwrap();
    second.write_all(b"GET /livez HTTP/1.1\r\nhost: a\r\n\r\n").await.unwrap();
    assert_eq!(read(&mut second).await, "");
    drop(first);
    assert_eq!(statuses(&read(&mut second).await), ["200"]);
}

#[tokio::test]
async fn a_refusal_reaches_a_client_that_is_still_sending() {
    let listening = Listening::start(Limits::default()).await;
    let mut stream = TcpStream::connect(listening.address).await.unwrap();
    let head = "POST /v1/pets HTTP/1.1\r\nhost: a\r\ncontent-type: application/json\r\ncontent-length: 2000000\r\n\r\n";
    stream.write_all(head.as_bytes()).await.unwrap();
    for _ in 0..20 {
        stream.write_all(&vec![b' '; 100_000]).await.unwrap();
    }
    assert_eq!(statuses(&read(&mut stream).await), ["413"]);
}

#[tokio::test]
async fn requests_under_way_are_finished_when_the_server_stops() {
    let mut listening = Listening::start(Limits::default()).await;
    listening.server.pause().await;
    let body = pet("Rex").to_string();
    let request = format!(
        "POST /v1/pets HTTP/1.1\r\nhost: a\r\ncontent-type: application/json\r\nprefer: wait=1\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    );
    let mut busy = TcpStream::connect(listening.address).await.unwrap();
    busy.write_all(request.as_bytes()).await.unwrap();
    let mut idle = TcpStream::connect(listening.address).await.unwrap();
    tokio::time::sleep(Duration::from_millis(100)).await;
    listening.stop.take().unwrap().send(()).unwrap();
    assert_eq!(read(&mut idle).await, "<closed>");
    let mut got = String::new();
    while got.is_empty() {
        got = read(&mut busy).await;
    }
    assert_eq!(statuses(&got), ["202"]);
    tokio::time::timeout(Duration::from_secs(5), listening.serving).await.unwrap().unwrap().unwrap();
    assert!(TcpStream::connect(listening.address).await.is_err(), "nothing is accepted any more");
}
