//! A third party to play with and to test against, on loopback. It remembers nothing beyond its end.
//!
//! | module | holds |
//! | --- | --- |
//! | `provider`, `transactions` | a payment provider: what it is asked, and what it has done |
//! | `hooks` | what it tells of by itself, signed |
//! | `client` | an endpoint that somebody's client may be told things at |
//! | `faults` | how requests go wrong, switched on and off at run time |
//! | `received` | the requests that came in, and what became of them |
//! | `desk` | takes a request: does it or not, answers or not, and writes both down |
//! | `answers` | how it answers, rightly or wrongly |
//! | `connection` | the accept loop, and the ends of connections that are no answers |
//!
//! What holds: a fault changes what the caller gets to see, and whether its request is done, but never what is done
//! for the next one. The lists (`/transactions`, `/received`, `/faults`) always tell the truth.

mod answers;
mod beside;
mod client;
mod connection;
mod desk;
mod faults;
mod hooks;
mod provider;
mod received;
mod transactions;

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use axum::Router;
use reqwest::Url;
use tokio::net::TcpListener;
use wilco_application::webhook::SigningKey;

use beside::Beside;
use client::Client;
use desk::Desk;
use hooks::Hooks;
use provider::Provider;

/// What hooks are signed with unless another secret is given. Everybody knows it.
pub const SECRET: &str = "whsec_c2FuZGJveCBzZWNyZXQsIGtub3duIHRvIGFsbA==";

/// How long a transaction is pending, unless it is said.
pub const SETTLE_AFTER: Duration = Duration::from_secs(2);

/// How a sandbox behaves.
#[derive(Clone, Debug)]
pub struct Options {
    /// Where it is told what became of transactions (`http://127.0.0.1:8080/v1/hooks/payment-provider`); none: nobody
    /// is told.
    pub hook_url: Option<Url>,
    /// What hooks are signed with.
    pub secret: SigningKey,
    /// What messages to the client's endpoint have to be signed with; none: all are taken.
    pub callback_secret: Option<SigningKey>,
    /// How long a transaction is pending before it is completed or declined.
    pub settle_after: Duration,
}

/// There can be no sandbox.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The address can be reached from elsewhere.
    #[error(
        "the sandbox listens on loopback only, and {0} is another address: whoever reaches it may do anything"
    )]
    NotLoopback(SocketAddr),
    /// The address is not to be had.
    #[error("cannot listen on {0}")]
    Listen(SocketAddr, #[source] io::Error),
    /// Nobody can be told anything.
    #[error("hooks cannot be sent")]
    Hooks(#[from] reqwest::Error),
}

/// A sandbox that listens.
pub struct Sandbox {
    listener: TcpListener,
    address: SocketAddr,
    router: Router,
    beside: Beside,
}

impl Options {
    /// Signs with the secret that everybody knows, tells nobody, and takes all that clients are told.
    ///
    /// # Panics
    /// Never: a test reads that secret.
    #[expect(clippy::unwrap_used, reason = "a constant of the program, which a test reads")]
    pub fn known() -> Self {
        Self::new(SECRET.parse().unwrap())
    }

    /// Signs with this secret, tells nobody, and takes all that clients are told.
    pub const fn new(secret: SigningKey) -> Self {
        Self { hook_url: None, secret, callback_secret: None, settle_after: SETTLE_AFTER }
    }
}

impl Sandbox {
    /// Listens on this address of loopback; with port 0 on a free one. What comes in waits until it [runs](Self::run).
    pub async fn bind(address: SocketAddr, options: Options) -> Result<Self, Error> {
        if !address.ip().is_loopback() {
            return Err(Error::NotLoopback(address));
        }
        let beside = Beside::default();
        let router = router(options, &beside)?;
        let failed = |error| Error::Listen(address, error);
        let listener = TcpListener::bind(address).await.map_err(failed)?;
        let address = listener.local_addr().map_err(failed)?;
        Ok(Self { listener, address, router, beside })
    }

    /// Where it listens.
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Where it is found: what `payments.provider` has to be.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Answers until `stop` resolves; then it ends at once, whatever is under way.
    pub async fn run(self, stop: impl Future<Output = ()>) {
        connection::serve(&self.listener, &self.router, &self.beside, stop).await;
        self.beside.end().await;
    }
}

/// All that can be asked of it.
fn router(options: Options, beside: &Beside) -> Result<Router, reqwest::Error> {
    let hooks = options.hook_url.map(|url| Hooks::new(url, options.secret)).transpose()?;
    let desk = Desk::default();
    let provider = Provider::new(desk.clone(), options.settle_after, hooks, beside.clone());
    Ok(Router::new()
        .merge(provider.routes())
        .merge(Client::new(desk.clone(), options.callback_secret).routes())
        .merge(desk.routes())
        .fallback(answers::no_route)
        .method_not_allowed_fallback(answers::no_method))
}
