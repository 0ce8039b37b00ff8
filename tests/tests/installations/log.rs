//! What is worth a warning, and what says that the server cannot work.

use std::process::Command;

use wilco_tests::client::{create_pet, pet};
use wilco_tests::e2e::{Place as _, PostgresPlace, SqlitePlace};
use wilco_tests::wait_for;
use wilco_tests::wilco::{Server, Wilco};

async fn repeat_requests(wilco: Wilco) {
    let server = wilco.start().await;
    for number in 0..5 {
        let key = format!("key-{number}");
        let headers = [("Idempotency-Key", key.as_str()), ("Prefer", "wait=10")];
        let create = async || server.client().post("/v1/pets", &pet("Rex"), &headers).await;
        // At the same moment, and once more later.
        let (first, second) = tokio::join!(create(), create());
        let third = create().await;
        for reply in [first, second, third] {
            assert!(matches!(reply.status, 200..=202), "{reply:?}");
        }
    }
    let log = server.log();
    assert!(!log.contains(" WARN ") && !log.contains(" ERROR "), "{log}");
}

#[tokio::test]
async fn a_request_repeated_with_its_key_is_no_reason_to_warn_on_sqlite() {
    repeat_requests(SqlitePlace::new().await.wilco()).await;
}

#[tokio::test]
async fn a_request_repeated_with_its_key_is_no_reason_to_warn_on_postgres() {
    repeat_requests(PostgresPlace::new().await.wilco()).await;
}

/// Nothing can be written behind this many bytes of a file.
fn limit_files(server: &Server, bytes: &str) {
    let limit = format!("--fsize={bytes}:");
    let set = Command::new("prlimit").args(["--pid", &server.pid().to_string(), &limit]).status();
    assert!(set.is_ok_and(|set| set.success()), "prlimit, of util-linux, is installed");
}

#[tokio::test]
async fn a_full_disk_makes_unready_until_there_is_room() {
    let place = SqlitePlace::new().await;
    let server = place.wilco().set("engine.lease_ms=2000").start().await;
    server.client().done(&create_pet("before")).await;
    let ready = async || server.client().read("/readyz").await.status;
    limit_files(&server, "4096");
    wait_for("it to be unready", ready, |status| *status == 503).await;
    assert_eq!(server.client().submit(&create_pet("refused")).await.status, 503);
    assert_eq!(server.client().read("/v1/pets/before").await.status, 200);
    limit_files(&server, "unlimited");
    wait_for("it to be ready", ready, |status| *status == 200).await;
    server.client().done(&create_pet("after")).await;
}
