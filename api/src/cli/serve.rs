use std::future::Future;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use crate::Interface;
use tokio::net::{TcpListener, TcpSocket};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio_util::sync::CancellationToken;
use wilco_application::check::Ids;
use wilco_application::engine::{Engine, Running};
use wilco_application::ports::{Clock, RandomIds, StoreError, SystemClock};

use super::{check, machine, output, playing};
use crate::config::{self, Config};
use crate::modules::Modules;
use crate::{Name, bootstrap, telemetry};

/// The server cannot start, or has to end.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The settings do not fit.
    #[error(transparent)]
    Config(#[from] config::Error),
    /// The parts cannot be put together.
    #[error(transparent)]
    Bootstrap(#[from] bootstrap::Error),
    /// What is stored cannot be read.
    #[error(transparent)]
    Check(#[from] check::Error),
    /// The address is not to be had.
    #[error("cannot listen on {0}")]
    Listen(String, #[source] std::io::Error),
    /// The store failed while the engine started.
    #[error("the engine could not start")]
    Engine(#[from] StoreError),
    /// Metrics cannot be recorded.
    #[error("metrics cannot be recorded")]
    Metrics(#[from] metrics_exporter_prometheus::BuildError),
    /// Signals cannot be received.
    #[error("signals cannot be received")]
    Signals(#[source] std::io::Error),
    /// The HTTP server failed.
    #[error("the HTTP server failed")]
    Http(#[source] std::io::Error),
    /// A second signal came.
    #[error("ended at once; what was under way goes on at the next start")]
    Cut,
    /// There is no sandbox.
    #[error(transparent)]
    Sandbox(#[from] crate::sandbox::Error),
}

/// How to serve.
#[derive(Clone, Copy, Debug)]
pub struct Manner {
    /// Whatever the check of the store finds.
    pub forced: bool,
    /// With a sandbox that stands for every third party.
    pub plays: bool,
}

/// Serves until a signal comes, then ends softly.
///
/// What the check of the store finds is no reason not to, where that is forced: then it is only told of.
pub async fn run(modules: Modules, mut config: Config, manner: Manner) -> Result<(), Error> {
    let mut signals = Signals::new().map_err(Error::Signals)?;
    let addresses = resolve(&config).await?;
    let metrics = telemetry::metrics()?;
    // First, since whatever is opened wants a descriptor.
    let limits = bootstrap::limits(&config, machine::connections(config.http.max_connections));
    let store = bootstrap::open(&config).await?;
    let interface = Interface::new(modules);
    store.migrate(interface.modules().catalog()).await?;
    match check::run(&store, interface.modules().catalog(), Ids::Some).await {
        Err(check::Error::Missing(findings)) if manner.forced => {
            for finding in findings {
                tracing::error!("started all the same: {finding}");
            }
        }
        checked => checked?,
    }
    let listener = bind(&config, &addresses)?;
    if manner.plays {
        let listening = listener.local_addr().map_err(|error| Error::Listen(config.listen.clone(), error))?;
        let url = playing::beside(listening, &mut config).await?;
        let _ = output::say(format_args!("a sandbox stands for every third party: {url}"));
    }
    let (broker, readiness) = bootstrap::broker(&config).unzip();
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let outside = bootstrap::outside(&config, interface.modules(), &clock)?;
    let (engine, running) = Engine::start(
        store.shared(),
        broker,
        Arc::clone(interface.modules().catalog()),
        clock,
        Arc::new(RandomIds),
        outside,
        bootstrap::engine_settings(&config),
    )
    .await?;
    greet(interface.modules().name(), &config, &listener);
    let state = interface.state(
        Arc::clone(&engine),
        bootstrap::api_settings(&config, &addresses)?,
        Some(metrics),
        readiness.into_iter().collect(),
    );
    let watch = tokio::spawn(telemetry::watch_dependencies(state.clone()));
    let stop = CancellationToken::new();
    let router = interface.router(state);
    let http = crate::http::serve(listener, router, limits, stop.clone().cancelled_owned());
    let drain = drain(&engine, running, stop, Duration::from_secs(config.drain_seconds));
    signals.until_done(http, drain).await?;
    watch.abort();
    store.close().await;
    Ok(())
}

/// The addresses to listen on, if they are allowed.
async fn resolve(config: &Config) -> Result<Vec<SocketAddr>, Error> {
    let found = tokio::net::lookup_host(&config.listen).await;
    let found: Vec<SocketAddr> =
        found.map_err(|error| Error::Listen(config.listen.clone(), error))?.collect();
    config.check_exposure(&found)?;
    Ok(found)
}

/// Listens on the first address that can be had.
fn bind(config: &Config, addresses: &[SocketAddr]) -> Result<TcpListener, Error> {
    let mut last = std::io::Error::from(std::io::ErrorKind::AddrNotAvailable);
    for address in addresses {
        match listen(*address) {
            Ok(listener) => return Ok(listener),
            Err(error) => last = error,
        }
    }
    Err(Error::Listen(config.listen.clone(), last))
}

/// Clients that come all at once wait in the kernel for their turn; its usual 128 would make the others try again
/// after a second.
const WAITING_ROOM: u32 = 4096;

fn listen(address: SocketAddr) -> std::io::Result<TcpListener> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
    // So that a restart does not wait for connections of before to be forgotten.
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(WAITING_ROOM)
}

/// One line for the person who started it.
fn greet(name: Name, config: &Config, listener: &TcpListener) {
    let address = listener.local_addr().map_or_else(|_| config.listen.clone(), |address| address.to_string());
    let who = if config.insecure {
        "open to whoever reaches it"
    } else {
        "for this machine only, without API keys"
    };
    let name = name.as_str();
    let line =
        format!("{name} is at http://{address} ({who}); the API is described at http://{address}/docs");
    // Nobody may be reading.
    let _ = output::say(line);
    tracing::info!(%address, store = %config.store, nats = config.nats.as_ref().map(tracing::field::display), "serving");
}

/// Takes no new commands, settles and tells of what is under way, and only then lets the HTTP server end: until
/// then it answers for the commands, and new ones get 503.
async fn drain(engine: &Engine, running: Running, http: CancellationToken, patience: Duration) {
    engine.close();
    running.stop(patience).await;
    http.cancel();
}

/// The signals that ask the program to end.
pub(super) struct Signals {
    terminate: Signal,
    interrupt: Signal,
    /// The terminal is gone; none where it is not to be heard of, as under `nohup`.
    hang_up: Option<Signal>,
}

impl Signals {
    pub(super) fn new() -> std::io::Result<Self> {
        let hang_up = if machine::ignores_hang_up() { None } else { Some(signal(SignalKind::hangup())?) };
        let (terminate, interrupt) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
        Ok(Self { terminate, interrupt, hang_up })
    }

    /// Waits for one of them.
    pub(super) async fn next(&mut self) {
        let hang_up = async {
            match &mut self.hang_up {
                Some(signal) => signal.recv().await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            _ = hang_up => {}
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }

    /// Runs `http`; after a first signal also `drain`. A second signal ends everything at once.
    async fn until_done(
        &mut self,
        http: impl Future<Output = std::io::Result<()>>,
        drain: impl Future<Output = ()>,
    ) -> Result<(), Error> {
        tokio::pin!(http);
        tokio::select! {
            ended = &mut http => return ended.map_err(Error::Http),
            () = self.next() => tracing::info!("stopping: what is under way is finished; a second signal ends at once"),
        }
        let finish = async {
            let ((), ended) = tokio::join!(drain, http);
            ended
        };
        tokio::select! {
            ended = finish => ended.map_err(Error::Http),
            () = self.next() => Err(Error::Cut),
        }
    }
}
