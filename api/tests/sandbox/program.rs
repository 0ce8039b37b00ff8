use std::io::{BufRead as _, BufReader};
use std::process::{Command, Stdio};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

fn sandbox(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_wilco"));
    command.arg("sandbox").args(arguments).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

#[tokio::test]
async fn the_program_plays_until_it_is_told_to_end() {
    let mut child = sandbox(&["--listen", "127.0.0.1:0", "--settle-after", "0s"]).spawn().unwrap();
    let mut said = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut said).unwrap();
    let url = said.trim().strip_prefix("wilco's sandbox is at ").unwrap();
    let _ = rustls::crypto::ring::default_provider().install_default();
    let shown: Value = reqwest::get(format!("{url}/faults")).await.unwrap().json().await.unwrap();
    assert_eq!(shown["create"]["mode"], "none");
    kill_process(Pid::from_child(&child), Signal::TERM).unwrap();
    let ended = tokio::task::spawn_blocking(move || child.wait().unwrap()).await.unwrap();
    assert_eq!(ended.code(), Some(0));
}

#[test]
fn what_it_cannot_do_is_a_matter_of_usage() {
    for arguments in [
        ["--listen", "0.0.0.0:8090"],
        ["--listen", "nonsense"],
        ["--secret", "hush"],
        ["--callback-secret", "whsec_"],
        ["--settle-after", "2"],
        ["--hook-url", "file:///tmp"],
    ] {
        let out = sandbox(&arguments).output().unwrap();
        assert_eq!(out.status.code(), Some(2), "{arguments:?}: {out:?}");
    }
}
