//! Who owns which partition.

use std::collections::HashSet;
use std::time::Duration;

use wilco_application::ports::{PartitionSlice, StoreError};

use super::Fixture;
use super::making::{LONG, Owner, command, create, submit, uuid};
use crate::wait_for;

/// A lease that is over at once.
const OVER: Duration = Duration::ZERO;

fn partitions(owner: &Owner) -> Vec<u16> {
    owner.leases.iter().map(|lease| lease.partition).collect()
}

pub(super) async fn a_lone_replica_owns_everything<F: Fixture>() {
    let fixture = F::new(5).await;
    let owner = Owner::of(fixture.store()).await;
    assert_eq!(partitions(&owner), [0, 1, 2, 3, 4]);
    owner.apply(&command(3, "rex"), 1).await.unwrap();
    let heads: Vec<i64> =
        owner.store.heartbeat(owner.id, LONG).await.unwrap().iter().map(|l| l.head).collect();
    assert_eq!(heads, [0, 0, 0, 2, 0], "a lease tells where its partition's feed ends");
}

pub(super) async fn two_replicas_share_fairly<F: Fixture>() {
    let fixture = F::new(5).await;
    let mut one = Owner::of(fixture.store()).await;
    let mut two = Owner::of(fixture.elsewhere()).await;
    assert_eq!(two.leases, [], "what is owned is not taken");
    for _ in 0..3 {
        one.leases = one.store.heartbeat(one.id, LONG).await.unwrap();
        two.leases = two.store.heartbeat(two.id, LONG).await.unwrap();
    }
    assert_eq!((one.leases.len(), two.leases.len()), (3, 2));
    let all: HashSet<u16> = partitions(&one).into_iter().chain(partitions(&two)).collect();
    assert_eq!(all.len(), 5, "each has one owner");
    let three = Owner::of(fixture.store()).await;
    one.leases = one.store.heartbeat(one.id, LONG).await.unwrap();
    assert_eq!((one.leases.len(), three.leases.len()), (2, 0));
}

pub(super) async fn a_replica_that_lost_its_lease_commits_nothing<F: Fixture>() {
    let fixture = F::new(1).await;
    let id = uuid();
    let leases = fixture.store().heartbeat(id, OVER).await.unwrap();
    let frozen = Owner { id, store: fixture.store(), leases };
    assert_eq!(partitions(&frozen), [0]);
    let sent = command(0, "rex");
    submit(&*frozen.store, std::slice::from_ref(&sent)).await;
    let heir = Owner::of(fixture.elsewhere()).await;
    assert_eq!(partitions(&heir), [0]);

    assert!(matches!(frozen.commit(create(&frozen, &sent, 1)).await, Err(StoreError::Fenced)));
    assert_eq!(heir.store.heads().await.unwrap().offsets[0], 0);
    assert_eq!(heir.store.view("pet/rex").await.unwrap(), None);
    heir.commit(create(&heir, &sent, 1)).await.unwrap();
    assert_eq!(frozen.store.heartbeat(frozen.id, LONG).await.unwrap(), [], "the heir keeps it");
}

pub(super) async fn a_replica_that_resigned_commits_nothing<F: Fixture>() {
    let fixture = F::new(2).await;
    let owner = Owner::of(fixture.store()).await;
    let sent = command(0, "rex");
    submit(&*owner.store, std::slice::from_ref(&sent)).await;
    owner.store.resign(owner.id).await.unwrap();
    assert!(matches!(owner.commit(create(&owner, &sent, 1)).await, Err(StoreError::Fenced)));
    let heir = Owner::of(fixture.elsewhere()).await;
    assert_eq!(partitions(&heir), [0, 1], "at once, without waiting for the lease to end");
    owner.store.resign(owner.id).await.unwrap();
    heir.commit(create(&heir, &sent, 1)).await.unwrap();
}

pub(super) async fn a_dead_replicas_partitions_go_to_the_living<F: Fixture>() {
    let fixture = F::new(4).await;
    let (one, two) = (uuid(), uuid());
    let (here, there) = (fixture.store(), fixture.elsewhere());
    here.heartbeat(one, Duration::from_millis(300)).await.unwrap();
    let ask = async || there.heartbeat(two, LONG).await.unwrap().len();
    wait_for("the dead replica's lease to end", ask, |owned| *owned == 4).await;
}

pub(super) async fn an_epoch_of_the_past_commits_nothing<F: Fixture>() {
    let fixture = F::new(1).await;
    let mut owner = Owner::of(fixture.store()).await;
    let sent = command(0, "rex");
    submit(&*owner.store, std::slice::from_ref(&sent)).await;
    let old = create(&owner, &sent, 1);
    // Lost and won again: what was prepared before may rest on what has changed since.
    owner.store.resign(owner.id).await.unwrap();
    owner.leases = owner.store.heartbeat(owner.id, LONG).await.unwrap();
    assert_eq!(partitions(&owner), [0]);
    assert!(matches!(owner.commit(old.clone()).await, Err(StoreError::Fenced)));
    // One partition that is not owned is enough.
    let mut half = create(&owner, &sent, 1);
    half.partitions.push(PartitionSlice { partition: 1, epoch: 1, entries: 0 });
    assert!(matches!(owner.commit(half).await, Err(StoreError::Fenced)));
    owner.commit(create(&owner, &sent, 1)).await.unwrap();
}

pub(super) async fn a_renewed_lease_keeps_its_epochs<F: Fixture>() {
    let fixture = F::new(3).await;
    let store = fixture.store();
    let owner = uuid();
    // Even one that was over: nobody has taken them.
    let first = store.heartbeat(owner, OVER).await.unwrap();
    assert_eq!(store.heartbeat(owner, LONG).await.unwrap(), first);
    assert_eq!(store.heartbeat(owner, LONG).await.unwrap(), first);
}

pub(super) async fn partitions_are_counted_in_order<F: Fixture>() {
    let fixture = F::new(3).await;
    let store = fixture.store();
    assert_eq!(store.heads().await.unwrap().offsets, [0, 0, 0]);
}

pub(super) async fn a_store_that_works_answers_a_ping<F: Fixture>() {
    let fixture = F::new(1).await;
    fixture.store().ping().await.unwrap();
}
