use std::net::SocketAddr;
use std::process::Command;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use reqwest::dns::{Addrs, Name, Resolving};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio::time::{sleep, timeout};
use wilco_application::ports::SystemClock;

use super::*;

const PATIENCE: Duration = Duration::from_secs(20);
const PLAIN: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nhi";

/// How a server goes on once it has read a request.
#[derive(Clone, Copy)]
enum Way {
    /// Writes this and keeps the connection.
    Say(&'static [u8]),
    /// Writes this and closes it.
    SayAndClose(&'static [u8]),
    /// Writes this, then byte after byte for ever.
    Dribble(&'static [u8]),
    /// Writes this, then as much as is taken.
    Pour(&'static [u8]),
    /// Closes the connection as a crashed one is closed.
    Reset,
    /// Writes this before it has read anything, and closes the connection.
    Greet(&'static [u8]),
}

/// Somebody outside.
struct Server {
    address: SocketAddr,
    requests: Arc<Mutex<Vec<String>>>,
    /// A word for every connection that the client has closed.
    closed: mpsc::UnboundedReceiver<()>,
}

impl Server {
    async fn start(way: Way) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let requests = Arc::new(Mutex::new(Vec::new()));
        let (closing, closed) = mpsc::unbounded_channel();
        let seen = Arc::clone(&requests);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(converse(stream, way, Arc::clone(&seen), closing.clone()));
            }
        });
        Self { address, requests, closed }
    }

    fn url(&self) -> String {
        format!("http://{}/here?a=1", self.address)
    }

    fn requests(&self) -> Vec<String> {
        self.requests.lock().unwrap().clone()
    }
}

async fn converse(
    mut stream: TcpStream,
    way: Way,
    seen: Arc<Mutex<Vec<String>>>,
    closing: mpsc::UnboundedSender<()>,
) {
    if let Way::Greet(bytes) = way {
        stream.write_all(bytes).await.unwrap();
        return;
    }
    while let Some(request) = request(&mut stream).await {
        seen.lock().unwrap().push(request);
        let written = match way {
            Way::Say(bytes) => stream.write_all(bytes).await,
            Way::SayAndClose(bytes) | Way::Greet(bytes) => {
                let _ = stream.write_all(bytes).await;
                return;
            }
            Way::Reset => return stream.set_zero_linger().unwrap(),
            Way::Dribble(bytes) => pour(&mut stream, bytes, b"a", Duration::from_millis(20)).await,
            Way::Pour(bytes) => pour(&mut stream, bytes, &[b'a'; 8192], Duration::ZERO).await,
        };
        if written.is_err() {
            break;
        }
    }
    let _ = closing.send(());
}

async fn pour(stream: &mut TcpStream, first: &[u8], then: &[u8], pause: Duration) -> std::io::Result<()> {
    stream.write_all(first).await?;
    loop {
        stream.write_all(then).await?;
        sleep(pause).await;
    }
}

/// A request with its body, or none when the connection is closed.
async fn request(stream: &mut TcpStream) -> Option<String> {
    let mut bytes = Vec::new();
    loop {
        let text = String::from_utf8_lossy(&bytes).into_owned();
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
            if body.len() >= length.map_or(0, |length| length.parse().unwrap()) {
                return Some(text);
            }
        }
        if stream.read_buf(&mut bytes).await.ok()? == 0 {
            return None;
        }
    }
}

fn loopback() -> Egress {
    Egress::new(vec!["127.0.0.0/8".parse().unwrap()])
}

fn client() -> HttpClient {
    HttpClient::new(loopback(), Arc::new(SystemClock)).unwrap()
}

fn post(url: &str) -> OutboundRequest {
    let headers = vec![("idempotency-key", "k1".to_owned())];
    OutboundRequest { method: OutboundMethod::Post, url: url.to_owned(), headers, body: b"{}".to_vec() }
}

async fn send(client: &HttpClient, url: &str) -> Result<OutboundResponse, OutboundError> {
    timeout(PATIENCE, client.send(post(url))).await.expect("an end of the call")
}

/// What a server is answered that goes this way.
async fn call(way: Way) -> Result<OutboundResponse, OutboundError> {
    let server = Server::start(way).await;
    send(&client(), &server.url()).await
}

