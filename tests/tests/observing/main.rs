//! Processes that observe what happens to others, on both stores.

#![allow(clippy::unwrap_used, reason = "all of this is tests")]

// The attributes name what they need by the crate that aggregates are usually written with.
extern crate wilco_domain as wilco;

mod observers;
mod parcels;

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use wilco_application::catalog::{AggregateRegistration, Catalog, Registration, RegistrationError};
use wilco_application::engine::{CommandQuery, Engine, Running, Submission};
use wilco_application::observing::{Standing, go_to, standing};
use wilco_application::ports::{
    AggregateKey, Checkpoint, Command, EntryBody, ProcessKey, ProcessRow, ReplyTo, Sighting, State,
};
use wilco_domain::kernel::{AggregateId, Caller, Problem, ProcessTest, Shown, Tenant};
use wilco_tests::facts_on_both_stores;
use wilco_tests::trial::Place;

use observers::{Counting, Echoing, Stamping, StampingCommand, StampingMore, be_clumsy, be_steady};
use parcels::{Desk, Parcel, ParcelEvent, Shelf};

const PATIENCE: Duration = Duration::from_secs(20);

type Of<T> = AggregateRegistration<wilco_domain::kernel::Decided<T>, Shown<T, T>>;

fn parcels() -> Registration {
    Of::<Parcel>::decider("parcels").finish().unwrap()
}

fn observed() -> Vec<Registration> {
    let desks = Of::<Desk>::decider("desks").process::<Stamping>().finish().unwrap();
    let shelves = Of::<Shelf>::decider("shelves").process::<Counting>().finish().unwrap();
    vec![parcels(), desks, shelves]
}

fn asked(engine: &Engine, command: &str, target: &str) -> Submission {
    let command_type = Arc::clone(engine.catalog().command(command).unwrap());
    Submission {
        target: Some(AggregateId::parse(target).unwrap()),
        idempotency_key: Some(engine.new_id().to_string()),
        ..Submission::new(Tenant::default().into(), command_type, json!({}))
    }
}

async fn ask(engine: &Engine, command: &str, target: &str) -> Arc<Command> {
    let command = engine.submit(asked(engine, command, target)).await.unwrap().command;
    let settled = engine.settled(command, PATIENCE).await.unwrap();
    assert_eq!(settled.state(), State::Succeeded, "{settled:?}");
    settled
}

/// So many parcels, each touched as often.
async fn touch(engine: &Engine, parcels: usize, times: usize) {
    for _ in 0..times {
        let all = (0..parcels).map(|number| asked(engine, "parcel.touch", &format!("p-{number}"))).collect();
        for submitted in engine.submit_all(all).await {
            engine.settled(submitted.unwrap().command, PATIENCE).await.unwrap();
        }
    }
}

async fn end(engine: &Engine, running: Running) {
    engine.close();
    running.stop(PATIENCE).await;
}

async fn instance(place: &Place, process: &str, id: &str) -> Option<ProcessRow> {
    let key = ProcessKey { process_type: process.into(), tenant: Tenant::default(), id: id.into() };
    place.store.processes(&[key]).await.unwrap().pop()
}

async fn state_of(place: &Place, process: &str, id: &str) -> Value {
    instance(place, process, id).await.map_or(Value::Null, |row| serde_json::from_str(&row.state).unwrap())
}

/// What a parcel has come to.
async fn parcel(place: &Place, id: &str) -> Value {
    let view = place.store.view(&format!("parcel/{id}")).await.unwrap();
    view.map_or(Value::Null, |view| serde_json::from_str(&view.payload).unwrap())
}

/// Waits for each of so many parcels to have been stamped as often, and then for everything else.
async fn are_stamped(place: &Place, engine: &Engine, parcels: usize, times: u64) {
    for number in 0..parcels {
        let id = format!("p-{number}");
        let found = wilco_tests::wait_for(
            "a parcel to be stamped",
            async || parcel(place, &id).await,
            |parcel| parcel["stamped"].as_u64() >= Some(times),
        );
        assert_eq!(found.await["stamped"], times, "{id}");
    }
    is_quiet(place, engine).await;
}

