//! A server that is read-only now, and one that takes its place.

use std::sync::Arc;
use std::sync::atomic::{AtomicU16, Ordering};

use sqlx::Executor as _;
use tokio::net::{TcpListener, TcpStream};
use wilco_tests::client::create_pet;
use wilco_tests::postgres::PostgresServer;
use wilco_tests::wait_for;
use wilco_tests::wilco::{Server, Wilco};

/// Submits until it is settled; the pet is new each time.
async fn takes_commands(server: &Server, name: &str) {
    let mut number = 0;
    let submit = async || {
        number += 1;
        let pet = create_pet(&format!("{name}-{number}"));
        server.client().post("/v1/commands", &pet, &[("Prefer", "wait=10")]).await.status
    };
    wait_for("a command to be settled", submit, |status| *status == 201).await;
}

async fn ready(server: &Server) -> u16 {
    server.client().read("/readyz").await.status
}

/// Waits until the standby has all that the primary has.
async fn catch_up(primary: &PostgresServer, standby: &PostgresServer) {
    let (mut old, mut new) = (primary.admin("postgres").await, standby.admin("postgres").await);
    let sent =
        sqlx::query_scalar::<_, String>("SELECT pg_current_wal_flush_lsn()::text").fetch_one(&mut old).await;
    let ask = format!("SELECT pg_last_wal_replay_lsn() >= '{}'::pg_lsn", sent.unwrap());
    let replayed = async || sqlx::query_scalar::<_, bool>(&ask).fetch_one(&mut new).await.unwrap();
    wait_for("the standby to have everything", replayed, |done| *done).await;
}

/// The standby takes the place of the primary, which becomes read-only.
async fn fail_over(primary: &PostgresServer, standby: &PostgresServer) {
    primary.be_read_only(true).await;
    catch_up(primary, standby).await;
    standby.admin("postgres").await.execute("SELECT pg_promote()").await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn of_several_servers_the_one_that_takes_writes_is_used() {
    let primary = PostgresServer::start();
    let database = primary.database().await.rsplit('/').next().unwrap().to_owned();
    let standby = primary.standby();
    // The standby comes first.
    let url = format!(
        "postgres://postgres@127.0.0.1:{},127.0.0.1:{}/{database}?target_session_attrs=read-write",
        standby.port(),
        primary.port()
    );
    let server = Wilco::on(url).start().await;
    let done = server.client().done(&create_pet("before")).await;
    fail_over(&primary, &standby).await;
    takes_commands(&server, "after").await;
    wait_for("it to be ready", async || ready(&server).await, |status| *status == 200).await;
    assert_eq!(server.client().status(done["id"].as_str().unwrap()).await.body, done);
    // What is read comes from there as well, though the other one still answers.
    assert_eq!(server.client().read("/v1/pets?limit=10").await.body["items"].as_array().unwrap().len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_dies_is_left_for_the_other() {
    let mut primary = PostgresServer::start();
    let database = primary.database().await.rsplit('/').next().unwrap().to_owned();
    let standby = primary.standby();
    let hosts = format!("127.0.0.1:{},127.0.0.1:{}", primary.port(), standby.port());
    let server = Wilco::on(format!("postgres://postgres@{hosts}/{database}")).start().await;
    server.client().done(&create_pet("before")).await;
    catch_up(&primary, &standby).await;
    primary.crash();
    standby.admin("postgres").await.execute("SELECT pg_promote()").await.unwrap();
    takes_commands(&server, "after").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn behind_a_name_that_leads_elsewhere_no_connection_to_the_old_server_is_kept() {
    let primary = PostgresServer::start();
    let database = primary.database().await.rsplit('/').next().unwrap().to_owned();
    let standby = primary.standby();
    let name = Arc::new(AtomicU16::new(primary.port()));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let leads = Arc::clone(&name);
    tokio::spawn(async move {
        loop {
            let (mut client, _) = listener.accept().await.unwrap();
            let mut server = TcpStream::connect(("127.0.0.1", leads.load(Ordering::Relaxed))).await.unwrap();
            tokio::spawn(async move { tokio::io::copy_bidirectional(&mut client, &mut server).await });
        }
    });
    let server = Wilco::on(format!("postgres://postgres@127.0.0.1:{port}/{database}")).start().await;
    server.client().done(&create_pet("before")).await;
    fail_over(&primary, &standby).await;
    name.store(standby.port(), Ordering::Relaxed);
    takes_commands(&server, "after").await;
    let pets =
        async || server.client().read("/v1/pets?limit=10").await.body["items"].as_array().unwrap().len();
    wait_for("what is read to come from there", pets, |count| *count == 2).await;
    let mut old = primary.admin("postgres").await;
    let ask = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'wilco'";
    let kept = async || sqlx::query_scalar::<_, i64>(ask).fetch_one(&mut old).await.unwrap();
    wait_for("the old server to be left", kept, |count| *count == 0).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_is_read_only_makes_unready_and_is_told_of_once() {
    let postgres = PostgresServer::start();
    let server = Wilco::on(postgres.database().await).set("engine.lease_ms=2000").start().await;
    server.client().done(&create_pet("before")).await;
    postgres.be_read_only(true).await;
    wait_for("it to be unready", async || ready(&server).await, |status| *status == 503).await;
    for number in 0..20 {
        let refused = server.client().submit(&create_pet(&format!("refused-{number}"))).await;
        assert_eq!((refused.status, refused.slug()), (503, "store-unavailable"), "{refused:?}");
        assert_eq!(server.client().read("/v1/pets/before").await.status, 200, "what is there can be read");
    }
    let log = server.log();
    let warnings: Vec<&str> = log.lines().filter(|line| line.contains("WARN")).collect();
    assert!(warnings.len() <= 2, "{warnings:#?}");
    postgres.be_read_only(false).await;
    takes_commands(&server, "after").await;
    wait_for("it to be ready", async || ready(&server).await, |status| *status == 200).await;
    assert!(server.log().contains("the store answers again"), "{}", server.log());
}
