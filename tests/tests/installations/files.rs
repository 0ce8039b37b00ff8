//! The data file: whose it is, what a copy of it holds, and what happens when it goes.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Output;

use serde_json::Value;
use tempfile::TempDir;
use wilco_tests::client::create_pet;
use wilco_tests::wait_for;
use wilco_tests::wilco::{Server, Wilco, run};

struct Place {
    folder: TempDir,
}

impl Place {
    fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap() }
    }

    fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn url(&self, name: &str) -> String {
        format!("sqlite:{}", self.file(name).display())
    }

    fn wilco(&self, name: &str) -> Wilco {
        Wilco::on(self.url(name))
    }

    async fn backup(&self, store: &str, to: &str) -> Output {
        let to = self.file(to).display().to_string();
        run(&["backup", &to, "--store", &self.url(store)]).await
    }

    async fn restore(&self, from: &str, store: &str, further: &[&str]) -> Output {
        let from = self.file(from).display().to_string();
        run(&[&["restore", &from, "--store", &self.url(store)], further].concat()).await
    }
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

async fn pets(server: &Server) -> Vec<Value> {
    server.client().read("/v1/pets?limit=500").await.body["items"].as_array().unwrap().clone()
}

/// The generation of a store, of which nobody has the file.
async fn generation(url: &str) -> i64 {
    let url = format!("{url}?mode=rw");
    let mut connection = <sqlx::SqliteConnection as sqlx::Connection>::connect(&url).await.unwrap();
    sqlx::query_scalar("SELECT generation FROM store_identity").fetch_one(&mut connection).await.unwrap()
}

#[tokio::test]
async fn a_restored_store_is_another_generation() {
    let place = Place::new();
    place.wilco("wilco.db").start().await.stop().await;
    let before = generation(&place.url("wilco.db")).await;
    assert!(place.backup("wilco.db", "copy.db").await.status.success());
    assert!(place.restore("copy.db", "new.db", &[]).await.status.success());
    let restored = generation(&place.url("new.db")).await;
    assert!(restored > before, "{before} to {restored}");
    let by_hand = run(&["migrate", "--restored", "--store", &place.url("new.db")]).await;
    assert!(by_hand.status.success(), "{by_hand:?}");
    assert!(generation(&place.url("new.db")).await > restored);
}

/// What the file holds by itself, without its log.
async fn pets_in_a_bare_copy(place: &Place, of: &str) -> usize {
    let copy = place.file("bare.db");
    fs::copy(place.file(of), &copy).unwrap();
    let url = format!("sqlite://{}?mode=ro&immutable=true", copy.display());
    let Ok(mut connection) = <sqlx::SqliteConnection as sqlx::Connection>::connect(&url).await else {
        return 0;
    };
    let count = sqlx::query_scalar::<_, i64>("SELECT count(*) FROM views").fetch_one(&mut connection).await;
    count.unwrap_or(0) as usize
}

