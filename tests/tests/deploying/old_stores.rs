//! Stores as a build before tenants and fingerprints left them, kept in `tests/data`: pets and cars, available, reserved, sold
//! and deleted, one with more events than a snapshot needs, and scheduled commands.

use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Value, json};
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{ConnectOptions as _, Connection as _, Executor as _, PgConnection};
use wilco_application::catalog::{AggregateRegistration, Catalog};
use wilco_application::check::{Ids, Report, check};
use wilco_application::ports::{AggregateKey, Clock, CommandFilter, State, Store, SystemClock, ViewFilter};
use wilco_application::queries::Queries;
use wilco_domain::cars::Car;
use wilco_domain::kernel::{Shown, Tenant};
use wilco_domain::petstore::pet::Pet;
use wilco_infrastructure::postgres::{PostgresOptions, PostgresStore};
use wilco_infrastructure::sqlite::SqliteStore;
use wilco_projections::petstore::PetView;
use wilco_tests::postgres::database;
use wilco_tests::wait_for;

use super::Build;

fn catalog() -> Catalog {
    let pets = AggregateRegistration::<_, Shown<Pet, PetView>>::decider("pets").finish().unwrap();
    let cars = AggregateRegistration::<_, Shown<Car, Car>>::decider("cars").finish().unwrap();
    Catalog::new([&pets, &cars]).unwrap()
}

/// A year and more later, when the scheduled commands are due.
struct Later;

impl Clock for Later {
    fn now(&self) -> DateTime<Utc> {
        SystemClock.now() + TimeDelta::days(400)
    }
}

async fn payload(queries: &Queries, aggregate_type: &str, id: &str) -> Value {
    let key = AggregateKey::new(&Tenant::default(), aggregate_type, id);
    let view = queries.resource(&key).await.unwrap().unwrap();
    serde_json::from_str(&view.payload).unwrap()
}

/// Served at once, without any rebuild.
async fn reads_it(store: &Arc<dyn Store>) {
    assert_eq!(check(&**store, &catalog(), Ids::All).await.unwrap(), Report::default());
    let kinds = store.event_kinds().await.unwrap();
    let kinds: Vec<&str> = kinds.iter().map(|kind| kind.event_type.as_str()).collect();
    let expected = [
        "car.created",
        "car.repainted",
        "car.retired",
        "pet.created",
        "pet.deleted",
        "pet.released",
        "pet.reserved",
        "pet.sold",
    ];
    assert_eq!(kinds, expected);
    let queries = Queries::new(Arc::clone(store), Arc::new(catalog()));
    for (id, status, version) in [
        ("available", "available", 1),
        ("reserved", "reserved", 2),
        ("sold", "sold", 2),
        ("busy", "reserved", 26),
    ] {
        let pet = payload(&queries, "pet", id).await;
        assert_eq!((&pet["status"], &pet["version"]), (&json!(status), &json!(version)), "{pet}");
    }
    let deleted = AggregateKey::new(&Tenant::default(), "pet", "deleted");
    assert!(queries.resource(&deleted).await.unwrap().unwrap().gone);
    assert_eq!(payload(&queries, "car", "beetle").await["colour"], "blue");
    let reserved = ViewFilter {
        view_type: "pet".into(),
        status: Some("reserved".into()),
        limit: 10,
        ..ViewFilter::default()
    };
    assert_eq!(queries.resources(&reserved).await.unwrap().items.len(), 2);
}

/// Applies commands to it, writes its views anew, and does what was scheduled.
async fn goes_on_with(store: &Arc<dyn Store>) {
    let build = Build::start_at(store, catalog(), Arc::new(SystemClock)).await;
    assert_eq!(build.done("pet.release", "busy", json!({ "order_id": "last" })).await, 27);
    let again = build.give("pet.reserve", "reserved", json!({ "order_id": "mine" })).await;
    assert_eq!(build.settlement(again).await.error.unwrap().slug(), "pet-reserved");
    let late = build.give("pet.sell", "deleted", json!({})).await;
    assert_eq!(build.settlement(late).await.error.unwrap().slug(), "gone");
    let unmarked = async || {
        let marks = store.view_marks(None, 100).await.unwrap();
        marks.iter().filter(|mark| mark.fingerprint.is_none()).count()
    };
    wait_for("the views to be written anew", unmarked, |unmarked| *unmarked == 0).await;
    let busy = AggregateKey::new(&Tenant::default(), "pet", "busy");
    let snapshot = store.load(&[busy]).await.unwrap().remove(0).snapshot.unwrap();
    assert_eq!(snapshot.version, 27);
    assert!(snapshot.fingerprint.is_some_and(|fingerprint| fingerprint.ends_with("@27")));
    build.stop().await;

    let build = Build::start_at(store, catalog(), Arc::new(Later)).await;
    let open = async || {
        let filter = CommandFilter { state: Some(State::Open), limit: 10, ..CommandFilter::default() };
        store.list(&filter).await.unwrap().items.len()
    };
    wait_for("what was scheduled to be done", open, |open| *open == 0).await;
    let queries = build.engine.queries();
    assert_eq!(payload(&queries, "pet", "scheduled").await["order_id"], "later");
    assert_eq!(payload(&queries, "pet", "available").await["status"], "sold");
    assert_eq!(payload(&queries, "car", "beetle").await["colour"], "green");
    build.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_store_of_the_build_before_is_served_as_it_is_on_sqlite() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("wilco.db");
    let options = SqliteConnectOptions::new().filename(&path).create_if_missing(true);
    let mut connection = options.connect().await.unwrap();
    connection.execute(include_str!("../../data/pets-and-cars.sqlite.sql")).await.unwrap();
    connection.close().await.unwrap();
    let store: Arc<dyn Store> = Arc::new(SqliteStore::open(&path, 1).await.unwrap());
    reads_it(&store).await;
    goes_on_with(&store).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_store_of_the_build_before_is_served_as_it_is_on_postgres() {
    let url = database().await;
    let mut connection = PgConnection::connect(&url).await.unwrap();
    connection.execute(include_str!("../../data/pets-and-cars.postgres.sql")).await.unwrap();
    connection.close().await.unwrap();
    let store = PostgresStore::connect(&url, PostgresOptions::default()).await.unwrap();
    store.migrate().await.unwrap();
    let store: Arc<dyn Store> = Arc::new(store);
    reads_it(&store).await;
    goes_on_with(&store).await;
}
