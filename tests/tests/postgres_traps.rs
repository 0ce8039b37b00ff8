//! What goes wrong with PostgreSQL in particular, and does not here.

#![allow(clippy::unwrap_used, reason = "all of this is tests")]

use std::sync::Arc;
use std::time::{Duration, Instant};

use sqlx::{Connection, Executor, PgConnection};
use uuid::Uuid;
use wilco_application::ports::{
    Accepted, Command, CommandFilter, Feed, Journal, Leases, Registry, State, Store, StoreError, ViewFilter,
    Views,
};
use wilco_domain::kernel::Problem;
use wilco_infrastructure::OpenError;
use wilco_infrastructure::postgres::{PostgresOptions, PostgresStore};
use wilco_tests::conformance::{Owner, at, command, create, key, submit, uuid};
use wilco_tests::postgres::{PostgresServer, database};
use wilco_tests::wait_for;

async fn connect(url: &str) -> PostgresStore {
    let options = PostgresOptions { partitions: 2, ..PostgresOptions::default() };
    let store = PostgresStore::connect(url, options).await.unwrap();
    store.migrate().await.unwrap();
    store
}

async fn raw(url: &str) -> PgConnection {
    PgConnection::connect(url).await.unwrap()
}

/// 100,000 commands (the older half of them open), events and views, which the planner knows nothing of.
const MANY_ROWS: &str = r#"
    ALTER TABLE commands SET (autovacuum_enabled = off);
    ALTER TABLE events SET (autovacuum_enabled = off);
    ALTER TABLE views SET (autovacuum_enabled = off);
    INSERT INTO commands (id, tenant, partition, command_type, target, data, accepted_at, status, "offset", settled_at,
                          attempts)
    SELECT md5(n::text)::uuid, '', n % 2, 'pet.reserve', 'pet-' || n, '{}', now() + n * interval '1 ms',
           n / 50001, CASE WHEN n > 50000 THEN n END, now(), 1
    FROM generate_series(1, 100000) n;
    INSERT INTO events SELECT 'pet', 'pet-' || n, 1, 'pet.created', '1.0', '{}', '{}', n % 2, n
    FROM generate_series(1, 100000) n;
    INSERT INTO views SELECT 'pet/pet-' || n, 1, '{}', 'available' FROM generate_series(1, 100000) n;
    UPDATE partitions SET head = 200000;
"#;

/// Scans of whole tables, and entries read from indexes, since the statistics began.
async fn reads(connection: &mut PgConnection) -> (i64, i64) {
    let tables = "SELECT sum(seq_scan)::bigint FROM pg_stat_user_tables \
                  WHERE relname IN ('commands', 'events', 'views', 'aggregate_snapshots')";
    let indexes = "SELECT sum(idx_tup_read)::bigint FROM pg_stat_user_indexes \
                   WHERE relname IN ('commands', 'events', 'views', 'aggregate_snapshots')";
    let scans = sqlx::query_scalar(tables).fetch_one(&mut *connection).await.unwrap();
    (scans, sqlx::query_scalar(indexes).fetch_one(connection).await.unwrap())
}

async fn no_other_sessions(connection: &mut PgConnection) {
    let others = "SELECT concat_ws(' ', pid, application_name, state, wait_event, 'for', now() - backend_start, query) \
                  FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid() \
                  AND backend_type = 'client backend'";
    let ask = async || sqlx::query_scalar::<_, String>(others).fetch_all(&mut *connection).await.unwrap();
    // A session reports what it read when it ends.
    wait_for("the store's sessions to end", ask, Vec::is_empty).await;
}

#[tokio::test]
async fn no_statement_reads_a_whole_table_however_young_its_statistics() {
    let url = database().await;
    connect(&url).await.close().await;
    let mut connection = raw(&url).await;
    // Plans are made while the tables are empty, and again when they are full.
    let replica = uuid();
    busy_session(&url, replica, "before", 1).await;
    connection.execute(MANY_ROWS).await.unwrap();
    no_other_sessions(&mut connection).await;
    let before = reads(&mut connection).await;

    // More often than PostgreSQL tries before it settles for a plan.
    busy_session(&url, replica, "after", 8).await;
    no_other_sessions(&mut connection).await;
    let after = reads(&mut connection).await;
    assert_eq!(after.0 - before.0, 0, "a table was scanned");
    assert!(after.1 - before.1 < 20_000, "an index was read from end to end: {before:?} {after:?}");
}

