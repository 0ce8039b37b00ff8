//! What goes wrong with SQLite in particular, and does not here. What needs to reach behind the port is tested beside
//! the writer.

#![allow(clippy::unwrap_used, reason = "all of this is tests")]

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use sqlx::{Connection as _, Executor as _};
use wilco_application::ports::{Command, Feed, Registry, State};
use wilco_infrastructure::OpenError;
use wilco_infrastructure::sqlite::SqliteStore;
use wilco_tests::conformance::{Owner, at, command, submit};

async fn open(path: &Path) -> SqliteStore {
    SqliteStore::open(path, 2).await.unwrap()
}

#[tokio::test]
async fn a_file_is_opened_once_at_a_time() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("wilco.db");
    let store = open(&path).await;
    let second = SqliteStore::open(&path, 2).await.err().unwrap();
    assert!(matches!(&second, OpenError::InUse(file) if *file == path), "{second:?}");
    assert!(second.to_string().contains("in use by another process"));
    store.close().await;
    open(&path).await;
}

#[tokio::test]
async fn a_store_opened_again_is_as_it_was_and_free_at_once() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("wilco.db");
    let (done, open_one) = (command(1, "rex"), command(0, "fido"));
    let store = open(&path).await;
    let owner = Owner::of(Arc::new(store.clone())).await;
    owner.apply(&done, 1).await.unwrap();
    submit(&store, std::slice::from_ref(&open_one)).await;
    // As after a crash: nobody resigned.
    store.close().await;

    let store = SqliteStore::open(&path, 7).await.unwrap();
    assert_eq!(store.migrate().await.unwrap(), 2, "the number of partitions stays");
    let again = Owner::of(Arc::new(store.clone())).await;
    assert_eq!(again.leases.iter().map(|lease| lease.head).collect::<Vec<_>>(), [0, 2]);
    assert!(
        again.leases.iter().zip(&owner.leases).all(|(new, old)| new.epoch > old.epoch),
        "the old owner is fenced"
    );
    assert_eq!(store.command(&done.key()).await.unwrap().unwrap().state(), State::Succeeded);
    assert_eq!(store.due(&[0, 1], at(100_000), 9).await.unwrap(), [open_one]);
}

#[tokio::test]
async fn a_closed_store_says_so() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(&dir.path().join("wilco.db")).await;
    store.close().await;
    assert!(store.accept(vec![command(0, "rex").into()]).await.is_err());
    assert!(store.heads().await.is_err());
}

#[tokio::test]
async fn what_cannot_be_opened_is_told() {
    let dir = tempfile::tempdir().unwrap();
    let nowhere = SqliteStore::open(&dir.path().join("not/there.db"), 1).await.err().unwrap();
    assert!(matches!(nowhere, OpenError::File(..)), "{nowhere:?}");
    let text = dir.path().join("text.db");
    std::fs::write(&text, "This is no database, and long enough to be seen as none. ".repeat(100)).unwrap();
    assert!(SqliteStore::open(&text, 1).await.is_err());
    assert!(matches!(SqliteStore::open(&text, 0).await, Err(OpenError::Partitions(0))));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_log_stays_bounded_though_readers_never_rest() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("wilco.db");
    let store = open(&path).await;
    let done = Arc::new(AtomicBool::new(false));
    let read = || {
        let (store, done) = (store.clone(), Arc::clone(&done));
        tokio::spawn(async move {
            while !done.load(Ordering::Relaxed) {
                store.due(&[0], at(100_000), 3).await.unwrap();
            }
        })
    };
    let readers = [read(), read(), read()];
    let megabyte = format!("\"{}\"", "x".repeat(1 << 20));
    let log = path.with_extension("db-wal");
    let mut longest = 0;
    for _ in 0..110 {
        let large = Command { data: megabyte.clone(), ..command(0, "rex") };
        submit(&store, &[large]).await;
        longest = longest.max(std::fs::metadata(&log).unwrap().len());
    }
    done.store(true, Ordering::Relaxed);
    for reader in readers {
        reader.await.unwrap();
    }
    assert!(longest < 90 << 20, "{longest} bytes of log for 110 MiB of data");
}

#[tokio::test]
async fn a_reader_that_was_in_the_way_once_does_not_let_the_log_grow_for_long() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("wilco.db");
    let store = open(&path).await;
    let log = path.with_extension("db-wal");
    let length = || std::fs::metadata(&log).unwrap().len();
    let mut reader =
        SqliteConnection::connect_with(&SqliteConnectOptions::new().filename(&path)).await.unwrap();
    reader.execute("BEGIN; SELECT count(*) FROM commands").await.unwrap();
    let megabyte = format!("\"{}\"", "x".repeat(1 << 20));
    while length() < 66 << 20 {
        submit(&store, &[Command { data: megabyte.clone(), ..command(0, "rex") }]).await;
    }
    // Waits behind the attempt that the reader is in the way of.
    submit(&store, &[command(0, "rex")]).await;
    reader.close().await.unwrap();
    let patience = Instant::now() + Duration::from_secs(5);
    while length() > 1 << 20 {
        assert!(Instant::now() < patience, "{} bytes of log long after the reader has gone", length());
        submit(&store, &[command(0, "rex")]).await;
    }
}
