//! Stores of before there were tenants, with what they hold.

#![expect(clippy::unwrap_used, reason = "all of this is tests")]

use std::borrow::Cow;
use std::sync::Arc;

use sqlx::migrate::Migrator;
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{ConnectOptions as _, Connection as _, Executor as _, PgConnection};
use uuid::Uuid;
use wilco_application::ports::{Accepted, Command, CommandFilter, CommandKey, Idempotency, State, Store};
use wilco_domain::kernel::Tenant;
use wilco_infrastructure::postgres::{PostgresOptions, PostgresStore};
use wilco_infrastructure::sqlite::SqliteStore;
use wilco_tests::conformance::{at, command};
use wilco_tests::postgres::database;

/// The migrations that there were.
fn before(migrator: &Migrator) -> Migrator {
    let migrations = migrator.iter().filter(|migration| migration.version < 3).cloned().collect();
    Migrator { migrations: Cow::Owned(migrations), ..Migrator::DEFAULT }
}

/// Three commands, in words that both stores understand but for ids and times: one that waits, one with a key that
/// succeeded, one that failed.
fn commands(id: impl Fn(u8) -> String, time: &str, fingerprint: &str) -> String {
    let [waits, succeeded, failed] = [1, 2, 3].map(id);
    format!(
        r#"INSERT INTO partitions (id, head) VALUES (0, 2);
        INSERT INTO commands (id, tenant, partition, command_type, target, data, accepted_at, status, attempts, "offset",
                              settled_at, version, idempotency_key, fingerprint, error)
        VALUES ({waits}, '', 0, 'pet.sell', 'rex', '{{}}', {time}, 0, NULL, NULL, NULL, NULL, NULL, NULL, NULL),
               ({succeeded}, '', 0, 'pet.sell', 'rex', '{{}}', {time}, 1, 1, 1, {time}, 4, 'k', {fingerprint}, NULL),
               ({failed}, '', 0, 'pet.sell', 'rex', '{{}}', {time}, 2, 1, 2, {time}, NULL, NULL, NULL,
                '{{"type":"/problems/gone","title":"Gone","status":410,"detail":"it is"}}')"#
    )
}

fn id(number: u8) -> Uuid {
    Uuid::from_u128(u128::from(number))
}

async fn all_is_there_and_the_default_tenants(store: Arc<dyn Store>) {
    let found = async |number| {
        let key = CommandKey::new(&Tenant::default(), id(number));
        store.command(&key).await.unwrap().unwrap()
    };
    let states = [found(1).await, found(2).await, found(3).await].map(|command| command.state());
    assert_eq!(states, [State::Open, State::Succeeded, State::Failed]);
    assert_eq!(found(2).await.settlement.unwrap().version, Some(4));
    let due = store.due(&[0], at(1_000_000), 9).await.unwrap();
    assert_eq!(due.iter().map(|command| command.id).collect::<Vec<_>>(), [id(1)]);
    assert_eq!(store.feed(0, 0, 9).await.unwrap().len(), 2);
    let all = store.list(&CommandFilter { limit: 9, ..CommandFilter::default() }).await.unwrap().items;
    assert_eq!(all.len(), 3);
    // A request from before that is sent again.
    let idempotency = Some(Idempotency { key: Some("k".into()), fingerprint: [7; 16] });
    let again = Command { idempotency, ..command(0, "rex") };
    let theirs = Command { tenant: Tenant::parse("acme").unwrap(), id: id(1), ..again.clone() };
    let accepted = store.accept(vec![again.into(), theirs.into()]).await.unwrap();
    assert!(matches!(&accepted[0], Accepted::Existing(first) if first.id == id(2)), "{accepted:?}");
    assert_eq!(accepted[1], Accepted::New);
}

#[tokio::test]
async fn a_sqlite_store_of_before_keeps_what_it_has() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("wilco.db");
    let options = SqliteConnectOptions::new().filename(&path).create_if_missing(true);
    let mut connection = options.connect().await.unwrap();
    before(&wilco_migrations::SQLITE).run(&mut connection).await.unwrap();
    let blob = |number| format!("x'{}'", id(number).simple());
    let print = format!("x'{}'", "07".repeat(16));
    connection.execute(&*commands(blob, "1800000000000000", &print)).await.unwrap();
    connection.close().await.unwrap();
    all_is_there_and_the_default_tenants(Arc::new(SqliteStore::open(&path, 1).await.unwrap())).await;
}

#[tokio::test]
async fn a_postgres_store_of_before_keeps_what_it_has() {
    let url = database().await;
    let mut connection = PgConnection::connect(&url).await.unwrap();
    before(&wilco_migrations::POSTGRES).run(&mut connection).await.unwrap();
    let text = |number| format!("'{}'", id(number));
    let print = format!("'\\x{}'", "07".repeat(16));
    connection.execute(&*commands(text, "to_timestamp(1800000000)", &print)).await.unwrap();
    connection.close().await.unwrap();
    let options = PostgresOptions { partitions: 1, ..PostgresOptions::default() };
    let store = PostgresStore::connect(&url, options).await.unwrap();
    store.migrate().await.unwrap();
    all_is_there_and_the_default_tenants(Arc::new(store)).await;
}
