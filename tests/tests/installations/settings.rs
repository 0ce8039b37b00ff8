//! Each documented form of each setting, against a server that needs it.

use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;
use std::process::Output;

use sqlx::Executor as _;
use wilco_tests::postgres::PostgresServer;
use wilco_tests::wait_for;
use wilco_tests::wilco::{Wilco, wilco};

/// Runs the program in this folder, with these variables, to its end.
fn run(folder: &Path, variables: &[(&str, &str)], arguments: &[&str]) -> Output {
    let mut command = wilco();
    command.current_dir(folder).args(arguments).envs(variables.iter().copied()).output().unwrap()
}

fn said(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

#[tokio::test(flavor = "multi_thread")]
async fn postgres_is_reached_by_every_form_of_its_url() {
    let folder = tempfile::tempdir().unwrap();
    let server = PostgresServer::start();
    let port = server.port();
    let database = server.database().await.rsplit('/').next().unwrap().to_owned();
    let mut admin = server.admin(&database).await;
    let role = "CREATE ROLE guarded LOGIN SUPERUSER PASSWORD 'a,b@c/d#e?f:g%h i'";
    admin.execute(role).await.unwrap();
    let secret = "a%2Cb%40c%2Fd%23e%3Ff%3Ag%25h%20i";
    let socket = server.socket().display().to_string();
    let encoded = socket.replace('/', "%2F");
    for url in [
        format!("postgres://guarded:{secret}@127.0.0.1:{port}/{database}"),
        format!("postgresql://guarded:{secret}@127.0.0.1:{port}/{database}?sslmode=disable"),
        format!("postgres://127.0.0.1:{port}/{database}?user=guarded&password={secret}"),
        // A comma is itself in a password.
        format!("postgres://guarded:{}@127.0.0.1:{port}/{database}", secret.replace("%2C", ",")),
        format!(
            "postgres://guarded:{secret}@127.0.0.1:1,127.0.0.1:{port}/{database}?target_session_attrs=read-write"
        ),
        format!("postgres://guarded:{secret}@127.0.0.1:{port},127.0.0.1:1/{database}"),
        format!("postgres://postgres@{encoded}:{port}/{database}"),
        format!("postgres:///{database}?host={socket}&port={port}&user=postgres"),
        format!("postgres://postgres@127.0.0.1:{port}/{database}\n"),
    ] {
        let migrated = run(folder.path(), &[("WILCO_STORE", &url)], &["migrate"]);
        let said = said(&migrated);
        assert!(migrated.status.success(), "{url}: {said}");
        assert!(said.contains(&database) && !said.contains("guarded") && !said.contains("b%40c"), "{said}");
    }
    let wrong = format!("postgres://guarded:other@127.0.0.1:{port}/{database}");
    assert!(
        !run(folder.path(), &[], &["migrate", "--store", &wrong]).status.success(),
        "the password is needed"
    );
    // A schema of one's own, by the options of the start.
    admin.execute("CREATE SCHEMA mine").await.unwrap();
    for options in ["options=-c%20search_path%3Dmine", "options[search_path]=mine"] {
        let url = format!("postgres://postgres@127.0.0.1:{port}/{database}?{options}");
        let migrated = run(folder.path(), &[], &["migrate", "--store", &url]);
        assert!(migrated.status.success(), "{}", said(&migrated));
    }
    let mine = "SELECT count(*) FROM information_schema.tables WHERE table_schema = 'mine' AND table_name = 'events'";
    assert_eq!(sqlx::query_scalar::<_, i64>(mine).fetch_one(&mut admin).await.unwrap(), 1);
}

#[test]
fn a_file_is_found_by_every_form_of_its_url() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("data")).unwrap();
    let absolute = folder.path().join("absolute.db").display().to_string();
    for (url, file) in [
        ("sqlite:wilco.db".to_owned(), "wilco.db"),
        ("sqlite:data/wilco.db".to_owned(), "data/wilco.db"),
        ("sqlite:./data/../dots.db".to_owned(), "dots.db"),
        ("sqlite://slashes.db".to_owned(), "slashes.db"),
        (format!("sqlite:{absolute}"), "absolute.db"),
        (format!("sqlite://{}", absolute.replace("absolute", "three")), "three.db"),
        ("sqlite:my %20 #1, @home: é.db".to_owned(), "my %20 #1, @home: é.db"),
        ("sqlite:file:uri.db".to_owned(), "file:uri.db"),
    ] {
        let migrated = run(folder.path(), &[], &["migrate", "--store", &url]);
        assert!(migrated.status.success(), "{url}: {}", said(&migrated));
        assert!(folder.path().join(file).is_file(), "{url}");
    }
    for url in ["sqlite:", "sqlite::memory:", "sqlite:wilco.db?mode=rwc"] {
        assert_eq!(run(folder.path(), &[], &["migrate", "--store", url]).status.code(), Some(2), "{url}");
    }
}

