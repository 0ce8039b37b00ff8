//! Deliveries that are due with the end of a command, where the store itself ends it.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use wilco_application::callbacks::of_settled;
use wilco_application::ports::{Begun, CancelOutcome, Command, CommandFilter, ProcessRow, Steps, Store};
use wilco_domain::kernel::Problem;

use super::Fixture;
use super::making::{Owner, acme, at, command, create, submit};
use super::processes::{key, next, row, step};

/// With an address to call back.
fn with_callback(command: Command) -> Command {
    Command { callback_url: Some("https://example.org/hook".into()), ..command }
}

fn problem() -> Problem {
    Problem::new("cancelled", 409, "no more")
}

/// The deliveries that are due when these commands end then.
fn deliveries(of: &[&Command], at: DateTime<Utc>) -> Vec<Command> {
    let deliveries = of.iter().map(|command| of_settled(command, at));
    deliveries.collect::<Option<Vec<_>>>().expect("each of them is to be called back")
}

/// Every delivery that is due.
async fn due(store: &dyn Store) -> Vec<Command> {
    let mut due = store.due(&[0, 1], at(1_000_000), 99).await.unwrap();
    due.retain(|command| command.command_type == "callback.deliver");
    due
}

pub(super) async fn whoever_is_to_be_called_back_is_when_a_command_is_cancelled<F: Fixture>() {
    let fixture = F::new(2).await;
    let store = fixture.store();
    let (with, without) = (with_callback(command(1, "rex")), command(0, "fido"));
    let of_acme = Command { tenant: acme(), actor: Some("key-1".into()), ..with_callback(command(0, "rex")) };
    submit(&*store, &[with.clone(), without.clone(), of_acme.clone()]).await;
    for command in [&with, &without, &of_acme] {
        assert_eq!(due(&*store).await.len(), usize::from(command.id > with.id));
        let cancelled = store.cancel(&command.key(), at(5000), &problem()).await.unwrap();
        assert!(matches!(cancelled, CancelOutcome::Cancelled(_)), "{cancelled:?}");
    }
    let mut expected = deliveries(&[&with, &of_acme], at(5000));
    let mut found = due(&*fixture.elsewhere()).await;
    expected.sort_by_key(|command| command.id);
    found.sort_by_key(|command| command.id);
    assert_eq!(found, expected);
    let again = store.cancel(&with.key(), at(5001), &problem()).await.unwrap();
    assert!(matches!(again, CancelOutcome::Settled(_)), "{again:?}");
    assert_eq!(due(&*store).await.len(), 2, "and once");
}

pub(super) async fn a_cancel_that_comes_too_late_calls_nobody_back<F: Fixture>() {
    let fixture = F::new(1).await;
    let owner = Owner::of(fixture.store()).await;
    let (settled, running) = (with_callback(command(0, "rex")), with_callback(command(0, "fido")));
    owner.apply(&settled, 1).await.unwrap();
    let begun = vec![Begun { command: Arc::new(running.clone()), fresh: true }];
    step(&owner, Steps { begun, rows: vec![(0, row(0, "o-1"))], ..Steps::default() }).await.unwrap();
    let unknown = with_callback(command(0, "bello"));
    for command in [&settled, &running, &unknown] {
        let outcome = owner.store.cancel(&command.key(), at(5000), &problem()).await.unwrap();
        assert!(!matches!(outcome, CancelOutcome::Cancelled(_)), "{outcome:?}");
    }
    assert_eq!(due(&*fixture.elsewhere()).await, []);
}

pub(super) async fn commits_and_cancels_at_once_call_back_once<F: Fixture>() {
    let fixture = F::new(1).await;
    let owner = Owner::of(fixture.store()).await;
    for number in 0..20 {
        let sent = with_callback(command(0, &format!("rex-{number}")));
        submit(&*owner.store, std::slice::from_ref(&sent)).await;
        let delivery = Arc::new(deliveries(&[&sent], at(5000)).remove(0));
        let mut work = create(&owner, &sent, 1);
        work.issued.push(Arc::clone(&delivery));
        let elsewhere = fixture.elsewhere();
        let (key, problem) = (sent.key(), problem());
        let cancel = elsewhere.cancel(&key, at(5000), &problem);
        let (committed, cancelled) = tokio::join!(owner.commit(work), cancel);
        let is_cancelled = matches!(cancelled.unwrap(), CancelOutcome::Cancelled(_));
        assert_ne!(committed.is_ok(), is_cancelled, "either, and not both");
        assert!(owner.store.command(&delivery.key()).await.unwrap().is_some());
    }
    let filter = CommandFilter {
        command_type: Some("callback.deliver".into()),
        limit: 99,
        ..CommandFilter::default()
    };
    assert_eq!(owner.store.list(&filter).await.unwrap().items.len(), 20);
}

pub(super) async fn whoever_is_to_be_called_back_is_when_an_instance_is_given_up<F: Fixture>() {
    let fixture = F::new(1).await;
    let owner = Owner::of(fixture.store()).await;
    let held = [with_callback(command(0, "o-1")), command(0, "o-1"), with_callback(command(0, "o-1"))];
    let begun = held.iter().map(|held| Begun { command: Arc::new(held.clone()), fresh: true });
    let holds = held.iter().map(|held| held.id).collect();
    let parked = Some(Problem::new("process-parked", 500, "why"));
    let steps = Steps {
        rows: vec![(0, ProcessRow { holds, parked, ..row(0, "o-1") })],
        begun: begun.collect(),
        parked: vec![key("o-1")],
        ..Steps::default()
    };
    step(&owner, steps).await.unwrap();
    let goes_on = with_callback(command(0, "o-2"));
    let steps = Steps {
        rows: vec![(0, ProcessRow { holds: vec![goes_on.id], ..row(0, "o-2") })],
        begun: vec![Begun { command: Arc::new(goes_on), fresh: true }],
        ..Steps::default()
    };
    step(&owner, steps).await.unwrap();
    let store = fixture.elsewhere();
    let given_up = Problem::new("internal", 500, "given up");
    assert!(!store.give_up(&key("o-2"), "order", at(5000), &given_up).await.unwrap(), "it goes on");
    assert_eq!(due(&*store).await, []);
    assert!(store.give_up(&key("o-1"), "order", at(5000), &given_up).await.unwrap());
    assert!(!store.give_up(&key("o-1"), "order", at(5001), &given_up).await.unwrap(), "it has ended");
    let mut expected = deliveries(&[&held[0], &held[2]], at(5000));
    let mut found = due(&*store).await;
    expected.sort_by_key(|command| command.id);
    found.sort_by_key(|command| command.id);
    assert_eq!(found, expected);
    let ended = ProcessRow { ended_at: Some(at(9)), holds: Vec::new(), ..next(&row(0, "o-2")) };
    step(&owner, Steps { rows: vec![(1, ended)], ..Steps::default() }).await.unwrap();
    assert!(!store.give_up(&key("o-2"), "order", at(5002), &given_up).await.unwrap(), "it has ended");
    assert_eq!(due(&*store).await.len(), 2);
}