/// Nothing waits, and everybody has looked at everything.
async fn is_quiet(place: &Place, engine: &Engine) {
    let read = async || {
        let mut left = place.store.signals(&[0, 1], 9).await.unwrap().len() as i64;
        left += place.store.due(&[0, 1], engine.now(), 9).await.unwrap().len() as i64;
        for process in engine.catalog().observers() {
            let stands = standing(&*place.store, process.name()).await.unwrap();
            left += stands.iter().map(|found| found.head - found.offset).sum::<i64>();
        }
        left
    };
    wilco_tests::wait_for("everything to be quiet", read, |left| *left == 0).await;
}

/// From two partitions to many instances and to one; each event once, those of a parcel in order.
async fn what_happens_is_shown_once_and_in_order(place: Place) {
    let (engine, _running) = place.engine_of(&observed(), 100, None).await;
    ask(&engine, "shelf.open", "all").await;
    touch(&engine, 20, 5).await;
    are_stamped(&place, &engine, 20, 5).await;
    assert_eq!(state_of(&place, "counting", "all").await["touched"], 100);
    for number in 0..20 {
        let seen = state_of(&place, "stamping", &format!("p-{number}")).await["seen"].clone();
        let seen: Vec<i64> = serde_json::from_value(seen).unwrap();
        assert!(seen.is_sorted() && seen.len() == 5, "{seen:?}");
    }
}

/// A process that observes is deployed to a store that has a history, and is removed and deployed again.
async fn a_new_type_begins_at_the_heads_and_then_misses_nothing(place: Place) {
    let (engine, running) = place.engine_of(&[parcels()], 100, None).await;
    touch(&engine, 10, 10).await;
    end(&engine, running).await;

    let (engine, running) = place.engine_of(&observed(), 100, None).await;
    touch(&engine, 3, 1).await;
    are_stamped(&place, &engine, 3, 1).await;
    let all = CommandQuery { limit: 1000, ..CommandQuery::default() };
    let all = engine.commands(&Caller::default(), all).await.unwrap().items;
    let stamps = all.iter().filter(|command| command.command_type == "parcel.stamp").count();
    assert_eq!(stamps, 3, "nothing was done for what had happened before");
    end(&engine, running).await;

    // A build that knows nothing of it has all the partitions for a while.
    let (engine, running) = place.engine_of(&[parcels()], 100, None).await;
    touch(&engine, 3, 2).await;
    end(&engine, running).await;
    let (engine, _running) = place.engine_of(&observed(), 100, None).await;
    are_stamped(&place, &engine, 3, 3).await;
}

/// While there is load, and afterwards from the very beginning.
async fn whoever_is_moved_back_repeats_nothing(place: Place) {
    let (engine, _running) = place.engine_of(&observed(), 100, None).await;
    ask(&engine, "shelf.open", "all").await;
    for _ in 0..10 {
        touch(&engine, 5, 2).await;
        for partition in 0..2 {
            // It may have moved meanwhile: then this was nothing.
            go_to(&*place.store, "stamping", partition, 0).await.unwrap();
        }
    }
    is_quiet(&place, &engine).await;
    for process in ["stamping", "counting"] {
        for found in standing(&*place.store, process).await.unwrap() {
            assert!(go_to(&*place.store, process, found.partition, 0).await.unwrap());
        }
    }
    are_stamped(&place, &engine, 5, 20).await;
    assert_eq!(state_of(&place, "counting", "all").await["touched"], 100);
}

