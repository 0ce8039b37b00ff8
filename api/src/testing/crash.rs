use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;

use reqwest::{Client, Response, StatusCode};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::{Child, Command};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

/// A command to send.
#[derive(Clone, Debug)]
pub struct Sent {
    /// Its type: `membership.pause`.
    pub command_type: String,
    /// The aggregate's id.
    pub target: String,
    /// Its own fields.
    pub data: Value,
}

/// How hard a [`crash_run`] tries.
#[derive(Clone, Copy, Debug)]
pub struct CrashRun {
    /// How often the program is killed.
    pub kills: u32,
    /// How many commands are sent between two kills.
    pub commands: u32,
    /// How many clients send them at a time.
    pub clients: usize,
}

impl Default for CrashRun {
    fn default() -> Self {
        Self { kills: 5, commands: 200, clients: 16 }
    }
}

/// How long the program may take to answer, or to settle what it has accepted.
const PATIENCE: Duration = Duration::from_secs(60);

/// Kills a built program (SIGKILL) while clients send it commands, starts it on its SQLite file again, and so on; what
/// a client was not answered it sends again under the same key. In the end each command was settled once and told of
/// once, and every resource is what its events come to.
///
/// `program` is its executable: in a test of its package `env!("CARGO_BIN_EXE_gym")`. `command` makes the commands, by
/// their number; those that are refused by a rule are settled as well.
///
/// # Panics
/// When a promise is broken; the text says which.
pub async fn crash_run(program: impl AsRef<Path>, run: CrashRun, command: impl Fn(u32) -> Sent) {
    // Of the TLS libraries' providers, the one that is linked.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let folder = tempfile::tempdir().unwrap();
    let http =
        Client::builder().redirect(reqwest::redirect::Policy::none()).timeout(PATIENCE).build().unwrap();
    let mut waiting: BTreeMap<u32, Sent> = BTreeMap::new();
    let mut accepted: BTreeMap<u32, String> = BTreeMap::new();
    for round in 0..=run.kills {
        let mut server = Server::start(program.as_ref(), &folder).await;
        let first = round * run.commands;
        waiting.extend((first..first + run.commands).map(|number| (number, command(number))));
        // The last round is left in peace.
        let enough = if round < run.kills { run.commands / 2 } else { u32::MAX };
        let answered = send(&http, &mut server, &waiting, run.clients, enough).await;
        for (number, id) in answered {
            waiting.remove(&number);
            let before = accepted.insert(number, id.clone());
            assert!(before.is_none_or(|before| before == id), "command {number} was accepted twice");
        }
        if round == run.kills {
            assert!(waiting.is_empty(), "not accepted in the end: {waiting:?}");
            check(&http, &server.url, &accepted).await;
        }
        server.kill().await;
    }
}

/// Sends the commands, kills the server when `enough` were accepted, and gives back the ids of those that were. What a
/// dying server does not answer is nobody's fault.
async fn send(
    http: &Client,
    server: &mut Server,
    waiting: &BTreeMap<u32, Sent>,
    clients: usize,
    enough: u32,
) -> Vec<(u32, String)> {
    let places = Arc::new(Semaphore::new(clients));
    let mut sending = JoinSet::new();
    for (number, sent) in waiting.clone() {
        let (http, url, places) = (http.clone(), server.url.clone(), Arc::clone(&places));
        sending.spawn(async move {
            let _place = places.acquire_owned().await.ok()?;
            accept(&http, &url, number, &sent).await.map(|id| (number, id))
        });
    }
    let mut answered = Vec::new();
    while let Some(one) = sending.join_next().await {
        answered.extend(one.unwrap());
        if answered.len() as u32 == enough {
            server.kill().await;
        }
    }
    answered
}

