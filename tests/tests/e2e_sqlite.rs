//! The program on a SQLite file.

use wilco_tests::e2e::{Place, SqlitePlace};
use wilco_tests::wilco::{Wilco, run};

wilco_tests::e2e!(SqlitePlace);

#[tokio::test]
async fn a_second_process_on_the_same_file_refuses_to_start() {
    let place = SqlitePlace::new().await;
    let first = place.wilco().start().await;
    let mut second = place.wilco().spawn();
    assert_eq!(second.exit().await.code(), Some(1));
    assert!(second.log().contains("in use by another process"), "{}", second.log());
    assert_eq!(first.client().read("/readyz").await.status, 200, "the first one is unharmed");
}

#[tokio::test]
async fn other_machines_are_not_let_in_by_accident() {
    let place = SqlitePlace::new().await;
    let refused = run(&["--listen", "0.0.0.0:0", "--store", &place.url()]).await;
    assert_eq!(refused.status.code(), Some(2), "{refused:?}");
    let said = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(said.contains("--insecure") && said.contains("0.0.0.0"), "{said}");
}

#[tokio::test]
async fn wrong_usage_exits_2_failure_1_and_a_server_that_is_away_4() {
    for usage in [
        &["nonsense"][..],
        &["--store", "mysql://x"],
        &["--set", "engine.batch=0"],
        &["--config", "/nowhere"],
    ] {
        let output = run(usage).await;
        assert_eq!(output.status.code(), Some(2), "{usage:?}: {output:?}");
    }
    let closed =
        std::net::TcpListener::bind("127.0.0.1:0").expect("a port").local_addr().expect("an address");
    let output = run(&["command", "list", "--url", &format!("http://{closed}")]).await;
    assert_eq!(output.status.code(), Some(4), "{output:?}");
    let output = run(&["migrate", "--store", "sqlite:/nowhere/at/all.db"]).await;
    assert_eq!(output.status.code(), Some(1), "{output:?}");
}

#[tokio::test]
async fn the_schema_can_be_brought_up_to_date_beforehand() {
    let place = SqlitePlace::new().await;
    let migrated = run(&["migrate", "--store", &place.url()]).await;
    assert!(migrated.status.success(), "{migrated:?}");
    Wilco::on(place.url()).start().await;
}

#[tokio::test]
async fn the_openapi_document_is_printed_without_a_server() {
    let printed = run(&["openapi"]).await;
    let document: serde_json::Value = serde_json::from_slice(&printed.stdout).expect("it is JSON");
    assert_eq!(document["openapi"].as_str().map(|version| &version[..3]), Some("3.1"));
}
