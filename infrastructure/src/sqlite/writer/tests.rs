use sqlx::Executor;
use tokio::sync::oneshot;

use super::super::SqliteStore;
use super::*;

struct Opened {
    store: SqliteStore,
    _dir: tempfile::TempDir,
}

async fn open() -> Opened {
    let dir = tempfile::tempdir().unwrap();
    let store = SqliteStore::open(&dir.path().join("wilco.db"), 1).await.unwrap();
    Opened { store, _dir: dir }
}

/// A job of one statement.
async fn run(store: &SqliteStore, statement: &'static str) -> Result<(), StoreError> {
    store.writer().write(move |connection| Box::pin(execute(connection, statement))).await
}

/// Holds the writer until the returned sender is used, so that what is sent meanwhile becomes one group.
async fn hold(store: &SqliteStore) -> oneshot::Sender<()> {
    let (release, released) = oneshot::channel::<()>();
    let (holding, held) = oneshot::channel();
    let store = store.clone();
    tokio::spawn(async move {
        let wait = store.writer().write(|_| {
            Box::pin(async move {
                let _ = holding.send(());
                drop(released.await);
                Ok(())
            })
        });
        wait.await
    });
    held.await.unwrap();
    release
}

/// The jobs' outcomes, done as one group.
async fn as_a_group<const N: usize>(
    store: &SqliteStore,
    jobs: [&'static str; N],
) -> [Result<(), StoreError>; N] {
    let release = hold(store).await;
    let sent = jobs.map(|job| {
        let mut sent = Box::pin({
            let store = store.clone();
            async move { run(&store, job).await }
        });
        assert!((&mut sent).now_or_never().is_none(), "it waits in the queue");
        sent
    });
    release.send(()).unwrap();
    let outcomes = futures::future::join_all(sent).await;
    outcomes.try_into().unwrap()
}

async fn readers(store: &SqliteStore) -> Vec<String> {
    let names = sqlx::query_scalar("SELECT reader FROM checkpoints ORDER BY reader");
    names.fetch_all(store.reads()).await.unwrap()
}

const A: &str = "INSERT INTO checkpoints (reader, partition, \"offset\") VALUES ('a', 0, 0)";
const B: &str = "INSERT INTO checkpoints (reader, partition, \"offset\") VALUES ('b', 0, 0)";

#[tokio::test]
async fn a_refused_job_harms_no_other_of_its_group() {
    let opened = open().await;
    let [one, two, three] = as_a_group(&opened.store, [A, A, B]).await;
    assert!(one.is_ok() && three.is_ok());
    assert!(matches!(two, Err(StoreError::Conflict)), "{two:?}");
    assert_eq!(readers(&opened.store).await, ["a", "b"]);
}

#[tokio::test]
async fn a_full_disk_is_told_to_the_whole_group_and_passes() {
    let opened = open().await;
    // The file may not grow: as on a full disk. A new connection knows nothing of it.
    run(&opened.store, "PRAGMA max_page_count = 1").await.unwrap();
    for outcome in as_a_group(&opened.store, [A, FILL]).await {
        assert!(matches!(outcome, Err(StoreError::Unavailable(_))), "{outcome:?}");
    }
    assert_eq!(readers(&opened.store).await, [""; 0]);
    run(&opened.store, B).await.unwrap();
    assert_eq!(readers(&opened.store).await, ["b"]);
}

const FILL: &str = "WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < 100000) \
                    INSERT INTO checkpoints (reader, partition, \"offset\") SELECT 'reader ' || n, 0, 0 FROM n";

#[tokio::test]
async fn a_job_that_panics_does_not_end_the_writer() {
    let opened = open().await;
    let panics = opened.store.writer().write::<(), _>(|_| Box::pin(async { panic!("as intended") }));
    assert!(matches!(panics.await, Err(StoreError::Unavailable(_))));
    run(&opened.store, A).await.unwrap();
}

#[tokio::test]
async fn what_is_answered_is_on_disk_and_only_the_writer_writes() {
    let opened = open().await;
    let settings = opened.store.writer().write(|connection| {
        Box::pin(async move {
            let synchronous: i64 =
                sqlx::query_scalar("PRAGMA synchronous").fetch_one(&mut *connection).await.unwrap();
            let journal: String =
                sqlx::query_scalar("PRAGMA journal_mode").fetch_one(&mut *connection).await.unwrap();
            Ok((synchronous, journal))
        })
    });
    assert_eq!(settings.await.unwrap(), (2, "wal".into()), "2 is FULL");
    let refused = opened.store.reads().execute(A).await.unwrap_err();
    assert!(refused.to_string().contains("readonly"), "{refused}");
}
