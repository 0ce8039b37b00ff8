//! Events of an older layout, on their way in and on their way out.

use std::sync::Arc;

use serde_json::{Value, json};
use wilco_application::cloud_event::Notifier;
use wilco_application::ports::EntryBody;
use wilco_tests::trial::Place;

use super::next::Reads;
use super::{Build, first, key, next, on_both_stores, start_of};

on_both_stores![
    an_old_event_is_read_and_shown_in_the_layout_of_today,
    an_upcaster_that_fails_shows_the_event_as_it_is_stored,
];

async fn old_events(place: &Place) {
    let build = Build::start(&place.store, first::catalog()).await;
    build.done("membership.start", "m", start_of("basic")).await;
    build.done("membership.change_plan", "m", start_of("plus")).await;
    build.stop().await;
}

/// Type and version of the second event as history and notification have it, and the latter's subject and data.
async fn told(place: &Place, reads: Reads) -> (Vec<String>, Value) {
    let build = Build::start(&place.store, next::catalog(reads)).await;
    let history = build.engine.queries().history(&key("m"), 1, 1).await.unwrap().items.remove(0);
    let notifier = Notifier::new("/wilco", "wilco", Arc::clone(build.engine.catalog()));
    let mut messages = Vec::new();
    for partition in 0..place.store.heads().await.unwrap().offsets.len() {
        let entries = place.store.feed(partition as u16, 0, 100).await.unwrap();
        let second =
            entries.iter().find(|entry| matches!(&entry.body, EntryBody::Event(row) if row.sequence == 2));
        messages.extend(second.map(|entry| {
            let message = notifier.message(entry, 1, usize::MAX).unwrap();
            assert!(notifier.is_meant(entry, &message.subject.parse().unwrap()));
            message
        }));
    }
    let message = messages.remove(0);
    let event: Value = serde_json::from_slice(&message.payload).unwrap();
    let subject = message.subject.rsplit_once('.').unwrap().0.to_owned();
    build.stop().await;
    let schema = event["dataschema"].as_str().unwrap().to_owned();
    (
        vec![history.event_type, history.event_version, subject, message.event_type, schema],
        event["data"].clone(),
    )
}

async fn an_old_event_is_read_and_shown_in_the_layout_of_today(place: Place) {
    old_events(&place).await;
    let (names, data) = told(&place, Reads::All).await;
    let expected = [
        "membership.plan_switched",
        "2.0",
        "wilco.event.membership.plan_switched",
        "wilco.membership.plan_switched",
        "urn:wilco:event:membership.plan_switched:2.0",
    ];
    assert_eq!(names, expected);
    assert_eq!(data, json!({ "type": "plan_switched", "plan": "plus", "reason": "unknown" }));
}

async fn an_upcaster_that_fails_shows_the_event_as_it_is_stored(place: Place) {
    old_events(&place).await;
    for reads in [Reads::Nothing, Reads::Panicking, Reads::Looping] {
        let (names, data) = told(&place, reads).await;
        let expected = [
            "membership.plan_changed",
            "1.0",
            "wilco.event.membership.plan_changed",
            "wilco.membership.plan_changed",
            "urn:wilco:event:membership.plan_changed:1.0",
        ];
        assert_eq!(names, expected, "{reads:?}");
        assert_eq!(data, json!({ "type": "plan_changed", "plan": "plus" }));
    }
}
