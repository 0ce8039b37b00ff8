//! One build of the program after another over one store: what the first has left is read as the next means it, or the
//! next says what it cannot read, and nothing is lost by it.

#![allow(clippy::unwrap_used, reason = "all of this is tests")]

mod blocked;
mod first;
mod next;
mod old_stores;
mod program;
mod stale;
mod upcast;

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use serde_json::{Value, json};
use wilco_application::activities::Outside;
use wilco_application::catalog::Catalog;
use wilco_application::engine::{Engine, EngineSettings, Running, Submission};
use wilco_application::ports::{
    AggregateKey, Clock, Command, RandomIds, Settlement, State, Store, SystemClock, ViewFilter,
};
use wilco_domain::kernel::{AggregateId, Caller, Tenant};

const PATIENCE: Duration = Duration::from_secs(20);

pub(crate) use wilco_tests::facts_on_both_stores as on_both_stores;

/// A build of the program that runs.
struct Build {
    engine: Arc<Engine>,
    running: Running,
}

impl Build {
    async fn start(store: &Arc<dyn Store>, catalog: Catalog) -> Self {
        Self::start_at(store, catalog, Arc::new(SystemClock)).await
    }

    async fn start_at(store: &Arc<dyn Store>, catalog: Catalog, clock: Arc<dyn Clock>) -> Self {
        let mut settings = EngineSettings::default();
        settings.worker.snapshot_every = 3;
        settings.worker.look_every = Duration::from_millis(50);
        let (catalog, ids) = (Arc::new(catalog), Arc::new(RandomIds));
        let started =
            Engine::start(Arc::clone(store), None, catalog, clock, ids, Outside::default(), settings).await;
        let (engine, running) = started.unwrap();
        Self { engine, running }
    }

    async fn stop(self) {
        self.engine.close();
        self.running.stop(PATIENCE).await;
    }

    /// Gives a command, which is accepted.
    async fn give(&self, kind: &str, target: &str, data: Value) -> Arc<Command> {
        self.give_later(kind, target, data, None).await
    }

    async fn give_later(
        &self,
        kind: &str,
        target: &str,
        data: Value,
        not_before: Option<DateTime<Utc>>,
    ) -> Arc<Command> {
        self.give_of(&Tenant::default(), kind, target, data, not_before).await
    }

    async fn give_of(
        &self,
        tenant: &Tenant,
        kind: &str,
        target: &str,
        data: Value,
        not_before: Option<DateTime<Utc>>,
    ) -> Arc<Command> {
        let command_type = Arc::clone(self.engine.catalog().command(kind).unwrap());
        let submission = Submission {
            target: Some(AggregateId::parse(target).unwrap()),
            not_before,
            idempotency_key: Some(self.engine.new_id().to_string()),
            ..Submission::new(tenant.clone().into(), command_type, data)
        };
        self.engine.submit(submission).await.unwrap().command
    }

    async fn settlement(&self, command: Arc<Command>) -> Settlement {
        let settled = self.engine.settled(command, PATIENCE).await.unwrap();
        settled.settlement.clone().expect("it is settled")
    }

    /// Gives a command that succeeds; says which version that made.
    async fn done(&self, kind: &str, target: &str, data: Value) -> i64 {
        let command = self.give(kind, target, data).await;
        let settlement = self.settlement(command).await;
        assert_eq!(settlement.state, State::Succeeded, "{settlement:?}");
        settlement.version.unwrap()
    }

    /// What a GET of a membership shows.
    async fn shown(&self, id: &str) -> Value {
        let view = self.engine.queries().resource(&key(id)).await.unwrap().expect("it is there");
        serde_json::from_str(&view.payload).unwrap()
    }

    /// What a list of memberships shows.
    async fn listed(&self, status: Option<&str>) -> Vec<Value> {
        let status = status.map(ToOwned::to_owned);
        let filter =
            ViewFilter { view_type: "membership".into(), status, limit: 10, ..ViewFilter::default() };
        let page = self.engine.queries().resources(&filter).await.unwrap();
        page.items.iter().map(|view| serde_json::from_str(&view.payload).unwrap()).collect()
    }
}

fn key(id: &str) -> AggregateKey {
    AggregateKey::new(&Tenant::default(), "membership", id)
}

/// The default tenant's.
fn caller() -> Caller {
    Tenant::default().into()
}

fn start_of(plan: &str) -> Value {
    json!({ "plan": plan })
}
