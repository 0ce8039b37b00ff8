//! Commands that cannot be applied, each in one batch with others that can: they fail as `internal`, are kept and can
//! be retried; the others are unharmed, and nobody waits long for a 202.

#![allow(clippy::unwrap_used, reason = "all of this is tests")]

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::{Duration, Instant};

use cqrs_es::event_sink::EventSink;
use cqrs_es::{Aggregate, DomainEvent, EventEnvelope, View};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{ConnectOptions as _, Connection as _, Executor as _, PgConnection};
use tempfile::TempDir;
use wilco_application::catalog::{AggregateRegistration, Catalog, LandingView};
use wilco_application::engine::{Engine, EngineSettings, RetrySubmission, Running, Submission};
use wilco_application::ports::{Command, RandomIds, Settlement, State, Store, SystemClock};
use wilco_domain::kernel::{AggregateId, CommandKind, Effect, Rejection, RejectionKind};
use wilco_infrastructure::postgres::{PostgresOptions, PostgresStore};
use wilco_infrastructure::sqlite::SqliteStore;
use wilco_tests::postgres::database;

/// Longer than two tries of a handler that never ends.
const PATIENCE: Duration = Duration::from_secs(25);

/// An aggregate that counts what went well.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
struct Trial {
    count: u64,
}

/// What its handler does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum How {
    Well,
    Panics,
    NeverEnds,
    /// It makes an event whose type no store takes: a text with a NUL.
    MakesNul,
}

#[derive(Debug, Deserialize, JsonSchema)]
struct Try {
    how: How,
}

impl CommandKind<Trial> for Try {
    const VERB: &'static str = "try";
    const EFFECT: Effect = Effect::Creates;
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
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

#[derive(Debug, thiserror::Error)]
#[error("never")]
struct Never(Infallible);

impl Rejection for Never {
    fn kind(&self) -> RejectionKind {
        match self.0 {}
    }
}

impl Aggregate for Trial {
    const TYPE: &'static str = "trial";
    type Command = Try;
    type Event = Tried;
    type Error = Never;
    type Services = ();

    async fn handle(&mut self, command: Try, (): &(), sink: &EventSink<Self>) -> Result<(), Never> {
        match command.how {
            How::Panics => panic!("as it was told to"),
            How::NeverEnds => std::future::pending().await,
            how @ (How::Well | How::MakesNul) => sink.write(Tried { how }, self).await,
        }
        Ok(())
    }

    fn apply(&mut self, _: Tried) {
        self.count += 1;
    }
}

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
struct TrialView {
    count: u64,
}

impl View<Trial> for TrialView {
    fn update(&mut self, _: &EventEnvelope<Trial>) {
        self.count += 1;
    }
}

impl LandingView for TrialView {
    fn status(&self) -> &'static str {
        "tried"
    }

    fn is_gone(&self) -> bool {
        false
    }
}

/// A store, and how to reach behind it.
struct Place {
    store: Arc<dyn Store>,
    behind: Behind,
}

enum Behind {
    Postgres(String),
    Sqlite(TempDir),
}

impl Place {
    async fn postgres() -> Self {
        let url = database().await;
        let options = PostgresOptions { partitions: 2, ..PostgresOptions::default() };
        let store = PostgresStore::connect(&url, options).await.unwrap();
        store.migrate().await.unwrap();
        Self { store: Arc::new(store), behind: Behind::Postgres(url) }
    }

    async fn sqlite() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let store = SqliteStore::open(&folder.path().join("wilco.db"), 1).await.unwrap();
        Self { store: Arc::new(store), behind: Behind::Sqlite(folder) }
    }

    async fn execute(&self, sql: &str) {
        match &self.behind {
            Behind::Postgres(url) => {
                drop(PgConnection::connect(url).await.unwrap().execute(sql).await.unwrap());
            }
            Behind::Sqlite(folder) => {
                let options = SqliteConnectOptions::new().filename(folder.path().join("wilco.db"));
                drop(options.connect().await.unwrap().execute(sql).await.unwrap());
            }
        }
    }

    /// An engine that takes new commands as they come, to store and settle them by one commit.
    async fn engine(&self) -> (Arc<Engine>, Running) {
        let trial = AggregateRegistration::<Trial, TrialView>::new("trials", ()).command::<Try>();
        let catalog = Catalog::builder().aggregate(trial).unwrap().build();
        let (clock, ids) = (Arc::new(SystemClock), Arc::new(RandomIds));
        let settings = EngineSettings::default();
        let (engine, running) =
            Engine::start(Arc::clone(&self.store), None, Arc::new(catalog), clock, ids, settings)
                .await
                .unwrap();
        let at_once = async || engine.submit(submission(&engine, "warm", How::Well)).await.unwrap().outcome;
        wilco_tests::wait_for(
            "a command to be settled by the commit that stores it",
            at_once,
            Option::is_some,
        )
        .await;
        (engine, running)
    }
}

fn submission(engine: &Engine, target: &str, how: How) -> Submission {
    Submission {
        command_type: Arc::clone(engine.catalog().command("trial.try").unwrap()),
        tenant: String::new(),
        id: None,
        target: Some(AggregateId::parse(target).unwrap()),
        data: serde_json::json!({ "how": how }),
        expected_version: None,
        not_before: None,
        callback_url: None,
        metadata: BTreeMap::new(),
        // Otherwise a second try of one target would be taken for the first one sent again.
        idempotency_key: Some(engine.new_id().to_string()),
        fingerprint: [0; 16],
        actor: None,
        traceparent: None,
        caused_by: None,
        correlation_id: None,
    }
}

