//! The feed over HTTP.

use serde_json::{Value, json};

use wilco_application::ports::Feed as _;

use crate::support::{Event, Events, Server, pet_with_id};

const JSON: [(&str, &str); 1] = [("accept", "application/json")];

async fn make(server: &Server, ids: std::ops::Range<usize>) {
    for n in ids {
        server.done("/v1/pets", &pet_with_id(&format!("p{n}"))).await.expect(201);
    }
}

async fn take(events: &mut Events, count: usize) -> Vec<Event> {
    let mut taken = Vec::new();
    while taken.len() < count {
        taken.push(events.next_event().await.expect("no end"));
    }
    taken
}

/// Where an event stands, which is what tells repeats and gaps.
fn place(event: &Value) -> (u64, u64) {
    (event["partition"].as_u64().unwrap(), event["offset"].as_str().unwrap().parse().unwrap())
}

fn places(events: &[Event]) -> Vec<(u64, u64)> {
    events.iter().map(|event| place(&serde_json::from_str(&event.data).unwrap())).collect()
}

#[track_caller]
fn assert_gapless(mut places: Vec<(u64, u64)>, count: usize) {
    assert_eq!(places.len(), count);
    for partition in 0..2 {
        let offsets = places.iter().filter(|(of, _)| *of == partition).map(|(_, offset)| *offset);
        assert!(offsets.is_sorted(), "{places:?}");
    }
    places.sort_unstable();
    for pair in places.windows(2) {
        let same = pair[0].0 == pair[1].0;
        assert!(if same { pair[0].1 + 1 == pair[1].1 } else { pair[1].1 == 1 }, "{places:?}");
    }
    assert_eq!(places[0].1, 1);
}

#[tokio::test]
async fn a_stream_tells_events_and_outcomes_as_cloud_events() {
    let server = Server::start().await;
    make(&server, 0..1).await;
    let (head, mut events) = server.open("/v1/feed?after=start", &[]).await;
    assert_eq!(head.header("content-type"), "text/event-stream");
    let first = events.next().await.unwrap();
    let begins = (first.id.is_some_and(|id| id.ends_with("-0.0")), first.data.as_str());
    assert_eq!(begins, (true, ""), "where it begins");
    let events = take(&mut events, 2).await;
    for (event, name) in events.iter().zip(["wilco.pet.created", "wilco.command.succeeded"]) {
        let told: Value = serde_json::from_str(&event.data).unwrap();
        assert_eq!(event.name.as_deref(), Some(name));
        assert_eq!(told["type"], name);
        assert_eq!(told["specversion"], "1.0");
        assert_eq!(told["subject"], "pet/p0");
    }
}

#[tokio::test]
async fn a_stream_goes_on_where_the_last_one_broke_off() {
    let server = Server::start().await;
    make(&server, 0..5).await;
    let (mut seen, mut last) = (Vec::new(), "start".to_owned());
    for _ in 0..5 {
        let (_, mut events) = server.open("/v1/feed?after=start", &[("last-event-id", &last)]).await;
        let part = take(&mut events, 2).await;
        last = part.last().unwrap().id.clone().unwrap();
        seen.extend(places(&part));
    }
    make(&server, 5..6).await;
    let (_, mut events) = server.open(&format!("/v1/feed?after={last}"), &[]).await;
    seen.extend(places(&take(&mut events, 2).await));
    assert_gapless(seen, 12);
}

#[tokio::test]
async fn a_stream_without_a_cursor_begins_now_and_loses_nothing_after() {
    let server = Server::start().await;
    make(&server, 0..2).await;
    let (_, mut events) = server.open("/v1/feed", &[]).await;
    let begin = events.next().await.unwrap().id.unwrap();
    make(&server, 2..12).await;
    let live = take(&mut events, 20).await;
    assert!(live.iter().all(|event| !event.data.contains("pet/p0\"") && !event.data.contains("pet/p1\"")));
    let (_, mut events) = server.open("/v1/feed", &[("last-event-id", &begin)]).await;
    let mut again = places(&take(&mut events, 20).await);
    let mut live = places(&live);
    again.sort_unstable();
    live.sort_unstable();
    assert_eq!(again, live);
}

#[tokio::test]
async fn streams_are_filtered_by_subject_and_target() {
    let server = Server::start().await;
    make(&server, 0..4).await;
    server.done("/v1/pets/p2/reserve", &json!({ "order_id": "o" })).await.expect(200);
    server.done("/v1/pets/p2/reserve", &json!({ "order_id": "o" })).await.expect(409);
    let (_, mut failed) = server.open("/v1/feed?after=start&subject=wilco.command.failed.%3E", &[]).await;
    assert!(take(&mut failed, 1).await[0].data.contains("pet-reserved"));
    let (_, mut reserved) = server.open("/v1/feed?after=start&subject=wilco.event.*.reserved.*", &[]).await;
    assert_eq!(take(&mut reserved, 1).await[0].name.as_deref(), Some("wilco.pet.reserved"));
    let (_, mut about) = server.open("/v1/feed?after=start&target=pet/p2", &[]).await;
    let about = take(&mut about, 5).await;
    assert!(about.iter().all(|event| event.data.contains("\"subject\":\"pet/p2\"")));
}

#[tokio::test]
async fn a_filtered_stream_can_be_resumed_without_gap_or_repeat() {
    let server = Server::start().await;
    make(&server, 0..6).await;
    let path = "/v1/feed?after=start&subject=wilco.event.%3E";
    let (_, mut events) = server.open(path, &[]).await;
    let first = take(&mut events, 3).await;
    let last = first.last().unwrap().id.clone().unwrap();
    let (_, mut events) = server.open(path, &[("last-event-id", &last)]).await;
    let second = take(&mut events, 3).await;
    let mut all = [places(&first), places(&second)].concat();
    all.sort_unstable();
    all.dedup();
    assert_eq!(all.len(), 6);
}

