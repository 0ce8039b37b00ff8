//! What one build of the program leaves to the next.

use chrono::{DateTime, Utc};
use uuid::Uuid;
use wilco_application::ports::{
    AggregateKey, BlockedCommand, CancelOutcome, Command, Store, StoreError, StoredKind, UnitOfWork, ViewRow,
};
use wilco_domain::kernel::Problem;

use super::Fixture;
use super::making::{Owner, acme, at, command, create, key, submit, uuid, view_row};

fn kind(event_type: &str, version: &str, id: &str) -> StoredKind {
    StoredKind {
        aggregate_type: "pet".into(),
        event_type: event_type.into(),
        event_version: version.into(),
        aggregate_id: id.into(),
        sequence: 1,
    }
}

fn reason() -> Problem {
    Problem::new("blocked", 503, "it cannot be read").at("/v1/commands/1")
}

fn blocked(command: &Command, behind: bool) -> BlockedCommand {
    let (id, partition, target) = (command.id, command.partition, command.aggregate());
    BlockedCommand { id, partition, target, behind, reason: reason() }
}

/// Blocks these and nothing else.
async fn block(owner: &Owner, commands: Vec<BlockedCommand>) -> Result<(), StoreError> {
    let partitions = vec![owner.slice(0, 0)];
    let work = UnitOfWork { owner: owner.id, partitions, blocked: commands, ..UnitOfWork::default() };
    owner.commit(work).await.map(drop)
}

fn later() -> DateTime<Utc> {
    at(1_000_000)
}

async fn due(store: &dyn Store) -> Vec<Uuid> {
    store.due(&[0], later(), 100).await.unwrap().into_iter().map(|command| command.id).collect()
}

pub(super) async fn fingerprints_are_kept_beside_views<F: Fixture>() {
    let fixture = F::new(1).await;
    let owner = Owner::of(fixture.store()).await;
    owner.apply(&command(0, "rex"), 1).await.unwrap();
    let store = fixture.elsewhere();
    let marks = async |after: Option<&str>, limit| -> Vec<(String, i64, Option<String>)> {
        let marks = store.view_marks(after, limit).await.unwrap();
        marks.into_iter().map(|mark| (mark.view_id, mark.version, mark.fingerprint)).collect()
    };
    assert_eq!(marks(None, 9).await, [("pet/rex".to_owned(), 1, Some("f@1".to_owned()))]);

    let gone = ViewRow { gone: true, fingerprint: None, ..view_row("ada", 1, "deleted") };
    let rebuilt = ViewRow { fingerprint: Some("g@1".into()), ..view_row("rex", 1, "reserved") };
    store.save_views(vec![rebuilt.clone(), gone]).await.unwrap();
    assert_eq!(store.view("pet/rex").await.unwrap(), Some(rebuilt));
    let all = [("pet/ada".to_owned(), 1, None), ("pet/rex".to_owned(), 1, Some("g@1".to_owned()))];
    assert_eq!(marks(None, 9).await, all);
    assert_eq!(marks(None, 1).await, all[..1]);
    assert_eq!(marks(Some("pet/ada"), 9).await, all[1..]);
}

pub(super) async fn a_kind_of_event_is_noted_once<F: Fixture>() {
    let fixture = F::new(1).await;
    let owner = Owner::of(fixture.store()).await;
    let (first, second) = (command(0, "rex"), command(0, "fido"));
    submit(&*owner.store, &[first.clone(), second.clone()]).await;
    let kinds = vec![kind("pet.reserved", "1.0", "rex"), kind("pet.reserved", "2.0", "rex")];
    owner.commit(UnitOfWork { kinds, ..create(&owner, &first, 1) }).await.unwrap();
    let kinds = vec![kind("pet.reserved", "1.0", "fido"), kind("pet.sold", "1.0", "fido")];
    owner.commit(UnitOfWork { kinds, ..create(&owner, &second, 1) }).await.unwrap();
    let noted = fixture.elsewhere().event_kinds().await.unwrap();
    let expected = [
        kind("pet.reserved", "1.0", "rex"),
        kind("pet.reserved", "2.0", "rex"),
        kind("pet.sold", "1.0", "fido"),
    ];
    assert_eq!(noted, expected);
}

pub(super) async fn a_blocked_command_is_open_and_not_due_and_says_why<F: Fixture>() {
    let fixture = F::new(1).await;
    let owner = Owner::of(fixture.store()).await;
    let store = fixture.elsewhere();
    let scheduled = Command { not_before: Some(at(1)), ..command(0, "rex") };
    let (plain, other) = (command(0, "rex"), command(0, "fido"));
    submit(&*store, &[scheduled.clone(), plain.clone(), other.clone()]).await;
    block(&owner, vec![blocked(&scheduled, false), blocked(&plain, true)]).await.unwrap();
    assert_eq!(due(&*store).await, [other.id]);
    let unknown = Command { id: uuid(), ..plain.clone() };
    let mut why = store.blocked(&[&scheduled, &plain, &other, &unknown].map(Command::key)).await.unwrap();
    why.sort_by_key(|(key, _)| key.clone());
    assert_eq!(why, [(scheduled.key(), reason()), (plain.key(), reason())]);
    assert_eq!(store.command(&plain.key()).await.unwrap(), Some(plain.clone()));

    // Again, and one that is settled: neither changes anything.
    owner.commit(create(&owner, &other, 1)).await.unwrap();
    block(&owner, vec![blocked(&plain, true), blocked(&other, false)]).await.unwrap();
    assert_eq!(store.blocked(&[other.key()]).await.unwrap(), []);

    store.unblock(&[0]).await.unwrap();
    assert_eq!(due(&*store).await, [scheduled.id, plain.id]);
    assert_eq!(store.blocked(&[scheduled.key(), plain.key()]).await.unwrap(), []);
}

