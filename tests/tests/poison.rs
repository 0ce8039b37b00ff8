//! Commands that cannot be applied, each in one batch with others that can: they fail as `internal`, are kept and can
//! be retried, or wait where another build may be able to; the others are unharmed, and nobody waits long for a 202.

#![allow(clippy::unwrap_used, reason = "all of this is tests")]

use std::sync::Arc;
use std::time::{Duration, Instant};

use metrics_exporter_prometheus::PrometheusBuilder;
use wilco_application::engine::{Engine, RetrySubmission};
use wilco_application::ports::{Command, Settlement, State};
use wilco_domain::kernel::Caller;
use wilco_tests::trial::{How, Place, submission};

/// Longer than two tries of a handler that never ends.
const PATIENCE: Duration = Duration::from_secs(25);

/// Gives commands that go into one batch: on a runtime of one thread nobody takes any before all are there. Each is
/// accepted within a second, and none is settled by then: what is poisoned never is settled by the commit that stores.
async fn accepted(engine: &Engine, tries: &[(&str, How)]) -> Vec<Arc<Command>> {
    let started = Instant::now();
    let submissions = tries.iter().map(|(target, how)| submission(engine, target, *how)).collect();
    let submitted: Vec<_> =
        engine.submit_all(submissions).await.into_iter().map(|submitted| submitted.unwrap()).collect();
    assert!(started.elapsed() < Duration::from_secs(1), "accepted after {:?}", started.elapsed());
    assert!(submitted.iter().all(|submitted| submitted.outcome.is_none()), "{submitted:?}");
    submitted.into_iter().map(|submitted| submitted.command).collect()
}

async fn settlements(engine: &Engine, commands: Vec<Arc<Command>>) -> Vec<Settlement> {
    let settled = commands.into_iter().map(|command| engine.settled(command, PATIENCE));
    let settled = futures::future::try_join_all(settled).await.unwrap();
    settled.iter().map(|command| command.settlement.clone().expect("it is settled")).collect()
}

fn is_internal(settlement: &Settlement) -> bool {
    let slug = settlement.error.as_ref().map(|problem| problem.slug().to_owned());
    settlement.state == State::Failed && slug.as_deref() == Some("internal") && settlement.version.is_none()
}

/// A failed one is kept, and trying again is a command like any other.
async fn can_be_retried(engine: &Engine, command: &Command) {
    let again = RetrySubmission { idempotency_key: Some("again".into()), ..RetrySubmission::default() };
    let again = engine.retry(&Caller::default(), command.id, again).await.unwrap();
    assert_eq!(again.command.caused_by, Some(command.id));
}

