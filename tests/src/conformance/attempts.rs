//! Attempts at activities: counted, due, ended, and what they have brought back.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use wilco_application::ports::{
    AttemptRow, AttemptStep, Begun, Command, EntryBody, Seat, Settlement, State, Steps, Store, StoreError,
    UnitOfWork,
};

use super::Fixture;
use super::making::{Owner, acme, at, command, create, fresh, outcome, submit};
use super::processes::{reply_to, row};

/// An activity that asks this destination, so many attempts at which have begun; the next is due then.
fn attempt(destination: &str, attempt: u32, due_at: DateTime<Utc>) -> AttemptRow {
    let begun_at = (attempt > 0).then(|| at(1));
    AttemptRow { destination: destination.into(), attempt, begun_at, in_doubt: attempt > 0, due_at }
}

fn begun(command: &Command, fresh: bool) -> Begun {
    Begun { command: Arc::new(Command { running: true, ..command.clone() }), fresh }
}

fn step(command: &Command, before: Option<u32>, after: Option<AttemptRow>) -> AttemptStep {
    AttemptStep { command: command.key(), partition: command.partition, before, after }
}

fn work(owner: &Owner, command: &Command, entries: u32) -> UnitOfWork {
    let partitions = vec![owner.slice(command.partition, entries)];
    UnitOfWork { owner: owner.id, partitions, ..UnitOfWork::default() }
}

/// A unit of work that begins with a new command.
fn beginning(owner: &Owner, command: &Command, row: AttemptRow) -> UnitOfWork {
    let steps = Steps { begun: vec![begun(command, true)], ..Steps::default() };
    UnitOfWork { steps, attempts: vec![step(command, None, Some(row))], ..work(owner, command, 0) }
}

/// A new activity that has begun.
async fn begin(owner: &Owner, partition: u16, row: AttemptRow) -> Command {
    let command = command(partition, "rex");
    owner.commit(beginning(owner, &command, row)).await.unwrap();
    command
}

async fn stored(store: &dyn Store, command: &Command) -> Option<AttemptRow> {
    let mut found = store.attempts(&[command.key()]).await.unwrap();
    assert!(found.iter().all(|(key, _)| *key == command.key()));
    found.pop().map(|(_, row)| row)
}

/// What is due of these partitions: destination, and how many attempts have begun.
async fn due(store: &dyn Store, partitions: &[u16], now: i64, each: u32, without: &[&str]) -> Vec<String> {
    let without: Vec<String> = without.iter().map(|destination| (*destination).into()).collect();
    let found = store.due_attempts(partitions, at(now), each, &without).await.unwrap();
    assert!(found.iter().all(|due| due.command.state() == State::Running));
    let mut found: Vec<String> =
        found.into_iter().map(|due| format!("{} {}", due.row.destination, due.row.attempt)).collect();
    found.sort();
    found
}

pub(super) async fn an_attempt_is_counted_with_its_command_running<F: Fixture>() {
    let fixture = F::new(1).await;
    let owner = Owner::of(fixture.store()).await;
    let (was_stored, new) = (Command { tenant: acme(), ..command(0, "rex") }, command(0, "fido"));
    submit(&*owner.store, std::slice::from_ref(&was_stored)).await;
    let (first, waits) = (attempt("https://a.example:443", 1, at(9)), attempt("ü", 0, at(8)));
    let steps = Steps { begun: vec![begun(&was_stored, false), begun(&new, true)], ..Steps::default() };
    let attempts = vec![step(&was_stored, None, Some(first.clone())), step(&new, None, Some(waits.clone()))];
    owner.commit(UnitOfWork { steps, attempts, ..work(&owner, &new, 0) }).await.unwrap();
    let store = fixture.elsewhere();
    let unknown = command(0, "bello");
    let keys = [&was_stored, &new, &unknown].map(Command::key);
    let mut found = store.attempts(&keys).await.unwrap();
    found.sort_by_key(|(key, _)| key.id);
    assert_eq!(found, [(was_stored.key(), first.clone()), (new.key(), waits)]);
    let running = Command { running: true, ..was_stored };
    assert_eq!(store.command(&running.key()).await.unwrap().as_ref(), Some(&running));
    let due = store.due_attempts(&[0], at(9), 9, &["ü".to_owned()]).await.unwrap();
    assert_eq!(due.len(), 1);
    assert_eq!((&*due[0].command, &due[0].row), (&running, &first), "it comes with its command");
    let next = AttemptRow { begun_at: first.begun_at, ..attempt("b", 2, at(20)) };
    let attempts = vec![step(&running, Some(1), Some(next.clone()))];
    owner.commit(UnitOfWork { attempts, ..work(&owner, &running, 0) }).await.unwrap();
    assert_eq!(stored(&*store, &running).await, Some(next));
}