#[tokio::test]
async fn a_second_process_is_refused_whatever_name_it_has_for_the_file() {
    let place = Place::new();
    let first = place.wilco("wilco.db").start().await;
    std::os::unix::fs::symlink(place.file("wilco.db"), place.file("symbolic.db")).unwrap();
    fs::hard_link(place.file("wilco.db"), place.file("hard.db")).unwrap();
    std::os::unix::fs::symlink(place.folder.path(), place.file("folder")).unwrap();
    // A lock beside the file is nothing that anybody needs.
    let _ = fs::remove_file(place.file("wilco.db.lock"));
    for name in ["wilco.db", "symbolic.db", "hard.db", "folder/wilco.db"] {
        let mut second = place.wilco(name).spawn();
        assert_eq!(second.exit().await.code(), Some(1), "{name}");
        assert!(second.log().contains("in use by another process"), "{name}: {}", second.log());
    }
    first.client().done(&create_pet("rex")).await;
    let names: Vec<_> =
        fs::read_dir(place.folder.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert!(
        !names.iter().any(|name| Path::new(name).extension().is_some_and(|end| end == "lock")),
        "{names:?}"
    );
}

#[tokio::test]
async fn the_file_of_an_idle_server_is_the_whole_store() {
    let place = Place::new();
    let server = place.wilco("wilco.db").set("engine.lease_ms=1000").start().await;
    for number in 0..20 {
        server.client().done(&create_pet(&format!("pet-{number}"))).await;
    }
    let copied = async || pets_in_a_bare_copy(&place, "wilco.db").await;
    wait_for("the file to be whole", copied, |count| *count == 20).await;
}

#[tokio::test]
async fn a_backup_of_a_busy_server_is_a_store() {
    let place = Place::new();
    let server = place.wilco("wilco.db").start().await;
    for number in 0..50 {
        server.client().done(&create_pet(&format!("pet-{number}"))).await;
    }
    let client = server.client().clone();
    let load = tokio::spawn(async move {
        for number in 50.. {
            client.submit(&create_pet(&format!("pet-{number}"))).await;
        }
    });
    let made = place.backup("wilco.db", "copy.db").await;
    load.abort();
    assert!(made.status.success(), "{}", said(&made));
    let again = place.backup("wilco.db", "copy.db").await;
    assert_eq!(again.status.code(), Some(1), "an older copy is not overwritten");
    assert!(said(&again).contains("there already"), "{}", said(&again));

    let restored = place.restore("copy.db", "new.db", &[]).await;
    assert!(restored.status.success(), "{}", said(&restored));
    let server = place.wilco("new.db").start().await;
    assert!(pets(&server).await.len() >= 50);
    server.client().done(&create_pet("after")).await;
}

#[tokio::test]
async fn a_backup_without_a_server_has_what_the_last_one_had_not_written_back() {
    let place = Place::new();
    let mut server = place.wilco("wilco.db").start().await;
    server.client().done(&create_pet("rex")).await;
    server.kill().await;
    let made = place.backup("wilco.db", "copy.db").await;
    assert!(made.status.success(), "{}", said(&made));
    let restored = place.restore("copy.db", "new.db", &[]).await;
    assert!(restored.status.success(), "{}", said(&restored));
    assert_eq!(pets(&place.wilco("new.db").start().await).await.len(), 1);
    assert_eq!(pets(&place.wilco("wilco.db").start().await).await.len(), 1, "the store is unharmed");
}

#[tokio::test]
async fn a_restore_overwrites_nothing_and_takes_no_file_for_a_store_that_is_none() {
    let place = Place::new();
    let mut server = place.wilco("wilco.db").start().await;
    server.client().done(&create_pet("rex")).await;
    assert!(place.backup("wilco.db", "copy.db").await.status.success());
    server.client().done(&create_pet("later")).await;

    let in_the_way = place.restore("copy.db", "wilco.db", &[]).await;
    assert!(said(&in_the_way).contains("--force"), "{}", said(&in_the_way));
    let in_use = place.restore("copy.db", "wilco.db", &["--force"]).await;
    assert!(said(&in_use).contains("in use"), "{}", said(&in_use));
    fs::write(place.file("text.db"), "This is no database, and long enough to be seen as none. ".repeat(100))
        .unwrap();
    let mut torn = fs::read(place.file("copy.db")).unwrap();
    let middle = torn.len() / 2;
    torn[middle..].fill(0x5a);
    fs::write(place.file("torn.db"), torn).unwrap();
    for bad in ["text.db", "torn.db", "nothing.db"] {
        let refused = place.restore(bad, "other.db", &[]).await;
        assert_eq!(refused.status.code(), Some(1), "{bad}: {}", said(&refused));
        assert!(!place.file("other.db").exists(), "{bad}");
    }
    assert_eq!(place.backup("nothing.db", "x.db").await.status.code(), Some(1));
    assert!(!place.file("nothing.db").exists());

    server.kill().await;
    let forced = place.restore("copy.db", "wilco.db", &["--force"]).await;
    assert!(forced.status.success(), "{}", said(&forced));
    let aside = String::from_utf8_lossy(&forced.stdout)
        .lines()
        .next()
        .unwrap()
        .rsplit(' ')
        .next()
        .unwrap()
        .to_owned();
    assert_eq!(pets(&place.wilco("wilco.db").start().await).await.len(), 1, "as it was copied");
    assert_eq!(
        pets(&Wilco::on(format!("sqlite:{aside}")).start().await).await.len(),
        2,
        "put aside, log and all"
    );
}

#[tokio::test]
async fn a_backup_of_postgres_is_left_to_its_tools() {
    let refused = run(&["backup", "x", "--store", "postgres://127.0.0.1:1/db"]).await;
    assert_eq!(refused.status.code(), Some(2));
    assert!(said(&refused).contains("pg_dump"), "{}", said(&refused));
}

async fn ready(server: &Server) -> u16 {
    server.client().read("/readyz").await.status
}

#[tokio::test]
async fn a_data_file_that_is_taken_away_is_noticed_and_nothing_is_accepted_until_it_is_back() {
    let place = Place::new();
    let server = place.wilco("wilco.db").set("engine.lease_ms=1000").start().await;
    server.client().done(&create_pet("before")).await;
    for name in ["wilco.db", "wilco.db-wal"] {
        fs::rename(place.file(name), place.file("away")).unwrap();
        let refused = server.client().submit(&create_pet("refused")).await;
        assert_eq!(refused.status, 503, "{name}: {refused:?}");
        wait_for("it to be unready", async || ready(&server).await, |status| *status == 503).await;
        let errors = async || server.log().lines().filter(|line| line.contains("ERROR")).count();
        wait_for("the log to say so", errors, |count| *count > 0).await;
        fs::rename(place.file("away"), place.file(name)).unwrap();
        wait_for("it to be ready again", async || ready(&server).await, |status| *status == 200).await;
    }
    server.client().done(&create_pet("after")).await;
    let mut server = server;
    server.kill().await;
    assert_eq!(pets(&place.wilco("wilco.db").start().await).await.len(), 2);
}

#[tokio::test]
async fn a_data_file_that_is_replaced_is_noticed_and_the_new_one_is_served_after_a_restart() {
    let place = Place::new();
    let mut server = place.wilco("wilco.db").set("engine.lease_ms=1000").start().await;
    server.client().done(&create_pet("first")).await;
    assert!(place.backup("wilco.db", "copy.db").await.status.success());
    server.client().done(&create_pet("second")).await;
    fs::rename(place.file("copy.db"), place.file("wilco.db")).unwrap();
    wait_for("it to be unready", async || ready(&server).await, |status| *status == 503).await;
    assert_eq!(server.client().submit(&create_pet("refused")).await.status, 503);
    server.stop().await;
    let server = place.wilco("wilco.db").start().await;
    server.client().done(&create_pet("third")).await;
}