#[test]
fn a_line_feed_behind_a_value_makes_no_other_store() {
    let folder = tempfile::tempdir().unwrap();
    let toml = folder.path().join("wilco.toml");
    std::fs::write(&toml, "store = \"sqlite:file.db\\n\"\n").unwrap();
    for (variables, arguments, file) in [
        (&[("WILCO_STORE", "sqlite:variable.db\n")][..], &["migrate"][..], "variable.db"),
        (&[], &["migrate", "--store", "sqlite:flag.db\r\n"], "flag.db"),
        (&[], &["migrate", "--set", "store= sqlite:set.db"], "set.db"),
        (&[], &["migrate"], "file.db"),
        (&[("WILCO_STORE", "\n")], &["migrate"], "file.db"),
    ] {
        let migrated = run(folder.path(), variables, arguments);
        assert!(migrated.status.success(), "{}", said(&migrated));
        assert!(folder.path().join(file).is_file(), "{file}");
    }
    let files: Vec<_> =
        std::fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert!(files.iter().all(|name| !name.as_bytes().contains(&b'\n')), "{files:?}");
}

#[test]
fn a_variable_that_is_no_text_is_refused_and_not_passed_over() {
    let folder = tempfile::tempdir().unwrap();
    let mut command = wilco();
    command.env("WILCO_STORE", std::ffi::OsStr::from_bytes(b"sqlite:caf\xe9.db"));
    let refused = command.current_dir(folder.path()).arg("migrate").output().unwrap();
    assert_eq!(refused.status.code(), Some(2), "{refused:?}");
    assert!(said(&refused).contains("WILCO_STORE"), "{refused:?}");
}

#[tokio::test]
async fn insecure_may_be_said_in_a_variable() {
    let folder = tempfile::tempdir().unwrap();
    let store = format!("sqlite:{}", folder.path().join("wilco.db").display());
    for yes in ["1", "true", "yes", "on\n"] {
        let mut server = Wilco::on(&store).at("0.0.0.0:0").environment("WILCO_INSECURE", yes).spawn();
        wait_for("it to serve", async || server.log(), |log| log.contains("serving")).await;
        assert!(server.stop().await.success(), "{yes}");
    }
    let wrong = run(folder.path(), &[("WILCO_INSECURE", "maybe")], &["migrate"]);
    assert_eq!(wrong.status.code(), Some(2));
    assert!(
        said(&wrong).contains("WILCO_INSECURE") && !said(&wrong).contains("default."),
        "{}",
        said(&wrong)
    );
}

#[tokio::test]
async fn no_part_of_a_password_gets_into_the_log() {
    let folder = tempfile::tempdir().unwrap();
    let sqlite = format!("sqlite:{}", folder.path().join("wilco.db").display());
    for mark in [",", "@", "/", "#", "?", ":", "%40", " "] {
        for (before, after) in [("hush", "quiet"), ("12", "quiet")] {
            let url = |scheme: &str| format!("{scheme}://me:{before}{mark}{after}@127.0.0.1:1");
            let store = format!("{}/db", url("postgres"));
            let refused =
                run(folder.path(), &[], &["migrate", "--store", &store, "--set", "log.level=trace"]);
            let mut heard = said(&refused);
            let wilco =
                Wilco::on(&sqlite).nats(url("nats")).set("log.level=trace,async_nats::connector=trace");
            let mut server = wilco.spawn();
            let told = async || (server.log(), server.has_ended());
            let enough = |(log, ended): &(String, bool)| *ended || log.contains("serving");
            heard.push_str(&wait_for("it to start or refuse", told, enough).await.0);
            assert!(!heard.contains("hush") && !heard.contains("quiet"), "{mark}: {heard}");
        }
    }
}
