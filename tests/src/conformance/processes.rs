//! Instances of processes, what comes to them, and the commands in their hands.

use std::collections::BTreeMap;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use wilco_application::ports::{
    Begun, CancelOutcome, Command, CommandFilter, CommandKey, Outcome, ProcessFilter, ProcessKey, ProcessRow,
    ProcessStanding, ReplyTo, Seat, Signal, State, Steps, Store, StoreError, Timer, UnitOfWork,
};
use wilco_domain::kernel::{Problem, Progress, Tenant};

use super::Fixture;
use super::making::{Owner, acme, at, command, create, outcome, submit, uuid};

pub(super) fn key(id: &str) -> ProcessKey {
    ProcessKey { process_type: "ordering".into(), tenant: Tenant::default(), id: id.into() }
}

/// An instance that has handled one input.
pub(super) fn row(partition: u16, id: &str) -> ProcessRow {
    ProcessRow {
        key: key(id),
        partition,
        version: 1,
        state_version: 1,
        state: "{}".into(),
        holds: Vec::new(),
        awaits: 0,
        progress: None,
        depth: 0,
        correlation_id: uuid(),
        caused_by: None,
        actor: None,
        traceparent: None,
        begun_at: at(1),
        ended_at: None,
        parked: None,
        resumed: false,
        seen: BTreeMap::new(),
    }
}

pub(super) fn next(row: &ProcessRow) -> ProcessRow {
    ProcessRow { version: row.version + 1, ..row.clone() }
}

fn timer(id: &str, name: &str, due_at: DateTime<Utc>) -> Timer {
    Timer { process: key(id), partition: 0, name: name.into(), due_at }
}

/// What a process of partition 0 is told of.
pub(super) fn reply_to(id: &str, label: &str) -> ReplyTo {
    let (process_type, id, label) = ("ordering".into(), id.into(), label.into());
    ReplyTo { process_type, id, label, partition: 0, must: None }
}

/// A unit of work of partition 0 that has so many entries and these steps.
fn work(owner: &Owner, entries: u32, steps: Steps) -> UnitOfWork {
    let partitions = vec![owner.slice(0, entries)];
    UnitOfWork { owner: owner.id, partitions, steps, ..UnitOfWork::default() }
}

pub(super) async fn step(owner: &Owner, steps: Steps) -> Result<(), StoreError> {
    owner.commit(work(owner, 0, steps)).await.map(drop)
}

async fn begin(owner: &Owner, row: &ProcessRow) {
    step(owner, Steps { rows: vec![(0, row.clone())], ..Steps::default() }).await.unwrap();
}

async fn stored(store: &dyn Store, id: &str) -> Option<ProcessRow> {
    store.processes(&[key(id), key("nobody")]).await.unwrap().pop()
}

async fn timers(store: &dyn Store) -> Vec<String> {
    let found = store.timers(&[0, 1], at(1000), 9).await.unwrap();
    found.into_iter().map(|timer| format!("{} {}", timer.process.id, timer.name)).collect()
}

async fn heard(store: &dyn Store) -> Vec<String> {
    let found = store.signals(&[0, 1], 9).await.unwrap();
    found.into_iter().map(|signal| format!("{} {}", signal.to.id, signal.to.label)).collect()
}

