//! The feed and its readers.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use wilco_application::ports::{EntryBody, FeedEntry, NewEvent, Seat, Store, UnitOfWork};
use wilco_domain::kernel::Problem;

use super::Fixture;
use super::making::{Owner, at, command, create, event_row, key, outcome, submit};

pub(super) async fn offsets_begin_at_one_and_go_by_the_seats<F: Fixture>() {
    let fixture = F::new(1).await;
    let owner = Owner::of(fixture.store()).await;
    let (one, two) = (command(0, "rex"), command(0, "fido"));
    submit(&*owner.store, &[one.clone(), two.clone()]).await;
    let seat = |index| Seat { partition: 0, index };
    // Given in another order than that of the seats.
    let work = UnitOfWork {
        owner: owner.id,
        partitions: vec![owner.slice(0, 4)],
        events: vec![
            NewEvent { seat: seat(2), row: event_row("fido", 1) },
            NewEvent { seat: seat(0), row: event_row("rex", 1) },
        ],
        outcomes: vec![outcome(&two, seat(3), Some(1)), outcome(&one, seat(1), Some(1))],
        ..UnitOfWork::default()
    };
    assert_eq!(owner.commit(work).await.unwrap().bases, [1]);
    let told: Vec<String> = owner.store.feed(0, 0, 9).await.unwrap().iter().map(tell).collect();
    assert_eq!(told, ["1 event rex", "2 outcome rex", "3 event fido", "4 outcome fido"]);
    assert_eq!(owner.apply(&command(0, "third"), 1).await.unwrap().bases, [5]);
}

fn tell(entry: &FeedEntry) -> String {
    match &entry.body {
        EntryBody::Event(event) => format!("{} event {}", entry.offset, event.aggregate_id),
        EntryBody::Outcome(command) => {
            assert_eq!(command.settlement.as_ref().unwrap().offset, entry.offset);
            format!("{} outcome {}", entry.offset, command.target)
        }
        EntryBody::Unreadable(why) => panic!("{} cannot be read: {why}", entry.offset),
    }
}

/// Makes commands, applies most and cancels some, from two tasks for each of two partitions.
async fn churn<F: Fixture>(fixture: &F, owner: &Arc<Owner>, rounds: usize) {
    let task = |n: u16| {
        let (owner, elsewhere) = (Arc::clone(owner), fixture.elsewhere());
        tokio::spawn(async move {
            for round in 0..rounds {
                let (kept, dropped) = (command(n % 2, &format!("pet-{n}-{round}")), command(n % 2, "rex"));
                submit(&*elsewhere, &[kept.clone(), dropped.clone()]).await;
                let problem = Problem::new("cancelled", 409, "");
                let key = dropped.key();
                let (commit, cancel) = tokio::join!(
                    owner.commit(create(&owner, &kept, 1)),
                    elsewhere.cancel(&key, at(9), &problem),
                );
                commit.unwrap();
                cancel.unwrap();
            }
        })
    };
    let tasks: Vec<_> = (0..4).map(task).collect();
    for task in tasks {
        task.await.unwrap();
    }
}

async fn read_to_end(store: &dyn Store, partition: u16, mut after: i64) -> Vec<FeedEntry> {
    let mut entries = Vec::new();
    loop {
        let page = store.feed(partition, after, 7).await.unwrap();
        assert!(page.len() <= 7);
        let Some(last) = page.last() else { return entries };
        after = last.offset;
        entries.extend(page);
    }
}

pub(super) async fn offsets_are_gapless_per_partition_under_concurrent_commits_and_cancels<F: Fixture>() {
    let fixture = F::new(2).await;
    let owner = Arc::new(Owner::of(fixture.store()).await);
    churn(&fixture, &owner, 25).await;
    let heads = fixture.store().heads().await.unwrap();
    for partition in 0..2 {
        let entries = read_to_end(&*fixture.store(), partition, 0).await;
        // Two tasks, 25 rounds, an event and two outcomes each.
        assert_eq!(entries.len(), 150);
        assert!(entries.iter().map(|entry| entry.offset).eq(1..=150));
        assert_eq!(heads.offsets[usize::from(partition)], 150);
    }
}

pub(super) async fn a_reader_that_follows_the_feed_misses_nothing<F: Fixture>() {
    let fixture = F::new(2).await;
    let owner = Arc::new(Owner::of(fixture.store()).await);
    let done = Arc::new(AtomicBool::new(false));
    let follow = |partition: u16| {
        let (store, done) = (fixture.elsewhere(), Arc::clone(&done));
        tokio::spawn(async move {
            let (mut after, mut seen) = (0, 0);
            loop {
                let last_look = done.load(Ordering::SeqCst);
                for entry in read_to_end(&*store, partition, after).await {
                    assert_eq!(entry.offset, after + 1, "an entry appeared behind the reader's back");
                    after = entry.offset;
                    seen += 1;
                }
                if last_look {
                    return seen;
                }
                tokio::task::yield_now().await;
            }
        })
    };
    let readers = [follow(0), follow(1)];
    churn(&fixture, &owner, 25).await;
    done.store(true, Ordering::SeqCst);
    for reader in readers {
        assert_eq!(reader.await.unwrap(), 150);
    }
}

pub(super) async fn the_feed_pages_through_events_and_outcomes_in_order<F: Fixture>() {
    let fixture = F::new(2).await;
    let owner = Owner::of(fixture.store()).await;
    for n in 0..10 {
        owner.apply(&command(1, &format!("pet-{n}")), 1).await.unwrap();
    }
    let told: Vec<String> = read_to_end(&*owner.store, 1, 5).await.iter().map(tell).collect();
    let expected: Vec<String> =
        (6..=20).map(|n| format!("{n} {} pet-{}", ["event", "outcome"][(n + 1) % 2], (n - 1) / 2)).collect();
    assert_eq!(told, expected);
    assert_eq!(owner.store.feed(0, 0, 9).await.unwrap(), []);
    assert_eq!(owner.store.feed(1, 20, 9).await.unwrap(), []);
}

pub(super) async fn an_aggregates_events_come_in_pages<F: Fixture>() {
    let fixture = F::new(1).await;
    let owner = Owner::of(fixture.store()).await;
    for n in 1..=5 {
        owner.apply(&command(0, "rex"), n).await.unwrap();
    }
    let page = async |after| owner.store.events(&key("rex"), after, 2).await.unwrap();
    assert_eq!(page(0).await, [event_row("rex", 1), event_row("rex", 2)]);
    assert_eq!(page(4).await, [event_row("rex", 5)]);
    assert_eq!(page(5).await, []);
    assert_eq!(owner.store.events(&key("fido"), 0, 2).await.unwrap(), []);
}
