//! postgres-es reads what this store writes, and this store takes over what postgres-es wrote.

#![allow(clippy::unwrap_used, reason = "all of this is tests")]

use std::collections::HashMap;
use std::sync::Arc;

use cqrs_es::persist::{PersistedEventStore, ViewRepository};
use cqrs_es::{AggregateContext, CqrsFramework, DomainEvent, EventStore, View};
use postgres_es::{PostgresEventRepository, PostgresViewRepository, postgres_cqrs};
use serde_json::json;
use sqlx::{Executor, PgPool};
use wilco_application::ports::{
    EntryBody, EventRow, Feed, Journal, NewEvent, Seat, UnitOfWork, ViewRow, Views,
};
use wilco_domain::kernel::{Asked, Happened};
use wilco_domain::petstore::pet::{Pet, PetCommand, PetDetails, PetEvent};
use wilco_infrastructure::postgres::{PostgresOptions, PostgresStore};
use wilco_tests::bare::{CqrsPet, CqrsPetView, asked};
use wilco_tests::conformance::{Owner, command, create, key, outcome, submit};
use wilco_tests::postgres::database;
use wilco_tests::wilco::Wilco;

/// The tables as postgres-es 0.5 tells its users to make them.
const THEIR_TABLES: &str = "
    CREATE TABLE events (
        aggregate_type text                         NOT NULL,
        aggregate_id   text                         NOT NULL,
        sequence       bigint CHECK (sequence >= 0) NOT NULL,
        event_type     text                         NOT NULL,
        event_version  text                         NOT NULL,
        payload        json                         NOT NULL,
        metadata       json                         NOT NULL,
        PRIMARY KEY (aggregate_type, aggregate_id, sequence)
    );
    CREATE TABLE snapshots (
        aggregate_type   text                                 NOT NULL,
        aggregate_id     text                                 NOT NULL,
        last_sequence    bigint CHECK (last_sequence >= 0)    NOT NULL,
        current_snapshot bigint CHECK (current_snapshot >= 0) NOT NULL,
        payload          json                                 NOT NULL,
        PRIMARY KEY (aggregate_type, aggregate_id, last_sequence)
    );";

async fn store(url: &str) -> PostgresStore {
    let options = PostgresOptions { partitions: 4, ..PostgresOptions::default() };
    let store = PostgresStore::connect(url, options).await.unwrap();
    store.migrate().await.unwrap();
    store
}

/// Not the engine's hash: any will do.
fn partition_of(_: &str, id: &str) -> u16 {
    id.bytes().map(u16::from).sum::<u16>() % 4
}

fn rex() -> PetDetails {
    PetDetails { name: "Rex".into(), category: "dog".into(), ..PetDetails::default() }
}

fn reserve(order: &str) -> Asked<Pet> {
    asked(PetCommand::Reserve { order_id: order.into() })
}

fn sell(order: &str) -> Asked<Pet> {
    asked(PetCommand::Sell { order_id: Some(order.into()) })
}

fn theirs(pool: &PgPool) -> CqrsFramework<CqrsPet, PersistedEventStore<PostgresEventRepository, CqrsPet>> {
    postgres_cqrs(pool.clone(), vec![], ())
}

fn row(id: &str, sequence: i64, event: &Happened<Pet>) -> EventRow {
    EventRow {
        aggregate_type: "pet".into(),
        aggregate_id: id.into(),
        sequence,
        event_type: event.event_type(),
        event_version: event.event_version(),
        payload: serde_json::to_string(event).unwrap(),
        metadata: r#"{"command_id":"c1"}"#.into(),
    }
}

/// The state that our rows amount to.
fn replay(events: &[EventRow]) -> Pet {
    let mut pet = CqrsPet::default();
    for event in events {
        cqrs_es::Aggregate::apply(&mut pet, serde_json::from_str(&event.payload).unwrap());
    }
    pet.0
}