pub(super) async fn an_instance_is_found_as_it_was_written<F: Fixture>() {
    let fixture = F::new(2).await;
    let owner = Owner::of(fixture.store()).await;
    let full = ProcessRow {
        key: ProcessKey { tenant: acme(), ..key("o-1") },
        state_version: 3,
        state: "{\"a\" : \"ü\"}".into(),
        holds: vec![uuid(), uuid()],
        awaits: 2,
        progress: Some(Progress { done: 1, total: 3, step: "reserve pet".into() }),
        depth: 4,
        caused_by: Some(uuid()),
        actor: Some("key-1".into()),
        seen: BTreeMap::from([(0, 7), (1, i64::MAX)]),
        traceparent: Some("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01".into()),
        ..row(0, "o-1")
    };
    begin(&owner, &full).await;
    begin(&owner, &row(0, "o-1")).await;
    let store = fixture.elsewhere();
    assert_eq!(store.processes(std::slice::from_ref(&full.key)).await.unwrap(), std::slice::from_ref(&full));
    let ended = ProcessRow {
        ended_at: Some(at(9)),
        parked: Some(Problem::new("process-parked", 500, "why")),
        holds: Vec::new(),
        progress: None,
        awaits: 0,
        ..next(&full)
    };
    step(&owner, Steps { rows: vec![(1, ended.clone())], ..Steps::default() }).await.unwrap();
    assert_eq!(store.processes(std::slice::from_ref(&full.key)).await.unwrap(), [ended]);
    assert_eq!(
        stored(&*store, "o-1").await.map(|row| row.version),
        Some(1),
        "another tenant's is another one"
    );
}

pub(super) async fn an_instance_that_is_not_where_it_was_is_a_conflict_and_leaves_nothing<F: Fixture>() {
    let fixture = F::new(1).await;
    let owner = Owner::of(fixture.store()).await;
    let first = row(0, "o-1");
    begin(&owner, &first).await;
    for (before, row) in [(0, first.clone()), (2, next(&next(&first))), (1, row(0, "o-2"))] {
        let steps =
            Steps { rows: vec![(before, row)], set: vec![timer("o-1", "late", at(5))], ..Steps::default() };
        assert!(matches!(step(&owner, steps).await, Err(StoreError::Conflict)));
    }
    assert_eq!(stored(&*owner.store, "o-1").await, Some(first));
    assert_eq!(timers(&*owner.store).await, [""; 0]);
}

pub(super) async fn a_replica_without_the_lease_steps_nowhere<F: Fixture>() {
    let fixture = F::new(1).await;
    let owner = Owner::of(fixture.store()).await;
    let mut work = work(&owner, 0, Steps { rows: vec![(0, row(0, "o-1"))], ..Steps::default() });
    work.partitions[0].epoch += 1;
    assert!(matches!(owner.commit(work).await, Err(StoreError::Fenced)));
    assert_eq!(stored(&*owner.store, "o-1").await, None);
}

pub(super) async fn whoever_settles_an_issued_command_leaves_a_signal<F: Fixture>() {
    let fixture = F::new(2).await;
    let owner = Owner::of(fixture.store()).await;
    let (mut applied, mut cancelled) = (command(1, "rex"), command(0, "fido"));
    (applied.reply_to, cancelled.reply_to) =
        (Some(reply_to("o-1", "reserve").into()), Some(reply_to("o-2", "sell").into()));
    let must = Some(vec!["gone".to_owned()]);
    applied.reply_to.as_mut().unwrap().must = must;
    applied.depth = 3;
    let plain = command(0, "bello");
    let issued = [&applied, &cancelled, &plain].map(|command| Arc::new(command.clone())).to_vec();
    let begun = Steps { rows: vec![(0, row(0, "o-1"))], ..Steps::default() };
    owner.commit(UnitOfWork { issued, ..work(&owner, 0, begun) }).await.unwrap();
    let store = fixture.elsewhere();
    assert_eq!(store.command(&applied.key()).await.unwrap(), Some(applied.clone()), "as it was issued");
    assert_eq!(heard(&*store).await, [""; 0]);
    owner.commit(create(&owner, &applied, 1)).await.unwrap();
    owner.commit(create(&owner, &plain, 1)).await.unwrap();
    let problem = Problem::new("cancelled", 409, "no more");
    store.cancel(&cancelled.key(), at(9), &problem).await.unwrap();
    let found = store.signals(&[0], 9).await.unwrap();
    assert_eq!(heard(&*store).await, ["o-1 reserve", "o-2 sell"]);
    let states: Vec<State> = found.iter().map(|signal| signal.command.state()).collect();
    assert_eq!(states, [State::Succeeded, State::Cancelled]);
    assert_eq!(found[0].to, *applied.reply_to.unwrap());
    assert_eq!(store.signals(&[1], 9).await.unwrap(), [], "they are the instance's partition's");
    assert_eq!(store.signals(&[0], 1).await.unwrap().len(), 1);
}

