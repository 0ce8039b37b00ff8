//! A private nats-server with JetStream.

use std::fs::File;
use std::net::TcpListener;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use async_nats::jetstream;
use async_nats::jetstream::consumer::{AckPolicy, DeliverPolicy, pull};
use futures::StreamExt as _;
use serde_json::Value;
use tempfile::TempDir;

use crate::wait_for;
use crate::wilco::signal;

/// A server with its own folder and port; both stay the same when it is started again.
pub struct NatsServer {
    folder: TempDir,
    port: u16,
    child: Option<Child>,
}

impl NatsServer {
    /// A server that does not run yet.
    pub fn prepared() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let port = listener.local_addr().expect("it has an address").port();
        Self { folder: tempfile::tempdir().expect("a folder"), port, child: None }
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
        let child = Command::new("nats-server")
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
            let client = async_nats::connect(self.url()).await.map_err(|error| error.to_string())?;
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
        async_nats::connect(self.url()).await.expect("NATS answers")
    }

    /// All messages of the stream, in its order, whoever has published them.
    pub async fn raw_stream(&self) -> Vec<Stored> {
        let context = jetstream::new(self.client().await);
        let mut stream = context.get_stream("WILCO").await.expect("the stream is there");
        let count = stream.info().await.expect("NATS knows its stream").state.messages;
        read(&stream, count, Stored::of).await
    }

    /// Waits until the stream holds this many messages, and reads them all, in the stream's order.
    pub async fn stream(&self, expected: u64) -> Vec<Notification> {
        let context = jetstream::new(self.client().await);
        let count = async || match context.get_stream("WILCO").await {
            Ok(mut stream) => {
                stream.info().await.map(|info| info.state.messages).map_err(|error| error.to_string())
            }
            Err(error) => Err(error.to_string()),
        };
        let complete = |count: &Result<u64, String>| count.as_ref().is_ok_and(|count| *count >= expected);
        let what = format!("{expected} messages in the stream");
        let count = wait_for(&what, count, complete).await.expect("the stream is there");
        let stream = context.get_stream("WILCO").await.expect("the stream is there");
        read(&stream, count, Notification::of).await
    }
}

async fn read<T>(
    stream: &jetstream::stream::Stream,
    count: u64,
    of: impl Fn(&async_nats::Message) -> T,
) -> Vec<T> {
    let config = pull::Config {
        deliver_policy: DeliverPolicy::All,
        ack_policy: AckPolicy::None,
        ..pull::Config::default()
    };
    let consumer = stream.create_consumer(config).await.expect("a consumer");
    let messages = consumer.messages().await.expect("messages").take(count as usize);
    let read = messages.map(|message| of(&message.expect("a message").message)).collect();
    tokio::time::timeout(Duration::from_secs(60), read).await.expect("all of them are delivered in time")
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

/// A message of the stream, whatever it holds.
#[derive(Clone, Debug)]
pub struct Stored {
    /// Its `Nats-Msg-Id`; empty where it has none.
    pub id: String,
    /// Its content.
    pub payload: Vec<u8>,
}

impl Stored {
    fn of(message: &async_nats::Message) -> Self {
        let id = message.headers.as_ref().and_then(|headers| headers.get("Nats-Msg-Id"));
        Self { id: id.map(ToString::to_string).unwrap_or_default(), payload: message.payload.to_vec() }
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
