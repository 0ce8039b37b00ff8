//! Which adapters the settings stand for. Nothing else in the program makes one.

mod copies;
#[cfg(feature = "fail-points")]
mod fail_points;
mod outside;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use crate::http::{ApiSettings, Limits, ReadinessCheck};
use async_trait::async_trait;
use wilco_application::catalog::Catalog;
use wilco_application::engine::EngineSettings;
use wilco_application::partition::partition_of;
use wilco_application::ports::{Broker, Store, StoreError};
use wilco_application::queries::{Queries, QueryError};
use wilco_application::worker::WorkerSettings;
use wilco_infrastructure::OpenError;
use wilco_infrastructure::nats::{Login, NatsBroker, NatsOptions, StreamOptions, Tls};
use wilco_infrastructure::postgres::{PostgresOptions, PostgresStore};
use wilco_infrastructure::sqlite::{DEFAULT_PARTITIONS, SqliteStore};

pub use copies::{CopyError, back_up, restore};
pub use outside::outside;

use crate::config::{self, Config, Storage, StoreUrl};

/// The parts cannot be put together.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The settings name no store.
    #[error(transparent)]
    Config(#[from] config::Error),
    /// Nobody can be called.
    #[error(transparent)]
    Client(#[from] wilco_infrastructure::http::ClientError),
    /// The store cannot be opened.
    #[error("the store cannot be opened")]
    Store(#[from] OpenError),
    /// A new generation of the store cannot be begun.
    #[error("a new generation of the store cannot be begun")]
    Generation(#[source] StoreError),
    /// What another program wrote cannot be adopted.
    #[error("the events of another program cannot be adopted")]
    Adopt(#[from] StoreError),
    /// The views of adopted events cannot be written.
    #[error("the views of adopted events cannot be written")]
    Views(#[from] QueryError),
}

/// A store that is open.
#[derive(Clone)]
pub enum OpenStore {
    /// In a file.
    Sqlite(SqliteStore),
    /// On a server.
    Postgres(PostgresStore),
}

impl OpenStore {
    /// As the engine sees it.
    pub fn shared(&self) -> Arc<dyn Store> {
        let store: Arc<dyn Store> = match self {
            Self::Sqlite(store) => Arc::new(store.clone()),
            Self::Postgres(store) => Arc::new(store.clone()),
        };
        #[cfg(feature = "fail-points")]
        let store = fail_points::store(store);
        store
    }

    /// Brings the schema up to date, and takes over what postgres-es has written; says how many partitions there
    /// are.
    pub async fn migrate(&self, catalog: &Arc<Catalog>) -> Result<u16, Error> {
        match self {
            Self::Sqlite(store) => Ok(store.migrate().await?),
            Self::Postgres(store) => {
                let partitions = store.migrate().await?;
                let adopted = store.adopt(|kind, id| partition_of(kind, id, partitions)).await?;
                if adopted > 0 {
                    tracing::info!(
                        events = adopted,
                        "adopted events of another program; writing their views"
                    );
                    self.rebuild(catalog).await?;
                }
                Ok(partitions)
            }
        }
    }

    async fn rebuild(&self, catalog: &Arc<Catalog>) -> Result<(), Error> {
        let queries = Queries::new(self.shared(), Arc::clone(catalog));
        for kind in catalog.aggregates() {
            queries.rebuild(kind.name(), |_| ()).await?;
        }
        Ok(())
    }

    /// Ends what it is doing, and lets go of file or connections.
    pub async fn close(&self) {
        match self {
            Self::Sqlite(store) => store.close().await,
            Self::Postgres(store) => store.close().await,
        }
    }
}

/// Opens the store.
pub async fn open(config: &Config) -> Result<OpenStore, Error> {
    Ok(match config.store.store()? {
        StoreUrl::Sqlite(path) => {
            let partitions = config.engine.partitions.unwrap_or(DEFAULT_PARTITIONS);
            OpenStore::Sqlite(SqliteStore::open(&path, partitions).await?)
        }
        StoreUrl::Postgres(_) => {
            let options = postgres_options(config);
            OpenStore::Postgres(PostgresStore::connect(config.store.secret(), options).await?)
        }
    })
}

fn postgres_options(config: &Config) -> PostgresOptions {
    let defaults = PostgresOptions::default();
    PostgresOptions {
        read_connections: config.postgres.read_connections,
        write_connections: config.postgres.write_connections,
        partitions: config.engine.partitions.unwrap_or(defaults.partitions),
        statement_timeout: Duration::from_millis(config.postgres.statement_timeout_ms),
        acquire_timeout: Duration::from_millis(config.postgres.acquire_timeout_ms),
    }
}

/// The broker, where there is to be one, and what tells whether it answers. A server that does not answer yet is no
/// error: notifications wait.
pub fn broker(config: &Config) -> Option<(Arc<dyn Broker>, Arc<dyn ReadinessCheck>)> {
    let settings = &config.jetstream;
    let stream = settings.enabled.then(|| StreamOptions {
        name: settings.stream.clone(),
        replicas: settings.replicas,
        in_memory: settings.storage == Storage::Memory,
        max_age: Duration::from_secs(settings.max_age_seconds),
        max_bytes: if settings.max_bytes == 0 { -1 } else { settings.max_bytes },
    });
    let servers = config.nats.as_ref()?.secret().split(',').map(|server| server.trim().to_owned()).collect();
    let nats = Arc::new(NatsBroker::new(NatsOptions {
        servers,
        login: nats_login(config),
        tls: nats_tls(config),
        subject_prefix: config.engine.subject_prefix.clone(),
        stream,
    }));
    let broker: Arc<dyn Broker> = Arc::<NatsBroker>::clone(&nats);
    #[cfg(feature = "fail-points")]
    let broker = fail_points::broker(broker);
    Some((broker, Arc::new(NatsReadiness(nats))))
}

fn nats_login(config: &Config) -> Login {
    let login = &config.nats_login;
    if let (Some(user), Some(password)) = (&login.user, &login.password) {
        Login::Password { user: user.clone(), password: password.reveal().to_owned() }
    } else if let Some(token) = &login.token {
        Login::Token(token.reveal().to_owned())
    } else if let Some(file) = &login.credentials {
        Login::Credentials(file.clone())
    } else if let Some(file) = &login.nkey {
        Login::Nkey(file.clone())
    } else {
        Login::AsAddressed
    }
}

fn nats_tls(config: &Config) -> Tls {
    let login = &config.nats_login;
    Tls {
        required: login.tls,
        authorities: login.ca.clone(),
        certificate: login.certificate.clone().zip(login.key.clone()),
    }
}

/// Shows whether NATS answers. While it does not, notifications are late: no reason to send requests elsewhere.
struct NatsReadiness(Arc<NatsBroker>);

#[async_trait]
impl ReadinessCheck for NatsReadiness {
    fn name(&self) -> &'static str {
        "nats"
    }

    fn is_required(&self) -> bool {
        false
    }

    async fn check(&self) -> Result<(), String> {
        self.0.ping().await.map_err(|error| error.to_string())
    }
}

/// The engine's part of the settings.
pub fn engine_settings(config: &Config) -> EngineSettings {
    let engine = &config.engine;
    EngineSettings {
        worker: WorkerSettings {
            lanes: engine.lanes,
            batch: engine.batch,
            inbox: engine.inbox,
            cache: engine.cache,
            snapshot_every: engine.snapshot_every,
            look_every: Duration::from_millis(engine.look_every_ms),
        },
        feed_tail: engine.feed_tail,
        lease: Duration::from_millis(engine.lease_ms),
        max_backlog: engine.max_backlog,
        retention: Duration::from_secs(engine.retention_seconds),
        source: engine.source.clone(),
        subject_prefix: engine.subject_prefix.clone(),
    }
}

/// What the interface takes, when it listens there.
pub fn api_settings(config: &Config, listening: &[SocketAddr]) -> Result<ApiSettings, config::Error> {
    let http = &config.http;
    Ok(ApiSettings {
        body_limit: http.body_limit,
        batch_limit: http.batch_limit,
        body_timeout: Duration::from_millis(http.body_timeout_ms),
        cors_origins: http.cors_origins.clone(),
        loopback_only: listening.iter().all(|address| address.ip().is_loopback()),
        hosts: http.hosts.clone(),
        base_path: http.base()?,
        trusted_proxies: http.proxies()?,
    })
}

/// Bounds of its connections, of which there may be so many.
pub fn limits(config: &Config, max_connections: usize) -> Limits {
    /// When the HTTP server ends, the engine has ended before: nothing that a request waits for comes any more.
    const DRAIN: Duration = Duration::from_secs(5);
    let http = &config.http;
    Limits {
        max_connections,
        header_timeout: Duration::from_millis(http.header_timeout_ms),
        idle_timeout: Duration::from_millis(http.idle_timeout_ms),
        drain_timeout: Duration::from_secs(config.drain_seconds).min(DRAIN),
    }
}
