//! Two tenants on one engine: both may call their things by the same names, and neither sees anything of the other.

#![expect(clippy::unwrap_used, reason = "all of this is tests")]

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use async_nats::jetstream;
use async_nats::jetstream::stream::Config;
use uuid::Uuid;
use wilco_application::cloud_event::belongs_to;
use wilco_application::engine::{
    CancelError, CommandQuery, Engine, Found, RetryError, RetrySubmission, Submission, SubmitError, Submitted,
};
use wilco_application::feed::SubjectFilter;
use wilco_application::ports::{AggregateKey, Command, FeedEntry, State, ViewFilter};
use wilco_application::queries::Queries;
use wilco_domain::kernel::{Caller, Tenant};
use wilco_infrastructure::nats::{Login, NatsBroker, NatsOptions, StreamOptions, Tls};
use wilco_tests::nats::{NatsServer, Notification};
use wilco_tests::trial::{How, Place, submission_of};
use wilco_tests::wait_for;

const PATIENCE: Duration = Duration::from_secs(10);

fn tenant(name: &str) -> Tenant {
    Tenant::parse(name).unwrap()
}

/// The default tenant and another.
fn both() -> [Tenant; 2] {
    [tenant("default"), tenant("acme")]
}

fn caller(tenant: &Tenant) -> Caller {
    Caller::from(tenant.clone())
}

fn key(tenant: &Tenant) -> AggregateKey {
    AggregateKey::new(tenant, "trial", "pet-42")
}

async fn tried(engine: &Engine, tenant: &Tenant, how: How) -> Arc<Command> {
    done(engine, submission_of(engine, tenant, "pet-42", how)).await
}

async fn done(engine: &Engine, submission: Submission) -> Arc<Command> {
    let submitted = engine.submit(submission).await.unwrap();
    engine.settled(submitted.command, PATIENCE).await.unwrap()
}

fn version(command: &Arc<Command>) -> Option<i64> {
    command.settlement.as_ref().and_then(|settlement| settlement.version)
}

async fn both_may_have_an_aggregate_of_the_same_id(place: Place) {
    let (engine, running) = place.engine(2).await;
    let [ours, theirs] = both();
    for (tenant, expected) in [(&ours, 1), (&ours, 2), (&theirs, 1), (&ours, 3), (&theirs, 2)] {
        assert_eq!(version(&tried(&engine, tenant, How::Well).await), Some(expected));
    }
    is_seen_by_its_tenant_alone(&engine.queries()).await;

    // From what is stored, snapshots among it, and with views made anew.
    engine.close();
    running.stop(PATIENCE).await;
    place.execute("DELETE FROM views").await;
    let (engine, _running) = place.engine(2).await;
    assert_eq!(
        engine.queries().rebuild("trial", |_| {}).await.unwrap(),
        3,
        "and the one that was only warmed up"
    );
    is_seen_by_its_tenant_alone(&engine.queries()).await;
    assert_eq!(version(&tried(&engine, &theirs, How::Well).await), Some(3));
    assert_eq!(version(&tried(&engine, &ours, How::Well).await), Some(4));
}