#[tokio::test]
async fn pages_follow_each_other_to_the_end_and_beyond() {
    let server = Server::start().await;
    make(&server, 0..6).await;
    let (mut seen, mut cursor) = (Vec::new(), "start".to_owned());
    loop {
        let path = format!("/v1/feed?after={cursor}&limit=5");
        let page = server.get_with(&path, &JSON).await.expect(200).json();
        cursor = page["next_cursor"].as_str().unwrap().to_owned();
        let items = page["items"].as_array().unwrap();
        if items.is_empty() {
            break;
        }
        assert!(items.len() <= 5);
        seen.extend(items.iter().map(place));
    }
    make(&server, 6..7).await;
    let page = server.get_with(&format!("/v1/feed?after={cursor}"), &JSON).await.json();
    seen.extend(page["items"].as_array().unwrap().iter().map(place));
    assert_gapless(seen, 14);
}

#[tokio::test]
async fn a_page_from_now_is_empty_and_says_where_to_go_on() {
    let server = Server::start().await;
    make(&server, 0..2).await;
    let page = server.get_with("/v1/feed", &JSON).await.expect(200).json();
    assert_eq!(page["items"], json!([]));
    make(&server, 2..3).await;
    let cursor = page["next_cursor"].as_str().unwrap();
    let path = format!("/v1/feed?after={cursor}&subject=wilco.event.%3E&limit=1");
    let next = server.get_with(&path, &JSON).await.json();
    assert_eq!(next["items"].as_array().unwrap().len(), 1);
    assert_eq!(next["items"][0]["type"], "wilco.pet.created");
}

#[tokio::test]
async fn streams_end_when_the_server_stops() {
    let server = Server::start().await;
    let (_, mut events) = server.open("/v1/feed", &[]).await;
    events.next().await.unwrap();
    server.engine.close();
    assert_eq!(events.next().await, None);
}

#[tokio::test]
async fn a_quiet_stream_still_says_where_it_is() {
    let server = Server::start().await;
    make(&server, 0..1).await;
    let (_, mut events) = server.open("/v1/feed?after=start&subject=nothing.at.all", &[]).await;
    let begun = events.next().await.unwrap();
    let still_here = events.next().await.unwrap();
    assert!(still_here.data.is_empty(), "nothing is dispatched");
    assert_ne!(still_here.id, begun.id, "past what the filter leaves out");
}

#[tokio::test]
async fn a_cursor_of_before_the_store_was_restored_is_gone() {
    let server = Server::start().await;
    make(&server, 0..2).await;
    let (_, mut events) = server.open("/v1/feed?after=start", &[]).await;
    let cursor = take(&mut events, 1).await[0].id.clone().unwrap();
    server.store.new_generation().await.unwrap();
    let problem = server.get_with(&format!("/v1/feed?after={cursor}"), &JSON).await;
    let problem = problem.expect_problem(410, "cursor-expired").json();
    assert!(problem["detail"].as_str().unwrap().contains("restored"), "{problem}");
    while events.next().await.is_some() {}
    let page = server.get_with("/v1/feed?after=start", &JSON).await.json();
    let generation = server.store.identity().await.unwrap().generation.to_string();
    assert!(
        page["items"].as_array().unwrap().iter().all(|event| event["generation"] == generation),
        "{page}"
    );
    let next = page["next_cursor"].as_str().unwrap();
    server.get_with(&format!("/v1/feed?after={next}"), &JSON).await.expect(200);
}

/// Many clients name `*/*` beside what they want.
#[tokio::test]
async fn only_whoever_names_a_stream_or_nothing_gets_one() {
    let server = Server::start().await;
    make(&server, 0..1).await;
    for accept in ["application/json, text/plain, */*", "text/html, */*;q=0.8", "application/*"] {
        let reply = server.get_with("/v1/feed?after=start", &[("accept", accept)]).await.expect(200);
        assert_eq!(reply.header("content-type"), "application/json", "{accept}");
        assert_eq!(reply.json()["items"].as_array().unwrap().len(), 2);
        assert!(reply.header("vary").contains("accept"));
    }
    for accept in ["*/*", "text/event-stream, */*"] {
        let (head, _) = server.open_as("/v1/feed", accept, &[]).await;
        assert_eq!(head.header("content-type"), "text/event-stream", "{accept}");
    }
}

#[tokio::test]
async fn events_without_names_are_heard_by_everybody() {
    let server = Server::start().await;
    make(&server, 0..1).await;
    let (_, mut events) = server.open("/v1/feed?after=start&event=none", &[]).await;
    assert!(take(&mut events, 2).await.iter().all(|event| event.name.is_none() && event.id.is_some()));
    let (_, mut events) = server.open("/v1/feed?after=start&event=type", &[]).await;
    assert!(take(&mut events, 2).await.iter().all(|event| event.name.is_some()));
    let refused = server.get("/v1/feed?event=all").await.expect_problem(400, "invalid-parameter");
    assert_eq!(refused.pointers(), ["event"]);
}

#[tokio::test]
async fn an_empty_last_event_id_is_none() {
    let server = Server::start().await;
    make(&server, 0..1).await;
    let headers = [("last-event-id", ""), JSON[0]];
    let page = server.get_with("/v1/feed?after=start", &headers).await.expect(200).json();
    assert_eq!(page["items"].as_array().unwrap().len(), 2);
}