/// 100,000 open commands that the planner knows of, and then it does not hear that nine of ten are settled.
const A_BACKLOG_GONE: &str = r#"
    ALTER TABLE commands SET (autovacuum_enabled = off);
    INSERT INTO commands (id, tenant, partition, command_type, target, data, accepted_at)
    SELECT md5(n::text)::uuid, '', n % 2, 'pet.reserve', 'pet-' || n, '{}', now() + n * interval '1 ms'
    FROM generate_series(1, 100000) n;
    ANALYZE commands;
    UPDATE commands SET status = 1, attempts = 1, "offset" = substr(target, 5)::bigint
    WHERE substr(target, 5)::bigint <= 90000;
"#;

#[tokio::test]
async fn what_is_open_is_found_without_walking_over_what_is_settled() {
    // Of its own: dead entries are marked only when no transaction of any database on the server is older.
    let server = PostgresServer::start();
    let url = server.database().await;
    connect(&url).await.close().await;
    let mut connection = raw(&url).await;
    connection.execute(A_BACKLOG_GONE).await.unwrap();
    let before = reads(&mut connection).await;
    let store = connect(&url).await;
    for _ in 0..8 {
        assert_eq!(store.due(&[0, 1], at(0), 100).await.unwrap().len(), 200);
        let open = CommandFilter { state: Some(State::Open), limit: 100, ..CommandFilter::default() };
        assert_eq!(store.list(&open).await.unwrap().items.len(), 100);
    }
    store.close().await;
    no_other_sessions(&mut connection).await;
    let after = reads(&mut connection).await;
    // Dead entries count once: whoever meets them marks them.
    assert!(after.1 - before.1 < 150_000, "{before:?} {after:?}");
}

async fn busy_session(url: &str, replica: Uuid, name: &str, rounds: usize) {
    let store = connect(url).await;
    let leases = store.heartbeat(replica, Duration::from_secs(600)).await.unwrap();
    let owner = Owner { id: replica, store: Arc::new(store.clone()), leases };
    for round in 0..rounds {
        work(&store, &owner, &format!("{name}-{round}")).await;
    }
    store.close().await;
}

/// Everything the server does all the time.
async fn work(store: &PostgresStore, owner: &Owner, name: &str) {
    let commands: Vec<_> = (0..20).map(|n| command(0, &format!("{name}-{n}"))).collect();
    submit(store, &commands).await;
    assert!(matches!(
        store.accept(vec![commands[0].clone().into()]).await.unwrap()[0],
        Accepted::Existing(_)
    ));
    let keys: Vec<_> = commands.iter().map(|command| key(&command.target)).chain([key("pet-77")]).collect();
    store.load(&keys).await.unwrap();
    for command in &commands[1..] {
        owner.commit(create(owner, command, 1)).await.unwrap();
    }
    store.cancel(&commands[0].key(), at(9), &Problem::new("cancelled", 409, "")).await.unwrap();
    store.feed(0, 150_000, 10).await.unwrap();
    store.due(&[0, 1], at(0), 10).await.unwrap();
    store.backlog(at(0), 10).await.unwrap();
    store.commands(&[commands[0].key(), command(0, "unknown").key()]).await.unwrap();
    store.events(&keys[0], 0, 10).await.unwrap();
    store.aggregates("pet", None, 10).await.unwrap();
    for state in [None, Some(State::Open), Some(State::Failed), Some(State::Cancelled)] {
        store.list(&CommandFilter { state, limit: 10, ..CommandFilter::default() }).await.unwrap();
    }
    let correlated = CommandFilter { correlation_id: Some(uuid()), limit: 10, ..CommandFilter::default() };
    store.list(&correlated).await.unwrap();
    for status in [None, Some("available".into())] {
        store
            .views(&ViewFilter { view_type: "pet".into(), status, limit: 10, ..ViewFilter::default() })
            .await
            .unwrap();
    }
}