/// What keeps [`whoever_is_moved_back_repeats_nothing`] from repeating anything is what instances have seen.
async fn whoever_forgets_what_it_has_seen_repeats_it(place: Place) {
    let (engine, running) = place.engine_of(&observed(), 100, None).await;
    touch(&engine, 5, 2).await;
    are_stamped(&place, &engine, 5, 2).await;
    end(&engine, running).await;
    place.execute("UPDATE processes SET seen = NULL").await;
    for found in standing(&*place.store, "stamping").await.unwrap() {
        assert!(go_to(&*place.store, "stamping", found.partition, 0).await.unwrap());
    }
    let (engine, _running) = place.engine_of(&observed(), 100, None).await;
    are_stamped(&place, &engine, 5, 4).await;
}

/// Again and again, in the middle of it.
async fn whoever_is_started_anew_goes_on(place: Place) {
    for round in 0..6 {
        let (engine, running) = place.engine_of(&observed(), 100, None).await;
        if round == 0 {
            ask(&engine, "shelf.open", "all").await;
        }
        touch(&engine, 10, 2).await;
        drop(engine);
        running.stop(Duration::ZERO).await;
    }
    let (engine, _running) = place.engine_of(&observed(), 100, None).await;
    are_stamped(&place, &engine, 10, 12).await;
    assert_eq!(state_of(&place, "counting", "all").await["touched"], 120);
}

/// What comes before it was opened does not begin it, and comes to nobody.
async fn what_is_for_nobody_is_dropped(place: Place) {
    let (engine, _running) = place.engine_of(&observed(), 100, None).await;
    touch(&engine, 4, 1).await;
    are_stamped(&place, &engine, 4, 1).await;
    ask(&engine, "shelf.open", "all").await;
    touch(&engine, 4, 1).await;
    are_stamped(&place, &engine, 4, 2).await;
    assert_eq!(state_of(&place, "counting", "all").await["touched"], 4);
    ask(&engine, "desk.close", "p-0").await;
    touch(&engine, 4, 1).await;
    is_quiet(&place, &engine).await;
    let after = parcel(&place, "p-0").await;
    assert_eq!((&after["touched"], &after["stamped"]), (&json!(3), &json!(2)), "it has ended");
}

/// Two processes that show things to one another come to a stop.
async fn a_storm_blows_over(place: Place) {
    let shelves = Of::<Shelf>::decider("shelves").process::<Echoing>().finish().unwrap();
    let desks = Of::<Desk>::decider("desks").process::<Stamping>().finish().unwrap();
    let (engine, _running) = place.engine_of(&[parcels(), desks, shelves], 100, None).await;
    touch(&engine, 1, 1).await;
    let parked = async || {
        let rows = [instance(&place, "stamping", "p-0").await, instance(&place, "echoing", "p-0").await];
        rows.into_iter().flatten().find_map(|row| row.parked)
    };
    let why = wilco_tests::wait_for("one of them to stand still", parked, Option::is_some).await.unwrap();
    assert!(why.detail.contains("32 processes"), "{}", why.detail);
    assert_eq!(parcel(&place, "p-0").await["stamped"], 16);
}

/// Why it does.
async fn stands_still(place: &Place, id: &str) -> Problem {
    let parked = async || instance(place, "stamping", id).await.and_then(|row| row.parked);
    wilco_tests::wait_for("it to stand still", parked, Option::is_some).await.unwrap()
}

/// It cannot even begin: it stands still, what comes behind it waits, and nothing is missing when it goes on.
async fn one_that_stumbles_over_its_beginning_stands_still(place: Place) {
    let id = be_clumsy();
    let (engine, _running) = place.engine_of(&observed(), 100, None).await;
    ask(&engine, "parcel.touch", &id).await;
    touch(&engine, 5, 1).await;
    are_stamped(&place, &engine, 5, 1).await;
    let why = stands_still(&place, &id).await;
    assert!(why.detail.contains("it stumbles"), "{}", why.detail);
    ask(&engine, "parcel.touch", &id).await;
    is_quiet(&place, &engine).await;
    be_steady(&id);
    go_on(&place, &engine, &id).await;
    is_stamped(&place, &id, 2).await;
}

