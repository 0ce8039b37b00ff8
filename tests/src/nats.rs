//! A private nats-server with JetStream.

use std::fs::File;
use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use async_nats::ConnectOptions;
use async_nats::jetstream;
use async_nats::jetstream::consumer::{AckPolicy, DeliverPolicy, pull};
use futures::StreamExt as _;
use serde_json::Value;
use tempfile::TempDir;
use tokio_util::task::AbortOnDropHandle;

use crate::wait_for;
use crate::wilco::signal;

/// A server with its own folder and port; both stay the same when it is started again.
pub struct NatsServer {
    folder: TempDir,
    port: u16,
    child: Option<Child>,
    /// How these tests log in.
    login: ConnectOptions,
}

impl NatsServer {
    /// A server that does not run yet.
    pub fn prepared() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let port = listener.local_addr().expect("it has an address").port();
        let folder = tempfile::tempdir().expect("a folder");
        Self { folder, port, child: None, login: ConnectOptions::new() }
    }

    /// A server that runs with these settings, and that these tests log in to so.
    pub async fn configured(settings: impl FnOnce(&Path) -> String, login: ConnectOptions) -> Self {
        let mut server = Self::prepared();
        server.login = login;
        let settings = settings(server.folder.path());
        std::fs::write(server.folder.path().join("settings"), settings).expect("settings are written");
        server.start().await;
        server
    }

    /// The folder with all that is this server's.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// A server that runs.
    pub async fn started() -> Self {
        let mut server = Self::prepared();
        server.start().await;
        server
    }

    /// Its address.
    pub fn url(&self) -> String {
        format!("nats://127.0.0.1:{}", self.port)
    }

    /// Starts it on what it had. Panics when it is not installed: a test that needs it must not pass without.
    pub async fn start(&mut self) {
        let log =
            File::options().create(true).append(true).open(self.folder.path().join("log")).expect("a log");
        let mut command = Command::new("nats-server");
        let settings = self.folder.path().join("settings");
        if settings.exists() {
            command.arg("-c").arg(settings);
        }
        let child = command
            .args(["-js", "-a", "127.0.0.1", "-p", &self.port.to_string(), "-sd"])
            .arg(self.folder.path().join("data"))
            .stdin(Stdio::null())
            .stdout(log.try_clone().expect("a log"))
            .stderr(log)
            .spawn()
            .expect("nats-server is installed: these tests need it");
        self.child = Some(child);
        // Not by way of the account's description: what that holds differs between versions.
        let answers = async || {
            let client = self.login.clone().connect(self.url()).await.map_err(|error| error.to_string())?;
            let asked = client.request("$JS.API.INFO", Vec::new().into()).await;
            asked.map(drop).map_err(|error| error.to_string())
        };
        wait_for("NATS to answer", answers, Result::is_ok).await.expect("it answers");
    }

    /// Ends it as a crash would.
    pub fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }

    /// Ends it in good order.
    pub async fn stop(&mut self) {
        let Some(mut child) = self.child.take() else { return };
        signal(child.id(), "TERM");
        wait_for("NATS to end", async || child.try_wait().expect("its state is known"), Option::is_some)
            .await;
    }

    /// Lets it stand still: connections stay open and nothing answers.
    pub fn freeze(&self) {
        self.child.iter().for_each(|child| signal(child.id(), "STOP"));
    }

    /// Lets it go on.
    pub fn thaw(&self) {
        self.child.iter().for_each(|child| signal(child.id(), "CONT"));
    }

    /// Keeps a copy of its data as it is on disk now; it must not run.
    pub fn keep_copy(&self) {
        self.copy("data", "copy");
    }

    /// Puts the kept data back, as after a loss of power; it must not run.
    pub fn put_back(&self) {
        self.copy("copy", "data");
    }

    fn copy(&self, from: &str, to: &str) {
        assert!(self.child.is_none(), "data of a running server");
        let (from, to) = (self.folder.path().join(from), self.folder.path().join(to));
        let _ = std::fs::remove_dir_all(&to);
        let copied = Command::new("cp").arg("-r").args([from, to]).status();
        assert!(copied.is_ok_and(|copied| copied.success()), "the data is copied");
    }

    /// The port it listens on.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// A client of it.
    pub async fn client(&self) -> async_nats::Client {
        self.login.clone().connect(self.url()).await.expect("NATS answers")
    }

    /// All messages of the stream, in its order, whoever has published them.
    pub async fn raw_stream(&self) -> Vec<async_nats::Message> {
        let context = jetstream::new(self.client().await);
        let mut stream = context.get_stream("WILCO").await.expect("the stream is there");
        let count = stream.info().await.expect("NATS knows its stream").state.messages;
        let config = pull::Config {
            deliver_policy: DeliverPolicy::All,
            ack_policy: AckPolicy::None,
            ..pull::Config::default()
        };
        let consumer = stream.create_consumer(config).await.expect("a consumer");
        let messages = consumer.messages().await.expect("messages").take(count as usize);
        let read = messages.map(|message| message.expect("a message").message.clone()).collect();
        tokio::time::timeout(Duration::from_secs(60), read).await.expect("all of them are delivered in time")
    }

    /// Somebody else's messages on the subjects of the stream, a thousand a second or so, until this is dropped.
    pub async fn foreign_publisher(&self) -> AbortOnDropHandle<()> {
        let client = self.client().await;
        AbortOnDropHandle::new(tokio::spawn(async move {
            loop {
                let sent = client.publish("wilco.event.foreign.thing.p00", "not Wilco's".into()).await;
                if sent.is_err() || client.flush().await.is_err() {
                    return;
                }
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        }))
    }

    /// Waits until the stream holds this many messages of Wilco's, and reads them all, in the stream's order.
    pub async fn stream(&self, expected: u64) -> Vec<Notification> {
        let context = jetstream::new(self.client().await);
        let ours = async || match context.get_stream("WILCO").await {
            Ok(mut stream) => {
                let info = stream.info().await.map_err(|error| error.to_string())?;
                // Reading is dear: not before there can be enough.
                if info.state.messages < expected {
                    return Err(format!("{} messages", info.state.messages));
                }
                let ours = self.raw_stream().await.iter().filter_map(Notification::of_wilco).collect();
                Ok::<Vec<Notification>, String>(ours)
            }
            Err(error) => Err(error.to_string()),
        };
        let complete = |ours: &Result<Vec<Notification>, String>| {
            ours.as_ref().is_ok_and(|ours| ours.len() as u64 >= expected)
        };
        let what = format!("{expected} messages in the stream");
        wait_for(&what, ours, complete).await.expect("the stream is there")
    }
}

impl Drop for NatsServer {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let log = std::fs::read_to_string(self.folder.path().join("log")).unwrap_or_default();
            println!("--- log of nats-server ---\n{log}\n---");
        }
        self.kill();
    }
}

/// A message as a subscriber gets it.
#[derive(Clone, Debug)]
pub struct Notification {
    /// Where it was published.
    pub subject: String,
    /// Its headers, by name.
    pub headers: Vec<(String, String)>,
    /// The CloudEvent.
    pub event: Value,
}

impl Notification {
    /// Reads a message, if it is one of Wilco's.
    fn of_wilco(message: &async_nats::Message) -> Option<Self> {
        message.headers.as_ref()?.get("Wilco-Target")?;
        Some(Self::of(message))
    }

    /// Reads a message.
    pub fn of(message: &async_nats::Message) -> Self {
        let headers = message.headers.iter().flat_map(|headers| headers.iter());
        Self {
            subject: message.subject.to_string(),
            headers: headers
                .flat_map(|(name, values)| values.iter().map(|value| (name.to_string(), value.to_string())))
                .collect(),
            event: serde_json::from_slice(&message.payload).expect("the payload is JSON"),
        }
    }

    /// The value of a header.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }
}