async fn accept(http: &Client, url: &str, number: u32, sent: &Sent) -> Option<String> {
    let Sent { command_type, target, data } = sent;
    let body = json!({ "type": command_type, "target": target, "data": data });
    let request = http.post(format!("{url}/v1/commands")).json(&body);
    let request = request.header("Idempotency-Key", format!("crash-{number}"));
    let response = request.send().await.ok()?;
    if response.status() == StatusCode::SERVICE_UNAVAILABLE {
        return None;
    }
    let status = response.status();
    let answer: Value = response.json().await.ok()?;
    assert!(status == StatusCode::ACCEPTED, "{sent:?} was answered {status}: {answer}");
    Some(answer["id"].as_str().unwrap().to_owned())
}

async fn check(http: &Client, url: &str, accepted: &BTreeMap<u32, String>) {
    let mut resources = BTreeSet::new();
    for id in accepted.values() {
        let status = settled(http, url, id).await;
        assert!(status["status"] != "pending", "not settled in time: {status}");
        let problem = status["error"]["type"].as_str().unwrap_or_default();
        assert!(problem != "/problems/internal", "a defect: {status}");
        resources.extend(status["resource"].as_str().map(ToOwned::to_owned));
    }
    let told = outcomes(http, url).await;
    for id in accepted.values() {
        let times = told.get(id).copied().unwrap_or_default();
        assert_eq!(times, 1, "the outcome of {id} was told {times} times");
    }
    for resource in resources {
        let shown: Value = get(http, &format!("{url}{resource}")).await.json().await.unwrap();
        let version = shown["version"].as_u64().unwrap_or_default();
        let folded: Value =
            get(http, &format!("{url}{resource}?version={version}")).await.json().await.unwrap();
        assert_eq!(shown, folded, "{resource} is not what its events come to");
    }
}

/// The status of a command once it is settled.
async fn settled(http: &Client, url: &str, id: &str) -> Value {
    let request = http.get(format!("{url}/v1/commands/{id}")).header("Prefer", "wait=30");
    request.send().await.unwrap().json().await.unwrap_or(Value::Null)
}

/// How often each outcome stands in the feed.
async fn outcomes(http: &Client, url: &str) -> BTreeMap<String, u32> {
    let mut told = BTreeMap::new();
    let mut after = "start".to_owned();
    loop {
        let address = format!("{url}/v1/feed?after={after}&limit=500");
        let page: Value = get(http, &address).await.json().await.unwrap();
        let items = page["items"].as_array().cloned().unwrap_or_default();
        for entry in &items {
            let kind = entry["type"].as_str().unwrap_or_default();
            if kind.contains(".command.") {
                let id = entry["data"]["id"].as_str().unwrap_or_default();
                *told.entry(id.to_owned()).or_default() += 1;
            }
        }
        match page["next_cursor"].as_str() {
            Some(next) if !items.is_empty() => next.clone_into(&mut after),
            _ => return told,
        }
    }
}

async fn get(http: &Client, address: &str) -> Response {
    let response = http.get(address).header("Accept", "application/json").send().await.unwrap();
    assert!(
        response.status().is_success() || response.status() == StatusCode::GONE,
        "{address}: {response:?}"
    );
    response
}

/// A program that runs.
struct Server {
    child: Child,
    url: String,
}

impl Server {
    async fn start(program: &Path, folder: &TempDir) -> Self {
        let mut child = Command::new(program)
            .args(["serve", "--listen", "127.0.0.1:0", "--store", "sqlite:store.db"])
            .current_dir(folder)
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .unwrap_or_else(|error| panic!("{} does not start: {error}", program.display()));
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let greeting = tokio::time::timeout(PATIENCE, lines.next_line()).await.expect("a greeting");
        let greeting = greeting.unwrap().unwrap_or_else(|| panic!("{} has ended", program.display()));
        let url = greeting.split_whitespace().find(|word| word.starts_with("http://"));
        let url = url.unwrap_or_else(|| panic!("{greeting:?} names no address")).to_owned();
        Self { child, url }
    }

    /// Kills it; one that is dead stays so.
    async fn kill(&mut self) {
        self.child.kill().await.unwrap();
    }
}
