//! An engine that has letters delivered.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use wilco_application::activities::{DestinationSettings, Outside};
use wilco_application::engine::{Engine, EngineSettings, Running, Submission};
use wilco_application::ports::{
    AttemptRow, Command, CommandFilter, ProcessKey, RandomIds, Runner, Settlement, Store, SystemClock,
};
use wilco_domain::kernel::{AggregateId, Pause, Policy, Tenant, Within};
use wilco_tests::trial::Place;

use super::letters::catalog;
use super::postman::Postman;

pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

/// A few attempts, soon one after the other.
pub(crate) fn policy(attempts: u32) -> Policy {
    let (soon, long) = (Duration::from_millis(20), Duration::from_secs(600));
    Policy {
        attempts,
        pause: Pause { first: soon, factor: 1.0, most: soon, jitter: 0.0 },
        within: Within { attempt: Duration::from_secs(10), all: long, key: long },
    }
}

/// The same; each attempt is ended after so long.
pub(crate) fn policy_within(attempts: u32, milliseconds: u64) -> Policy {
    let policy = policy(attempts);
    let within = Within { attempt: Duration::from_millis(milliseconds), ..policy.within };
    Policy { within, ..policy }
}

/// How an engine is to run.
pub(crate) struct Terms {
    pub(crate) policy: Policy,
    pub(crate) destinations: DestinationSettings,
    /// For so long it believes in what it owns before it asks.
    pub(crate) lease: Duration,
    /// So seldom it looks into the registry without being told to.
    pub(crate) look_every: Duration,
}

impl Terms {
    pub(crate) fn of(policy: Policy) -> Self {
        let EngineSettings { lease, worker, .. } = EngineSettings::default();
        let destinations = DestinationSettings::default();
        Self { policy, destinations, lease, look_every: worker.look_every }
    }

    /// It has to be told of everything.
    pub(crate) fn never_looking(policy: Policy) -> Self {
        Self { look_every: Duration::from_secs(600), ..Self::of(policy) }
    }
}

pub(crate) struct Office {
    pub(crate) engine: Arc<Engine>,
    running: Running,
    store: Arc<dyn Store>,
}

impl Office {
    pub(crate) async fn open(place: &Place, postman: &Arc<Postman>, policy: Policy) -> Self {
        Self::open_on(place, postman, Terms::of(policy)).await
    }

    pub(crate) async fn open_on(place: &Place, postman: &Arc<Postman>, terms: Terms) -> Self {
        let runner: Arc<dyn Runner> = Arc::<Postman>::clone(postman);
        Self::start(place, vec![("letter.deliver", runner)], terms).await
    }

    pub(crate) async fn without_postman(place: &Place) -> Self {
        Self::start(place, Vec::new(), Terms::of(policy(1))).await
    }

    async fn start(place: &Place, runners: Vec<(&'static str, Arc<dyn Runner>)>, terms: Terms) -> Self {
        let Terms { policy, destinations, lease, look_every } = terms;
        let policies = [("letter.deliver".to_owned(), policy)].into();
        let outside = Outside { runners, policies, destinations, ..Outside::default() };
        let mut settings = EngineSettings { lease, ..EngineSettings::default() };
        settings.worker.look_every = look_every;
        let (store, catalog) = (Arc::clone(&place.store), Arc::new(catalog()));
        let (clock, ids) = (Arc::new(SystemClock), Arc::new(RandomIds));
        let started = Engine::start(Arc::clone(&store), None, catalog, clock, ids, outside, settings).await;
        let (engine, running) = started.unwrap();
        Self { engine, running, store }
    }

    /// Ends softly.
    pub(crate) async fn close(self) {
        self.engine.close();
        self.running.stop(PATIENCE).await;
    }

    /// Ends at once, whatever is under way.
    pub(crate) async fn burn_down(self) {
        self.running.stop(Duration::ZERO).await;
    }

    pub(crate) async fn ask(&self, verb: &str, letter: &str, data: Value) -> Arc<Command> {
        let command_type = Arc::clone(self.engine.catalog().command(&format!("letter.{verb}")).unwrap());
        let submission = Submission {
            target: Some(AggregateId::parse(letter).unwrap()),
            idempotency_key: Some(self.engine.new_id().to_string()),
            ..Submission::new(Tenant::default().into(), command_type, data)
        };
        self.engine.submit(submission).await.unwrap().command
    }

    pub(crate) async fn post(&self, letter: &str, to: &str) -> Arc<Command> {
        self.ask("post", letter, json!({ "to": to })).await
    }

    pub(crate) async fn settlement(&self, command: Arc<Command>) -> Settlement {
        let settled = self.engine.settled(command, PATIENCE).await.unwrap();
        settled.settlement.clone().unwrap_or_else(|| panic!("{} is not settled", settled.command_type))
    }

    /// Posts a letter, and waits until the process has heard what became of it: how it ended, and how its delivery did.
    pub(crate) async fn deliver(&self, letter: &str, to: &str) -> (Settlement, Settlement) {
        let posted = self.post(letter, to).await;
        (self.settlement(posted).await, self.delivery(letter).await)
    }

    /// How the delivery of a letter ended.
    pub(crate) async fn delivery(&self, letter: &str) -> Settlement {
        delivery(&*self.store, letter).await.unwrap().settlement.unwrap()
    }

    /// All that the process of a letter has heard.
    pub(crate) async fn heard(&self, letter: &str) -> Vec<String> {
        let (process_type, tenant) = ("posting".into(), Tenant::default());
        let key = ProcessKey { process_type, tenant, id: letter.into() };
        let row = self.store.processes(&[key]).await.unwrap().pop().unwrap();
        let state: Value = serde_json::from_str(&row.state).unwrap();
        serde_json::from_value(state["heard"].clone()).unwrap()
    }
}

/// The command to deliver a letter.
pub(crate) async fn delivery(store: &dyn Store, letter: &str) -> Option<Command> {
    let filter = CommandFilter {
        command_type: Some("letter.deliver".into()),
        target: Some(letter.into()),
        limit: 9,
        ..CommandFilter::default()
    };
    let mut found = store.list(&filter).await.unwrap().items;
    assert!(found.len() < 2, "{found:?}");
    found.pop()
}

/// Where the attempts at delivering a letter stand.
pub(crate) async fn attempts(place: &Place, letter: &str) -> Option<AttemptRow> {
    let command = delivery(&*place.store, letter).await?;
    place.store.attempts(&[command.key()]).await.unwrap().pop().map(|(_, row)| row)
}