pub(super) async fn another_number_of_attempts_is_a_conflict_and_leaves_nothing<F: Fixture>() {
    let fixture = F::new(1).await;
    let owner = Owner::of(fixture.store()).await;
    let there = begin(&owner, 0, attempt("a", 2, at(9))).await;
    let unknown = command(0, "rex");
    let next = Some(attempt("a", 3, at(10)));
    for wrong in [
        step(&there, Some(1), next.clone()),
        step(&there, Some(3), next.clone()),
        step(&there, None, next.clone()),
        step(&there, Some(1), None),
        step(&unknown, Some(1), next.clone()),
        step(&unknown, Some(1), None),
        AttemptStep {
            command: Command { tenant: acme(), ..there.clone() }.key(),
            ..step(&there, Some(2), None)
        },
    ] {
        let (other, issued) = (command(0, "fido"), command(0, "bello"));
        submit(&*owner.store, std::slice::from_ref(&other)).await;
        let new = command(0, "new");
        let all = UnitOfWork {
            steps: Steps { begun: vec![begun(&new, true)], ..Steps::default() },
            attempts: vec![step(&new, None, next.clone()), wrong.clone()],
            issued: vec![Arc::new(issued.clone())],
            ..create(&owner, &other, 1)
        };
        assert!(matches!(owner.commit(all).await, Err(StoreError::Conflict)), "{wrong:?}");
        assert_eq!(owner.store.command(&other.key()).await.unwrap(), Some(other), "it is still open");
        for gone in [&new, &issued] {
            assert_eq!(owner.store.command(&gone.key()).await.unwrap(), None);
        }
        assert_eq!(stored(&*owner.store, &new).await, None);
    }
    assert_eq!(stored(&*owner.store, &there).await, Some(attempt("a", 2, at(9))));
    assert_eq!(owner.store.view("pet/fido").await.unwrap(), None);
    assert_eq!(owner.store.heads().await.unwrap().offsets, [0], "and no offset is lost");
}

pub(super) async fn a_replica_without_the_lease_counts_no_attempt<F: Fixture>() {
    let fixture = F::new(1).await;
    let owner = Owner::of(fixture.store()).await;
    let new = command(0, "rex");
    let mut work = beginning(&owner, &new, attempt("a", 1, at(9)));
    work.partitions[0].epoch += 1;
    assert!(matches!(owner.commit(work).await, Err(StoreError::Fenced)));
    assert_eq!(stored(&*owner.store, &new).await, None);
    assert_eq!(owner.store.command(&new.key()).await.unwrap(), None);
}

pub(super) async fn one_that_has_ended_is_gone<F: Fixture>() {
    let fixture = F::new(1).await;
    let owner = Owner::of(fixture.store()).await;
    let done = begin(&owner, 0, attempt("a", 2, at(9))).await;
    let other = begin(&owner, 0, attempt("a", 1, at(9))).await;
    let attempts = vec![step(&done, Some(2), None)];
    let outcomes = vec![outcome(&done, Seat { partition: 0, index: 0 }, None)];
    owner.commit(UnitOfWork { attempts, outcomes, ..work(&owner, &done, 1) }).await.unwrap();
    let store = fixture.elsewhere();
    assert_eq!(stored(&*store, &done).await, None);
    assert_eq!(store.command(&done.key()).await.unwrap().unwrap().state(), State::Failed);
    assert_eq!(due(&*store, &[0], 99, 9, &[]).await, ["a 1"]);
    assert!(stored(&*store, &other).await.is_some());
}

pub(super) async fn due_attempts_are_found_by_time_and_so_many_of_each_destination<F: Fixture>() {
    let fixture = F::new(3).await;
    let owner = Owner::of(fixture.store()).await;
    let rows = [(0, "a", 5), (0, "a", 3), (0, "a", 4), (0, "b", 7), (1, "a", 3), (1, "c", 3), (2, "a", 3)];
    for ((partition, destination, due), number) in rows.into_iter().zip(1..) {
        begin(&owner, partition, attempt(destination, number, at(due))).await;
    }
    let store = fixture.elsewhere();
    assert_eq!(due(&*store, &[0, 1, 2], 2, 9, &[]).await, [""; 0], "not yet");
    assert_eq!(due(&*store, &[0], 3, 9, &[]).await, ["a 2"], "from its very time on");
    assert_eq!(due(&*store, &[0], 9, 9, &[]).await, ["a 1", "a 2", "a 3", "b 4"]);
    assert_eq!(due(&*store, &[0], 9, 2, &[]).await, ["a 2", "a 3", "b 4"], "those that are due first");
    assert_eq!(due(&*store, &[0, 1], 9, 1, &[]).await, ["a 2", "a 5", "b 4", "c 6"], "of each partition");
    assert_eq!(due(&*store, &[0, 1], 9, 9, &["a", "unknown"]).await, ["b 4", "c 6"]);
    assert_eq!(due(&*store, &[0, 1, 2], 9, 9, &["a", "b", "c"]).await, [""; 0]);
    assert_eq!(due(&*store, &[], 9, 9, &[]).await, [""; 0]);
}

