//! An engine in this process, with an aggregate that misbehaves as it is told to.

#![allow(clippy::unwrap_used, reason = "these are tests, though they stand in a library")]

use std::sync::{Arc, Mutex};

use cqrs_es::event_sink::EventSink;
use cqrs_es::{Aggregate, DomainEvent, EventEnvelope, View};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{ConnectOptions as _, Connection as _, Executor as _, PgConnection};
use tempfile::TempDir;
use wilco_application::activities::Outside;
use wilco_application::catalog::{AggregateRegistration, Catalog, Registration};
use wilco_application::engine::{Engine, EngineSettings, Running, Submission};
use wilco_application::ports::{Broker, RandomIds, Store, SystemClock};
use wilco_domain::kernel::{AggregateId, LandingView, Rejection, RejectionKind, Tenant};
use wilco_infrastructure::postgres::{PostgresOptions, PostgresStore};
use wilco_infrastructure::sqlite::SqliteStore;

use crate::postgres::database;

/// An aggregate that counts what went well.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
struct Trial {
    count: u64,
}

/// What its handler does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum How {
    /// One event.
    Well,
    /// It panics.
    Panics,
    /// Its future never ends.
    NeverEnds,
    /// It writes an event, and then says no.
    WritesAndRefuses,
    /// It changes itself without an event.
    Cheats,
    /// It makes an event whose type no store takes: a text with a NUL.
    MakesNul,
}

/// The one command.
#[derive(Debug, Deserialize, JsonSchema)]
enum Command {
    Try { how: How },
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
struct Tried {
    how: How,
}

impl DomainEvent for Tried {
    fn event_type(&self) -> String {
        if self.how == How::MakesNul { "trial.tri\0ed".into() } else { "trial.tried".into() }
    }

    fn event_version(&self) -> String {
        "1.0".into()
    }
}

/// What the handler was asked, each time.
#[derive(Clone, Debug, Default)]
pub struct Asked(Arc<Mutex<Vec<How>>>);

impl Asked {
    /// How often it was asked this.
    pub fn count(&self, how: How) -> usize {
        self.0.lock().unwrap().iter().filter(|asked| **asked == how).count()
    }
}

#[derive(Debug, thiserror::Error)]
#[error("it was told to say no")]
struct Refused;

impl Rejection for Refused {
    fn kind(&self) -> RejectionKind {
        RejectionKind::RuleViolated
    }
}

impl Aggregate for Trial {
    const TYPE: &'static str = "trial";
    type Command = Command;
    type Event = Tried;
    type Error = Refused;
    type Services = Asked;

    async fn handle(
        &mut self,
        command: Command,
        asked: &Asked,
        sink: &EventSink<Self>,
    ) -> Result<(), Refused> {
        let Command::Try { how } = command;
        asked.0.lock().unwrap().push(how);
        match how {
            How::Panics => panic!("as it was told to"),
            How::NeverEnds => std::future::pending().await,
            How::WritesAndRefuses => {
                sink.write(Tried { how: How::Well }, self).await;
                return Err(Refused);
            }
            How::Cheats => self.count += 100,
            how @ (How::Well | How::MakesNul) => sink.write(Tried { how }, self).await,
        }
        Ok(())
    }

    fn apply(&mut self, _: Tried) {
        self.count += 1;
    }
}

#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
struct TrialView {
    count: u64,
}

impl View<Trial> for TrialView {
    fn update(&mut self, _: &EventEnvelope<Trial>) {
        self.count += 1;
    }
}

impl LandingView for TrialView {}

/// A store, and how to reach behind it.
pub struct Place {
    /// The store.
    pub store: Arc<dyn Store>,
    /// What the handler was asked.
    pub asked: Asked,
    behind: Behind,
}

#[derive(Clone)]
enum Behind {
    Postgres(String),
    Sqlite(Arc<TempDir>),
}

impl Place {
    /// On PostgreSQL.
    pub async fn postgres() -> Self {
        Self::of(database().await).await
    }

    async fn of(url: String) -> Self {
        let options = PostgresOptions { partitions: 2, ..PostgresOptions::default() };
        let store = PostgresStore::connect(&url, options).await.unwrap();
        store.migrate().await.unwrap();
        Self { store: Arc::new(store), asked: Asked::default(), behind: Behind::Postgres(url) }
    }

