//! What must hold after any fault, checked from outside: through the feed, the registry, the resources and NATS.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::entries::{is_outcome, place, text};
use super::{Promises, orders, resting};
use crate::client::{Client, is_settled};
use crate::nats::Notification;

/// Commands that processes handle: what happens is what those lead to that they issue.
const OF_PROCESSES: [&str; 7] = [
    "order.place",
    "order.approve",
    "order.complete",
    "order.cancel",
    "transaction.create",
    "transaction.cancel",
    "transaction.hear",
];
/// Those of them that may be settled by what another one, or somebody outside, has brought about.
const PAYING: [&str; 3] = ["transaction.create", "transaction.cancel", "transaction.hear"];
/// Commands that ask something of somebody outside.
const ACTIVITIES: [&str; 4] =
    ["transaction.make", "transaction.ask", "transaction.notify", "callback.deliver"];

/// Checks all of it; the feed, for further questions.
pub async fn everything(client: &Client, promises: &Promises) -> Vec<Value> {
    let commands = settled_commands(client, promises).await;
    let feed = client.feed("").await;
    gapless(&feed);
    outcomes_match(&commands, &feed);
    let versions = events_match(&commands, &feed);
    views_are_folds(client, &versions).await;
    orders::have_their_pets(client, &feed, |pet| pet.starts_with("kennel-")).await;
    feed
}

/// Waits until no command is open, and none is to come of what there was.
pub async fn all_settled(client: &Client) {
    resting::all_settled(client).await;
}

/// Every accepted command is in the registry and settled, and so is everything that came of them and of what third
/// parties say; there is nothing else. All commands, by id.
pub async fn settled_commands(client: &Client, promises: &Promises) -> BTreeMap<String, Value> {
    all_settled(client).await;
    let mut commands = BTreeMap::new();
    for status in client.commands("").await {
        if is_settled(&status) || !resting::is_about_nothing(client, &status).await {
            commands.insert(text(&status, "id"), status);
        }
    }
    for (key, id) in &promises.accepted {
        let status = commands.get(id).unwrap_or_else(|| panic!("command {id} with key {key} is lost"));
        assert!(is_settled(status), "{status}");
    }
    let ids: BTreeSet<&String> = promises.accepted.values().collect();
    assert_eq!(ids.len(), promises.accepted.len(), "two keys have one command");
    for (id, status) in &commands {
        assert!(is_settled(status), "{status}");
        if let Some(cause) = status["caused_by"].as_str() {
            assert!(commands.contains_key(cause), "it came of what there is not: {status}");
        } else {
            let is_message = status["type"] == "transaction.hear";
            assert!(ids.contains(id) || is_message, "there are commands that nobody gave: {status}");
        }
    }
    commands
}

/// The offsets of each partition are 1, 2, 3 … in this order.
pub fn gapless(feed: &[Value]) {
    let mut last: BTreeMap<i64, i64> = BTreeMap::new();
    for entry in feed {
        let (partition, offset) = place(entry);
        let last = last.entry(partition).or_default();
        assert_eq!(offset, *last + 1, "partition {partition}: {entry}");
        *last = offset;
    }
}

/// Each command was told of once, as what it is.
fn outcomes_match(commands: &BTreeMap<String, Value>, feed: &[Value]) {
    let mut told = BTreeMap::new();
    for entry in feed.iter().filter(|entry| is_outcome(entry)) {
        let id = text(&entry["data"], "id");
        assert!(told.insert(id.clone(), entry).is_none(), "command {id} was told of twice");
        let status = commands.get(&id).unwrap_or_else(|| panic!("an outcome of an unknown command: {entry}"));
        assert_eq!(&entry["data"], status, "the registry and the feed agree");
        let succeeded = entry["type"] == "wilco.command.succeeded";
        assert_eq!(succeeded, status["status"] == "succeeded", "{entry}");
    }
    assert_eq!(told.len(), commands.len(), "every command was told of");
}

