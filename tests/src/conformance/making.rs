//! Commands, units of work and owners, as the facts need them.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use uuid::Uuid;
use wilco_application::ports::{
    Accepted, AggregateKey, Command, Committed, EventRow, Idempotency, NewEvent, Outcome, PartitionLease,
    PartitionSlice, Seat, Settlement, State, Store, StoreError, UnitOfWork, ViewRow,
};
use wilco_domain::kernel::{Problem, Tenant};

/// A lease that does not run out during a test.
pub(super) const LONG: Duration = Duration::from_secs(600);

/// A new id; later ones are greater.
pub fn uuid() -> Uuid {
    static NEXT: AtomicU64 = AtomicU64::new(1);
    Uuid::from_u128(
        0x0190_0000_0000_7000_8000_0000_0000_0000 + u128::from(NEXT.fetch_add(1, Ordering::Relaxed)),
    )
}

/// A time: so many seconds after a certain one.
pub fn at(seconds: i64) -> DateTime<Utc> {
    DateTime::UNIX_EPOCH + TimeDelta::seconds(1_800_000_000 + seconds)
}

/// `pet/{id}`
pub fn key(id: &str) -> AggregateKey {
    AggregateKey::new(&Tenant::default(), "pet", id)
}

/// Another tenant than the default one.
pub(super) fn acme() -> Tenant {
    Tenant::parse("acme").unwrap()
}

/// As the store takes them.
pub fn arcs(commands: Vec<Command>) -> Vec<Arc<Command>> {
    commands.into_iter().map(Arc::new).collect()
}

/// A plain command for a pet; later ones were accepted later.
pub fn command(partition: u16, target: &str) -> Command {
    static SECONDS: AtomicU64 = AtomicU64::new(0);
    let id = uuid();
    Command {
        id,
        tenant: Tenant::default(),
        partition,
        command_type: "pet.reserve".into(),
        target: target.into(),
        data: r#"{"order_id":"o1"}"#.into(),
        expected_version: None,
        not_before: None,
        accepted_at: at(SECONDS.fetch_add(1, Ordering::Relaxed) as i64),
        actor: None,
        callback_url: None,
        metadata: None,
        idempotency: None,
        correlation_id: id,
        caused_by: None,
        traceparent: None,
        reply_to: None,
        depth: 0,
        running: false,
        settlement: None,
    }
}

/// A command that says something in every optional field.
pub(super) fn with_everything(partition: u16) -> Command {
    Command {
        tenant: acme(),
        data: "{\"b\" : 1.50, \"a\":\"ü\\u0000\"}".into(),
        expected_version: Some(3),
        not_before: Some(at(5)),
        actor: Some("key-1".into()),
        callback_url: Some("https://example.org/hook".into()),
        metadata: Some(r#"{"a":"b"}"#.into()),
        idempotency: Some(Idempotency { key: Some("k".into()), fingerprint: *b"0123456789abcdef" }),
        correlation_id: uuid(),
        caused_by: Some(uuid()),
        traceparent: Some("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01".into()),
        depth: 2,
        ..command(partition, "rex")
    }
}

/// A command with an idempotency key.
pub(super) fn keyed(key: &str, target: &str) -> Command {
    let idempotency = Some(Idempotency { key: Some(key.into()), fingerprint: [7; 16] });
    Command { idempotency, ..command(0, target) }
}

/// Stores commands that must be new.
pub async fn submit(store: &dyn Store, commands: &[Command]) {
    let accepted = store.accept(arcs(commands.to_vec())).await.unwrap();
    assert!(accepted.iter().all(|accepted| *accepted == Accepted::New), "{accepted:?}");
}

/// An event of a pet.
pub fn event_row(id: &str, sequence: i64) -> EventRow {
    EventRow {
        aggregate_type: "pet".into(),
        aggregate_id: id.into(),
        sequence,
        event_type: "pet.reserved".into(),
        event_version: "1.0".into(),
        payload: r#"{"type":"reserved","order_id":"o1"}"#.into(),
        metadata: r#"{"command_id":"c"}"#.into(),
    }
}

/// How a command ended: with success, if there is a version.
pub fn outcome(command: &Command, seat: Seat, version: Option<i64>) -> Outcome {
    let error = version.is_none().then(|| Problem::new("rule-violated", 409, "no"));
    let state = if version.is_some() { State::Succeeded } else { State::Failed };
    let settlement = Settlement { state, at: at(7), attempts: 1, offset: 0, version, error, result: None };
    Outcome { seat, command: Arc::new(command.clone()), fresh: false, settlement }
}

/// The same of a command that nobody has stored yet.
pub fn fresh(command: &Command, seat: Seat, version: Option<i64>) -> Outcome {
    Outcome { fresh: true, ..outcome(command, seat, version) }
}

/// A view of a pet.
pub(super) fn view_row(id: &str, version: i64, status: &str) -> ViewRow {
    let payload = format!(r#"{{"id":"{id}","version":{version}}}"#);
    let (view_id, status) = (format!("pet/{id}"), status.into());
    ViewRow { view_id, version, payload, status, gone: false, fingerprint: Some(format!("f@{version}")) }
}

/// A unit of work that applies a command to a pet: one event, its outcome, its view.
pub fn create(owner: &Owner, command: &Command, sequence: i64) -> UnitOfWork {
    let partition = command.partition;
    let seat = |index| Seat { partition, index };
    UnitOfWork {
        owner: owner.id,
        partitions: vec![owner.slice(partition, 2)],
        events: vec![NewEvent { seat: seat(0), row: event_row(&command.target, sequence) }],
        outcomes: vec![outcome(command, seat(1), Some(sequence))],
        views: vec![view_row(&command.target, sequence, "reserved")],
        ..UnitOfWork::default()
    }
}

/// A replica, and what it owned when it last asked.
pub struct Owner {
    /// The replica.
    pub id: Uuid,
    /// Its store.
    pub store: Arc<dyn Store>,
    /// Its partitions.
    pub leases: Vec<PartitionLease>,
}

impl Owner {
    /// A new replica with its share of the partitions.
    pub async fn of(store: Arc<dyn Store>) -> Self {
        let id = uuid();
        let leases = store.heartbeat(id, LONG).await.unwrap();
        Self { id, store, leases }
    }

    /// A partition's part of a unit of work, in the epoch known.
    pub fn slice(&self, partition: u16, entries: u32) -> PartitionSlice {
        let epoch =
            self.leases.iter().find(|lease| lease.partition == partition).map_or(-1, |lease| lease.epoch);
        PartitionSlice { partition, epoch, entries }
    }

    /// Commits.
    pub async fn commit(&self, work: UnitOfWork) -> Result<Committed, StoreError> {
        self.store.commit(work.into()).await
    }

    /// Accepts a command and applies it, making the event with this number.
    pub async fn apply(&self, command: &Command, sequence: i64) -> Result<Committed, StoreError> {
        submit(&*self.store, std::slice::from_ref(command)).await;
        self.commit(create(self, command, sequence)).await
    }
}
