//! The command line as scripts use it.

use std::process::Output;

use serde_json::{Value, json};
use sqlx::{Connection as _, SqliteConnection};
use wilco_tests::client::{create_pet, pet};
use wilco_tests::e2e::{Place as _, SqlitePlace, in_seconds};
use wilco_tests::wait_for;
use wilco_tests::wilco::{Server, run, wilco};

fn out(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

async fn ask(server: &Server, arguments: &[&str]) -> Output {
    run(&[arguments, &["--url", server.client().base()]].concat()).await
}

fn json_of(output: &Output) -> Value {
    serde_json::from_str(&out(output)).unwrap_or_else(|_| panic!("{output:?}"))
}

#[tokio::test]
async fn the_exit_code_tells_refused_failed_unreachable_and_not_yet_apart() {
    let place = SqlitePlace::new().await;
    let server = place.wilco().start().await;
    let data = pet("Rex").to_string();
    let create =
        ["command", "submit", "pet.create", "--target", "rex", "--data", &data, "--wait", "10", "--json"];
    let done = ask(&server, &create).await;
    assert_eq!((done.status.code(), &json_of(&done)["status"]), (Some(0), &json!("succeeded")));

    let refused = ask(&server, &["command", "submit", "pet.create", "--data", "{}", "--json"]).await;
    assert_eq!(refused.status.code(), Some(3), "{refused:?}");
    assert_eq!(json_of(&refused)["type"], "/problems/invalid-request", "{refused:?}");

    let sell = ["command", "submit", "pet.sell", "--target", "nobody", "--wait", "10"];
    for further in [&[][..], &["--json"]] {
        let failed = ask(&server, &[&sell[..], further].concat()).await;
        assert_eq!(failed.status.code(), Some(1), "{failed:?}");
        let newest = server.client().read("/v1/commands?limit=1").await.body["items"][0].clone();
        assert!(out(&failed).contains(newest["id"].as_str().unwrap()), "its id: {failed:?}");
        assert!(out(&failed).contains("not-found") || out(&failed).contains("(404)"), "{failed:?}");
    }

    let later = in_seconds(3600);
    let scheduled = ["command", "submit", "pet.create", "--data", &data, "--not-before", &later];
    assert_eq!(ask(&server, &scheduled).await.status.code(), Some(0), "nobody waits for it");
    let waited = ask(&server, &[&scheduled[..], &["--wait", "1", "--json"]].concat()).await;
    assert_eq!((waited.status.code(), &json_of(&waited)["status"]), (Some(5), &json!("scheduled")));

    let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let away = run(&["command", "list", "--json", "--url", &format!("http://{closed}")]).await;
    assert_eq!(away.status.code(), Some(4), "{away:?}");
    assert_eq!(run(&["command", "submit"]).await.status.code(), Some(2));
}

#[tokio::test]
async fn a_command_can_be_given_its_own_id_and_metadata() {
    let place = SqlitePlace::new().await;
    let server = place.wilco().start().await;
    let (id, data) = ("01a211db-5c75-777b-ad96-4cdb3c537f40", pet("Rex").to_string());
    let submit = [
        "command",
        "submit",
        "pet.create",
        "--data",
        &data,
        "--id",
        id,
        "--metadata",
        "who=me",
        "--metadata",
        "why=a=b",
    ];
    for _ in 0..2 {
        let submitted = ask(&server, &[&submit[..], &["--wait", "10", "--json"]].concat()).await;
        assert_eq!(json_of(&submitted)["id"], id, "{submitted:?}");
    }
    let mut file = SqliteConnection::connect(&place.url()).await.unwrap();
    let kept: Vec<String> =
        sqlx::query_scalar("SELECT metadata FROM commands").fetch_all(&mut file).await.unwrap();
    assert_eq!(kept, [r#"{"who":"me","why":"a=b"}"#]);
}

#[tokio::test]
async fn the_types_of_commands_are_listed() {
    let place = SqlitePlace::new().await;
    let server = place.wilco().start().await;
    let types = ask(&server, &["command", "types"]).await;
    let line = out(&types).lines().find(|line| line.starts_with("pet.create ")).unwrap().to_owned();
    assert!(line.contains("creates") && line.contains("name"), "{line}");
    let types = json_of(&ask(&server, &["command", "types", "--json"]).await);
    assert!(types["items"].as_array().unwrap().iter().any(|kind| kind["name"] == "pet.sell"), "{types}");
}

#[tokio::test]
async fn a_tree_is_drawn_of_what_a_command_set_off() {
    let place = SqlitePlace::new().await;
    let server = place.wilco().start().await;
    let submit = ["command", "submit", "pet.reserve", "--target", "nobody", "--data", r#"{"order_id":"o"}"#];
    let failed = ask(&server, &[&submit[..], &["--wait", "5", "--json"]].concat()).await;
    let id = json_of(&failed)["id"].as_str().unwrap().to_owned();
    for _ in 0..2 {
        assert!(ask(&server, &["command", "retry", &id]).await.status.success());
    }
    let made = server.client().done(&create_pet("rex")).await;
    let tree = ask(&server, &["command", "tree", made["id"].as_str().unwrap()]).await;
    let lines: Vec<String> = out(&tree).lines().map(ToOwned::to_owned).collect();
    assert!(lines[0].starts_with("pet.create  pet/"), "{lines:?}");
    assert!(lines[1].starts_with("└─ pet.created  pet/") && lines[1].ends_with(" #1"), "{lines:?}");
    let drawn = async || out(&ask(&server, &["command", "tree", &id]).await);
    let tree = wait_for("the retries to fail", drawn, |tree| tree.matches("failed").count() == 3).await;
    let lines: Vec<&str> = tree.lines().collect();
    assert!(lines[1].starts_with("├─ pet.reserve") && lines[2].starts_with("└─ pet.reserve"), "{tree}");
}

#[tokio::test]
async fn the_feed_until_now_ends() {
    let place = SqlitePlace::new().await;
    let server = place.wilco().set("engine.partitions=3").start().await;
    let empty = ask(&server, &["feed", "--until-now"]).await;
    assert_eq!((empty.status.code(), out(&empty).as_str()), (Some(0), ""));
    for name in ["a", "b", "c", "d"] {
        server.client().done(&create_pet(name)).await;
    }
    let all = ask(&server, &["feed", "--until-now", "--json"]).await;
    assert_eq!((all.status.code(), out(&all).lines().count()), (Some(0), 8), "{all:?}");
    let events = ask(&server, &["feed", "--until-now", "--subject", "wilco.event.>"]).await;
    assert_eq!(out(&events).lines().count(), 4, "{events:?}");
}

#[tokio::test]
async fn wrong_usage_does_not_ask_for_the_address_that_a_variable_gives() {
    let mut command = wilco();
    command.env("WILCO_URL", "http://127.0.0.1:1").args(["command", "submit"]);
    let refused = command.output().unwrap();
    assert_eq!(refused.status.code(), Some(2));
    assert!(!said(&refused).contains("--url"), "{}", said(&refused));
    let mut command = wilco();
    let away = command.env("WILCO_URL", "http://127.0.0.1:1").args(["command", "list"]).output().unwrap();
    assert!(said(&away).contains("127.0.0.1:1"), "{}", said(&away));
}

#[tokio::test]
async fn shells_and_manuals_know_every_subcommand() {
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let script = out(&run(&["completions", shell]).await);
        assert!(script.contains("projection") && script.contains("until-now"), "{shell}");
    }
    assert!(out(&run(&["man"]).await).starts_with(".ie"));
    let folder = tempfile::tempdir().unwrap();
    assert!(run(&["man", "--dir", folder.path().to_str().unwrap()]).await.status.success());
    for page in ["wilco.1", "wilco-command-submit.1", "wilco-config.1"] {
        assert!(folder.path().join(page).is_file(), "{page}");
    }
}

#[tokio::test]
async fn every_setting_is_listed_with_its_value_and_where_that_comes_from() {
    let mut command = wilco();
    command.env("WILCO_ENGINE_LANES", "3").env("WILCO_NATS_LOGIN_TOKEN", "hush");
    command.args(["config", "--json", "--set", "engine.batch=7", "--nats", "nats://me:hush@a:1"]);
    let listed = command.output().unwrap();
    let settings = json_of(&listed);
    let find =
        |name: &str| settings.as_array().unwrap().iter().find(|one| one["name"] == name).unwrap().clone();
    assert_eq!((&find("engine.batch")["value"], &find("engine.batch")["from"]), (&json!(7), &json!("flag")));
    assert_eq!(find("engine.lanes")["at"], "WILCO_ENGINE_LANES");
    assert_eq!(find("engine.look_every_ms")["unit"], "milliseconds");
    assert_eq!(find("nats")["value"], "nats://a:1");
    assert!(!out(&listed).contains("hush"), "{}", out(&listed));
    let people = out(&run(&["config", "--set", "engine.batch=7"]).await);
    assert!(people.contains("engine.batch = 7 commands (flag --set engine.batch)"), "{people}");
    assert!(people.contains("WILCO_HTTP_CORS_ORIGINS"), "{people}");
    assert_eq!(run(&["config", "--set", "engine.batch=0"]).await.status.code(), Some(2));
}

#[tokio::test]
async fn the_log_has_no_colours_where_none_are_wanted() {
    let place = SqlitePlace::new().await;
    // `script` makes a terminal of its own for the program.
    let logged = |no_color: &str| {
        let program = wilco().get_args().nth(2).unwrap().to_str().unwrap().to_owned();
        let line = format!("{program} migrate --store {}", place.url());
        let mut command = std::process::Command::new("script");
        command.env("NO_COLOR", no_color).env("WILCO_NONSENSE", "1").args(["-qec", &line, "/dev/null"]);
        out(&command.output().unwrap())
    };
    assert!(logged("").contains('\u{1b}'), "a terminal shows colours");
    assert!(!logged("1").contains('\u{1b}'), "{}", logged("1"));
}
