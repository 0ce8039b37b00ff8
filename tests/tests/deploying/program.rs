//! The program itself: what it says before it serves, and what clients see when it serves all the same.

use serde_json::{Value, json};
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{ConnectOptions as _, Connection as _, Executor as _, PgConnection};
use wilco_tests::client::{Reply, create_pet, slug};
use wilco_tests::postgres::database;
use wilco_tests::wait_for;
use wilco_tests::wilco::{Wilco, run};

/// A kind of event that no build knows: as if an event had been renamed without an upcaster.
const RENAMED: &str = r#"
    UPDATE events SET event_type = 'pet.taken_in', payload = '{"type":"taken_in"}' WHERE aggregate_id = 'rex';
    UPDATE event_kinds SET event_type = 'pet.taken_in', aggregate_id = 'rex' WHERE event_type = 'pet.created';
"#;
/// A scheduled command of a type that is gone.
const REMOVED: &str =
    "UPDATE commands SET command_type = 'pet.groom' WHERE target = 'fido' AND settled_at IS NULL";

async fn execute(url: &str, sql: &str) {
    match url.strip_prefix("sqlite:") {
        Some(path) => {
            let mut connection = SqliteConnectOptions::new().filename(path).connect().await.unwrap();
            connection.execute(sql).await.unwrap();
            connection.close().await.unwrap();
        }
        None => PgConnection::connect(url).await.unwrap().execute(sql).await.map(drop).unwrap(),
    }
}

async fn left_behind(url: &str) {
    let mut server = Wilco::on(url).start().await;
    for id in ["rex", "fido"] {
        server.client().done(&create_pet(id)).await;
    }
    let scheduled = json!({
        "type": "pet.sell", "target": "fido", "data": {}, "not_before": wilco_tests::e2e::in_seconds(86_400),
    });
    assert_eq!(server.client().submit(&scheduled).await.status, 202);
    assert!(server.stop().await.success());
    let checked = run(&["migrate", "--check", "--store", url]).await;
    assert!(checked.status.success(), "{checked:?}");
    execute(url, RENAMED).await;
    execute(url, REMOVED).await;
}

async fn refuses(arguments: &[&str]) {
    let refused = run(arguments).await;
    assert_eq!(refused.status.code(), Some(1), "{refused:?}");
    let said = String::from_utf8_lossy(&refused.stderr);
    for part in [
        "events pet.taken_in 1.0 cannot be read, such as number 1 of pet/rex: ",
        "1 open pet.groom, first due ",
        "the type is unknown",
        "docs/changing.md",
        "serve --force",
    ] {
        assert!(said.contains(part), "{part}: {said}");
    }
}

async fn status_once_blocked(client: &wilco_tests::client::Client, id: &str) -> Reply {
    let ask = async || client.status(id).await;
    wait_for("the status to say why", ask, |reply| reply.body["blocked"] != Value::Null).await
}

async fn what_cannot_be_read_is_said_before_it_serves_and_waits_when_it_is_forced(url: &str) {
    left_behind(url).await;
    refuses(&["migrate", "--check", "--store", url]).await;
    refuses(&["serve", "--listen", "127.0.0.1:0", "--store", url]).await;

    let mut server = Wilco::on(url).forced().start().await;
    let client = server.client();
    let sell = |target: &str| json!({ "type": "pet.sell", "target": target, "data": {} });
    let waiting = client.submit(&sell("rex")).await;
    assert_eq!((waiting.status, &waiting.body["blocked"]), (202, &Value::Null));
    let status = status_once_blocked(client, &waiting.id()).await;
    assert_eq!((status.status, &status.body["status"]), (200, &json!("pending")), "{status:?}");
    let problem = &status.body["blocked"];
    assert_eq!((slug(problem), &problem["status"]), ("blocked", &json!(503)));
    assert!(problem["detail"].as_str().unwrap().contains("pet.taken_in"), "{problem}");
    assert!(status.header("etag").contains("blocked"), "{status:?}");
    assert_eq!(client.read("/problems/blocked").await.status, 200);
    let listed = client.read("/v1/commands?status=pending").await.body["items"].clone();
    assert_eq!(listed[0]["blocked"], *problem, "{listed}");
    // Others are served as ever, and what waits can be taken back.
    assert_eq!(client.done(&sell("fido")).await["status"], "succeeded");
    let path = format!("/v1/commands/{}", waiting.id());
    let cancelled = client.send(client.request(reqwest::Method::DELETE, &path)).await.unwrap();
    assert_eq!((cancelled.status, &cancelled.body["status"]), (200, &json!("cancelled")), "{cancelled:?}");
    let history = client.read("/v1/pets/rex/history").await.body["items"].clone();
    assert_eq!((&history[0]["type"], &history[0]["event_version"]), (&json!("pet.taken_in"), &json!("1.0")));
    assert!(server.stop().await.success());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_cannot_be_read_is_said_before_it_serves_on_sqlite() {
    let folder = tempfile::tempdir().unwrap();
    let url = format!("sqlite:{}", folder.path().join("wilco.db").display());
    what_cannot_be_read_is_said_before_it_serves_and_waits_when_it_is_forced(&url).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_cannot_be_read_is_said_before_it_serves_on_postgres() {
    what_cannot_be_read_is_said_before_it_serves_and_waits_when_it_is_forced(&database().await).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_build_that_does_not_know_the_schema_does_not_start() {
    let folder = tempfile::tempdir().unwrap();
    let sqlite = format!("sqlite:{}", folder.path().join("wilco.db").display());
    for (url, one) in [(sqlite, "X'00'"), (database().await, r"'\x00'")] {
        assert!(run(&["migrate", "--store", &url]).await.status.success());
        let later = format!("INSERT INTO _sqlx_migrations VALUES (9999, 'later', now, true, {one}, 0)");
        execute(&url, &later.replace("now", "CURRENT_TIMESTAMP")).await;
        let refused = run(&["serve", "--listen", "127.0.0.1:0", "--store", &url]).await;
        assert_eq!(refused.status.code(), Some(1), "{refused:?}");
        assert!(String::from_utf8_lossy(&refused.stderr).contains("migration 9999"), "{refused:?}");
    }
}
