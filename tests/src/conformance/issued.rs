//! Commands that a commit stores to be applied later.

use std::sync::Arc;

use wilco_application::ports::{Command, StoreError, UnitOfWork};

use super::Fixture;
use super::making::{Owner, command, create, keyed, submit, with_everything};

/// The work of a command, which issues others.
async fn issuing(owner: &Owner, issued: &[&Command]) -> UnitOfWork {
    let cause = command(0, "rex");
    submit(&*owner.store, std::slice::from_ref(&cause)).await;
    let issued = issued.iter().map(|command| Arc::new((*command).clone())).collect();
    UnitOfWork { issued, ..create(owner, &cause, 1) }
}

pub(super) async fn an_issued_command_is_stored_as_it_is_and_due<F: Fixture>() {
    let fixture = F::new(2).await;
    let owner = Owner::of(fixture.store()).await;
    let (full, sparse) = (Command { not_before: None, ..with_everything(0) }, command(1, "fido"));
    let work = issuing(&owner, &[&full, &sparse]).await;
    assert_eq!(owner.commit(work).await.unwrap().bases, [1]);
    let store = fixture.elsewhere();
    for command in [&full, &sparse] {
        assert_eq!(store.command(&command.key()).await.unwrap().as_ref(), Some(command));
    }
    let now = full.accepted_at.max(sparse.accepted_at);
    assert_eq!(store.due(&[0], now, 9).await.unwrap(), [full]);
    assert_eq!(store.due(&[1], now, 9).await.unwrap(), [sparse]);
    assert_eq!(
        store.feed(0, 0, 9).await.unwrap().len(),
        2,
        "the event and the outcome of the one that issued"
    );
}

pub(super) async fn an_issued_command_that_is_there_already_is_a_conflict_and_changes_nothing<F: Fixture>() {
    let fixture = F::new(1).await;
    let owner = Owner::of(fixture.store()).await;
    let (there, new) = (keyed("k", "fido"), command(0, "bello"));
    submit(&*owner.store, std::slice::from_ref(&there)).await;
    let twin_by_id = Command { idempotency: None, ..there.clone() };
    let twin_by_key = keyed("k", "bello");
    for twin in [twin_by_id, twin_by_key] {
        let work = issuing(&owner, &[&new, &twin]).await;
        assert!(matches!(owner.commit(work).await, Err(StoreError::Conflict)));
        assert_eq!(owner.store.command(&new.key()).await.unwrap(), None);
    }
    assert_eq!(owner.store.view("pet/rex").await.unwrap(), None);
    assert_eq!(owner.store.heads().await.unwrap().offsets[0], 0, "and no offset is lost");
}

pub(super) async fn a_replica_without_the_lease_issues_nothing<F: Fixture>() {
    let fixture = F::new(1).await;
    let owner = Owner::of(fixture.store()).await;
    let issued = command(0, "fido");
    let mut work = issuing(&owner, &[&issued]).await;
    work.partitions[0].epoch += 1;
    assert!(matches!(owner.commit(work).await, Err(StoreError::Fenced)));
    assert_eq!(owner.store.command(&issued.key()).await.unwrap(), None);
}
