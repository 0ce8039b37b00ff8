//! The program's sandbox as a process of its own: a third party that goes wrong on demand.

use reqwest::Method;
use serde_json::{Value, json};
use tempfile::NamedTempFile;

use crate::client::Client;
use crate::wait_for;
use crate::wilco::{Background, Wilco};

/// What the servers of the suites sign with, and what they want to be told with.
pub const SECRET: &str = "whsec_dGhlIHNlY3JldCBvZiBhbGwgc3VpdGVz";

/// A sandbox that runs until this value is dropped.
pub struct Sandbox {
    _process: Background,
    _out: NamedTempFile,
    client: Client,
}

impl Sandbox {
    /// Starts one that wants what its clients are told to be signed. Transactions are pending for a moment; what becomes
    /// of them is told at `hook`.
    pub async fn start(hook: Option<&str>) -> Self {
        let out = NamedTempFile::new().expect("a file for output");
        let mut arguments = vec!["sandbox", "--listen", "127.0.0.1:0", "--settle-after", "100ms"];
        arguments.extend(["--secret", SECRET, "--callback-secret", SECRET]);
        arguments.extend(hook.iter().flat_map(|url| ["--hook-url", url]));
        let process = Background::start(&arguments, out.path());
        let address = async || {
            let said = std::fs::read_to_string(out.path()).unwrap_or_default();
            let line = said.split_once('\n').map(|(line, _)| line.to_owned())?;
            line.split_whitespace().find(|word| word.starts_with("http://")).map(ToOwned::to_owned)
        };
        let url = wait_for("the sandbox to say where it is", address, Option::is_some).await;
        Self { _process: process, _out: out, client: Client::new(url.expect("it has said")) }
    }

    /// Its address.
    pub fn url(&self) -> &str {
        self.client.base()
    }

    /// Switches a fault on, as its documentation has them.
    pub async fn go_wrong(&self, fault: &Value) {
        let put = self.client.request(Method::PUT, "/faults").json(fault);
        let reply = self.client.send(put).await.expect("the sandbox answers");
        assert_eq!(reply.status, 200, "{fault}: {reply:?}");
    }

    /// Switches all faults off.
    pub async fn be_well(&self) {
        self.delete("/faults").await;
    }

    /// The transactions that were made.
    pub async fn made(&self) -> Vec<Value> {
        self.items("/transactions").await
    }

    /// The requests that came in at a path, oldest first; at most the last thousand of all paths.
    pub async fn received(&self, path: &str) -> Vec<Value> {
        self.items(&format!("/received?path={path}")).await
    }

    /// The requests that the provider got about a transaction, oldest first.
    pub async fn asked_about(&self, id: &str) -> Vec<Value> {
        let all = self.items("/received").await;
        assert!(all.len() < 1000, "the sandbox may have forgotten some of what it received");
        let looks = format!("/transactions/{id}");
        let is_about = |request: &Value| {
            request["path"] == looks || (request["path"] == "/transactions" && request["body"]["id"] == id)
        };
        all.into_iter().filter(is_about).collect()
    }

    /// All that came in, which is then forgotten. Nothing may come in meanwhile.
    pub async fn take_received(&self) -> Vec<Value> {
        let all = self.items("/received").await;
        assert!(all.len() < 1000, "the sandbox may have forgotten some of what it received");
        self.delete("/received").await;
        all
    }

    async fn items(&self, path: &str) -> Vec<Value> {
        let mut reply = self.client.read(path).await;
        match reply.body["items"].take() {
            Value::Array(items) => items,
            _ => panic!("{path}: {reply:?}"),
        }
    }

    async fn delete(&self, path: &str) {
        let sent = self.client.send(self.client.request(Method::DELETE, path)).await;
        assert_eq!(sent.expect("the sandbox answers").status, 200, "{path}");
    }
}

/// A server whose payments are made there, with policies so short that everything comes to its end within seconds.
#[must_use]
pub fn paying_at(wilco: Wilco, provider: &Sandbox) -> Wilco {
    let settings = [
        format!("payments.provider={}", provider.url()),
        format!("callbacks.secrets={SECRET}"),
        format!("hooks.payment-provider.secrets={SECRET}"),
    ];
    let short = [
        "egress.allow=127.0.0.0/8",
        "egress.rest=200ms",
        "payments.poll.first=150ms",
        "payments.poll.base=50ms",
        "payments.poll.cap=300ms",
        "payments.poll.deadline=6s",
    ];
    let policies = ["create", "ask", "notify"].into_iter().flat_map(|name| {
        let setting = move |end: &str| format!("activity.transaction.{name}.{end}");
        ["within.attempt=400ms", "pause.first=50ms", "pause.most=200ms"].map(setting)
    });
    let all = settings.into_iter().chain(short.map(str::to_owned)).chain(policies);
    all.fold(wilco, |wilco, setting| wilco.set(&setting))
}

/// A command that makes a transaction, of which the client there is told.
pub fn payment(id: &str, amount: u32, client: &str) -> Value {
    let data = json!({ "amount": amount, "currency": "EUR", "client_url": format!("{client}/client/{id}") });
    json!({ "type": "transaction.create", "target": id, "data": data })
}