/// Events are numbered without a gap, and there are some for exactly the commands of aggregates that succeeded. The
/// newest version of each aggregate.
fn events_match(commands: &BTreeMap<String, Value>, feed: &[Value]) -> BTreeMap<String, i64> {
    let mut versions: BTreeMap<String, i64> = BTreeMap::new();
    let mut led_to: BTreeMap<String, i64> = BTreeMap::new();
    // By subject and version: the command that the whole began with.
    let mut led_by: BTreeMap<(String, Option<i64>), String> = BTreeMap::new();
    for event in feed.iter().filter(|entry| !is_outcome(entry)) {
        let id = text(event, "id");
        let sequence = id.rsplit(':').next().and_then(|number| number.parse().ok()).unwrap_or(0);
        let version = versions.entry(text(event, "subject")).or_default();
        assert_eq!(sequence, *version + 1, "{event}");
        *version = sequence;
        led_to.insert(text(event, "causationid"), sequence);
        led_by.insert((text(event, "subject"), Some(sequence)), text(event, "correlationid"));
    }
    for (id, status) in commands {
        let (version, succeeded) = (status["version"].as_i64(), status["status"] == "succeeded");
        let is_of = |types: &[&str]| types.contains(&status["type"].as_str().unwrap_or_default());
        if is_of(&ACTIVITIES) {
            assert_eq!(version, None, "{status}");
        } else if is_of(&OF_PROCESSES) {
            let now = versions.get(&subject_of(status)).copied();
            assert!(version <= now && (version.is_none() || succeeded), "{status}");
            let own = version.is_none() || led_by.get(&(subject_of(status), version)) == Some(id);
            assert!(own || is_of(&PAYING), "it was settled by what is not its own: {status}");
        } else {
            let led = led_to.remove(id);
            // What is noted already is not noted again.
            let nothing_new = status["type"] == "transaction.note" && led.is_none();
            assert!(led == version || nothing_new, "{led:?}: {status}");
            assert_eq!(version.is_some(), succeeded, "{status}");
        }
    }
    assert!(led_to.is_empty(), "events of no command: {led_to:?}");
    versions
}

/// A resource is what its events make of it.
async fn views_are_folds(client: &Client, versions: &BTreeMap<String, i64>) {
    let mut views = BTreeMap::new();
    for kind in ["pet", "order", "transaction"] {
        views.extend(client.resources(kind).await.into_iter().map(|(id, now)| (format!("{kind}/{id}"), now)));
    }
    for (subject, version) in versions {
        let (kind, id) = subject.split_once('/').expect("a subject is a type and an id");
        let folded = client.read(&format!("/v1/{kind}s/{id}?version={version}")).await;
        let Some(now) = views.remove(subject) else {
            let now = client.read(&format!("/v1/{kind}s/{id}")).await;
            assert_eq!(
                (now.status, folded.status),
                (410, 410),
                "what is not listed is gone: {now:?} {folded:?}"
            );
            continue;
        };
        assert_eq!(folded.status, 200, "{subject}: {now} {folded:?}");
        assert_eq!(now["version"], *version, "{subject}");
        assert_eq!(now, folded.body, "{subject}");
    }
    assert!(views.is_empty(), "resources of no events: {views:?}");
}

/// The stream has every entry of the feed exactly once, in order in each partition, with what is promised of a
/// message.
pub fn stream_matches(feed: &[Value], stream: &[Notification]) {
    let ids: BTreeMap<String, Value> =
        feed.iter().map(|entry| (text(entry, "id"), of_any_generation(entry))).collect();
    assert_eq!(ids.len(), feed.len(), "ids are unique");
    let mut last: BTreeMap<i64, i64> = BTreeMap::new();
    let mut seen = BTreeSet::new();
    for message in stream {
        let event = &message.event;
        let id = text(event, "id");
        assert!(seen.insert(id.clone()), "{id} is in the stream twice");
        assert_eq!(message.header("Nats-Msg-Id"), Some(id.as_str()));
        assert_eq!(Some(&of_any_generation(event)), ids.get(&id), "the stream and the feed say the same");
        let (partition, offset) = place(event);
        let last = last.entry(partition).or_default();
        assert!(offset > *last, "partition {partition}: {offset} comes after {last}");
        *last = offset;
        shape(message);
    }
    assert_eq!(seen.len(), feed.len(), "the stream has all of the feed");
}