pub(super) async fn a_replica_without_the_lease_blocks_nothing<F: Fixture>() {
    let fixture = F::new(1).await;
    let owner = Owner::of(fixture.store()).await;
    let waiting = command(0, "rex");
    submit(&*owner.store, std::slice::from_ref(&waiting)).await;
    let foreign = Owner { id: uuid(), store: fixture.elsewhere(), leases: owner.leases.clone() };
    let refused = block(&foreign, vec![blocked(&waiting, false)]).await;
    assert!(matches!(refused, Err(StoreError::Fenced)), "{refused:?}");
    assert_eq!(due(&*owner.store).await, [waiting.id]);
}

pub(super) async fn what_waits_behind_a_cancelled_command_is_let_go<F: Fixture>() {
    let fixture = F::new(1).await;
    let owner = Owner::of(fixture.store()).await;
    let store = fixture.elsewhere();
    let [first, second, other] = ["rex", "rex", "fido"].map(|id| command(0, id));
    submit(&*store, &[first.clone(), second.clone(), other.clone()]).await;
    let all = vec![blocked(&first, false), blocked(&second, true), blocked(&other, false)];
    block(&owner, all).await.unwrap();
    let left = async || {
        let mut left: Vec<AggregateKey> = store.release(&[0], 9).await.unwrap();
        left.sort();
        left
    };
    assert_eq!(left().await, [key("fido"), key("rex")]);
    assert_eq!(store.release(&[0], 1).await.unwrap().len(), 1, "no more than asked for");
    let some = store.blocked_targets(&[key("ada"), key("rex")]).await.unwrap();
    assert_eq!(some, [key("rex")]);
    assert!(due(&*store).await.is_empty());
    let cancelled = store.cancel(&first.key(), at(9), &reason()).await.unwrap();
    assert!(matches!(cancelled, CancelOutcome::Cancelled(_)), "{cancelled:?}");
    assert_eq!(left().await, [key("fido")]);
    assert_eq!(due(&*store).await, [second.id]);
}

pub(super) async fn twins_of_two_tenants_are_blocked_apart<F: Fixture>() {
    let fixture = F::new(1).await;
    let owner = Owner::of(fixture.store()).await;
    let store = fixture.elsewhere();
    let ours = command(0, "rex");
    let theirs = Command { tenant: acme(), ..ours.clone() };
    submit(&*store, &[ours.clone(), theirs.clone()]).await;
    block(&owner, vec![blocked(&theirs, false)]).await.unwrap();
    assert_eq!(store.due(&[0], later(), 9).await.unwrap(), std::slice::from_ref(&ours));
    let both = [ours.key(), theirs.key()];
    assert_eq!(store.blocked(&both).await.unwrap(), [(theirs.key(), reason())]);
    let targets = [ours.aggregate(), theirs.aggregate()];
    assert_eq!(store.blocked_targets(&targets).await.unwrap(), [theirs.aggregate()]);

    block(&owner, vec![blocked(&ours, false)]).await.unwrap();
    assert_eq!(store.release(&[0], 9).await.unwrap().len(), 2);
    store.cancel(&theirs.key(), at(9), &reason()).await.unwrap();
    assert_eq!(store.release(&[0], 9).await.unwrap(), [ours.aggregate()]);
    let found = store.open_types(9, 9).await.unwrap();
    assert_eq!(found[0].samples, [ours.key()]);
}

pub(super) async fn open_commands_are_counted_by_type<F: Fixture>() {
    let fixture = F::new(1).await;
    let store = fixture.store();
    let sell = |target| Command { command_type: "pet.sell".into(), ..command(0, target) };
    let late = Command { not_before: Some(at(500_000)), ..sell("a") };
    let early = Command { not_before: Some(at(400_000)), ..sell("b") };
    let plain = [command(0, "a"), command(0, "b"), command(0, "c")];
    submit(&*store, &[late.clone(), early.clone()]).await;
    submit(&*store, &plain).await;
    let found = fixture.elsewhere().open_types(100, 2).await.unwrap();
    let seen: Vec<_> = found.iter().map(|open| (open.command_type.as_str(), open.count)).collect();
    assert_eq!(seen, [("pet.reserve", 3), ("pet.sell", 2)]);
    assert_eq!(found[0].samples, [plain[0].key(), plain[1].key()]);
    assert_eq!(found[0].first_due, plain[0].accepted_at);
    assert_eq!(found[1].samples, [early.key(), late.key()]);
    assert_eq!(found[1].first_due, at(400_000));
    assert_eq!(store.open_types(0, 2).await.unwrap(), []);
}