#[tokio::test]
async fn postgres_es_reads_what_the_store_wrote_and_goes_on_from_it() {
    let url = database().await;
    let store = store(&url).await;
    let owner = Owner::of(Arc::new(store.clone())).await;
    let accepted = command(1, "rex");
    submit(&store, std::slice::from_ref(&accepted)).await;
    let events = [PetEvent::Created(rex()), PetEvent::Reserved { order_id: "o1".into() }].map(Happened);
    let mut view = CqrsPetView::default();
    for (sequence, payload) in (1..).zip(events.clone()) {
        let metadata = HashMap::new();
        view.update(&cqrs_es::EventEnvelope { aggregate_id: "rex".into(), sequence, payload, metadata });
    }
    let seat = |index| Seat { partition: 1, index };
    let event = |(index, event): (u32, &Happened<Pet>)| NewEvent {
        seat: seat(index),
        row: row("rex", i64::from(index) + 1, event),
    };
    let work = UnitOfWork {
        owner: owner.id,
        partitions: vec![owner.slice(1, 3)],
        events: (0..).zip(&events).map(event).collect(),
        outcomes: vec![outcome(&accepted, seat(2), Some(2))],
        views: vec![ViewRow {
            view_id: "pet/rex".into(),
            version: 2,
            payload: serde_json::to_string(&view).unwrap(),
            status: "reserved".into(),
            gone: false,
            fingerprint: None,
        }],
        ..UnitOfWork::default()
    };
    owner.commit(work).await.unwrap();

    let pool = PgPool::connect(&url).await.unwrap();
    let repository =
        PersistedEventStore::<_, CqrsPet>::new_event_store(PostgresEventRepository::new(pool.clone()));
    let mut loaded = repository.load_aggregate("rex").await.unwrap();
    assert_eq!(loaded.aggregate().0, replay(&[row("rex", 1, &events[0]), row("rex", 2, &events[1])]));
    let history = repository.load_events("rex").await.unwrap();
    assert_eq!(history.iter().map(|event| event.payload.clone()).collect::<Vec<_>>(), events);
    assert_eq!(history[0].metadata["command_id"], "c1");
    let views = PostgresViewRepository::<CqrsPetView, CqrsPet>::new("views", pool.clone());
    let (found, _) = views.load_with_context("pet/rex").await.unwrap().unwrap();
    assert_eq!(serde_json::to_value(found).unwrap(), serde_json::to_value(view).unwrap());

    // Its rules see our state, and its events follow ours.
    assert!(theirs(&pool).execute("rex", sell("o2")).await.is_err());
    theirs(&pool).execute("rex", sell("o1")).await.unwrap();
    let ours = store.events(&key("rex"), 0, 10).await.unwrap();
    assert_eq!(ours.iter().map(|event| event.sequence).collect::<Vec<_>>(), [1, 2, 3]);
    assert_eq!(store.adopt(partition_of).await.unwrap(), 1);
    assert_eq!(store.adopt(partition_of).await.unwrap(), 0);
}

#[tokio::test]
async fn a_database_of_postgres_es_is_adopted_in_place() {
    let url = database().await;
    let pool = PgPool::connect(&url).await.unwrap();
    pool.execute(THEIR_TABLES).await.unwrap();
    let pets = ["rex", "Zoe", "fido", "bello"];
    for id in pets {
        theirs(&pool).execute(id, asked(PetCommand::Create(rex()))).await.unwrap();
        let metadata = HashMap::from([("actor".into(), "me".into())]);
        theirs(&pool).execute_with_metadata(id, reserve("o1"), metadata).await.unwrap();
    }

    let store = store(&url).await;
    assert_eq!(store.adopt(partition_of).await.unwrap(), 8);
    let loaded = store.load(&pets.map(key)).await.unwrap();
    for found in &loaded {
        assert_eq!(found.events.iter().map(|event| event.sequence).collect::<Vec<_>>(), [1, 2]);
        let reserved = [PetEvent::Created(rex()), PetEvent::Reserved { order_id: "o1".into() }].map(Happened);
        assert_eq!(replay(&found.events), replay(&[row("x", 1, &reserved[0]), row("x", 2, &reserved[1])]));
        let metadata: HashMap<String, String> = serde_json::from_str(&found.events[1].metadata).unwrap();
        assert_eq!(metadata["actor"], "me");
    }
    assert_eq!(store.aggregates("pet", None, 100).await.unwrap(), ["Zoe", "bello", "fido", "rex"]);
    feed_is_whole(&store, 8).await;
    assert_eq!(store.adopt(partition_of).await.unwrap(), 0, "once is enough");
    feed_is_whole(&store, 8).await;

    // The store goes on where postgres-es stopped.
    let owner = Owner::of(Arc::new(store.clone())).await;
    owner.apply(&command(partition_of("pet", "rex"), "rex"), 3).await.unwrap();
    feed_is_whole(&store, 10).await;
}