#[tokio::test]
async fn a_request_goes_out_as_it_is_and_its_answer_comes_back() {
    let server = Server::start(Way::Say(PLAIN)).await;
    let answer = send(&client(), &server.url()).await.unwrap();
    let wanted = OutboundResponse { status: 200, retry_after: None, body: b"hi".to_vec(), is_whole: true };
    assert_eq!(answer, wanted);
    let request = &server.requests()[0];
    assert!(request.starts_with("POST /here?a=1 HTTP/1.1\r\n"), "{request}");
    assert!(request.ends_with("\r\n\r\n{}"), "{request}");
    for line in ["idempotency-key: k1", concat!("user-agent: wilco/", env!("CARGO_PKG_VERSION"))] {
        assert!(request.contains(&format!("\r\n{line}\r\n")), "{request}");
    }
    assert!(!request.contains("accept-encoding"), "{request}");
}

#[tokio::test]
async fn other_methods_and_empty_bodies_go_out_too() {
    let server = Server::start(Way::Say(PLAIN)).await;
    for method in [OutboundMethod::Get, OutboundMethod::Put] {
        let request = OutboundRequest { method, url: server.url(), headers: Vec::new(), body: Vec::new() };
        assert_eq!(client().send(request).await.unwrap().status, 200);
    }
    let requests = server.requests();
    assert!(requests[0].starts_with("GET ") && requests[1].starts_with("PUT "), "{requests:?}");
}

#[tokio::test]
async fn a_redirect_is_not_followed() {
    for status in ["301", "302", "303", "307", "308"] {
        let other = Server::start(Way::Say(PLAIN)).await;
        let text = format!("HTTP/1.1 {status} Go\r\nlocation: {}\r\ncontent-length: 0\r\n\r\n", other.url());
        let answer = call(Way::Say(text.leak().as_bytes())).await.unwrap();
        assert_eq!(answer.status.to_string(), status);
        assert!(other.requests().is_empty());
    }
}

/// Names this process as the one that the next test has started.
const CHILD: &str = "WILCO_TEST_CALLS";

#[tokio::test]
async fn neither_proxies_of_the_environment_are_used_nor_are_certificates_needed_for_plain_http() {
    if let Ok(url) = std::env::var(CHILD) {
        assert_eq!(send(&client(), &url).await.unwrap().status, 200);
        return;
    }
    let (server, proxy) = (Server::start(Way::Say(PLAIN)).await, Server::start(Way::Say(PLAIN)).await);
    let name = std::thread::current().name().unwrap().to_owned();
    let mut child = Command::new(std::env::current_exe().unwrap());
    child.args(["--exact", &name]).env(CHILD, server.url());
    for variable in ["HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy", "HTTPS_PROXY", "https_proxy"] {
        child.env(variable, format!("http://{}", proxy.address));
    }
    child.env_remove("NO_PROXY").env_remove("no_proxy").env_remove("REQUEST_METHOD");
    child.env("SSL_CERT_FILE", "/dev/null").env("SSL_CERT_DIR", "/dev/null");
    let out = tokio::task::spawn_blocking(move || child.output().unwrap()).await.unwrap();
    assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stdout));
    assert_eq!((server.requests().len(), proxy.requests().len()), (1, 0));
}

#[tokio::test]
async fn a_caller_who_has_waited_enough_drops_the_connection() {
    let head = b"HTTP/1.1 200 OK\r\nx-slow: ";
    let body = b"HTTP/1.1 200 OK\r\ncontent-length: 100000\r\n\r\n";
    for way in [Way::Say(b""), Way::Dribble(head), Way::Dribble(body)] {
        let mut server = Server::start(way).await;
        let waited = timeout(Duration::from_millis(300), client().send(post(&server.url()))).await;
        assert!(waited.is_err(), "{waited:?}");
        timeout(PATIENCE, server.closed.recv()).await.expect("a closed connection");
        assert_eq!(server.requests().len(), 1);
    }
}

#[tokio::test]
async fn of_a_body_without_end_only_the_beginning_is_read() {
    for head in [
        &b"HTTP/1.1 200 OK\r\n\r\n"[..],
        b"HTTP/1.1 200 OK\r\ncontent-length: 1000000000000\r\n\r\n",
        b"HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\n\r\n",
    ] {
        let mut server = Server::start(Way::Pour(head)).await;
        let answer = send(&client(), &server.url()).await.unwrap();
        assert_eq!((answer.status, answer.body.len(), answer.is_whole), (200, MOST_BODY, false));
        timeout(PATIENCE, server.closed.recv()).await.expect("a closed connection");
    }
}

