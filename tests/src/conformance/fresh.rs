//! Commands that a commit stores and settles at once.

use std::sync::Arc;

use wilco_application::ports::{Accepted, Command, NewEvent, Seat, State, StoreError, UnitOfWork};

use super::Fixture;
use super::making::{
    Owner, command, create, event_row, fresh, keyed, submit, uuid, view_row, with_everything,
};

const fn seat(index: u32) -> Seat {
    Seat { partition: 0, index }
}

/// Stores the command and applies it: one event, its outcome, its view.
fn at_once(owner: &Owner, command: &Command, sequence: i64) -> UnitOfWork {
    UnitOfWork { outcomes: vec![fresh(command, seat(1), Some(sequence))], ..create(owner, command, sequence) }
}

pub(super) async fn a_fresh_command_is_stored_as_it_was_with_its_outcome<F: Fixture>() {
    let fixture = F::new(1).await;
    let owner = Owner::of(fixture.store()).await;
    let (full, sparse) = (with_everything(0), command(0, "fido"));
    let full = Command { not_before: None, ..full };
    let work = UnitOfWork {
        owner: owner.id,
        partitions: vec![owner.slice(0, 3)],
        events: vec![NewEvent { seat: seat(0), row: event_row("rex", 1) }],
        outcomes: vec![fresh(&full, seat(1), Some(1)), fresh(&sparse, seat(2), None)],
        views: vec![view_row("rex", 1, "reserved")],
        ..UnitOfWork::default()
    };
    assert_eq!(owner.commit(work.clone()).await.unwrap().bases, [1]);
    let store = fixture.elsewhere();
    for (n, command) in [&full, &sparse].into_iter().enumerate() {
        let mut settlement = work.outcomes[n].settlement.clone();
        settlement.offset = n as i64 + 2;
        let expected = Command { settlement: Some(settlement), ..command.clone() };
        assert_eq!(store.command(&command.key()).await.unwrap(), Some(expected));
    }
    assert_eq!(store.feed(0, 0, 9).await.unwrap().len(), 3);
    assert_eq!(store.due(&[0], full.accepted_at, 9).await.unwrap(), []);
    assert_eq!(store.backlog(full.accepted_at, 9).await.unwrap(), 0);
}

pub(super) async fn a_commit_settles_stored_and_fresh_commands_alike<F: Fixture>() {
    let fixture = F::new(1).await;
    let owner = Owner::of(fixture.store()).await;
    let (stored, new) = (command(0, "rex"), command(0, "fido"));
    submit(&*owner.store, std::slice::from_ref(&stored)).await;
    let mut work = create(&owner, &stored, 1);
    work.outcomes.push(fresh(&new, seat(2), None));
    work.partitions[0].entries = 3;
    owner.commit(work).await.unwrap();
    let state = async |command: &Command| owner.store.command(&command.key()).await.unwrap().unwrap().state();
    assert_eq!((state(&stored).await, state(&new).await), (State::Succeeded, State::Failed));
}

pub(super) async fn a_fresh_command_that_is_there_already_is_a_conflict_and_changes_nothing<F: Fixture>() {
    let fixture = F::new(1).await;
    let owner = Owner::of(fixture.store()).await;
    let first = keyed("k", "rex");
    owner.commit(at_once(&owner, &first, 1)).await.unwrap();
    let found = owner.store.command(&first.key()).await.unwrap();
    let twin_by_id = Command { idempotency: None, target: "fido".into(), ..first.clone() };
    for twin in [keyed("k", "fido"), twin_by_id] {
        let (neighbour, mut work) = (command(0, "bello"), at_once(&owner, &twin, 1));
        work.outcomes.push(fresh(&neighbour, seat(2), None));
        work.partitions[0].entries = 3;
        assert!(matches!(owner.commit(work).await, Err(StoreError::Conflict)));
        assert_eq!(owner.store.command(&neighbour.key()).await.unwrap(), None);
    }
    assert_eq!(owner.store.command(&first.key()).await.unwrap(), found);
    assert_eq!(owner.store.view("pet/fido").await.unwrap(), None);
    assert_eq!(owner.store.heads().await.unwrap().offsets[0], 2, "and no offset is lost");
}