/// What a stream has of this feed, for a subscriber that drops repeats: without what the store has forgotten by being
/// restored since it was told, and without what was told again in a later generation.
pub fn of_feed(feed: &[Value], stream: Vec<Notification>) -> Vec<Notification> {
    let present = feed.first().map(|entry| text(entry, "generation")).unwrap_or_default();
    let ids: BTreeSet<String> = feed.iter().map(|entry| text(entry, "id")).collect();
    let mut seen = BTreeSet::new();
    let is_of_feed = |message: &Notification| {
        let id = text(&message.event, "id");
        let forgotten = text(&message.event, "generation") != present && !ids.contains(&id);
        !forgotten && seen.insert(id)
    };
    without_repeats(stream).into_iter().filter(is_of_feed).collect()
}

/// What is told may have been told in an earlier life of the store.
fn of_any_generation(event: &Value) -> Value {
    let mut event = event.clone();
    event.as_object_mut().expect("an object").remove("generation");
    event
}

/// What is left for a subscriber that drops repeats, as subscribers are told to.
pub fn without_repeats(stream: Vec<Notification>) -> Vec<Notification> {
    let mut last: BTreeMap<(String, i64), i64> = BTreeMap::new();
    let mut fresh = |message: &Notification| {
        let (partition, offset) = place(&message.event);
        let last = last.entry((text(&message.event, "generation"), partition)).or_default();
        let fresh = offset > *last;
        *last = offset.max(*last);
        fresh
    };
    stream.into_iter().filter(|message| fresh(message)).collect()
}

/// What a subscriber can rely on.
pub fn shape(message: &Notification) {
    let event = &message.event;
    let (partition, _) = place(event);
    let target = text(event, "subject");
    assert_eq!(message.header("Content-Type"), Some("application/cloudevents+json"));
    assert_eq!(message.header("Wilco-Target"), Some(target.as_str()));
    assert_eq!(message.header("Wilco-Command-Id"), event["causationid"].as_str());
    assert_eq!(message.header("Wilco-Generation"), event["generation"].as_str());
    for (member, value) in
        [("specversion", "1.0"), ("source", "/wilco"), ("datacontenttype", "application/json")]
    {
        assert_eq!(event[member], value, "{event}");
    }
    for member in ["id", "type", "time", "correlationid", "generation"] {
        assert!(event[member].as_str().is_some_and(|text| !text.is_empty()), "{member}: {event}");
    }
    assert!(event["data"].is_object(), "{event}");
    let kind = text(event, "type");
    let expected = if is_outcome(event) {
        format!("{kind}.{}.p{partition:02}", text(&event["data"], "type"))
    } else {
        format!("{}.p{partition:02}", kind.replacen("wilco.", "wilco.event.", 1))
    };
    assert_eq!(message.subject, expected);
}

/// The aggregate that a command is for, as the feed names it.
fn subject_of(status: &Value) -> String {
    format!("{}/{}", text(&status["target"], "type"), text(&status["target"], "id"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn entry(partition: i64, offset: i64) -> Value {
        json!({ "id": format!("event:c:{offset}"), "partition": partition, "offset": offset.to_string() })
    }

    #[test]
    fn partitions_are_counted_apart() {
        gapless(&[entry(0, 1), entry(1, 1), entry(0, 2)]);
    }

    #[test]
    #[should_panic(expected = "partition 0")]
    fn a_gap_is_noticed() {
        gapless(&[entry(0, 1), entry(0, 3)]);
    }

    #[test]
    #[should_panic(expected = "all of the feed")]
    fn a_message_that_is_missing_is_noticed() {
        stream_matches(&[entry(0, 1)], &[]);
    }
}
