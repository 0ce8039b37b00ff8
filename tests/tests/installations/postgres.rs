//! What is before the server, and what the database must be like.

use sqlx::Executor as _;
use wilco_tests::client::create_pet;
use wilco_tests::pgbouncer::PgBouncer;
use wilco_tests::postgres::PostgresServer;
use wilco_tests::wilco::{Wilco, run};

fn name(url: &str) -> &str {
    url.rsplit('/').next().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pooler_that_breaks_sessions_is_refused_and_named() {
    let server = PostgresServer::start();
    let database = server.database().await;
    for (mode, further) in [
        ("transaction", ""),
        ("transaction", "default_pool_size = 1"),
        ("transaction", "server_round_robin = 1\ndefault_pool_size = 4"),
        ("transaction", "ignore_startup_parameters = extra_float_digits,options"),
        ("statement", ""),
    ] {
        let pooler = PgBouncer::start(server.port(), mode, further).await;
        let refused = run(&["migrate", "--store", &pooler.url(name(&database))]).await;
        let said = String::from_utf8_lossy(&refused.stderr).into_owned();
        assert_eq!(refused.status.code(), Some(1), "{mode} {further}: {said}");
        assert!(said.contains("pool_mode = session"), "{mode} {further}: {said}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn behind_a_pooler_of_sessions_every_setting_holds() {
    let server = PostgresServer::start();
    let database = server.database().await;
    let mut admin = server.admin(name(&database)).await;
    // What the server would do by itself is not what a store counts on.
    admin.execute("ALTER ROLE postgres SET synchronous_commit = off").await.unwrap();
    // One that refuses `options`, and one that drops them without a word.
    for further in ["", "ignore_startup_parameters = extra_float_digits,options"] {
        let pooler = PgBouncer::start(server.port(), "session", further).await;
        let wilco = Wilco::on(pooler.url(name(&database))).start().await;
        wilco.client().done(&create_pet(&format!("pet-{}", further.len()))).await;
        let sessions = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'wilco'";
        assert!(sqlx::query_scalar::<_, i64>(sessions).fetch_one(&mut admin).await.unwrap() > 0);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_is_not_utf8_is_refused_at_the_start() {
    let server = PostgresServer::start();
    let mut admin = server.admin("postgres").await;
    for encoding in ["SQL_ASCII", "LATIN1"] {
        let database = encoding.to_lowercase();
        let create =
            format!("CREATE DATABASE {database} ENCODING '{encoding}' TEMPLATE template0 LOCALE 'C'");
        admin.execute(create.as_str()).await.unwrap();
        let url = format!("postgres://postgres@127.0.0.1:{}/{database}", server.port());
        let refused = run(&["migrate", "--store", &url]).await;
        let said = String::from_utf8_lossy(&refused.stderr).into_owned();
        assert_eq!(refused.status.code(), Some(1), "{said}");
        assert!(said.contains(encoding) && said.contains("UTF8"), "{said}");
    }
}