/// In the middle of a batch, and of the commands for its own aggregate.
async fn harms_no_other(place: Place, how: How) {
    let (engine, _running) = place.engine(100).await;
    let tries = [
        ("before", How::Well),
        ("same", How::Well),
        ("same", how),
        ("same", How::Well),
        ("after", How::Well),
    ];
    let commands = accepted(&engine, &tries).await;
    let poison = Arc::clone(&commands[2]);

    // Whatever the lane waits for, it is not waited for at the door.
    let started = Instant::now();
    let later = engine.submit(submission(&engine, "later", How::Well)).await.unwrap();
    assert!(started.elapsed() < Duration::from_secs(1), "accepted after {:?}", started.elapsed());

    let settled = settlements(&engine, commands).await;
    assert!(is_internal(&settled[2]), "{:?}", settled[2]);
    assert_eq!(settled[2].attempts, 2);
    if how != How::MakesNul {
        assert_eq!(place.asked.count(how), 2, "each time it was asked is an attempt");
    }
    let others: Vec<_> = [0, 1, 3, 4].map(|index| (settled[index].state, settled[index].version)).into();
    let well = |version| (State::Succeeded, Some(version));
    assert_eq!(others, [well(1), well(1), well(2), well(1)]);
    let view = place.store.view("trial/same").await.unwrap().unwrap();
    assert_eq!((view.version, view.payload.as_str()), (2, r#"{"count":2}"#));
    assert_eq!(settlements(&engine, vec![later.command]).await[0].state, State::Succeeded);
    can_be_retried(&engine, &poison).await;
}

/// What is stored of one aggregate can be read no more: its commands wait for a build that can, and fail nobody.
async fn unreadable_harms_no_other(place: Place) {
    let (engine, running) = place.engine(100).await;
    engine.submit(submission(&engine, "same", How::Well)).await.unwrap();
    engine.close();
    running.stop(PATIENCE).await;
    place.execute(r#"UPDATE events SET payload = '{"garbage":1}' WHERE aggregate_id = 'same'"#).await;

    let (engine, _running) = place.engine(100).await;
    let tries = [("before", How::Well), ("same", How::Well), ("after", How::Well)];
    let mut commands = accepted(&engine, &tries).await;
    let poison = commands.remove(1);
    let settled = settlements(&engine, commands).await;
    assert!(settled.iter().all(|other| other.state == State::Succeeded), "{settled:?}");
    // Nothing is wrong with what they would write, so they are settled by the same commit.
    assert_eq!(settled[0].at, settled[1].at);
    let why = async || place.store.blocked(&[poison.key()]).await.unwrap();
    let why = wilco_tests::wait_for("the command to be blocked", why, |why| !why.is_empty()).await;
    assert_eq!(why[0].1.slug(), "blocked");
    assert!(why[0].1.detail.contains("event 1 of same"), "{}", why[0].1.detail);
    assert_eq!(place.store.command(&poison.key()).await.unwrap().unwrap().state(), State::Open);
}

/// Nobody is to look for a fault of the store when a handler has one.
#[tokio::test]
async fn a_defect_is_counted_as_one_and_as_no_refused_commit() {
    let recorder = PrometheusBuilder::new().build_recorder();
    // All tasks of this test run on this thread.
    let _counting = metrics::set_default_local_recorder(&recorder);
    let place = Place::sqlite().await;
    let (engine, _running) = place.engine(100).await;
    let commands = accepted(&engine, &[("panics", How::Panics), ("ends", How::NeverEnds)]).await;
    assert!(settlements(&engine, commands).await.iter().all(is_internal));
    let counted = recorder.handle().render();
    assert!(counted.contains("wilco_defects_total 2"), "{counted}");
    let refused = |line: &&str| line.starts_with("wilco_commits_refused_total") && !line.ends_with(" 0");
    assert_eq!(counted.lines().filter(refused).count(), 0, "{counted}");
}

#[tokio::test]
async fn a_handler_that_panics_harms_no_other_on_sqlite() {
    harms_no_other(Place::sqlite().await, How::Panics).await;
}

#[tokio::test]
async fn a_handler_that_panics_harms_no_other_on_postgres() {
    harms_no_other(Place::postgres().await, How::Panics).await;
}

#[tokio::test]
async fn a_handler_that_never_ends_harms_no_other_on_sqlite() {
    harms_no_other(Place::sqlite().await, How::NeverEnds).await;
}

#[tokio::test]
async fn a_handler_that_never_ends_harms_no_other_on_postgres() {
    harms_no_other(Place::postgres().await, How::NeverEnds).await;
}

#[tokio::test]
async fn an_event_that_the_store_refuses_harms_no_other_on_postgres() {
    harms_no_other(Place::postgres().await, How::MakesNul).await;
}

#[tokio::test]
async fn an_event_that_the_store_refuses_harms_no_other_on_sqlite() {
    harms_no_other(Place::sqlite().await, How::MakesNul).await;
}

#[tokio::test]
async fn an_event_that_cannot_be_read_harms_no_other_on_sqlite() {
    unreadable_harms_no_other(Place::sqlite().await).await;
}

#[tokio::test]
async fn an_event_that_cannot_be_read_harms_no_other_on_postgres() {
    unreadable_harms_no_other(Place::postgres().await).await;
}
