//! A server in this process, and what it answers.

use std::ops::{Deref, DerefMut};
use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::http::{Method, Request};
use http_body_util::BodyExt;
use serde_json::{Value, json};
use tower::ServiceExt;
use wilco::http::{ApiSettings, ReadinessCheck};
use wilco::modules::shipped;
pub use wilco::sandbox::{Options, SECRET, Sandbox};
pub use wilco::testing::Reply;
use wilco::testing::{self, Setup};
use wilco::{Interface, Program};
use wilco_application::engine::EngineSettings;

use crate::document::expect_documented;

/// How long anything may take here.
const PATIENCE: Duration = Duration::from_secs(10);

/// A server of the program that ships. Whatever is asked and answered has to be in the document.
pub struct Server(testing::Server);

impl Deref for Server {
    type Target = testing::Server;

    fn deref(&self) -> &testing::Server {
        &self.0
    }
}

impl DerefMut for Server {
    fn deref_mut(&mut self) -> &mut testing::Server {
        &mut self.0
    }
}

/// The program that ships.
fn program() -> Program {
    wilco::program("wilco").modules(shipped())
}

/// The interface of the program that ships.
pub fn interface() -> Interface {
    Interface::new(program().register().unwrap())
}

impl Server {
    pub async fn start() -> Self {
        Self::with(ApiSettings::default(), EngineSettings::default(), Vec::new()).await
    }

    pub async fn with(
        api: ApiSettings,
        engine: EngineSettings,
        readiness: Vec<Arc<dyn ReadinessCheck>>,
    ) -> Self {
        let watch: fn(&Method, &str, &Reply) = |method, path, reply| {
            expect_documented(method, path, reply.status, &reply.headers, &reply.body);
        };
        let setup = Setup { api, engine, readiness, watch: Some(watch), settings: Vec::new() };
        Self(testing::Server::with(program(), setup).await)
    }

    /// With a sandbox that stands for every third party, and these settings besides. Its messages do not get here: the
    /// server has no socket.
    pub async fn playing(settings: &[(&str, &str)]) -> (Self, String) {
        let options = Options { settle_after: Duration::from_millis(50), ..Options::known() };
        let sandbox = Sandbox::bind("127.0.0.1:0".parse().unwrap(), options).await.unwrap();
        let url = sandbox.url();
        tokio::spawn(sandbox.run(std::future::pending()));
        let known = [
            ("payments.provider", url.as_str()),
            ("callbacks.secrets", SECRET),
            ("hooks.payment-provider.secrets", SECRET),
            ("egress.allow", "127.0.0.0/8"),
        ];
        let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        let settings = known.iter().chain(settings).map(owned).collect();
        let watch: fn(&Method, &str, &Reply) = |method, path, reply| {
            expect_documented(method, path, reply.status, &reply.headers, &reply.body);
        };
        let setup = Setup { watch: Some(watch), settings, ..Setup::default() };
        (Self(testing::Server::with(program(), setup).await), url)
    }

    /// Waits until commands can be committed: shortly after the start, with the first heartbeat.
    pub async fn may_commit(&self) {
        let mut often = tokio::time::interval(Duration::from_millis(5));
        let waiting = async {
            while self.engine.ready().await.is_err() {
                often.tick().await;
            }
        };
        tokio::time::timeout(PATIENCE, waiting).await.expect("a server that is ready");
    }

    /// The answer's head, and its body as it comes.
    pub async fn open(&self, path: &str, headers: &[(&str, &str)]) -> (Reply, Events) {
        self.open_as(path, "text/event-stream", headers).await
    }

    pub async fn open_as(&self, path: &str, accept: &str, headers: &[(&str, &str)]) -> (Reply, Events) {
        let mut request = Request::get(path).header("accept", accept);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let response = self.router.clone().oneshot(request.body(Body::empty()).unwrap()).await.unwrap();
        let (head, body) = response.into_parts();
        expect_documented(&Method::GET, path, head.status, &head.headers, b"");
        let reply = Reply { status: head.status, headers: head.headers, body: Bytes::new() };
        (reply, Events { body, text: String::new() })
    }

    /// How many commands are stored.
    pub async fn stored(&self) -> usize {
        self.get("/v1/commands?limit=500").await.json()["items"].as_array().unwrap().len()
    }
}

/// A stream of server-sent events.
pub struct Events {
    body: Body,
    text: String,
}

/// A block of a stream.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Event {
    pub id: Option<String>,
    pub name: Option<String>,
    pub data: String,
}

impl Events {
    /// The next block, comments left out; `None` at the end.
    pub async fn next(&mut self) -> Option<Event> {
        loop {
            if let Some(end) = self.text.find("\n\n") {
                let block: String = self.text.drain(..end + 2).collect();
                return Some(read(&block));
            }
            let frame = tokio::time::timeout(PATIENCE, self.body.frame()).await.expect("an event")?;
            self.text.push_str(std::str::from_utf8(frame.unwrap().data_ref().unwrap()).unwrap());
        }
    }

    /// The next block that is an event.
    pub async fn next_event(&mut self) -> Option<Event> {
        loop {
            let event = self.next().await?;
            if !event.data.is_empty() {
                return Some(event);
            }
        }
    }
}

fn read(block: &str) -> Event {
    let mut event = Event::default();
    for line in block.lines() {
        match line.split_once(": ") {
            Some(("id", value)) => event.id = Some(value.to_owned()),
            Some(("event", value)) => event.name = Some(value.to_owned()),
            Some(("data", value)) => event.data.push_str(value),
            _ => {}
        }
    }
    event
}

pub fn pet(name: &str) -> Value {
    json!({ "name": name, "category": "dog" })
}

pub fn pet_with_id(id: &str) -> Value {
    json!({ "id": id, "name": "Rex", "category": "dog" })
}

pub fn car() -> Value {
    json!({ "make": "Volkswagen", "model": "Beetle", "colour": "red", "vin": "WVWZZZ1JZXW000001" })
}

pub fn car_with_id(id: &str) -> Value {
    let mut car = car();
    car["id"] = json!(id);
    car
}
