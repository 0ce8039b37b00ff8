//! A server in this process, and what it answers.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::http::{HeaderMap, Method, Request, StatusCode};
use http_body_util::BodyExt;
use serde_json::{Value, json};
use tempfile::TempDir;
use tower::ServiceExt;
use wilco_api::Interface;
use wilco_api::http::{ApiSettings, ReadinessCheck};
use wilco_api::modules::{Modules, shipped};
use wilco_application::engine::{Engine, EngineSettings, Running};
use wilco_application::ports::{RandomIds, SystemClock};
use wilco_infrastructure::sqlite::SqliteStore;

use crate::document::expect_documented;

/// Streams say so often that they are still there.
const SILENCE: Duration = Duration::from_millis(100);
/// How long anything may take here.
const PATIENCE: Duration = Duration::from_secs(10);

pub struct Server {
    pub engine: Arc<Engine>,
    pub router: Router,
    pub store: SqliteStore,
    running: Option<Running>,
    _directory: TempDir,
}

/// What was answered.
#[derive(Debug)]
pub struct Reply {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: Bytes,
}

/// The interface of the program that ships.
pub fn interface() -> Interface {
    Interface::new(Modules::new(shipped()).unwrap())
}

impl Server {
    pub async fn start() -> Self {
        Self::with(ApiSettings::default(), EngineSettings::default(), Vec::new()).await
    }

    pub async fn with(
        settings: ApiSettings,
        engine: EngineSettings,
        readiness: Vec<Arc<dyn ReadinessCheck>>,
    ) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let store = SqliteStore::open(&directory.path().join("wilco.db"), 2).await.unwrap();
        let interface = interface();
        let (engine, running) = Engine::start(
            Arc::new(store.clone()),
            None,
            Arc::clone(interface.modules().catalog()),
            Arc::new(SystemClock),
            Arc::new(RandomIds),
            engine,
        )
        .await
        .unwrap();
        let state = interface.state(Arc::clone(&engine), settings, None, readiness);
        let router = interface.router(state.with_silence(SILENCE));
        Self { engine, router, store, running: Some(running), _directory: directory }
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

    /// From now on commands are accepted, but not applied.
    pub async fn pause(&mut self) {
        if let Some(running) = self.running.take() {
            running.stop(PATIENCE).await;
        }
    }

    /// From now on the store does not answer.
    pub async fn lose_store(&self) {
        self.store.close().await;
    }

    /// Whatever is asked and answered has to be in the document.
    pub async fn send(&self, request: Request<Body>) -> Reply {
        let (method, path) = (request.method().clone(), request.uri().to_string());
        let answering = async {
            let response = self.router.clone().oneshot(request).await.unwrap();
            let (head, body) = response.into_parts();
            let body = body.collect().await.unwrap().to_bytes();
            Reply { status: head.status, headers: head.headers, body }
        };
        let reply = tokio::time::timeout(PATIENCE, answering).await.expect("an answer");
        expect_documented(&method, &path, reply.status, &reply.headers, &reply.body);
        reply
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

    pub async fn request(
        &self,
        method: Method,
        path: &str,
        headers: &[(&str, &str)],
        body: impl Into<Body>,
    ) -> Reply {
        let mut request = Request::builder().method(method).uri(path);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        self.send(request.body(body.into()).unwrap()).await
    }

    pub async fn get(&self, path: &str) -> Reply {
        self.request(Method::GET, path, &[], Body::empty()).await
    }

    pub async fn get_with(&self, path: &str, headers: &[(&str, &str)]) -> Reply {
        self.request(Method::GET, path, headers, Body::empty()).await
    }

    pub async fn post(&self, path: &str, body: &Value) -> Reply {
        self.post_with(path, &[], body).await
    }

    pub async fn post_with(&self, path: &str, headers: &[(&str, &str)], body: &Value) -> Reply {
        let headers: Vec<_> = headers.iter().copied().chain([("content-type", "application/json")]).collect();
        self.request(Method::POST, path, &headers, body.to_string()).await
    }

    /// Posts and waits for the outcome.
    pub async fn done(&self, path: &str, body: &Value) -> Reply {
        self.post_with(path, &[("prefer", "wait=10")], body).await
    }

    /// How many commands are stored.
    pub async fn stored(&self) -> usize {
        self.get("/v1/commands?limit=500").await.json()["items"].as_array().unwrap().len()
    }
}

impl Reply {
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    #[track_caller]
    pub fn expect(self, status: u16) -> Self {
        assert_eq!(self.status.as_u16(), status, "{self:?}");
        self
    }

    /// That it is this problem, whole.
    #[track_caller]
    pub fn expect_problem(self, status: u16, slug: &str) -> Self {
        let reply = self.expect(status);
        assert_eq!(reply.header("content-type"), "application/problem+json");
        let problem = reply.json();
        assert_eq!(problem["type"], format!("/problems/{slug}"), "{problem}");
        assert_eq!(problem["status"], status);
        for member in ["title", "detail", "instance"] {
            assert!(problem[member].as_str().is_some_and(|text| !text.is_empty()), "{member}: {problem}");
        }
        reply
    }

    pub fn pointers(&self) -> Vec<String> {
        let problem = self.json();
        let errors = problem["errors"].as_array().cloned().unwrap_or_default();
        errors.iter().map(|error| error["pointer"].as_str().unwrap().to_owned()).collect()
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