#[tokio::test]
async fn the_program_adopts_a_database_of_postgres_es_and_goes_on_with_its_pets() {
    let url = database().await;
    let pool = PgPool::connect(&url).await.unwrap();
    pool.execute(THEIR_TABLES).await.unwrap();
    theirs(&pool).execute("rex", asked(PetCommand::Create(rex()))).await.unwrap();
    theirs(&pool).execute("rex", reserve("o1")).await.unwrap();

    let migrated = wilco_tests::wilco::run(&["migrate", "--store", &url]).await;
    assert!(migrated.status.success(), "{migrated:?}");
    let server = Wilco::on(&url).start().await;
    let pet = server.client().read("/v1/pets/rex").await;
    assert_eq!((pet.status, &pet.body["status"]), (200, &"reserved".into()), "{pet:?}");
    let sold = json!({"type": "pet.sell", "target": "rex", "data": {"order_id": "o1"}});
    let sold = server.client().done(&sold).await;
    assert_eq!((&sold["status"], &sold["version"]), (&"succeeded".into(), &3.into()), "{sold}");
    let feed = server.client().feed("target=pet/rex").await;
    let types: Vec<_> = feed.iter().map(|event| event["type"].as_str().unwrap()).collect();
    assert_eq!(
        types,
        ["wilco.pet.created", "wilco.pet.reserved", "wilco.pet.sold", "wilco.command.succeeded"]
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn adoption_beside_a_working_server_and_another_adopter_leaves_no_gap() {
    let url = database().await;
    let pool = PgPool::connect(&url).await.unwrap();
    pool.execute(THEIR_TABLES).await.unwrap();
    let many = "INSERT INTO events SELECT 'pet', 'old-' || n % 500, n / 500, 'pet.created', '1.0', '{}', '{}' \
                FROM generate_series(0, 4999) n";
    pool.execute(many).await.unwrap();
    let store = store(&url).await;
    let owner = Arc::new(Owner::of(Arc::new(store.clone())).await);
    let adopt = |store: PostgresStore| tokio::spawn(async move { store.adopt(partition_of).await.unwrap() });
    let adopters = [adopt(store.clone()), adopt(store.clone())];
    let working = tokio::spawn(async move {
        for n in 0..100 {
            let sent = command(n % 4, &format!("new-{n}"));
            submit(&*owner.store, std::slice::from_ref(&sent)).await;
            owner.commit(create(&owner, &sent, 1)).await.unwrap();
        }
    });
    let mut adopted = 0;
    for adopter in adopters {
        adopted += adopter.await.unwrap();
    }
    working.await.unwrap();
    assert_eq!(adopted, 5000);
    feed_is_whole(&store, 5200).await;
}

/// Every partition's feed is gapless, ends at its head, tells each aggregate's events in order, and all of them
/// together have so many entries.
async fn feed_is_whole(store: &PostgresStore, entries: usize) {
    let mut total = 0;
    for (partition, head) in (0..).zip(store.heads().await.unwrap().offsets) {
        let feed = store.feed(partition, 0, 10_000).await.unwrap();
        assert!(feed.iter().map(|entry| entry.offset).eq(1..=head), "partition {partition}");
        let mut newest: HashMap<String, i64> = HashMap::new();
        for entry in &feed {
            let EntryBody::Event(event) = &entry.body else { continue };
            let before = newest.insert(event.aggregate_id.clone(), event.sequence);
            assert!(before.is_none_or(|before| before + 1 == event.sequence), "{event:?} after {before:?}");
        }
        total += feed.len();
    }
    assert_eq!(total, entries);
}