/// What comes when it is let go on has been left waiting for it, or it is heard.
async fn one_that_goes_on_while_more_comes_misses_nothing(place: Place) {
    let (engine, _running) = place.engine_of(&observed(), 100, None).await;
    for _ in 0..10 {
        let clumsy: Vec<String> = (0..10).map(|_| be_clumsy()).collect();
        for id in &clumsy {
            ask(&engine, "parcel.touch", id).await;
        }
        let each = clumsy.iter().enumerate().map(async |(number, id)| {
            stands_still(&place, id).await;
            be_steady(id);
            ask(&engine, "parcel.touch", id).await;
            tokio::time::sleep(Duration::from_millis(number as u64)).await;
            go_on(&place, &engine, id).await;
        });
        futures::future::join_all(each).await;
        for id in &clumsy {
            is_stamped(&place, id, 2).await;
        }
    }
}

/// Somebody lets it.
async fn go_on(place: &Place, engine: &Engine, id: &str) {
    engine.resume(&instance(place, "stamping", id).await.unwrap().key).await.unwrap();
}

async fn is_stamped(place: &Place, id: &str, times: u64) {
    let stamped = async || parcel(place, id).await;
    wilco_tests::wait_for("it to be stamped", stamped, |parcel| parcel["stamped"] == times).await;
}

/// Both are shown by the build that can, in their order; if the later one were shown before, the earlier one never would be.
async fn what_another_build_is_to_show_holds_up_what_comes_behind_it(place: Place) {
    let shelves = || Of::<Shelf>::decider("shelves").finish().unwrap();
    let older = || Of::<Desk>::decider("desks").process::<Stamping>().finish().unwrap();
    let newer = Of::<Desk>::decider("desks").process::<StampingMore>().finish().unwrap();
    let (engine, running) = place.engine_of(&[parcels(), shelves(), older()], 100, None).await;
    end(&engine, running).await;
    let (engine, running) = place.engine_of(&[parcels(), shelves()], 100, None).await;
    let partition_of = |kind: &str, id: &str| AggregateKey::new(&Tenant::default(), kind, id).partition(2);
    let in_one = |id: &String| partition_of("shelf", id) == partition_of("parcel", id);
    let id = (0..1000).map(|number| format!("s-{number}")).find(in_one).unwrap();
    let noted = ask(&engine, "shelf.note", &id).await;
    end(&engine, running).await;
    is_sighted(&place, &noted, partition_of("desk", &id)).await;

    let (engine, running) = place.engine_of(&[parcels(), shelves(), older()], 100, None).await;
    ask(&engine, "parcel.touch", &id).await;
    touch(&engine, 8, 1).await;
    for number in 0..8 {
        is_stamped(&place, &format!("p-{number}"), 1).await;
    }
    assert_eq!(parcel(&place, &id).await["stamped"], 0, "it is left");
    end(&engine, running).await;
    let (_engine, _running) = place.engine_of(&[parcels(), shelves(), newer], 100, None).await;
    is_stamped(&place, &id, 2).await;
}

/// A newer build has left what a command has led to for an instance, and was ended.
async fn is_sighted(place: &Place, command: &Command, instance: u16) {
    let feed = place.store.feed(command.partition, 0, 1000).await.unwrap();
    let is_of_it =
        |body: &EntryBody| matches!(body, EntryBody::Event(row) if row.aggregate_id == command.target);
    let offset = feed.iter().find(|entry| is_of_it(&entry.body)).unwrap().offset;
    let (process_type, id, label) = ("stamping".into(), command.target.clone(), String::new());
    let to = ReplyTo { process_type, id, label, partition: instance, must: None };
    let sighting =
        Sighting { to, tenant: Tenant::default(), offset, at: command.accepted_at, command_id: command.id };
    let mark = Some(command.accepted_at.timestamp_micros());
    let moved = Checkpoint { partition: command.partition, offset, mark };
    assert!(place.store.observe("process:stamping", 0, &moved, &[sighting]).await.unwrap());
}

