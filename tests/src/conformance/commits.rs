//! Units of work: all or nothing.

use wilco_application::ports::{
    CancelOutcome, Command, EntryBody, EventRow, Kept, Loaded, NewEvent, PartitionSlice, Seat, SnapshotRow,
    State, Store, StoreError, UnitOfWork, ViewRow,
};
use wilco_domain::kernel::Problem;

use super::Fixture;
use super::making::{Owner, at, command, create, event_row, key, outcome, submit, uuid, view_row};
use crate::wait_for;

const fn seat(partition: u16, index: u32) -> Seat {
    Seat { partition, index }
}

fn snapshot(id: &str, version: i64) -> SnapshotRow {
    let payload = format!(r#"{{"version":{version}}}"#);
    SnapshotRow { key: key(id), version, payload, fingerprint: Some(format!("s@{version}")) }
}

/// As it is loaded.
fn kept(row: SnapshotRow) -> Kept {
    Kept { version: row.version, payload: row.payload, fingerprint: row.fingerprint }
}

async fn loaded(store: &dyn Store, id: &str) -> Loaded {
    store.load(&[key(id)]).await.unwrap().remove(0)
}

/// All that a commit could have changed.
async fn everything(
    store: &dyn Store,
    ids: &[&str],
    command: &Command,
) -> impl PartialEq + std::fmt::Debug + use<> {
    let keys: Vec<_> = ids.iter().map(|id| key(id)).collect();
    let feed = store.feed(0, 0, 100).await.unwrap();
    let command = store.command(&command.key()).await.unwrap();
    (store.load(&keys).await.unwrap(), store.heads().await.unwrap(), feed, command)
}

pub(super) async fn a_commit_writes_all_its_parts<F: Fixture>() {
    let fixture = F::new(4).await;
    let owner = Owner::of(fixture.store()).await;
    let store = fixture.elsewhere();
    let (one, two) = (command(1, "rex"), command(3, "fido"));
    submit(&*store, &[one.clone(), two.clone()]).await;
    let work = UnitOfWork {
        owner: owner.id,
        partitions: vec![owner.slice(1, 3), owner.slice(3, 1)],
        events: vec![
            NewEvent { seat: seat(1, 0), row: event_row("rex", 1) },
            NewEvent { seat: seat(1, 1), row: event_row("rex", 2) },
        ],
        outcomes: vec![outcome(&one, seat(1, 2), Some(2)), outcome(&two, seat(3, 0), None)],
        views: vec![view_row("rex", 2, "reserved")],
        snapshots: vec![snapshot("rex", 2)],
        ..UnitOfWork::default()
    };
    assert_eq!(owner.commit(work.clone()).await.unwrap().bases, [1, 1]);

    let events = store.events(&key("rex"), 0, 10).await.unwrap();
    assert_eq!(events, [event_row("rex", 1), event_row("rex", 2)]);
    let settled = |command: &Command, n: usize, offset: i64| {
        let mut settlement = work.outcomes[n].settlement.clone();
        settlement.offset = offset;
        Some(Command { settlement: Some(settlement), ..command.clone() })
    };
    assert_eq!(store.command(&one.key()).await.unwrap(), settled(&one, 0, 3));
    assert_eq!(store.command(&two.key()).await.unwrap(), settled(&two, 1, 1));
    assert_eq!(store.view("pet/rex").await.unwrap(), Some(work.views[0].clone()));
    assert_eq!(loaded(&*store, "rex").await.snapshot, Some(kept(snapshot("rex", 2))));
    let heads = store.heads().await.unwrap().offsets;
    assert_eq!(heads, [0, 3, 0, 1]);
    assert_eq!(store.due(&[0, 1, 2, 3], at(100_000), 9).await.unwrap(), []);
}

pub(super) async fn a_refused_unit_of_work_leaves_nothing<F: Fixture>() {
    let fixture = F::new(1).await;
    let owner = Owner::of(fixture.store()).await;
    let store = fixture.store();
    let (done, open) = (command(0, "rex"), command(0, "fido"));
    owner.apply(&done, 1).await.unwrap();
    submit(&*store, std::slice::from_ref(&open)).await;
    let before = everything(&*store, &["rex", "fido"], &open).await;
    // All is well but the last: a command that is settled already.
    let mut work = create(&owner, &open, 1);
    work.outcomes.push(outcome(&done, seat(0, 2), Some(1)));
    work.partitions[0].entries = 3;
    work.snapshots.push(snapshot("fido", 1));
    assert!(matches!(owner.commit(work).await, Err(StoreError::Conflict)));
    assert_eq!(everything(&*store, &["rex", "fido"], &open).await, before);
    assert_eq!(owner.commit(create(&owner, &open, 1)).await.unwrap().bases, [3], "and no offset is lost");
}

pub(super) async fn a_taken_event_number_is_a_conflict<F: Fixture>() {
    let fixture = F::new(1).await;
    let owner = Owner::of(fixture.store()).await;
    owner.apply(&command(0, "rex"), 1).await.unwrap();
    let late = command(0, "rex");
    assert!(matches!(owner.apply(&late, 1).await, Err(StoreError::Conflict)));
    assert_eq!(owner.store.command(&late.key()).await.unwrap().unwrap().state(), State::Open);
    assert_eq!(owner.store.heads().await.unwrap().offsets[0], 2);
}

pub(super) async fn a_command_is_settled_once<F: Fixture>() {
    let fixture = F::new(1).await;
    let owner = Owner::of(fixture.store()).await;
    let sent = command(0, "rex");
    owner.apply(&sent, 1).await.unwrap();
    let found = owner.store.command(&sent.key()).await.unwrap();
    assert!(matches!(owner.commit(create(&owner, &sent, 2)).await, Err(StoreError::Conflict)));
    // Nor twice in one unit of work.
    let twice = command(0, "fido");
    submit(&*owner.store, std::slice::from_ref(&twice)).await;
    let mut work = create(&owner, &twice, 1);
    work.outcomes.push(outcome(&twice, seat(0, 2), Some(1)));
    work.partitions[0].entries = 3;
    assert!(matches!(owner.commit(work).await, Err(StoreError::Conflict)));
    assert_eq!(owner.store.command(&sent.key()).await.unwrap(), found);
}

pub(super) async fn an_unknown_command_is_a_conflict<F: Fixture>() {
    let fixture = F::new(1).await;
    let owner = Owner::of(fixture.store()).await;
    let work = create(&owner, &command(0, "rex"), 1);
    assert!(matches!(owner.commit(work).await, Err(StoreError::Conflict)));
    assert_eq!(owner.store.heads().await.unwrap().offsets[0], 0);
}

pub(super) async fn a_foreign_seat_is_refused_as_data<F: Fixture>() {
    let fixture = F::new(2).await;
    let owner = Owner::of(fixture.store()).await;
    let sent = command(0, "rex");
    submit(&*owner.store, std::slice::from_ref(&sent)).await;
    let mut work = create(&owner, &sent, 1);
    work.partitions = vec![owner.slice(1, 2)];
    assert!(matches!(owner.commit(work).await, Err(StoreError::Data(_))));
    assert_eq!(owner.store.heads().await.unwrap().offsets[1], 0);
}

pub(super) async fn malformed_payloads_are_refused_as_data_and_harm_no_neighbour<F: Fixture>() {
    let fixture = F::new(2).await;
    let owner = Owner::of(fixture.store()).await;
    let (good, bad) = (command(0, "rex"), command(1, "fido"));
    submit(&*owner.store, &[good.clone(), bad.clone()]).await;
    let mut poisoned = create(&owner, &bad, 1);
    poisoned.events[0].row.payload = "a\0b".into();
    let (one, two) = tokio::join!(owner.commit(poisoned), owner.commit(create(&owner, &good, 1)));
    assert!(matches!(one, Err(StoreError::Data(_))), "{one:?}");
    assert_eq!(two.unwrap().bases, [1]);
}

pub(super) async fn a_commit_goes_on_when_its_caller_hangs_up<F: Fixture>() {
    let fixture = F::new(1).await;
    let owner = Owner::of(fixture.store()).await;
    let sent = command(0, "rex");
    submit(&*owner.store, std::slice::from_ref(&sent)).await;
    let mut committing = Box::pin(owner.commit(create(&owner, &sent, 1)));
    assert!(futures::poll!(&mut committing).is_pending());
    drop(committing);
    let look = async || owner.store.command(&sent.key()).await.unwrap().map(|command| command.state());
    wait_for("the command to be settled", look, |state| *state == Some(State::Succeeded)).await;
    assert_eq!(loaded(&*owner.store, "rex").await.events, [event_row("rex", 1)]);
    assert_eq!(owner.store.feed(0, 0, 9).await.unwrap().len(), 2);
}

pub(super) async fn numbers_beyond_32_bits_are_kept<F: Fixture>() {
    const LARGE: i64 = 1 << 33;
    let fixture = F::new(1).await;
    let owner = Owner::of(fixture.store()).await;
    let sent = command(0, "rex");
    owner.apply(&sent, LARGE).await.unwrap();
    let events = owner.store.events(&key("rex"), LARGE - 1, 10).await.unwrap();
    assert_eq!(events.iter().map(|event| event.sequence).collect::<Vec<_>>(), [LARGE]);
    let found = owner.store.command(&sent.key()).await.unwrap().unwrap();
    assert_eq!(found.settlement.unwrap().version, Some(LARGE));
    assert_eq!(loaded(&*owner.store, "rex").await.view.unwrap().version, LARGE);
}

pub(super) async fn a_snapshot_never_goes_back<F: Fixture>() {
    let fixture = F::new(1).await;
    let owner = Owner::of(fixture.store()).await;
    for (version, newest) in [(5, 5), (3, 5), (8, 8)] {
        let snapshots = vec![snapshot("rex", version)];
        let work = UnitOfWork {
            owner: owner.id,
            partitions: vec![owner.slice(0, 0)],
            snapshots,
            ..UnitOfWork::default()
        };
        owner.commit(work).await.unwrap();
        assert_eq!(loaded(&*owner.store, "rex").await.snapshot, Some(kept(snapshot("rex", newest))));
    }
}

/// Ten events, and a view and a snapshot at the given versions (0: none).
async fn history(owner: &Owner, id: &str, view: i64, snapshot_at: i64) -> Loaded {
    let event = |n: i64| NewEvent { seat: seat(0, n as u32 - 1), row: event_row(id, n) };
    let work = UnitOfWork {
        owner: owner.id,
        partitions: vec![owner.slice(0, 10)],
        events: (1..=10).map(event).collect(),
        views: (view > 0).then(|| view_row(id, view, "available")).into_iter().collect(),
        snapshots: (snapshot_at > 0).then(|| snapshot(id, snapshot_at)).into_iter().collect(),
        ..UnitOfWork::default()
    };
    owner.commit(work).await.unwrap();
    loaded(&*owner.store, id).await
}

pub(super) async fn load_gives_the_events_after_the_older_of_snapshot_and_view<F: Fixture>() {
    let fixture = F::new(1).await;
    let owner = Owner::of(fixture.store()).await;
    let cases =
        [("a", 0, 0, 1), ("b", 10, 0, 1), ("c", 0, 10, 1), ("d", 4, 7, 5), ("e", 8, 6, 7), ("f", 10, 10, 11)];
    for (id, view, snapshot_at, first) in cases {
        let found = history(&owner, id, view, snapshot_at).await;
        let expected: Vec<EventRow> = (first..=10).map(|n| event_row(id, n)).collect();
        assert_eq!(found.events, expected, "view at {view}, snapshot at {snapshot_at}");
        assert_eq!(found.view.map_or(0, |kept| kept.version), view);
        assert_eq!(found.snapshot.map_or(0, |kept| kept.version), snapshot_at);
    }
}

pub(super) async fn load_answers_in_the_order_asked<F: Fixture>() {
    let fixture = F::new(1).await;
    let owner = Owner::of(fixture.store()).await;
    for id in ["b", "a"] {
        history(&owner, id, 0, 0).await;
    }
    let asked = ["z", "b", "x", "a", "b"].map(key);
    let found = owner.store.load(&asked).await.unwrap();
    assert_eq!(found.iter().map(|loaded| loaded.key.clone()).collect::<Vec<_>>(), asked);
    assert_eq!(found.iter().map(|loaded| loaded.events.len()).collect::<Vec<_>>(), [0, 10, 0, 10, 10]);
    assert!(found[0].view.is_none() && found[0].snapshot.is_none());
    assert_eq!(owner.store.load(&[]).await.unwrap(), []);
}

pub(super) async fn a_cancelled_command_is_not_settled_and_no_offset_is_lost<F: Fixture>() {
    let fixture = F::new(1).await;
    let owner = Owner::of(fixture.store()).await;
    let sent = command(0, "rex");
    submit(&*owner.store, std::slice::from_ref(&sent)).await;
    let problem = Problem::new("cancelled", 409, "");
    let outcome = fixture.elsewhere().cancel(&sent.key(), at(9), &problem).await.unwrap();
    assert!(matches!(outcome, CancelOutcome::Cancelled(_)));
    assert!(matches!(owner.commit(create(&owner, &sent, 1)).await, Err(StoreError::Conflict)));
    assert_eq!(owner.apply(&command(0, "rex"), 1).await.unwrap().bases, [2]);
}

pub(super) async fn commits_and_cancels_at_once_settle_each_command_once<F: Fixture>() {
    let fixture = F::new(1).await;
    let owner = Owner::of(fixture.store()).await;
    let other = fixture.elsewhere();
    let problem = Problem::new("cancelled", 409, "");
    let mut cancelled = 0;
    for n in 0..60 {
        let sent = command(0, &format!("pet-{n}"));
        submit(&*owner.store, std::slice::from_ref(&sent)).await;
        let work = create(&owner, &sent, 1);
        let key = sent.key();
        let (commit, cancel) = tokio::join!(owner.commit(work), other.cancel(&key, at(9), &problem));
        match (commit, cancel.unwrap()) {
            (Ok(_), CancelOutcome::Settled(command)) => assert_eq!(command.state(), State::Succeeded),
            (Err(StoreError::Conflict), CancelOutcome::Cancelled(_)) => cancelled += 1,
            both => panic!("one of them wins: {both:?}"),
        }
    }
    let feed = other.feed(0, 0, 1000).await.unwrap();
    assert!(feed.iter().map(|entry| entry.offset).eq(1..=feed.len() as i64), "no gap");
    assert_eq!(feed.len(), 60 * 2 - cancelled);
}

pub(super) async fn odd_texts_come_back_as_they_were<F: Fixture>() {
    let fixture = F::new(1).await;
    let owner = Owner::of(fixture.store()).await;
    let odd = r#"{ "b":1e400, "a":"\u0000\\\"ü🐕\u2028", "a": 18446744073709551616.10 }"#;
    let sent = Command { data: odd.into(), actor: Some("\"'\\\n\t\u{1}🐕".into()), ..command(0, "rex") };
    submit(&*owner.store, std::slice::from_ref(&sent)).await;
    let mut work = create(&owner, &sent, 1);
    work.events[0].row.payload = odd.into();
    work.events[0].row.metadata = odd.into();
    work.views[0].payload = odd.into();
    owner.commit(work.clone()).await.unwrap();
    let found = fixture.elsewhere().command(&sent.key()).await.unwrap().unwrap();
    assert_eq!((found.data, found.actor), (sent.data, sent.actor));
    assert_eq!(owner.store.events(&key("rex"), 0, 9).await.unwrap(), [work.events[0].row.clone()]);
    let view = owner.store.view("pet/rex").await.unwrap();
    assert_eq!(view, Some(ViewRow { payload: odd.into(), ..view_row("rex", 1, "reserved") }));
    let feed = owner.store.feed(0, 0, 9).await.unwrap();
    assert_eq!(feed[0].body, EntryBody::Event(work.events[0].row.clone()));
    let nobody = UnitOfWork {
        owner: uuid(),
        partitions: vec![PartitionSlice { partition: 0, epoch: 1, entries: 0 }],
        ..UnitOfWork::default()
    };
    assert!(matches!(owner.commit(nobody).await, Err(StoreError::Fenced)));
}