/// After three events of the default tenant's `pet-42` and two of the other's.
async fn is_seen_by_its_tenant_alone(queries: &Queries) {
    let [ours, theirs] = both();
    for (tenant, count) in [(&ours, 3), (&theirs, 2)] {
        let view = queries.resource(&key(tenant)).await.unwrap().unwrap();
        assert_eq!((view.version, view.payload), (count, format!(r#"{{"count":{count}}}"#)));
        let history = queries.history(&key(tenant), 0, 9).await.unwrap().items;
        assert_eq!(history.len() as i64, count);
        assert!(history.iter().all(|event| event.aggregate() == key(tenant)), "{history:?}");
        let former = async |version| queries.resource_at(&key(tenant), version).await.unwrap();
        assert!(former(count).await.is_some_and(|view| view.version == count));
        assert_eq!(former(count + 1).await, None);
    }
    let list = async |tenant: &Tenant| {
        let tenant = tenant.clone();
        let filter = ViewFilter { tenant, view_type: "trial".into(), limit: 9, ..ViewFilter::default() };
        let found = queries.resources(&filter).await.unwrap().items;
        found.iter().map(|view| filter.id_of(view).to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(list(&ours).await, ["pet-42", "warm"]);
    assert_eq!(list(&theirs).await, ["pet-42"]);
    let stranger = tenant("stranger");
    assert_eq!(list(&stranger).await, [""; 0]);
    assert_eq!(queries.resource(&key(&stranger)).await.unwrap(), None);
    assert_eq!(queries.history(&key(&stranger), 0, 9).await.unwrap().items, []);
}

async fn keys_and_ids_of_commands_do_not_meet(place: Place) {
    let (engine, _running) = place.engine(100).await;
    let id: Uuid = "018f0000-0000-7000-8000-000000000042".parse().unwrap();
    let with_key = |tenant: &Tenant, fingerprint: u8| Submission {
        idempotency_key: Some("the key".to_owned()),
        fingerprint: [fingerprint; 16],
        ..submission_of(&engine, tenant, "pet-42", How::Well)
    };
    let with_id = |tenant: &Tenant, fingerprint: u8| Submission {
        id: Some(id),
        idempotency_key: None,
        ..with_key(tenant, fingerprint)
    };
    let [ours, theirs] = both();
    for (print, tenant) in [(1, &ours), (2, &theirs)] {
        let first = engine.submit(with_key(tenant, print)).await.unwrap();
        assert!(!first.replayed);
        let again = engine.submit(with_key(tenant, print)).await.unwrap();
        assert_eq!((again.replayed, again.command.key()), (true, first.command.key()));
        assert_eq!(version(&done(&engine, with_id(tenant, print)).await), Some(2));
        let Submitted { command, replayed, .. } = engine.submit(with_id(tenant, print)).await.unwrap();
        assert_eq!((replayed, command.id, &command.tenant), (true, id, tenant));
        for other in [with_key(tenant, 9), with_id(tenant, 9)] {
            assert!(matches!(engine.submit(other).await, Err(SubmitError::KeyReused)));
        }
    }
    for tenant in both() {
        let Found::Command(found) = engine.find(&caller(&tenant), id).await.unwrap() else {
            panic!("it is there")
        };
        assert_eq!((found.id, &found.tenant), (id, &tenant));
    }
    let found = engine.find(&caller(&tenant("stranger")), id).await.unwrap();
    assert!(matches!(found, Found::Unknown), "{found:?}");
}

/// They are due at the same time, so that one batch has both in hand.
async fn commands_of_one_id_are_settled_each_for_its_own(place: Place) {
    let (engine, _running) = place.engine(100).await;
    let id = engine.new_id();
    let due = engine.now() + chrono::TimeDelta::milliseconds(300);
    let scheduled = |tenant: &Tenant, how: How| Submission {
        id: Some(id),
        idempotency_key: None,
        not_before: Some(due),
        ..submission_of(&engine, tenant, "pet-42", how)
    };
    let [ours, theirs] = both();
    let submissions = vec![scheduled(&ours, How::WritesAndRefuses), scheduled(&theirs, How::Well)];
    let submitted = engine.submit_all(submissions).await;
    let [one, other] = submitted.try_into().map(|both: [_; 2]| both.map(Result::unwrap)).unwrap();
    let (one, other) =
        tokio::join!(engine.settled(one.command, PATIENCE), engine.settled(other.command, PATIENCE));
    let (one, other) = (one.unwrap(), other.unwrap());
    assert_eq!((&one.tenant, one.state()), (&ours, State::Failed));
    assert_eq!((&other.tenant, other.state()), (&theirs, State::Succeeded));
    // And at once, without being stored before.
    let id = engine.new_id();
    let at_once =
        |tenant: &Tenant| Submission { id: Some(id), ..submission_of(&engine, tenant, "pet-42", How::Well) };
    let submitted = engine.submit_all(vec![at_once(&ours), at_once(&theirs)]).await;
    for (submitted, tenant) in submitted.into_iter().zip(both()) {
        let settled = engine.settled(submitted.unwrap().command, PATIENCE).await.unwrap();
        assert_eq!((settled.state(), &settled.tenant, settled.id), (State::Succeeded, &tenant, id));
    }
}

async fn nobody_finds_lists_cancels_or_retries_anothers_commands(place: Place) {
    let (engine, _running) = place.engine(100).await;
    let [ours, theirs] = both().map(|tenant| caller(&tenant));
    let failed = tried(&engine, &theirs.tenant, How::WritesAndRefuses).await;
    let later = Submission {
        not_before: Some(engine.now() + chrono::TimeDelta::hours(1)),
        ..submission_of(&engine, &theirs.tenant, "pet-42", How::Well)
    };
    let later = engine.submit(later).await.unwrap().command;
    for id in [failed.id, later.id] {
        assert!(matches!(engine.find(&ours, id).await.unwrap(), Found::Unknown));
        assert!(matches!(engine.cancel(&ours, id).await, Err(CancelError::Unknown)));
        let retried = engine.retry(&ours, id, RetrySubmission::default()).await;
        assert!(matches!(retried, Err(RetryError::Unknown)), "{retried:?}");
    }
    let list = async |caller: &Caller, query: CommandQuery| {
        let query = CommandQuery { limit: 9, target: Some("pet-42".into()), ..query };
        let found = engine.commands(caller, query).await.unwrap().items;
        found.iter().map(|command| command.id).collect::<BTreeSet<_>>()
    };
    let of_correlation = CommandQuery { correlation_id: Some(later.id), ..CommandQuery::default() };
    assert_eq!(list(&ours, CommandQuery::default()).await, BTreeSet::new());
    assert_eq!(list(&ours, of_correlation.clone()).await, BTreeSet::new());
    assert_eq!(list(&theirs, CommandQuery::default()).await, BTreeSet::from([failed.id, later.id]));
    assert_eq!(list(&theirs, of_correlation).await, BTreeSet::from([later.id]));
    assert_eq!(engine.cancel(&theirs, later.id).await.unwrap().state(), State::Cancelled);
    let again = engine.retry(&theirs, failed.id, RetrySubmission::default()).await.unwrap().command;
    assert_eq!((&again.tenant, again.caused_by), (&theirs.tenant, Some(failed.id)));
}

/// All entries of the feed.
async fn feed(engine: &Engine) -> Vec<Arc<FeedEntry>> {
    let hub = engine.feed();
    hub.refresh().await.unwrap();
    let mut entries = Vec::new();
    for partition in 0..hub.partitions() {
        entries.extend(hub.read(partition, 0, 1000).await.unwrap());
    }
    entries
}

async fn the_feed_tells_whose_an_entry_is(place: Place) {
    let (engine, _running) = place.engine(100).await;
    for tenant in both() {
        tried(&engine, &tenant, How::Well).await;
    }
    let entries = feed(&engine).await;
    let (notifier, generation) = (engine.notifier(), engine.feed().generation());
    let subjects = |tenant: &Tenant, filter: &str| {
        let filter: SubjectFilter = filter.parse().unwrap();
        let theirs =
            entries.iter().filter(|entry| belongs_to(entry, tenant) && notifier.is_meant(entry, &filter));
        let messages = theirs.map(|entry| notifier.message(entry, generation, usize::MAX).unwrap());
        messages
            .map(|message| message.subject.rsplit_once('.').unwrap().0.to_owned())
            .collect::<BTreeSet<_>>()
    };
    let [ours, theirs] = both();
    let plain = ["wilco.command.succeeded.trial.try", "wilco.event.trial.tried"].map(ToOwned::to_owned);
    let of_acme = ["wilco.tenant.acme.command.succeeded.trial.try", "wilco.tenant.acme.event.trial.tried"]
        .map(ToOwned::to_owned);
    assert_eq!(subjects(&ours, ">"), BTreeSet::from(plain));
    assert_eq!(subjects(&theirs, ">"), BTreeSet::from(of_acme.clone()));
    assert_eq!(subjects(&tenant("stranger"), ">"), BTreeSet::new());
    assert_eq!(subjects(&theirs, "wilco.command.>"), BTreeSet::from([of_acme[0].clone()]));
    assert_eq!(subjects(&theirs, "wilco.tenant.acme.event.>"), BTreeSet::from([of_acme[1].clone()]));
    assert_eq!(subjects(&ours, "wilco.tenant.>"), BTreeSet::new());
}

fn broker(nats: &NatsServer) -> Arc<NatsBroker> {
    Arc::new(NatsBroker::new(NatsOptions {
        servers: vec![nats.url()],
        login: Login::default(),
        tls: Tls::default(),
        subject_prefix: "wilco".to_owned(),
        stream: Some(StreamOptions::default()),
    }))
}

/// Also into a stream that is older than tenants.
async fn messages_say_whose_they_are(place: Place) {
    let nats = NatsServer::started().await;
    let context = jetstream::new(nats.client().await);
    let subjects = ["wilco.command.>", "wilco.event.>"].map(ToOwned::to_owned).to_vec();
    context.create_stream(Config { name: "WILCO".into(), subjects, ..Config::default() }).await.unwrap();
    let (engine, _running) = place.engine_that_tells(100, Some(broker(&nats))).await;
    let id = engine.new_id();
    for tenant in both() {
        let same = Submission { id: Some(id), ..submission_of(&engine, &tenant, "pet-42", How::Well) };
        done(&engine, same).await;
    }
    let count = feed(&engine).await.len() as u64;
    let stream = nats.stream(count).await;
    let (theirs, ours): (Vec<&Notification>, Vec<&Notification>) =
        stream.iter().partition(|message| message.subject.starts_with("wilco.tenant.acme."));
    assert_eq!(theirs.len(), 2, "{stream:?}");
    for message in theirs {
        assert_eq!(
            (message.header("Wilco-Tenant"), &message.event["tenant"]),
            (Some("acme"), &"acme".into())
        );
        assert_eq!(
            (message.header("Wilco-Target"), &message.event["subject"]),
            (Some("trial/pet-42"), &"trial/pet-42".into())
        );
        assert!(!message.event["data"].to_string().contains("acme"), "the id is shown as it is: {message:?}");
    }
    for message in &ours {
        assert!(message.subject.starts_with("wilco.command.") || message.subject.starts_with("wilco.event."));
        assert_eq!(
            (message.header("Wilco-Tenant"), message.event.get("tenant")),
            (Some("default"), Some(&"default".into()))
        );
    }
    let ids: BTreeSet<&str> = stream.iter().filter_map(|message| message.header("Nats-Msg-Id")).collect();
    assert_eq!(ids.len(), stream.len(), "no two messages have one id");
    let covered = async || context.get_stream("WILCO").await.unwrap().cached_info().config.subjects.clone();
    wait_for("the stream to take tenants' subjects", covered, |found| {
        found.contains(&"wilco.tenant.>".into())
    })
    .await;
}

macro_rules! on_both_stores {
    ($($scenario:ident),+ $(,)?) => {
        mod on_sqlite {
            $(#[tokio::test(flavor = "multi_thread")]
            async fn $scenario() {
                super::$scenario(super::Place::sqlite().await).await;
            })+
        }
        mod on_postgres {
            $(#[tokio::test(flavor = "multi_thread")]
            async fn $scenario() {
                super::$scenario(super::Place::postgres().await).await;
            })+
        }
    };
}

on_both_stores!(
    both_may_have_an_aggregate_of_the_same_id,
    keys_and_ids_of_commands_do_not_meet,
    commands_of_one_id_are_settled_each_for_its_own,
    nobody_finds_lists_cancels_or_retries_anothers_commands,
    the_feed_tells_whose_an_entry_is,
    messages_say_whose_they_are,
);