pub(super) async fn fresh_twins_in_one_unit_of_work_are_a_conflict<F: Fixture>() {
    let fixture = F::new(1).await;
    let owner = Owner::of(fixture.store()).await;
    let (one, two) = (keyed("k", "rex"), keyed("k", "fido"));
    let mut work = at_once(&owner, &one, 1);
    work.outcomes.push(fresh(&two, seat(2), None));
    work.partitions[0].entries = 3;
    assert!(matches!(owner.commit(work).await, Err(StoreError::Conflict)));
    assert_eq!(owner.store.commands(&[one.key(), two.key()]).await.unwrap(), []);
}

pub(super) async fn a_fresh_command_of_a_replica_without_the_lease_is_not_stored<F: Fixture>() {
    let fixture = F::new(1).await;
    let owner = Owner::of(fixture.store()).await;
    let sent = command(0, "rex");
    let foreign = UnitOfWork { owner: uuid(), ..at_once(&owner, &sent, 1) };
    assert!(matches!(owner.commit(foreign).await, Err(StoreError::Fenced)));
    assert_eq!(owner.store.command(&sent.key()).await.unwrap(), None);
}

pub(super) async fn a_key_that_is_accepted_and_committed_at_once_is_there_once<F: Fixture>() {
    let fixture = F::new(1).await;
    let owner = Owner::of(fixture.store()).await;
    let other = fixture.elsewhere();
    let mut events = 0;
    for n in 0..60 {
        let (key, target) = (format!("k-{n}"), format!("pet-{n}"));
        let (here, there) = (keyed(&key, &target), keyed(&key, &target));
        let (committed, accepted) = tokio::join!(
            owner.commit(at_once(&owner, &here, 1)),
            other.accept(vec![Arc::new(there.clone())])
        );
        match (committed, &accepted.unwrap()[0]) {
            (Ok(_), Accepted::Existing(found)) => {
                assert_eq!(found.id, here.id);
                events += 1;
            }
            (Err(StoreError::Conflict), Accepted::New) => {
                assert_eq!(other.command(&here.key()).await.unwrap(), None);
            }
            both => panic!("one of them is first: {both:?}"),
        }
        // Whoever was first, there is one command with the key.
        assert!(matches!(other.accept(vec![Arc::new(there)]).await.unwrap()[0], Accepted::Existing(_)));
    }
    assert_eq!(other.feed(0, 0, 1000).await.unwrap().len(), 2 * events);
}

pub(super) async fn fresh_commands_in_opposite_order_do_not_lock_each_other_out<F: Fixture>() {
    let fixture = F::new(1).await;
    let owner = Owner::of(fixture.store()).await;
    let other = fixture.elsewhere();
    for round in 0..30 {
        let key = |n: u32| format!("k-{round}-{n:02}");
        let commands: Vec<Command> = (0..20).map(|n| keyed(&key(n), "rex")).collect();
        let work = UnitOfWork {
            owner: owner.id,
            partitions: vec![owner.slice(0, 20)],
            outcomes: (0..20).map(|n| fresh(&commands[n as usize], seat(n), None)).collect(),
            ..UnitOfWork::default()
        };
        let opposite = (0..20).rev().map(|n| Arc::new(keyed(&key(n), "rex"))).collect();
        let (committed, accepted) = tokio::join!(owner.commit(work), other.accept(opposite));
        assert!(matches!(committed, Ok(_) | Err(StoreError::Conflict)), "{committed:?}");
        accepted.unwrap();
    }
    assert!(other.feed(0, 0, 1000).await.unwrap().len().is_multiple_of(20), "what lost is not there in part");
}