    /// On SQLite.
    pub async fn sqlite() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let store = SqliteStore::open(&folder.path().join("wilco.db"), 1).await.unwrap();
        Self { store: Arc::new(store), asked: Asked::default(), behind: Behind::Sqlite(Arc::new(folder)) }
    }

    /// The same as another process sees it; where only one process can, as the first does.
    pub async fn elsewhere(&self) -> Self {
        match &self.behind {
            Behind::Postgres(url) => Self::of(url.clone()).await,
            Behind::Sqlite(_) => {
                let (store, behind) = (Arc::clone(&self.store), self.behind.clone());
                Self { store, asked: Asked::default(), behind }
            }
        }
    }

    /// Changes what is stored.
    pub async fn execute(&self, sql: &str) {
        match &self.behind {
            Behind::Postgres(url) => {
                PgConnection::connect(url).await.unwrap().execute(sql).await.map(drop).unwrap();
            }
            Behind::Sqlite(folder) => {
                let options = SqliteConnectOptions::new().filename(folder.path().join("wilco.db"));
                options.connect().await.unwrap().execute(sql).await.map(drop).unwrap();
            }
        }
    }

    /// An engine that takes new commands as they come, to store and settle them by one commit, and makes a snapshot of an
    /// aggregate after so many events.
    pub async fn engine(&self, snapshot_every: i64) -> (Arc<Engine>, Running) {
        self.engine_that_tells(snapshot_every, None).await
    }

    /// The same, which tells a broker of everything.
    pub async fn engine_that_tells(
        &self,
        snapshot_every: i64,
        broker: Option<Arc<dyn Broker>>,
    ) -> (Arc<Engine>, Running) {
        self.engine_of(&[], snapshot_every, broker).await
    }

    /// The same, in which others are registered as well.
    pub async fn engine_of(
        &self,
        others: &[Registration],
        snapshot_every: i64,
        broker: Option<Arc<dyn Broker>>,
    ) -> (Arc<Engine>, Running) {
        let trial =
            AggregateRegistration::<Trial, TrialView>::with_pure_services("trials", self.asked.clone());
        let catalog = Catalog::new([&trial.finish().unwrap()].into_iter().chain(others)).unwrap();
        let (clock, ids) = (Arc::new(SystemClock), Arc::new(RandomIds));
        let mut settings = EngineSettings::default();
        settings.worker.snapshot_every = snapshot_every;
        let (engine, running) = Engine::start(
            Arc::clone(&self.store),
            broker,
            Arc::new(catalog),
            clock,
            ids,
            Outside::default(),
            settings,
        )
        .await
        .unwrap();
        let at_once = async || engine.submit(submission(&engine, "warm", How::Well)).await.unwrap().outcome;
        crate::wait_for("a command to be settled by the commit that stores it", at_once, Option::is_some)
            .await;
        (engine, running)
    }
}

/// A try of this target by the default tenant, never the same as another.
pub fn submission(engine: &Engine, target: &str, how: How) -> Submission {
    submission_of(engine, &Tenant::default(), target, how)
}

/// A try of this target by this tenant, never the same as another.
pub fn submission_of(engine: &Engine, tenant: &Tenant, target: &str, how: How) -> Submission {
    let command_type = Arc::clone(engine.catalog().command("trial.try").unwrap());
    Submission {
        target: Some(AggregateId::parse(target).unwrap()),
        // Otherwise a second try of one target would be taken for the first one sent again.
        idempotency_key: Some(engine.new_id().to_string()),
        ..Submission::new(tenant.clone().into(), command_type, serde_json::json!({ "how": how }))
    }
}

/// Makes a test on SQLite and one on PostgreSQL of each fact, a function that takes a [`Place`](crate::trial::Place).
#[macro_export]
macro_rules! facts_on_both_stores {
    ($($fact:ident),+ $(,)?) => {
        mod sqlite {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $fact() { super::$fact($crate::trial::Place::sqlite().await).await; })+
        }
        mod postgres {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $fact() { super::$fact($crate::trial::Place::postgres().await).await; })+
        }
    };
}