/// A signal for o-1 that waits to be heard.
async fn signal(owner: &Owner) -> Signal {
    let asked = Command { reply_to: Some(reply_to("o-1", "reserve").into()), ..command(0, "rex") };
    let begun = Steps { rows: vec![(0, row(0, "o-1"))], ..Steps::default() };
    let issued = vec![Arc::new(asked.clone())];
    owner.commit(UnitOfWork { issued, ..work(owner, 0, begun) }).await.unwrap();
    owner.commit(create(owner, &asked, 1)).await.unwrap();
    owner.store.signals(&[0], 9).await.unwrap().pop().unwrap()
}

pub(super) async fn a_signal_is_heard_once<F: Fixture>() {
    let fixture = F::new(1).await;
    let owner = Owner::of(fixture.store()).await;
    let signal = signal(&owner).await;
    let mut row = row(0, "o-1");
    row.version = 2;
    let steps = Steps { rows: vec![(1, row.clone())], heard: vec![signal.clone()], ..Steps::default() };
    step(&owner, steps).await.unwrap();
    assert_eq!(heard(&*owner.store).await, [""; 0]);
    let again = Steps { rows: vec![(2, next(&row))], heard: vec![signal], ..Steps::default() };
    assert!(matches!(step(&owner, again).await, Err(StoreError::Conflict)));
    assert_eq!(stored(&*owner.store, "o-1").await.unwrap().version, 2);
}

pub(super) async fn timers_fire_in_order_and_once_as_they_were_set<F: Fixture>() {
    let fixture = F::new(1).await;
    let owner = Owner::of(fixture.store()).await;
    let mut now = row(0, "o-1");
    let set = [("late", 7), ("soon", 3), ("never", 5)].map(|(name, due)| timer("o-1", name, at(due)));
    let steps = Steps { rows: vec![(0, now.clone())], set: set.to_vec(), ..Steps::default() };
    step(&owner, steps).await.unwrap();
    let store = fixture.elsewhere();
    assert_eq!(timers(&*store).await, ["o-1 soon", "o-1 never", "o-1 late"]);
    assert_eq!(store.timers(&[0], at(2), 9).await.unwrap(), [], "not yet");
    assert_eq!(store.timers(&[0], at(3), 9).await.unwrap(), [set[1].clone()], "as it was set");
    now = next(&now);
    let steps = Steps {
        rows: vec![(1, now.clone())],
        fired: vec![set[1].clone()],
        stopped: vec![(key("o-1"), "never".into()), (key("o-1"), "unknown".into())],
        set: vec![timer("o-1", "late", at(8))],
        ..Steps::default()
    };
    step(&owner, steps).await.unwrap();
    assert_eq!(timers(&*store).await, ["o-1 late"]);
    for gone in [&set[0], &set[1]] {
        let steps = Steps { rows: vec![(2, next(&now))], fired: vec![gone.clone()], ..Steps::default() };
        assert!(
            matches!(step(&owner, steps).await, Err(StoreError::Conflict)),
            "{gone:?} is not there as it was"
        );
    }
    let ended = ProcessRow { ended_at: Some(at(9)), ..next(&now) };
    step(&owner, Steps { rows: vec![(2, ended)], ..Steps::default() }).await.unwrap();
    assert_eq!(timers(&*store).await, [""; 0], "they end with their instance");
}

