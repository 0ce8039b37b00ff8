//! Many connections that do nothing.

use std::process::Command;
use std::time::{Duration, Instant};

use futures::future::join_all;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use wilco_tests::client::create_pet;
use wilco_tests::e2e::{Place as _, SqlitePlace};
use wilco_tests::wilco::Server;

const CROWD: usize = 10_000;
/// Fewer than may wait to be accepted: the others would try again only a second later.
const AT_ONCE: usize = 100;
/// How long the server suffers one of them.
const LIMIT: Duration = Duration::from_secs(8);
/// Files that this process and the server need besides.
const OTHERS: usize = 300;

/// Lets this process, and those it starts, open as many files as it may; how many.
fn most_files() -> usize {
    let pid = std::process::id().to_string();
    let limits = std::fs::read_to_string("/proc/self/limits").expect("Linux tells its limits");
    let line = limits.lines().find(|line| line.starts_with("Max open files")).expect("this one too");
    let hard = line.split_whitespace().nth(4).expect("a hard limit").to_owned();
    let set = Command::new("prlimit").args(["--pid", &pid, &format!("--nofile={hard}:{hard}")]).status();
    assert!(set.is_ok_and(|set| set.success()), "prlimit, of util-linux, is installed");
    hard.parse().unwrap_or(usize::MAX)
}

/// Every other one says nothing at all, the rest have asked for something once.
async fn idle(address: &str, asks: bool) -> TcpStream {
    let mut stream = TcpStream::connect(address).await.expect("the server listens");
    if asks {
        stream.write_all(b"GET /livez HTTP/1.1\r\nHost: localhost\r\n\r\n").await.expect("it reads");
        let mut answer = [0; 12];
        stream.read_exact(&mut answer).await.expect("it answers");
        assert_eq!(&answer, b"HTTP/1.1 200");
    }
    stream
}

fn memory_mb(server: &Server) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", server.pid())).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kib = line.and_then(|line| line.split_whitespace().next()?.parse::<u64>().ok());
    kib.expect("it runs") / 1024
}

/// How many of them are still open after the time they may take.
async fn left_over(crowd: Vec<TcpStream>) -> usize {
    let ended = crowd.into_iter().map(async |mut stream| {
        let mut rest = Vec::new();
        tokio::time::timeout(LIMIT + Duration::from_secs(4), stream.read_to_end(&mut rest)).await.is_ok()
    });
    join_all(ended).await.into_iter().filter(|ended| !ended).count()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ten_thousand_idle_connections_slow_nobody_down_and_are_ended() {
    let crowd_size = CROWD.min(most_files().saturating_sub(OTHERS));
    assert!(crowd_size >= 4000, "this machine allows no more than {crowd_size} connections");
    let place = SqlitePlace::new().await;
    let limit = LIMIT.as_millis();
    let wilco = place.wilco().set("http.max_connections=20000");
    let wilco = wilco.set(&format!("http.idle_timeout_ms={limit}"));
    let server = wilco.set(&format!("http.header_timeout_ms={limit}")).start().await;
    let address = server.client().base().trim_start_matches("http://").to_owned();

    let started = Instant::now();
    let mut crowd = Vec::with_capacity(crowd_size);
    while crowd.len() < crowd_size {
        let some = (0..AT_ONCE.min(crowd_size - crowd.len())).map(|number| idle(&address, number % 2 == 0));
        crowd.extend(join_all(some).await);
    }
    let opened = started.elapsed();
    assert!(opened < LIMIT, "{crowd_size} connections took {opened:?}: the first ones are gone already");

    let started = Instant::now();
    let reply = server.client().submit(&create_pet("meanwhile")).await;
    let answered = started.elapsed();
    let memory = memory_mb(&server);
    assert_eq!(reply.status, 202, "{reply:?}");
    assert!(answered < Duration::from_secs(1), "answered after {answered:?}");
    assert!(memory < 300, "{memory} MB");

    assert_eq!(left_over(crowd).await, 0, "some are still open");
    assert_eq!(server.client().done(&create_pet("afterwards")).await["status"], "succeeded");
    println!("{crowd_size} connections, opened in {opened:?}: a POST took {answered:?}, {memory} MB");
}