#[tokio::test]
async fn a_body_of_just_the_most_is_whole() {
    let text = format!("HTTP/1.1 200 OK\r\ncontent-length: {MOST_BODY}\r\n\r\n{}", "a".repeat(MOST_BODY));
    let answer = call(Way::Say(text.leak().as_bytes())).await.unwrap();
    assert_eq!((answer.body.len(), answer.is_whole), (MOST_BODY, true));
}

#[tokio::test]
async fn a_head_without_end_is_no_answer() {
    let error = call(Way::Pour(b"HTTP/1.1 200 OK\r\nx-long: ")).await.unwrap_err();
    assert!(matches!(error, OutboundError::Unknown(_)), "{error:?}");
}

#[tokio::test]
async fn what_is_packed_is_not_unpacked() {
    let answer = call(Way::Say(b"HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: 3\r\n\r\nabc"))
        .await
        .unwrap();
    assert_eq!((&answer.body[..], answer.is_whole), (&b"abc"[..], true));
}

#[tokio::test]
async fn a_body_that_breaks_off_leaves_the_status() {
    let answer =
        call(Way::SayAndClose(b"HTTP/1.1 201 Created\r\ncontent-length: 10\r\n\r\n{\"a\"")).await.unwrap();
    assert_eq!((answer.status, answer.is_whole), (201, false));
}

#[tokio::test]
async fn an_answer_says_how_long_to_wait() {
    let of = |text: &'static [u8]| async move { call(Way::Say(text)).await.unwrap().retry_after };
    let seconds = of(b"HTTP/1.1 429 Too Many\r\nretry-after: 120\r\ncontent-length: 0\r\n\r\n").await;
    assert_eq!(seconds, Some(Duration::from_secs(120)));
    // By a clock that is years off.
    let date = of(b"HTTP/1.1 429 Too Many\r\ndate: Sun, 06 Nov 1994 08:49:37 GMT\r\n\
                    retry-after: Sun, 06 Nov 1994 08:50:37 GMT\r\ncontent-length: 0\r\n\r\n")
    .await;
    assert_eq!(date, Some(Duration::from_secs(60)));
}

#[test]
fn a_pause_is_read_in_both_forms_and_has_a_bound() {
    let now = httpdate::parse_http_date("Sun, 06 Nov 1994 08:49:37 GMT").unwrap();
    let read = |text: &'static str| {
        let headers = HeaderMap::from_iter([(RETRY_AFTER, text.parse().unwrap())]);
        retry_after(&headers, now).map(|pause| pause.as_secs())
    };
    for (text, wanted) in [
        ("0", Some(0)),
        ("  7 ", Some(7)),
        ("Sun, 06 Nov 1994 08:49:47 GMT", Some(10)),
        ("Sunday, 06-Nov-94 08:49:47 GMT", Some(10)),
        ("Sun, 06 Nov 1994 08:49:27 GMT", Some(0)),
        ("Fri, 31 Dec 9999 23:59:59 GMT", Some(LONGEST_PAUSE.as_secs())),
        ("18446744073709551615", Some(LONGEST_PAUSE.as_secs())),
        ("99999999999999999999999", Some(LONGEST_PAUSE.as_secs())),
        ("", None),
        ("-1", None),
        ("1.5", None),
        ("soon", None),
    ] {
        assert_eq!(read(text), wanted, "{text:?}");
    }
}

#[tokio::test]
async fn what_becomes_of_a_request_that_was_read_and_not_answered_is_unknown() {
    for way in [
        Way::Reset,
        Way::SayAndClose(b""),
        Way::SayAndClose(b"HTTP/1.1 200 OK\r\ncontent-le"),
        Way::SayAndClose(b"SSH-2.0-OpenSSH_9\r\n"),
        Way::SayAndClose(b"<html></html>"),
        Way::SayAndClose(b"HTTP/1.1 200 OK\r\ncontent-length: x\r\n\r\n"),
    ] {
        let error = call(way).await.unwrap_err();
        assert!(matches!(error, OutboundError::Unknown(_)), "{error:?}");
    }
}