pub(super) async fn a_command_in_the_hands_of_a_process_is_neither_due_nor_cancelled<F: Fixture>() {
    let fixture = F::new(1).await;
    let owner = Owner::of(fixture.store()).await;
    let (was_stored, fresh) = (command(0, "o-1"), command(0, "o-2"));
    submit(&*owner.store, std::slice::from_ref(&was_stored)).await;
    let begun = |command: &Command, fresh| Begun { command: Arc::new(command.clone()), fresh };
    let steps = Steps {
        rows: vec![(0, row(0, "o-1")), (0, row(0, "o-2"))],
        begun: vec![begun(&was_stored, false), begun(&fresh, true)],
        ..Steps::default()
    };
    step(&owner, steps.clone()).await.unwrap();
    let store = fixture.elsewhere();
    assert_eq!(store.due(&[0], at(1000), 9).await.unwrap(), []);
    let problem = Problem::new("cancelled", 409, "no more");
    for command in [&was_stored, &fresh] {
        let running = Command { running: true, ..command.clone() };
        assert_eq!(store.command(&command.key()).await.unwrap(), Some(running.clone()));
        let outcome = store.cancel(&command.key(), at(9), &problem).await.unwrap();
        assert_eq!(outcome, CancelOutcome::Running(Box::new(running)));
    }
    let listed = CommandFilter { state: Some(State::Running), limit: 9, ..CommandFilter::default() };
    let listed: Vec<_> =
        store.list(&listed).await.unwrap().items.into_iter().map(|command| command.id).collect();
    assert_eq!(listed, [fresh.id, was_stored.id]);
    let again = Steps { rows: vec![(0, row(0, "o-3"))], begun: vec![begun(&was_stored, false)], ..steps };
    assert!(matches!(step(&owner, again).await, Err(StoreError::Conflict)), "it has begun already");
    let settled: Vec<Outcome> = (0..)
        .zip([&was_stored, &fresh])
        .map(|(index, command)| outcome(command, Seat { partition: 0, index }, Some(1)))
        .collect();
    owner.commit(UnitOfWork { outcomes: settled, ..work(&owner, 2, Steps::default()) }).await.unwrap();
    assert_eq!(store.command(&fresh.key()).await.unwrap().unwrap().state(), State::Succeeded);
}

pub(super) async fn what_comes_to_an_instance_that_stands_still_waits<F: Fixture>() {
    let fixture = F::new(1).await;
    let owner = Owner::of(fixture.store()).await;
    signal(&owner).await;
    begin(&owner, &row(0, "o-10")).await;
    let steps = Steps {
        rows: vec![(1, next(&row(0, "o-10")))],
        set: vec![timer("o-1", "t", at(3)), timer("o-10", "t", at(4))],
        ..Steps::default()
    };
    step(&owner, steps).await.unwrap();
    let problem = Some(Problem::new("process-parked", 500, "why"));
    let parked = ProcessRow { parked: problem, ..next(&row(0, "o-1")) };
    let steps = Steps { rows: vec![(1, parked)], parked: vec![key("o-1")], ..Steps::default() };
    step(&owner, steps).await.unwrap();
    assert_eq!(heard(&*owner.store).await, [""; 0]);
    assert_eq!(timers(&*owner.store).await, ["o-10 t"], "and no other's");
    let waiting = owner.store.waiting(at(1000), 9).await.unwrap();
    assert_eq!((waiting.parked, waiting.oldest_timer), (1, Some(at(4))));
}

/// An instance that holds a command and stands still, with a signal and a timer that wait.
async fn parked(owner: &Owner) -> Command {
    signal(owner).await;
    let held = command(0, "o-1");
    let problem = Some(Problem::new("process-parked", 500, "why"));
    let parked = ProcessRow { parked: problem, holds: vec![held.id], ..next(&row(0, "o-1")) };
    let steps = Steps {
        rows: vec![(1, parked)],
        begun: vec![Begun { command: Arc::new(held.clone()), fresh: true }],
        set: vec![timer("o-1", "t", at(3))],
        parked: vec![key("o-1")],
        ..Steps::default()
    };
    step(owner, steps).await.unwrap();
    begin(owner, &row(0, "o-10")).await;
    held
}