pub(super) async fn what_was_brought_back_is_found_with_the_outcome<F: Fixture>() {
    let fixture = F::new(1).await;
    let owner = Owner::of(fixture.store()).await;
    let reply_to = Some(reply_to("o-1", "make").into());
    let asked = Command { reply_to, ..command(0, "rex") };
    let (at_once, without) = (command(0, "fido"), begin(&owner, 0, attempt("a", 1, at(9))).await);
    let begun = Steps { rows: vec![(0, row(0, "o-1"))], ..Steps::default() };
    let issued = vec![Arc::new(asked.clone())];
    owner.commit(UnitOfWork { steps: begun, issued, ..work(&owner, &asked, 0) }).await.unwrap();
    let result = "{\"b\" : 1.50, \"a\":\"ü\\u0000\"}";
    let seat = |index| Seat { partition: 0, index };
    let mut outcomes = vec![
        outcome(&asked, seat(0), None),
        fresh(&at_once, seat(1), None),
        outcome(&without, seat(2), Some(1)),
    ];
    for outcome in &mut outcomes[..2] {
        let (state, result) = (State::Succeeded, Some(result.to_owned()));
        outcome.settlement = Settlement { state, result, error: None, ..outcome.settlement.clone() };
    }
    let attempts = vec![step(&without, Some(1), None)];
    owner.commit(UnitOfWork { outcomes, attempts, ..work(&owner, &asked, 3) }).await.unwrap();
    let store = fixture.elsewhere();
    let of = |command: &Command| command.settlement.as_ref().unwrap().result.clone();
    let all = [&asked, &at_once, &without].map(Command::key);
    let mut found = store.commands(&all).await.unwrap();
    found.sort_by_key(|command| all.iter().position(|key| *key == command.key()));
    let expected = [Some(result.to_owned()), Some(result.to_owned()), None];
    assert_eq!(found.iter().map(of).collect::<Vec<_>>(), expected);
    assert_eq!(of(&store.command(&asked.key()).await.unwrap().unwrap()), expected[0]);
    let entries = store.feed(0, 0, 9).await.unwrap();
    let told = entries.iter().map(|entry| match &entry.body {
        EntryBody::Outcome(command) => of(command),
        other => panic!("{other:?}"),
    });
    assert_eq!(told.collect::<Vec<_>>(), expected);
    let signals = store.signals(&[0], 9).await.unwrap();
    assert_eq!(signals.iter().map(|signal| of(&signal.command)).collect::<Vec<_>>(), expected[..1]);
}

pub(super) async fn a_postponed_command_is_due_from_its_new_time_on<F: Fixture>() {
    let fixture = F::new(1).await;
    let owner = Owner::of(fixture.store()).await;
    let (postponed, again) = (command(0, "rex"), Command { not_before: Some(at(3)), ..command(0, "fido") });
    submit(&*owner.store, &[postponed.clone(), again.clone()]).await;
    let until = |seconds| vec![(postponed.key(), at(seconds)), (again.key(), at(seconds))];
    owner.commit(UnitOfWork { postponed: until(5000), ..work(&owner, &postponed, 0) }).await.unwrap();
    let store = fixture.elsewhere();
    assert_eq!(store.due(&[0], at(4999), 9).await.unwrap(), []);
    let due = store.due(&[0], at(5000), 9).await.unwrap();
    let now = |command: Command| Command { not_before: Some(at(5000)), ..command };
    assert_eq!(due, [now(postponed.clone()), now(again.clone())]);
    owner.commit(UnitOfWork { postponed: until(4000), ..work(&owner, &postponed, 0) }).await.unwrap();
    assert_eq!(store.due(&[0], at(4000), 9).await.unwrap().len(), 2);
}

pub(super) async fn one_that_is_not_open_is_not_postponed<F: Fixture>() {
    let fixture = F::new(1).await;
    let owner = Owner::of(fixture.store()).await;
    let running = begin(&owner, 0, attempt("a", 1, at(9))).await;
    let (settled, open, unknown) = (command(0, "rex"), command(0, "fido"), command(0, "bello"));
    owner.apply(&settled, 1).await.unwrap();
    submit(&*owner.store, std::slice::from_ref(&open)).await;
    for wrong in [&running, &settled, &unknown] {
        let postponed = vec![(open.key(), at(5000)), (wrong.key(), at(5000))];
        let work = UnitOfWork { postponed, ..work(&owner, wrong, 0) };
        assert!(matches!(owner.commit(work).await, Err(StoreError::Conflict)), "{wrong:?}");
    }
    assert_eq!(owner.store.command(&open.key()).await.unwrap(), Some(open));
}