#[tokio::test]
async fn callers_that_hang_up_leave_no_transaction_open() {
    let url = database().await;
    let store = connect(&url).await;
    let owner = Owner::of(Arc::new(store.clone())).await;
    for round in 0..100 {
        let sent = command(0, "rex");
        let patience = Duration::from_micros(round * 20);
        let _ = tokio::time::timeout(patience, store.accept(vec![sent.clone().into()])).await;
        let _ = tokio::time::timeout(patience, owner.commit(create(&owner, &sent, round as i64 + 1))).await;
        let _ = tokio::time::timeout(
            patience,
            store.cancel(&sent.key(), at(1), &Problem::new("cancelled", 409, "")),
        )
        .await;
        let _ = tokio::time::timeout(patience, store.load(&[key("rex")])).await;
        let _ = tokio::time::timeout(patience, store.feed(0, 0, 100)).await;
    }
    let mut connection = raw(&url).await;
    let open = "SELECT count(*) FROM pg_stat_activity \
                WHERE datname = current_database() AND pid <> pg_backend_pid() AND xact_start IS NOT NULL";
    let ask = async || sqlx::query_scalar::<_, i64>(open).fetch_one(&mut connection).await.unwrap();
    wait_for("transactions to end", ask, |open| *open == 0).await;
    owner.apply(&command(1, "fido"), 1).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_acknowledged_survives_a_crash_and_the_store_comes_back() {
    let mut server = PostgresServer::start();
    let url = server.database().await;
    // As lax as a server may be set: acknowledging at once, writing the log when there is time.
    let mut connection = raw(&url).await;
    let name = url.rsplit('/').next().unwrap();
    for lax in [
        format!("ALTER DATABASE {name} SET synchronous_commit = off"),
        "ALTER SYSTEM SET wal_writer_delay = '10s'".into(),
        "SELECT pg_reload_conf()".into(),
    ] {
        connection.execute(lax.as_str()).await.unwrap();
    }
    let store = connect(&url).await;
    let owner = Owner::of(Arc::new(store.clone())).await;
    let (done, open) = (command(0, "rex"), command(0, "fido"));
    owner.apply(&done, 1).await.unwrap();
    submit(&store, std::slice::from_ref(&open)).await;

    server.crash();
    let start = Instant::now();
    let refused = store.accept(vec![command(0, "late").into()]).await;
    assert!(matches!(refused, Err(StoreError::Unavailable(_))), "{refused:?}");
    assert!(matches!(store.ping().await, Err(StoreError::Unavailable(_))));
    assert!(start.elapsed() < Duration::from_secs(8), "callers hear of it soon");

    server.start_again();
    let ask = async || store.ping().await;
    wait_for("the store to come back", ask, Result::is_ok).await.unwrap();
    let states = [&done, &open].map(Command::key);
    let mut found = store.commands(&states).await.unwrap();
    found.sort_by_key(|command| command.id);
    assert_eq!(found.iter().map(Command::state).collect::<Vec<_>>(), [State::Succeeded, State::Open]);
    owner.commit(create(&owner, &open, 1)).await.unwrap();
    tokio::time::timeout(Duration::from_secs(20), store.changed())
        .await
        .expect("it listens again, and looks once");
}

#[tokio::test]
async fn sessions_that_ended_while_they_rested_cost_no_write() {
    let url = database().await;
    let store = connect(&url).await;
    let owner = Owner::of(Arc::new(store.clone())).await;
    owner.apply(&command(0, "rex"), 1).await.unwrap();
    let mut connection = raw(&url).await;
    let end = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity \
               WHERE datname = current_database() AND pid <> pg_backend_pid() AND backend_type = 'client backend'";
    connection.execute(end).await.unwrap();
    tokio::time::sleep(Duration::from_millis(1100)).await;
    owner.apply(&command(0, "fido"), 1).await.unwrap();
}

#[tokio::test]
async fn others_are_woken_by_what_concerns_them() {
    let url = database().await;
    let (here, there) = (connect(&url).await, connect(&url).await);
    let owner = Owner::of(Arc::new(here.clone())).await;
    let woken = async |store: &PostgresStore, what: &str| {
        tokio::time::timeout(Duration::from_secs(20), store.changed()).await.expect(what);
    };
    woken(&here, "the first look").await;
    woken(&there, "the first look").await;
    // Twice: neither is the late echo of the first look.
    for _ in 0..2 {
        submit(&there, &[command(0, "rex")]).await;
        woken(&here, "a command for a partition of its own").await;
    }
    there.heartbeat(uuid(), Duration::from_secs(60)).await.unwrap();
    here.heartbeat(owner.id, Duration::from_secs(60)).await.unwrap();
    let sent = command(0, "fido");
    submit(&here, std::slice::from_ref(&sent)).await;
    owner.commit(create(&owner, &sent, 1)).await.unwrap();
    woken(&there, "entries of the feed").await;
}

#[tokio::test]
async fn a_lock_held_too_long_is_the_stores_fault_not_the_commands() {
    let url = database().await;
    let store = connect(&url).await;
    let owner = Owner::of(Arc::new(store.clone())).await;
    let sent = command(0, "rex");
    submit(&store, std::slice::from_ref(&sent)).await;
    let mut connection = raw(&url).await;
    connection.execute("BEGIN; SELECT FROM partitions FOR UPDATE").await.unwrap();
    let refused = owner.commit(create(&owner, &sent, 1)).await;
    assert!(matches!(refused, Err(StoreError::Unavailable(_))), "{refused:?}");
    connection.execute("ROLLBACK").await.unwrap();
    owner.commit(create(&owner, &sent, 1)).await.unwrap();
}

#[tokio::test]
async fn connecting_fails_at_once_and_says_why() {
    let url = database().await;
    let start = Instant::now();
    let connect =
        async |url: &str| PostgresStore::connect(url, PostgresOptions::default()).await.err().unwrap();
    let missing = connect(&format!("{url}_not_there")).await;
    assert!(
        matches!(&missing, OpenError::Connect(why) if why.to_string().contains("does not exist")),
        "{missing:?}"
    );
    let nobody = connect("postgres://postgres@127.0.0.1:1/wilco").await;
    assert!(matches!(nobody, OpenError::Connect(_)), "{nobody:?}");
    assert!(matches!(connect("no url").await, OpenError::NotAUrl(_)));
    assert!(start.elapsed() < Duration::from_secs(3));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn replicas_may_migrate_at_once_and_agree_on_the_partitions() {
    let url = database().await;
    let migrate = |partitions: u16| {
        let url = url.clone();
        tokio::spawn(async move {
            let options = PostgresOptions { partitions, ..PostgresOptions::default() };
            let store = PostgresStore::connect(&url, options).await.unwrap();
            (store.migrate().await.unwrap(), store.heads().await.unwrap().offsets.len())
        })
    };
    let replicas: Vec<_> = [3, 5, 7].into_iter().map(migrate).collect();
    let mut answers = Vec::new();
    for replica in replicas {
        answers.push(replica.await.unwrap());
    }
    let (count, _) = answers[0];
    assert!([3, 5, 7].contains(&count));
    assert_eq!(answers, [(count, usize::from(count)); 3]);
}

#[tokio::test]
async fn the_number_of_partitions_stays() {
    let url = database().await;
    assert_eq!(connect(&url).await.migrate().await.unwrap(), 2);
    let options = PostgresOptions { partitions: 16, ..PostgresOptions::default() };
    let store = PostgresStore::connect(&url, options).await.unwrap();
    assert_eq!(store.migrate().await.unwrap(), 2);
    let none = PostgresOptions { partitions: 0, ..PostgresOptions::default() };
    assert!(matches!(PostgresStore::connect(&url, none).await, Err(OpenError::Partitions(0))));
}

#[tokio::test]
async fn a_busy_partition_is_given_back_all_the_same() {
    let url = database().await;
    let store: Arc<dyn Store> = Arc::new(connect(&url).await);
    let one = Owner::of(Arc::clone(&store)).await;
    let two = Owner::of(Arc::clone(&store)).await;
    assert_eq!((one.leases.len(), two.leases.len()), (2, 0));
    // A commit under way holds the row that is to be given back.
    let mut connection = raw(&url).await;
    connection.execute("BEGIN; UPDATE partitions SET head = head + 1").await.unwrap();
    let beat = tokio::spawn(async move { store.heartbeat(one.id, Duration::from_secs(60)).await });
    let mut observer = raw(&url).await;
    let waiting = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()";
    let ask = async || sqlx::query_scalar::<_, i64>(waiting).fetch_one(&mut observer).await.unwrap();
    wait_for("the heartbeat to wait for the commit", ask, |waiting| *waiting == 1).await;
    connection.execute("COMMIT").await.unwrap();
    assert_eq!(beat.await.unwrap().unwrap().len(), 1);
    let leases = two.store.heartbeat(two.id, Duration::from_secs(60)).await.unwrap();
    assert_eq!(leases.iter().map(|lease| lease.head).collect::<Vec<_>>(), [1]);
}