pub(super) async fn an_instance_that_is_resumed_hears_what_waited<F: Fixture>() {
    let fixture = F::new(1).await;
    let owner = Owner::of(fixture.store()).await;
    parked(&owner).await;
    let store = fixture.elsewhere();
    assert!(!store.resume(&key("o-10"), "order").await.unwrap(), "it goes on");
    assert!(!store.resume(&key("nobody"), "order").await.unwrap());
    assert!(store.resume(&key("o-1"), "order").await.unwrap());
    assert_eq!(
        (heard(&*store).await, timers(&*store).await),
        (vec!["o-1 reserve".into()], vec!["o-1 t".into()])
    );
    let resumed = stored(&*store, "o-1").await.unwrap();
    assert_eq!((&resumed.parked, resumed.version, resumed.resumed), (&None, 3, true));
    step(
        &owner,
        Steps { rows: vec![(3, ProcessRow { resumed: false, ..next(&resumed) })], ..Steps::default() },
    )
    .await
    .unwrap();
    assert!(!stored(&*store, "o-1").await.unwrap().resumed);
}

pub(super) async fn an_instance_that_is_given_up_has_failed_what_it_held<F: Fixture>() {
    let fixture = F::new(1).await;
    let owner = Owner::of(fixture.store()).await;
    let held = parked(&owner).await;
    let store = fixture.elsewhere();
    let before = store.heads().await.unwrap().offsets[0];
    let problem = Problem::new("internal", 500, "given up");
    assert!(!store.give_up(&key("o-10"), "order", at(8), &problem).await.unwrap(), "it goes on");
    assert!(store.give_up(&key("o-1"), "order", at(8), &problem).await.unwrap());
    assert!(!store.give_up(&key("o-1"), "order", at(9), &problem).await.unwrap(), "it has ended");
    let failed = store.command(&held.key()).await.unwrap().unwrap().settlement.unwrap();
    assert_eq!((failed.state, failed.offset, failed.at), (State::Failed, before + 1, at(8)));
    assert_eq!(failed.error, Some(problem));
    assert_eq!(store.heads().await.unwrap().offsets[0], before + 1);
    let ended = stored(&*store, "o-1").await.unwrap();
    assert_eq!((ended.holds.len(), ended.ended_at), (0, Some(at(8))));
    assert!(!store.resume(&key("o-1"), "order").await.unwrap());
    assert_eq!((heard(&*store).await, timers(&*store).await), (vec![], vec![]));
    let steps = Steps { parked: vec![key("o-1")], ..Steps::default() };
    assert!(matches!(step(&owner, steps).await, Err(StoreError::Conflict)), "nothing waits for it");
}

pub(super) async fn of_what_an_instance_was_told_with_it_no_signal_is_left<F: Fixture>() {
    let fixture = F::new(1).await;
    let owner = Owner::of(fixture.store()).await;
    let issued = ["o-1", "o-2"].map(|id| Command {
        reply_to: Some(reply_to(id, "reserve").into()),
        ..command(0, &format!("pet-of-{id}"))
    });
    begin(&owner, &row(0, "o-1")).await;
    let settled = async |commands: &[Command], told: Vec<CommandKey>| {
        let seat = |index| Seat { partition: 0, index };
        let outcomes = (0..).zip(commands).map(|(index, command)| outcome(command, seat(index), None));
        let steps = Steps { told, ..Steps::default() };
        let work = UnitOfWork { outcomes: outcomes.collect(), ..work(&owner, commands.len() as u32, steps) };
        owner.commit(work).await.map(drop)
    };
    let store =
        UnitOfWork { issued: issued.clone().map(Arc::new).into(), ..work(&owner, 0, Steps::default()) };
    owner.commit(store).await.unwrap();
    settled(&issued, vec![issued[0].key()]).await.unwrap();
    assert_eq!(heard(&*owner.store).await, ["o-2 reserve"]);
    let plain = command(0, "rex");
    submit(&*owner.store, std::slice::from_ref(&plain)).await;
    for (commands, nobody) in [(vec![], issued[0].key()), (vec![plain.clone()], plain.key())] {
        let refused = settled(&commands, vec![nobody]).await;
        assert!(matches!(refused, Err(StoreError::Conflict)), "{refused:?}");
    }
}

