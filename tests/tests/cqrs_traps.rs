//! What goes wrong with cqrs-es when its own stores are used, and does not here.

#![allow(clippy::unwrap_used, reason = "all of this is tests")]

use std::time::Duration;

use wilco_application::engine::Engine;
use wilco_application::ports::{AggregateKey, Kept, Loaded, State};
use wilco_domain::kernel::Tenant;
use wilco_tests::trial::{How, Place, submission};

const PATIENCE: Duration = Duration::from_secs(10);

/// Gives a command and waits for its end; the version after it, if it succeeded.
async fn tried(engine: &Engine, how: How) -> Option<i64> {
    let submitted = engine.submit(submission(engine, "same", how)).await.unwrap();
    let command = engine.settled(submitted.command, PATIENCE).await.unwrap();
    let settlement = command.settlement.clone().expect("it is settled");
    assert_eq!(settlement.state == State::Succeeded, settlement.version.is_some());
    settlement.version
}

async fn stored(place: &Place) -> Loaded {
    let key = AggregateKey::new(&Tenant::default(), "trial", "same");
    place.store.load(&[key]).await.unwrap().remove(0)
}

/// The number of events that are counted in a state or view of this version.
fn counted(of: Option<&Kept>) -> (i64, String) {
    let kept = of.expect("it is there");
    (kept.version, kept.payload.clone())
}

/// Snapshots are made and gone on from, by servers that begin with an empty memory.
async fn every_event_counts_once(place: Place) {
    for round in 1..=6 {
        let (engine, running) = place.engine(3).await;
        for step in 1..=2 {
            assert_eq!(tried(&engine, How::Well).await, Some(2 * round - 2 + step));
        }
        engine.close();
        running.stop(PATIENCE).await;
        let loaded = stored(&place).await;
        let (version, view) = counted(loaded.view.as_ref());
        assert_eq!((version, view), (2 * round, format!(r#"{{"count":{}}}"#, 2 * round)));
        if round >= 2 {
            let (version, state) = counted(loaded.snapshot.as_ref());
            assert!(version > 2 * round - 3, "a snapshot every three events, not at {version}");
            assert_eq!(state, format!(r#"{{"count":{version}}}"#));
        }
    }
}

/// A handler that changes the aggregate and then says no, or says nothing.
async fn what_is_not_told_by_an_event_leaves_no_trace(place: Place) {
    let (engine, _running) = place.engine(1).await;
    assert_eq!(tried(&engine, How::Well).await, Some(1));
    assert_eq!(tried(&engine, How::WritesAndRefuses).await, None);
    assert_eq!(tried(&engine, How::Cheats).await, Some(1), "it succeeded, and nothing happened");
    assert_eq!(tried(&engine, How::Well).await, Some(2));
    let loaded = stored(&place).await;
    let two = (2, r#"{"count":2}"#.to_owned());
    assert_eq!([counted(loaded.view.as_ref()), counted(loaded.snapshot.as_ref())], [two.clone(), two]);
    let key = AggregateKey::new(&Tenant::default(), "trial", "same");
    assert_eq!(place.store.events(&key, 0, 10).await.unwrap().len(), 2);
}

#[tokio::test]
async fn every_event_counts_once_on_sqlite() {
    every_event_counts_once(Place::sqlite().await).await;
}

#[tokio::test]
async fn every_event_counts_once_on_postgres() {
    every_event_counts_once(Place::postgres().await).await;
}

#[tokio::test]
async fn what_is_not_told_by_an_event_leaves_no_trace_on_sqlite() {
    what_is_not_told_by_an_event_leaves_no_trace(Place::sqlite().await).await;
}

#[tokio::test]
async fn what_is_not_told_by_an_event_leaves_no_trace_on_postgres() {
    what_is_not_told_by_an_event_leaves_no_trace(Place::postgres().await).await;
}