/// Gives commands that go into one batch: on a runtime of one thread nobody takes any before all are there. Each is
/// accepted within a second, and none is settled by then: what is poisoned never is settled by the commit that stores.
async fn accepted(engine: &Engine, tries: &[(&str, How)]) -> Vec<Arc<Command>> {
    let started = Instant::now();
    let submissions = tries.iter().map(|(target, how)| submission(engine, target, *how)).collect();
    let submitted: Vec<_> =
        engine.submit_all(submissions).await.into_iter().map(|submitted| submitted.unwrap()).collect();
    assert!(started.elapsed() < Duration::from_secs(1), "accepted after {:?}", started.elapsed());
    assert!(submitted.iter().all(|submitted| submitted.outcome.is_none()), "{submitted:?}");
    submitted.into_iter().map(|submitted| submitted.command).collect()
}

async fn settlements(engine: &Engine, commands: Vec<Arc<Command>>) -> Vec<Settlement> {
    let settled = commands.into_iter().map(|command| engine.settled(command, PATIENCE));
    let settled = futures::future::try_join_all(settled).await.unwrap();
    settled.iter().map(|command| command.settlement.clone().expect("it is settled")).collect()
}

fn is_internal(settlement: &Settlement) -> bool {
    let slug = settlement.error.as_ref().map(|problem| problem.slug().to_owned());
    settlement.state == State::Failed && slug.as_deref() == Some("internal") && settlement.version.is_none()
}

/// A failed one is kept, and trying again is a command like any other.
async fn can_be_retried(engine: &Engine, command: &Command) {
    let again = RetrySubmission { idempotency_key: Some("again".into()), ..RetrySubmission::default() };
    let again = engine.retry("", command.id, again).await.unwrap();
    assert_eq!(again.command.caused_by, Some(command.id));
}

/// In the middle of a batch, and of the commands for its own aggregate.
async fn harms_no_other(place: Place, how: How) {
    let (engine, _running) = place.engine().await;
    let tries = [
        ("before", How::Well),
        ("same", How::Well),
        ("same", how),
        ("same", How::Well),
        ("after", How::Well),
    ];
    let commands = accepted(&engine, &tries).await;
    let poison = Arc::clone(&commands[2]);

    // Whatever the lane waits for, it is not waited for at the door.
    let started = Instant::now();
    let later = engine.submit(submission(&engine, "later", How::Well)).await.unwrap();
    assert!(started.elapsed() < Duration::from_secs(1), "accepted after {:?}", started.elapsed());

    let settled = settlements(&engine, commands).await;
    assert!(is_internal(&settled[2]), "{:?}", settled[2]);
    assert_eq!(settled[2].attempts, 2);
    let others: Vec<_> = [0, 1, 3, 4].map(|index| (settled[index].state, settled[index].version)).into();
    let well = |version| (State::Succeeded, Some(version));
    assert_eq!(others, [well(1), well(1), well(2), well(1)]);
    let view = place.store.view("trial/same").await.unwrap().unwrap();
    assert_eq!((view.version, view.payload.as_str()), (2, r#"{"count":2}"#));
    assert_eq!(settlements(&engine, vec![later.command]).await[0].state, State::Succeeded);
    can_be_retried(&engine, &poison).await;
}

/// What is stored of one aggregate can be read no more.
async fn unreadable_harms_no_other(place: Place) {
    let (engine, running) = place.engine().await;
    engine.submit(submission(&engine, "same", How::Well)).await.unwrap();
    engine.close();
    running.stop(PATIENCE).await;
    place.execute(r#"UPDATE events SET payload = '{"garbage":1}' WHERE aggregate_id = 'same'"#).await;

    let (engine, _running) = place.engine().await;
    let tries = [("before", How::Well), ("same", How::Well), ("after", How::Well)];
    let commands = accepted(&engine, &tries).await;
    let poison = Arc::clone(&commands[1]);
    let settled = settlements(&engine, commands).await;
    assert!(is_internal(&settled[1]), "{:?}", settled[1]);
    assert_eq!([&settled[0], &settled[2]].map(|other| other.state), [State::Succeeded; 2]);
    // Nothing is wrong with what it would write, so all of them are settled by the same commit.
    assert!(settled.iter().all(|other| other.at == settled[0].at), "{settled:?}");
    can_be_retried(&engine, &poison).await;
}

#[tokio::test]
async fn a_handler_that_panics_harms_no_other_on_sqlite() {
    harms_no_other(Place::sqlite().await, How::Panics).await;
}

#[tokio::test]
async fn a_handler_that_panics_harms_no_other_on_postgres() {
    harms_no_other(Place::postgres().await, How::Panics).await;
}

#[tokio::test]
async fn a_handler_that_never_ends_harms_no_other_on_sqlite() {
    harms_no_other(Place::sqlite().await, How::NeverEnds).await;
}

#[tokio::test]
async fn a_handler_that_never_ends_harms_no_other_on_postgres() {
    harms_no_other(Place::postgres().await, How::NeverEnds).await;
}

#[tokio::test]
async fn an_event_that_the_store_refuses_harms_no_other_on_postgres() {
    harms_no_other(Place::postgres().await, How::MakesNul).await;
}

#[tokio::test]
async fn an_event_that_the_store_refuses_harms_no_other_on_sqlite() {
    harms_no_other(Place::sqlite().await, How::MakesNul).await;
}

#[tokio::test]
async fn an_event_that_cannot_be_read_harms_no_other_on_sqlite() {
    unreadable_harms_no_other(Place::sqlite().await).await;
}

#[tokio::test]
async fn an_event_that_cannot_be_read_harms_no_other_on_postgres() {
    unreadable_harms_no_other(Place::postgres().await).await;
}
