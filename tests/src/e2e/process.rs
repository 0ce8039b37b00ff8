use std::process::Output;

use futures::StreamExt as _;
use serde_json::{Value, json};

use super::Place;
use crate::client::{create_pet, is_settled};
use crate::wilco::{Background, run};

/// Settled or scheduled, each as it was.
pub async fn statuses_survive_a_restart(place: &impl Place) {
    let wilco = place.wilco();
    let mut server = wilco.start().await;
    let done = server.client().done(&create_pet("rex")).await;
    let later = json!({ "type": "pet.reserve", "target": "rex", "data": { "order_id": "o" },
                        "not_before": super::waiting::in_seconds(300) });
    let scheduled = server.client().submit(&later).await;
    assert!(server.stop().await.success());
    let server = wilco.start().await;
    let client = server.client();
    assert_eq!(client.status(done["id"].as_str().expect("an id")).await.body, done);
    assert_eq!(client.status(&scheduled.id()).await.body, scheduled.body);
    assert_eq!(client.read("/v1/pets/rex").await.status, 200);
}

/// In the middle of load: nothing that was accepted is lost, and little is left to do.
pub async fn a_stop_settles_what_is_under_way_and_exits_0(place: &impl Place) {
    let wilco = place.wilco();
    let mut server = wilco.start().await;
    let client = server.client().clone();
    let load = tokio::spawn(async move {
        let submit = async |number: u32| {
            let envelope = create_pet(&format!("pet-{number}"));
            let request = client.request(reqwest::Method::POST, "/v1/commands").json(&envelope);
            client.send(request).await.ok()
        };
        let replies: Vec<_> = futures::stream::iter(0..3000).map(submit).buffer_unordered(16).collect().await;
        replies.into_iter().flatten().collect::<Vec<_>>()
    });
    let client = server.client().clone();
    let page = "/v1/commands?status=succeeded&limit=100";
    let some = async || client.read(page).await.body["items"].as_array().map_or(0, Vec::len);
    crate::wait_for("some commands to be settled", some, |count| *count > 50).await;
    let status = server.stop().await;
    assert_eq!(status.code(), Some(0), "{}", server.log());
    let replies = load.await.expect("the load ends");
    let accepted: Vec<String> =
        replies.iter().filter(|reply| reply.status == 202).map(crate::client::Reply::id).collect();
    assert!(accepted.len() > 50, "{}", accepted.len());
    let others = replies.iter().filter(|reply| reply.status != 202);
    others.for_each(|reply| assert_eq!(reply.status, 503, "{reply:?}"));

    let server = wilco.start().await;
    for id in accepted {
        let status = server.client().settled(&id).await;
        assert_eq!(status["status"], "succeeded", "{status}");
    }
}

/// Against a server that runs; they print for people, or JSON.
pub async fn the_client_subcommands_work(place: &impl Place) {
    let server = place.wilco().start().await;
    let url = ["--url", server.client().base()];
    let wilco = async |arguments: &[&str]| run(&[arguments, &url].concat()).await;
    let create = ["command", "submit", "pet.create", "--target", "rex"];
    let data = ["--data", r#"{"name":"Rex","category":"dog"}"#];
    let created = wilco(&[&create[..], &data, &["--wait", "10", "--json"]].concat()).await;
    let status = json(&created);
    assert!(created.status.success() && is_settled(&status), "{created:?}");
    let id = status["id"].as_str().expect("an id");

    let shown = wilco(&["command", "status", id]).await;
    assert!(text(&shown).contains("pet/rex") && text(&shown).contains("succeeded"), "{shown:?}");
    let watched = wilco(&["command", "watch", id]).await;
    assert!(watched.status.success() && text(&watched).contains("succeeded"), "{watched:?}");
    let listed = wilco(&["command", "list", "--type", "pet.create"]).await;
    assert!(text(&listed).contains(id), "{listed:?}");

    let refused = wilco(&["command", "submit", "pet.create", "--data", "{}"]).await;
    assert_eq!(refused.status.code(), Some(3), "{refused:?}");
    assert!(String::from_utf8_lossy(&refused.stderr).contains("/data"), "{refused:?}");
    let failing = ["command", "submit", "pet.reserve", "--target", "nobody", "--data", r#"{"order_id":"o"}"#];
    let failed = wilco(&[&failing[..], &["--key", "k", "--wait", "10"]].concat()).await;
    assert_eq!(failed.status.code(), Some(1), "{failed:?}");
    let of_failed = json(&wilco(&["command", "list", "--status", "failed", "--json"]).await);
    let failed = of_failed["items"][0]["id"].as_str().expect("an id").to_owned();
    let retried = json(&wilco(&["command", "retry", &failed, "--json"]).await);
    assert_eq!(retried["caused_by"], failed);

    let later = ["command", "submit", "pet.create", "--not-before", "2100-01-01T00:00:00Z", "--json"];
    assert_eq!(wilco(&[&later[..], &data].concat()).await.status.code(), Some(3), "too far away");
    let later = super::waiting::in_seconds(300);
    let later = ["command", "submit", "pet.create", "--not-before", &later, "--json"];
    let scheduled = json(&wilco(&[&later[..], &data].concat()).await);
    let scheduled = scheduled["id"].as_str().expect("an id").to_owned();
    let cancelled = wilco(&["command", "cancel", &scheduled]).await;
    assert!(text(&cancelled).contains("cancelled"), "{cancelled:?}");
}

/// Behind the newest event it has printed: each once.
pub async fn the_feed_subcommand_goes_on_after_a_restart(place: &impl Place) {
    let wilco = place.wilco();
    let mut server = wilco.start().await;
    let base = server.client().base().to_owned();
    let printed = tempfile::NamedTempFile::new().expect("a file");
    let feed = ["feed", "--after", "start", "--subject", "wilco.event.>", "--json", "--url", &base];
    let _printing = Background::start(&feed, printed.path());
    let targets = || -> Vec<String> {
        let text = std::fs::read_to_string(printed.path()).unwrap_or_default();
        let events = text.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
        events.map(|event| event["subject"].as_str().unwrap_or_default().to_owned()).collect()
    };
    server.client().done(&create_pet("one")).await;
    crate::wait_for("the event", async || targets(), |targets| targets.len() == 1).await;
    assert!(server.stop().await.success());
    let server = wilco.at(&base).start().await;
    server.client().done(&create_pet("two")).await;
    let seen = crate::wait_for("the event after it", async || targets(), |targets| targets.len() >= 2).await;
    assert_eq!(seen, ["pet/one", "pet/two"]);
}

/// They come out as they were.
pub async fn read_models_can_be_rebuilt(place: &impl Place) {
    let wilco = place.wilco();
    let mut server = wilco.start().await;
    for number in 0..30 {
        server.client().done(&create_pet(&format!("pet-{number}"))).await;
    }
    let before = server.client().read("/v1/pets?limit=500").await.body;
    assert!(server.stop().await.success());
    let store = place.url();
    let listed = run(&["projection", "list", "--store", &store]).await;
    assert!(text(&listed).lines().any(|line| line == "pet"), "{listed:?}");
    let rebuilt = run(&["projection", "rebuild", "pet", "--store", &store]).await;
    assert_eq!(text(&rebuilt).trim(), "pet: 30 written", "{rebuilt:?}");
    assert_eq!(run(&["projection", "rebuild", "nonsense", "--store", &store]).await.status.code(), Some(1));
    let server = wilco.start().await;
    assert_eq!(server.client().read("/v1/pets?limit=500").await.body, before);
}

fn text(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

fn json(output: &Output) -> Value {
    serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {output:?}"))
}