#[tokio::test]
async fn what_a_server_reads_is_sent_once_though_the_connection_was_an_old_one() {
    let server = Server::start(Way::Say(PLAIN)).await;
    let client = client();
    send(&client, &server.url()).await.unwrap();
    send(&client, &server.url()).await.unwrap();
    assert_eq!(server.requests().len(), 2);
    let server = Server::start(Way::Reset).await;
    for sent in 1..=3 {
        send(&client, &server.url()).await.unwrap_err();
        assert_eq!(server.requests().len(), sent);
    }
}

#[tokio::test]
async fn a_request_that_nobody_takes_is_not_sent() {
    let free = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let plain = Server::start(Way::Greet(b"HTTP/1.1 400 Bad Request\r\n\r\n")).await;
    for url in [format!("http://{free}/?token=secret"), format!("https://{}/", plain.address)] {
        let error = timeout(PATIENCE, client().send(post(&url))).await;
        let Ok(Err(OutboundError::NotSent(said))) = error else { panic!("{url} gives {error:?}") };
        assert!(!said.contains("secret"), "{said}");
    }
}

#[tokio::test]
async fn a_request_that_cannot_be_written_is_forbidden() {
    let server = Server::start(Way::Say(PLAIN)).await;
    let mut request = post(&server.url());
    request.headers.push(("x-broken", "a\r\nx-smuggled: b".to_owned()));
    let error = client().send(request).await.unwrap_err();
    assert!(matches!(error, OutboundError::Forbidden(_)), "{error:?}");
    assert!(server.requests().is_empty());
}

#[tokio::test]
async fn a_private_address_in_the_url_is_not_called() {
    let server = Server::start(Way::Say(PLAIN)).await;
    let port = server.address.port();
    let client = HttpClient::new(Egress::default(), Arc::new(SystemClock)).unwrap();
    for host in ["127.0.0.1", "127.1", "2130706433", "[::ffff:127.0.0.1]", "localhost"] {
        let error = send(&client, &format!("http://{host}:{port}/")).await.unwrap_err();
        assert!(matches!(error, OutboundError::Forbidden(_)), "{host} gives {error:?}");
    }
    assert!(server.requests().is_empty());
}

/// Answers with the next of these addresses; with none of them left, that there is no such name.
struct Changing {
    answers: Vec<Vec<&'static str>>,
    asked: AtomicUsize,
}

impl Resolve for Changing {
    fn resolve(&self, _: Name) -> Resolving {
        let turn = self.asked.fetch_add(1, Ordering::Relaxed);
        let answer = self.answers.get(turn).cloned();
        Box::pin(async move {
            let addresses = answer.ok_or("there is no such name")?;
            let addresses: Vec<SocketAddr> =
                addresses.iter().map(|address| SocketAddr::new(address.parse().unwrap(), 0)).collect();
            Ok(Box::new(addresses.into_iter()) as Addrs)
        })
    }
}

#[tokio::test]
async fn a_name_is_judged_by_every_address_it_leads_to_each_time_it_is_looked_up() {
    let text = b"HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 0\r\n\r\n";
    let mut server = Server::start(Way::Say(text)).await;
    let answers = vec![
        vec!["127.0.0.1"],
        vec!["10.0.0.1"],
        vec!["127.0.0.1", "169.254.169.254"],
        vec!["::1", "127.0.0.1"],
        vec!["8.8.8.8", "::ffff:192.168.0.1"],
        vec!["127.0.0.1"],
    ];
    let names = Arc::new(Changing { answers, asked: AtomicUsize::new(0) });
    let client = HttpClient::with_names(loopback(), Arc::new(SystemClock), names).unwrap();
    let url = format!("http://changing.example:{}/", server.address.port());
    send(&client, &url).await.unwrap();
    timeout(PATIENCE, server.closed.recv()).await.expect("a closed connection");
    for _ in 0..4 {
        let error = send(&client, &url).await.unwrap_err();
        let OutboundError::Forbidden(said) = error else { panic!("{error:?}") };
        assert!(said.contains("changing.example") && !said.contains("169.254"), "{said}");
    }
    assert_eq!(server.requests().len(), 1);
    send(&client, &url).await.unwrap();
    timeout(PATIENCE, server.closed.recv()).await.expect("a closed connection");
    let error = send(&client, &url).await.unwrap_err();
    let OutboundError::NotSent(said) = error else { panic!("{error:?}") };
    assert!(said.contains("no such name"), "{said}");
}
