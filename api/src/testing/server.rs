use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::http::{Method, Request};
use http_body_util::BodyExt as _;
use serde_json::Value;
use tempfile::TempDir;
use tower::ServiceExt as _;
use wilco_application::engine::{Engine, EngineSettings, Running};
use wilco_application::ports::{Clock, RandomIds, SystemClock};
use wilco_infrastructure::sqlite::SqliteStore;

use super::{PATIENCE, Reply};
use crate::http::{ApiSettings, ReadinessCheck};
use crate::{Interface, Program, bootstrap, config};

/// A program that serves in this process, on a store of its own that goes with it. Requests reach it without a socket.
pub struct Server {
    /// The engine.
    pub engine: Arc<Engine>,
    /// Everything that is served.
    pub router: Router,
    /// The store.
    pub store: SqliteStore,
    watch: Option<fn(&Method, &str, &Reply)>,
    running: Option<Running>,
    _folder: TempDir,
}

/// How a [`Server`] is set up.
#[derive(Default)]
pub struct Setup {
    /// The interface's settings.
    pub api: ApiSettings,
    /// The engine's settings.
    pub engine: EngineSettings,
    /// What it is told by other settings, by their names: whom it calls, who calls it, and how long its processes wait
    /// (`payments.provider`).
    pub settings: Vec<(String, String)>,
    /// What has to answer besides the store.
    pub readiness: Vec<Arc<dyn ReadinessCheck>>,
    /// Is shown everything that is asked and answered.
    pub watch: Option<fn(&Method, &str, &Reply)>,
}

impl Server {
    /// Serves a program.
    pub async fn start(program: Program) -> Self {
        Self::with(program, Setup::default()).await
    }

    /// Serves a program that is set up so.
    pub async fn with(program: Program, setup: Setup) -> Self {
        /// Streams say so often that they are still there.
        const SILENCE: Duration = Duration::from_millis(100);
        let folder = tempfile::tempdir().unwrap();
        let store = SqliteStore::open(&folder.path().join("store.db"), 2).await.unwrap();
        let interface = Interface::new(program.register().unwrap_or_else(|error| panic!("{error}")));
        let config = {
            let modules = interface.modules();
            config::told(modules.name(), &modules.sections(), &setup.settings)
        };
        let config = config.unwrap_or_else(|error| panic!("{error}"));
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        let outside = bootstrap::outside(&config, interface.modules(), &clock);
        let (engine, running) = Engine::start(
            Arc::new(store.clone()),
            None,
            Arc::clone(interface.modules().catalog()),
            clock,
            Arc::new(RandomIds),
            outside.unwrap_or_else(|error| panic!("{error}")),
            setup.engine,
        )
        .await
        .unwrap();
        let state = interface.state(Arc::clone(&engine), setup.api, None, setup.readiness);
        let router = interface.router(state.with_silence(SILENCE));
        Self { engine, router, store, watch: setup.watch, running: Some(running), _folder: folder }
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

    /// Sends a request, and reads the whole answer.
    pub async fn send(&self, request: Request<Body>) -> Reply {
        let (method, path) = (request.method().clone(), request.uri().to_string());
        let answering = async {
            let response = self.router.clone().oneshot(request).await.unwrap();
            let (head, body) = response.into_parts();
            let body = body.collect().await.unwrap().to_bytes();
            Reply { status: head.status, headers: head.headers, body }
        };
        let reply = tokio::time::timeout(PATIENCE, answering).await.expect("an answer");
        if let Some(watch) = self.watch {
            watch(&method, &path, &reply);
        }
        reply
    }

    /// Sends a request of these parts.
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

    /// A GET.
    pub async fn get(&self, path: &str) -> Reply {
        self.get_with(path, &[]).await
    }

    /// A GET with these headers.
    pub async fn get_with(&self, path: &str, headers: &[(&str, &str)]) -> Reply {
        self.request(Method::GET, path, headers, Body::empty()).await
    }

    /// A POST of JSON.
    pub async fn post(&self, path: &str, body: &Value) -> Reply {
        self.post_with(path, &[], body).await
    }

    /// A POST of JSON with these headers.
    pub async fn post_with(&self, path: &str, headers: &[(&str, &str)], body: &Value) -> Reply {
        let headers: Vec<_> = headers.iter().copied().chain([("content-type", "application/json")]).collect();
        self.request(Method::POST, path, &headers, body.to_string()).await
    }

    /// Posts a command and waits for its outcome.
    pub async fn done(&self, path: &str, body: &Value) -> Reply {
        self.post_with(path, &[("prefer", "wait=10")], body).await
    }
}
