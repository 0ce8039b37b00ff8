//! The process among others: signals, and how many files it may open.

use std::process::{Command, Stdio};

use wilco_tests::client::{Client, create_pet};
use wilco_tests::wait_for;
use wilco_tests::wilco::{Wilco, wilco};

#[tokio::test]
async fn a_hang_up_drains_as_a_termination_does() {
    let folder = tempfile::tempdir().unwrap();
    let store = format!("sqlite:{}", folder.path().join("wilco.db").display());
    let mut server = Wilco::on(store).start().await;
    server.client().done(&create_pet("rex")).await;
    server.signal("HUP");
    assert_eq!(server.exit().await.code(), Some(0), "{}", server.log());
    assert!(server.log().contains("stopping"), "{}", server.log());
}

/// A shell's command with these words before the program.
fn through_a_shell(before: &str, folder: &std::path::Path) -> Command {
    let program = wilco();
    let mut words: Vec<_> = program.get_args().map(std::ffi::OsStr::to_owned).collect();
    // `sh -c SCRIPT PROGRAM`: the script is ours instead.
    words[1] = format!("{before} exec \"$0\" \"$@\"").into();
    let mut command = Command::new("sh");
    for (name, _) in program.get_envs().filter(|(_, value)| value.is_none()) {
        command.env_remove(name);
    }
    command.args(words).args(["serve", "--listen", "127.0.0.1:0", "--store"]);
    command.arg(format!("sqlite:{}", folder.join("wilco.db").display()));
    command.stdin(Stdio::null()).stdout(std::fs::File::create(folder.join("out")).unwrap());
    command.stderr(std::fs::File::create(folder.join("log")).unwrap());
    command
}

async fn address(folder: &std::path::Path) -> Client {
    let greeting = async || std::fs::read_to_string(folder.join("out")).unwrap_or_default();
    let greeting = wait_for("it to listen", greeting, |text| text.contains('\n')).await;
    Client::new(greeting.split_whitespace().find(|word| word.starts_with("http://")).unwrap())
}

#[tokio::test]
async fn under_nohup_it_outlives_its_terminal() {
    let folder = tempfile::tempdir().unwrap();
    let mut child = through_a_shell("trap '' HUP;", folder.path()).spawn().unwrap();
    let client = address(folder.path()).await;
    wilco_tests::wilco::signal(child.id(), "HUP");
    client.done(&create_pet("rex")).await;
    wilco_tests::wilco::signal(child.id(), "TERM");
    let ended = async || child.try_wait().unwrap();
    let ended = wait_for("it to end", ended, Option::is_some).await.unwrap();
    assert!(
        ended.success(),
        "{ended}: {}",
        std::fs::read_to_string(folder.path().join("log")).unwrap_or_default()
    );
}

#[tokio::test]
async fn no_more_connections_are_taken_than_there_are_descriptors_for() {
    let folder = tempfile::tempdir().unwrap();
    let mut child = through_a_shell("ulimit -n 256;", folder.path()).spawn().unwrap();
    let client = address(folder.path()).await;
    let port = client.base().rsplit(':').next().unwrap().parse::<u16>().unwrap();
    let mut crowd = Vec::new();
    for _ in 0..300 {
        crowd.push(tokio::net::TcpStream::connect(("127.0.0.1", port)).await.unwrap());
    }
    // With no descriptor left the store could not be written to; those who are too many wait.
    drop(crowd.drain(..150));
    client.done(&create_pet("rex")).await;
    let log = std::fs::read_to_string(folder.path().join("log")).unwrap();
    assert!(log.contains("fewer connections are taken") && !log.contains("no connection could be"), "{log}");
    wilco_tests::wilco::signal(child.id(), "TERM");
    drop(crowd);
    let ended = async || child.try_wait().unwrap();
    assert!(wait_for("it to end", ended, Option::is_some).await.unwrap().success());
}

#[tokio::test]
async fn a_soft_limit_of_descriptors_is_raised() {
    let folder = tempfile::tempdir().unwrap();
    let mut child = through_a_shell("ulimit -S -n 256;", folder.path()).spawn().unwrap();
    address(folder.path()).await;
    let limits = std::fs::read_to_string(format!("/proc/{}/limits", child.id())).unwrap();
    let files = limits.lines().find(|line| line.starts_with("Max open files")).unwrap();
    let soft: u64 = files.split_whitespace().nth(3).unwrap().parse().unwrap();
    assert!(
        soft >= 10_000 || Some(soft) == files.split_whitespace().nth(4).and_then(|hard| hard.parse().ok()),
        "{files}"
    );
    wilco_tests::wilco::signal(child.id(), "TERM");
    let ended = async || child.try_wait().unwrap();
    assert!(wait_for("it to end", ended, Option::is_some).await.unwrap().success());
}