/// It stops there, in that partition alone; somebody moves it on.
async fn what_cannot_be_read_stops_the_reader_before_it(place: Place) {
    let (engine, running) = place.engine_of(&[parcels()], 100, None).await;
    end(&engine, running).await;
    let (engine, running) = place.engine_of(&observed(), 100, None).await;
    end(&engine, running).await;
    let (engine, running) = place.engine_of(&[parcels()], 100, None).await;
    let touched = ask(&engine, "parcel.touch", "p-0").await;
    touch(&engine, 8, 1).await;
    end(&engine, running).await;
    let partition = touched.partition;
    let spoiled = place.store.feed(partition, 0, 1000).await.unwrap();
    let is_first = |body: &EntryBody| matches!(body, EntryBody::Event(row) if row.aggregate_id == "p-0");
    let offset = spoiled.iter().find(|entry| is_first(&entry.body)).unwrap().offset;
    place
        .execute(
            "UPDATE events SET payload = '{\"Unheard\":1}' \
             WHERE aggregate_type = 'parcel' AND aggregate_id = 'p-0' AND sequence = 1",
        )
        .await;

    let (engine, _running) = place.engine_of(&observed(), 100, None).await;
    let stands = async || {
        let found = standing(&*place.store, "stamping").await.unwrap();
        found.into_iter().map(|found| (found.partition == partition, found)).collect::<Vec<_>>()
    };
    let others_are_through = |stands: &Vec<(bool, Standing)>| {
        stands.iter().all(|(here, found)| *here || found.offset == found.head)
    };
    let stands = wilco_tests::wait_for("the others to be through", stands, others_are_through).await;
    let here = stands.into_iter().find(|(here, _)| *here).unwrap().1;
    assert!(here.offset < offset, "{here:?}");
    let moved = async || go_to(&*place.store, "stamping", partition, offset).await.unwrap();
    wilco_tests::wait_for("it to be moved on", moved, |moved| *moved).await;
    for number in 1..8 {
        let id = format!("p-{number}");
        is_stamped(&place, &id, 1).await;
    }
    drop(engine);
}

facts_on_both_stores! {
    what_happens_is_shown_once_and_in_order,
    a_new_type_begins_at_the_heads_and_then_misses_nothing,
    whoever_is_moved_back_repeats_nothing,
    whoever_forgets_what_it_has_seen_repeats_it,
    whoever_is_started_anew_goes_on,
    what_is_for_nobody_is_dropped,
    a_storm_blows_over,
    one_that_stumbles_over_its_beginning_stands_still,
    what_another_build_is_to_show_holds_up_what_comes_behind_it,
    one_that_goes_on_while_more_comes_misses_nothing,
    what_cannot_be_read_stops_the_reader_before_it,
}

#[test]
fn nobody_observes_what_there_is_not() {
    let desks = Of::<Desk>::decider("desks").process::<Stamping>().finish().unwrap();
    let refused = Catalog::new([&desks]).err();
    assert!(
        matches!(refused, Some(RegistrationError::Observes { process: "stamping", aggregate: "parcel" })),
        "{refused:?}"
    );
}

#[test]
fn a_process_is_tested_with_what_happens() {
    ProcessTest::<Stamping>::of("p-7")
        .event::<Parcel>("p-7", &ParcelEvent::Touched)
        .issues("stamp 1", "parcel.stamp")
        .event::<Parcel>("p-7", &ParcelEvent::Touched)
        .issues("stamp 2", "parcel.stamp")
        .command(StampingCommand::Close)
        .ended();
}

#[test]
#[should_panic(expected = "told again, makes it ask for")]
fn one_that_does_it_again_when_it_is_told_again_is_found() {
    let stamping = ProcessTest::<Stamping>::of("p-7").event::<Parcel>("p-7", &ParcelEvent::Touched);
    drop(stamping.redelivered());
}
