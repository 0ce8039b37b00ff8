//! Where the durable readers of the feed stand, and in which life of the store.

use wilco_application::ports::{Checkpoint, Fence, ParkedEntry, StoreError};

use super::Fixture;
use super::making::Owner;

fn checkpoint(partition: u16, offset: i64, mark: Option<i64>) -> Checkpoint {
    Checkpoint { partition, offset, mark }
}

/// An owner of all partitions, and its right to move readers.
async fn owner<F: Fixture>(fixture: &F) -> (Owner, Fence) {
    let owner = Owner::of(fixture.store()).await;
    let generation = owner.store.identity().await.unwrap().generation;
    let fence = Fence { owner: owner.id, generation, leases: owner.leases.clone() };
    (owner, fence)
}

pub(super) async fn a_reader_finds_its_checkpoints_again<F: Fixture>() {
    let fixture = F::new(3).await;
    let (Owner { store, .. }, fence) = owner(&fixture).await;
    assert_eq!(store.checkpoints("relay").await.unwrap(), []);
    let save = async |reader, given: &[_]| store.save_checkpoints(reader, &fence, given).await.unwrap();
    save("relay", &[checkpoint(2, 5, Some(50)), checkpoint(0, 7, None)]).await;
    save("other", &[checkpoint(0, 1, None)]).await;
    save("relay", &[checkpoint(0, 9, Some(51))]).await;
    save("relay", &[]).await;
    let stands = fixture.elsewhere().checkpoints("relay").await.unwrap();
    assert_eq!(stands, [checkpoint(0, 9, Some(51)), checkpoint(2, 5, Some(50))]);
}

pub(super) async fn a_replica_that_was_replaced_moves_no_reader<F: Fixture>() {
    let fixture = F::new(2).await;
    let (old, fence) = owner(&fixture).await;
    let both = [checkpoint(0, 9, Some(90)), checkpoint(1, 9, Some(91))];
    old.store.save_checkpoints("relay", &fence, &both).await.unwrap();
    old.store.resign(old.id).await.unwrap();
    let (new, new_fence) = owner(&fixture).await;
    new.store.save_checkpoints("relay", &new_fence, &[checkpoint(0, 20, Some(200))]).await.unwrap();

    let stale = old.store.save_checkpoints("relay", &fence, &both).await;
    assert!(matches!(stale, Err(StoreError::Fenced)), "{stale:?}");
    // One partition that is not held is enough.
    let mut half = new_fence.clone();
    half.leases[1].epoch -= 1;
    let refused = new.store.save_checkpoints("relay", &half, &both).await;
    assert!(matches!(refused, Err(StoreError::Fenced)), "{refused:?}");
    let stands = new.store.checkpoints("relay").await.unwrap();
    assert_eq!(stands, [checkpoint(0, 20, Some(200)), checkpoint(1, 9, Some(91))]);
}

pub(super) async fn a_new_generation_is_later_and_stops_the_readers_of_the_old_one<F: Fixture>() {
    let fixture = F::new(1).await;
    let (Owner { store, .. }, fence) = owner(&fixture).await;
    let before = store.identity().await.unwrap();
    assert!(before.generation > 1, "a new store is told apart from all others");
    assert_eq!(store.heads().await.unwrap().generation, before.generation);
    let generation = store.new_generation().await.unwrap();
    assert!(generation > before.generation);
    assert!(store.new_generation().await.unwrap() > generation, "however soon");
    let after = fixture.elsewhere().identity().await.unwrap();
    assert_eq!(after.id, before.id, "it is the same store");
    assert_eq!(store.heads().await.unwrap().generation, after.generation);
    let stale = store.save_checkpoints("relay", &fence, &[checkpoint(0, 1, None)]).await;
    assert!(matches!(stale, Err(StoreError::Fenced)), "{stale:?}");
    let present = Fence { generation: after.generation, ..fence };
    store.save_checkpoints("relay", &present, &[checkpoint(0, 1, None)]).await.unwrap();
}

pub(super) async fn an_entry_is_parked_once<F: Fixture>() {
    let fixture = F::new(1).await;
    let store = fixture.store();
    let entry = ParkedEntry { partition: 0, offset: 3, generation: 1, reason: "it is odd".into() };
    store.park("relay", &entry).await.unwrap();
    store.park("relay", &ParkedEntry { reason: "again".into(), ..entry.clone() }).await.unwrap();
    assert_eq!(store.parked("relay").await.unwrap(), 1);
    store.park("relay", &ParkedEntry { generation: 2, ..entry }).await.unwrap();
    assert_eq!(store.parked("relay").await.unwrap(), 2, "in another generation it is another entry");
    assert_eq!(store.parked("other").await.unwrap(), 0);
}