pub(super) async fn nothing_is_left_waiting_for_an_instance_that_goes_on<F: Fixture>() {
    let fixture = F::new(1).await;
    let owner = Owner::of(fixture.store()).await;
    parked(&owner).await;
    let left_waiting = async |id| {
        let steps = Steps { parked: vec![key(id)], ..Steps::default() };
        step(&owner, steps).await
    };
    left_waiting("o-1").await.unwrap();
    fixture.elsewhere().resume(&key("o-1"), "order").await.unwrap();
    for id in ["o-1", "o-10", "nobody"] {
        let refused = left_waiting(id).await;
        assert!(matches!(refused, Err(StoreError::Conflict)), "{id} goes on: {refused:?}");
    }
    assert_eq!(heard(&*owner.store).await, ["o-1 reserve"]);
    assert_eq!(timers(&*owner.store).await, ["o-1 t"]);
}

pub(super) async fn instances_are_listed_in_order_with_what_they_wait_for<F: Fixture>() {
    let fixture = F::new(1).await;
    let owner = Owner::of(fixture.store()).await;
    parked(&owner).await;
    begin(&owner, &ProcessRow { ended_at: Some(at(5)), ..row(0, "o-2") }).await;
    let other = ProcessRow { key: ProcessKey { tenant: acme(), ..key("o-3") }, ..row(0, "o-3") };
    begin(&owner, &other).await;
    let paying =
        ProcessRow { key: ProcessKey { process_type: "paying".into(), ..key("t-1") }, ..row(0, "t-1") };
    begin(&owner, &paying).await;
    let store = fixture.elsewhere();
    let ids = async |filter: ProcessFilter| {
        let page = store.process_list(&filter).await.unwrap();
        let ids: Vec<String> = page.items.into_iter().map(|row| row.key.id).collect();
        (ids.join(" "), page.more)
    };
    let all = || ProcessFilter { limit: 9, ..ProcessFilter::default() };
    assert_eq!(ids(all()).await, ("o-1 o-10 o-2 t-1".into(), false));
    assert_eq!(ids(ProcessFilter { limit: 2, ..all() }).await, ("o-1 o-10".into(), true));
    let after = Some(("ordering".into(), "o-10".into()));
    assert_eq!(ids(ProcessFilter { after, ..all() }).await.0, "o-2 t-1");
    assert_eq!(ids(ProcessFilter { process_type: Some("paying".into()), ..all() }).await.0, "t-1");
    assert_eq!(ids(ProcessFilter { tenant: acme(), ..all() }).await.0, "o-3");
    for (standing, listed) in [
        (ProcessStanding::Running, "o-10 t-1"),
        (ProcessStanding::Parked, "o-1"),
        (ProcessStanding::Ended, "o-2"),
    ] {
        assert_eq!(ids(ProcessFilter { standing: Some(standing), ..all() }).await.0, listed);
    }
    assert_eq!(store.timers_of(&key("o-1")).await.unwrap(), [timer("o-1", "t", at(3))]);
    assert_eq!(store.timers_of(&key("o-10")).await.unwrap(), []);
    let asked = |id: &str| Command { reply_to: Some(reply_to(id, "sell").into()), ..command(0, "rex") };
    let (of_it, of_another) = (asked("o-1"), asked("o-10"));
    let issued = [&of_it, &of_another].map(|command| Arc::new(command.clone())).to_vec();
    let steps = Steps { rows: vec![(1, next(&row(0, "o-10")))], ..Steps::default() };
    owner.commit(UnitOfWork { issued, ..work(&owner, 0, steps) }).await.unwrap();
    assert_eq!(store.awaited_by(&key("o-1")).await.unwrap(), std::slice::from_ref(&of_it));
    owner.commit(create(&owner, &of_it, 2)).await.unwrap();
    assert_eq!(store.awaited_by(&key("o-1")).await.unwrap(), []);
}
