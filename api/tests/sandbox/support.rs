//! A sandbox in this process, and a caller of it.

use std::future::Future;
use std::time::Duration;

use reqwest::{Client, Error, Method, RequestBuilder, Response, StatusCode, redirect};
use serde_json::{Value, json};
use tokio_util::sync::{CancellationToken, DropGuard};
use wilco::sandbox::{Options, SECRET, Sandbox};

/// How long anything may take here.
pub const PATIENCE: Duration = Duration::from_secs(10);

/// A sandbox that plays until it is dropped.
pub struct Playing {
    http: Client,
    base: String,
    _stop: DropGuard,
}

/// A sandbox's usual options, but that nothing is pending for long.
pub fn options() -> Options {
    Options { settle_after: Duration::from_millis(50), ..Options::new(SECRET.parse().unwrap()) }
}

impl Playing {
    pub async fn start() -> Self {
        Self::with(options()).await
    }

    pub async fn with(options: Options) -> Self {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let sandbox = Sandbox::bind("127.0.0.1:0".parse().unwrap(), options).await.unwrap();
        let (base, stop) = (sandbox.url(), CancellationToken::new());
        tokio::spawn(sandbox.run(stop.clone().cancelled_owned()));
        let http = Client::builder().redirect(redirect::Policy::none()).timeout(PATIENCE).build().unwrap();
        Self { http, base, _stop: stop.drop_guard() }
    }

    pub fn url(&self, path: &str) -> String {
        format!("{}{path}", self.base)
    }

    pub fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.http.request(method, self.url(path))
    }

    pub async fn get(&self, path: &str) -> Response {
        self.request(Method::GET, path).send().await.unwrap()
    }

    /// What is shown at a path.
    pub async fn shown(&self, path: &str) -> Value {
        let response = self.get(path).await;
        assert_eq!(response.status(), StatusCode::OK, "{path}");
        response.json().await.unwrap()
    }

    /// Switches a fault on.
    pub async fn fault(&self, fault: Value) -> Value {
        let response = self.request(Method::PUT, "/faults").body(fault.to_string()).send().await.unwrap();
        assert_eq!(response.status(), StatusCode::OK, "{fault}");
        response.json().await.unwrap()
    }

    /// Asks for the transaction `id` under a key that is made of it.
    pub fn order(&self, id: &str) -> RequestBuilder {
        self.order_under(&format!("key-{id}"), &json!({"id": id, "amount": 1000, "currency": "EUR"}))
    }

    pub fn order_under(&self, key: &str, body: &Value) -> RequestBuilder {
        self.request(Method::POST, "/transactions").header("idempotency-key", key).json(body)
    }

    pub async fn create(&self, id: &str) -> Result<Response, Error> {
        self.order(id).send().await
    }

    /// The ids of the transactions that were made.
    pub async fn made(&self) -> Vec<String> {
        let shown = self.shown("/transactions").await;
        let items = shown["items"].as_array().unwrap();
        items.iter().map(|item| item["id"].as_str().unwrap().to_owned()).collect()
    }

    /// How the requests for a path were answered.
    pub async fn answers(&self, path: &str) -> Vec<Value> {
        let shown = self.shown(&format!("/received?path={path}")).await;
        shown["items"].as_array().unwrap().iter().map(|item| item["answer"].clone()).collect()
    }
}

/// Looks until it is so.
pub async fn wait_for<T, F: Future<Output = T>>(look: impl Fn() -> F, holds: impl Fn(&T) -> bool) -> T
where
    T: std::fmt::Debug,
{
    let start = tokio::time::Instant::now();
    loop {
        let seen = look().await;
        if holds(&seen) {
            return seen;
        }
        assert!(start.elapsed() < PATIENCE, "still {seen:?}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}
