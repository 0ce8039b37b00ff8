//! What instances are shown of what happens to others.

use std::collections::BTreeMap;

use wilco_application::ports::{Checkpoint, ProcessRow, Sighting, Steps, Store};
use wilco_domain::kernel::Tenant;

use super::Fixture;
use super::making::{Owner, at, command, event_row, uuid};
use super::processes::{key, next, reply_to, row, step};

const READER: &str = "process:ordering";

fn checkpoint(partition: u16, offset: i64) -> Checkpoint {
    Checkpoint { partition, offset, mark: Some(offset * 10) }
}

async fn stands(store: &dyn Store) -> Vec<i64> {
    store.checkpoints(READER).await.unwrap().into_iter().map(|found| found.offset).collect()
}

/// An event that a command has led to, at the first offset of a partition, for the instance o-1 in partition 0.
async fn happened(owner: &Owner, partition: u16) -> Sighting {
    let command = command(partition, "rex");
    owner.apply(&command, 1).await.unwrap();
    let (to, tenant) = (reply_to("o-1", ""), Tenant::default());
    Sighting { to, tenant, offset: 1, at: at(3), command_id: command.id }
}

pub(super) async fn who_observes_begins_at_the_heads_and_stays_where_it_is<F: Fixture>() {
    let fixture = F::new(2).await;
    let owner = Owner::of(fixture.store()).await;
    happened(&owner, 1).await;
    let store = fixture.elsewhere();
    store.begin_observing(READER).await.unwrap();
    assert_eq!(stands(&*store).await, [0, 2]);
    owner.apply(&command(0, "fido"), 1).await.unwrap();
    store.begin_observing(READER).await.unwrap();
    assert_eq!(stands(&*store).await, [0, 2]);
}

pub(super) async fn an_event_is_left_for_an_instance_as_the_reader_moves<F: Fixture>() {
    let fixture = F::new(2).await;
    let owner = Owner::of(fixture.store()).await;
    owner.store.begin_observing(READER).await.unwrap();
    let sighting = happened(&owner, 1).await;
    let moved = owner.store.observe(READER, 0, &checkpoint(1, 2), std::slice::from_ref(&sighting)).await;
    assert!(moved.unwrap());
    let store = fixture.elsewhere();
    assert_eq!(store.checkpoints(READER).await.unwrap()[1], checkpoint(1, 2));
    let found = store.signals(&[0], 9).await.unwrap().pop().unwrap();
    assert_eq!((&found.to, found.command.id), (&sighting.to, sighting.command_id));
    let event = found.event.clone().unwrap();
    assert_eq!((event.source, event.offset, event.at), (1, 1, at(3)));
    assert_eq!(event.row, event_row("rex", 1));
    assert_eq!(store.signals(&[1], 9).await.unwrap(), [], "it is the instance's partition's");
    let heard = Steps { rows: vec![(0, row(0, "o-1"))], heard: vec![found], ..Steps::default() };
    step(&owner, heard.clone()).await.unwrap();
    assert_eq!(store.signals(&[0], 9).await.unwrap(), []);
    let again = Steps { rows: vec![(1, next(&row(0, "o-1")))], ..heard };
    step(&owner, again).await.expect_err("it was heard");
}

pub(super) async fn a_reader_that_stands_elsewhere_leaves_nothing<F: Fixture>() {
    let fixture = F::new(1).await;
    let owner = Owner::of(fixture.store()).await;
    let sighting = happened(&owner, 0).await;
    let sightings = std::slice::from_ref(&sighting);
    assert!(!owner.store.observe(READER, 0, &checkpoint(0, 2), sightings).await.unwrap(), "it has not begun");
    owner.store.begin_observing(READER).await.unwrap();
    for from in [0, 1, 3] {
        assert!(!owner.store.observe(READER, from, &checkpoint(0, 9), sightings).await.unwrap());
    }
    assert_eq!((stands(&*owner.store).await, owner.store.signals(&[0], 9).await.unwrap()), (vec![2], vec![]));
}

/// Somebody has moved the reader back.
pub(super) async fn an_event_that_is_left_twice_is_there_once<F: Fixture>() {
    let fixture = F::new(1).await;
    let owner = Owner::of(fixture.store()).await;
    owner.store.begin_observing(READER).await.unwrap();
    let sighting = happened(&owner, 0).await;
    let sightings = std::slice::from_ref(&sighting);
    for (from, to, sightings) in [(0, 2, sightings), (2, 0, &[]), (0, 2, sightings)] {
        assert!(owner.store.observe(READER, from, &checkpoint(0, to), sightings).await.unwrap());
    }
    assert_eq!(owner.store.signals(&[0], 9).await.unwrap().len(), 1);
}

pub(super) async fn what_an_instance_has_seen_is_kept<F: Fixture>() {
    let fixture = F::new(1).await;
    let owner = Owner::of(fixture.store()).await;
    let mut instance = ProcessRow { correlation_id: uuid(), ..row(0, "o-1") };
    step(&owner, Steps { rows: vec![(0, instance.clone())], ..Steps::default() }).await.unwrap();
    for seen in [BTreeMap::from([(1, 4)]), BTreeMap::from([(0, 1), (1, 5)])] {
        let before = instance.version;
        instance = ProcessRow { seen, ..next(&instance) };
        step(&owner, Steps { rows: vec![(before, instance.clone())], ..Steps::default() }).await.unwrap();
        assert_eq!(owner.store.processes(&[key("o-1")]).await.unwrap(), [instance.clone()]);
    }
}
