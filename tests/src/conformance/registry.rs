//! Accepting, finding, listing, cancelling.

use std::collections::HashSet;

use chrono::{DateTime, Utc};
use uuid::Uuid;
use wilco_application::ports::{
    Accepted, CancelOutcome, Command, CommandFilter, CommandKey, Idempotency, State, Store, StoreError,
    Waiting,
};
use wilco_domain::kernel::{Problem, Tenant};

use super::Fixture;
use super::making::{Owner, acme, arcs, at, command, create, keyed, submit, uuid, with_everything};
use crate::wait_for;

/// A command that nobody has given.
fn unknown() -> CommandKey {
    CommandKey::new(&Tenant::default(), uuid())
}

fn existing(accepted: &Accepted) -> &Command {
    match accepted {
        Accepted::Existing(command) => command,
        Accepted::New => panic!("it was there before"),
    }
}

pub(super) async fn what_was_accepted_is_found_as_it_was<F: Fixture>() {
    let fixture = F::new(2).await;
    let store = fixture.store();
    let fingerprint_only = Idempotency { key: None, fingerprint: [255; 16] };
    let sparse = Command { idempotency: Some(fingerprint_only), ..command(0, "fido") };
    let mut commands = vec![with_everything(1), sparse, command(0, "rex")];
    submit(&*store, &commands).await;
    for command in &commands {
        assert_eq!(fixture.elsewhere().command(&command.key()).await.unwrap().as_ref(), Some(command));
    }
    let mut keys: Vec<CommandKey> = commands.iter().map(Command::key).collect();
    keys.push(unknown());
    let mut found = store.commands(&keys).await.unwrap();
    found.sort_by_key(|command| command.id);
    commands.sort_by_key(|command| command.id);
    assert_eq!(found, commands);
    assert_eq!(store.command(&unknown()).await.unwrap(), None);
    assert_eq!(store.accept(arcs(Vec::new())).await.unwrap(), Vec::new());
}

pub(super) async fn a_reused_key_returns_the_first_command<F: Fixture>() {
    let fixture = F::new(1).await;
    let store = fixture.store();
    let first = keyed("k1", "rex");
    submit(&*store, std::slice::from_ref(&first)).await;
    let again = Command { data: "{}".into(), ..keyed("k1", "rex") };
    let other = keyed("k2", "rex");
    let accepted = fixture.elsewhere().accept(arcs(vec![again.clone(), other.clone()])).await.unwrap();
    assert_eq!(*existing(&accepted[0]), first);
    assert_eq!(accepted[1], Accepted::New);
    assert_eq!(store.command(&again.key()).await.unwrap(), None);

    let owner = Owner::of(fixture.store()).await;
    owner.commit(create(&owner, &first, 1)).await.unwrap();
    let accepted = store.accept(arcs(vec![keyed("k1", "rex")])).await.unwrap();
    assert_eq!(existing(&accepted[0]).state(), State::Succeeded, "it is told how the first one stands now");
}

pub(super) async fn a_key_belongs_to_its_tenant<F: Fixture>() {
    let fixture = F::new(1).await;
    let store = fixture.store();
    let of = |tenant: &str| Command { tenant: Tenant::parse(tenant).unwrap(), ..keyed("k", "rex") };
    submit(&*store, &[of("default"), of("acme"), of("other")]).await;
    assert!(matches!(store.accept(arcs(vec![of("acme")])).await.unwrap()[0], Accepted::Existing(_)));
}

pub(super) async fn an_id_is_accepted_once<F: Fixture>() {
    let fixture = F::new(1).await;
    let store = fixture.store();
    let first = command(0, "rex");
    submit(&*store, std::slice::from_ref(&first)).await;
    let again = Command { target: "fido".into(), ..first.clone() };
    assert_eq!(*existing(&store.accept(arcs(vec![again])).await.unwrap()[0]), first);
}

pub(super) async fn of_twins_in_one_batch_the_first_wins<F: Fixture>() {
    let fixture = F::new(1).await;
    let store = fixture.store();
    let (first, second) = (keyed("k", "rex"), keyed("k", "rex"));
    // The later one has the smaller id: order is that of the batch, not of anything in it.
    let (first, second) = (
        Command { id: second.id, correlation_id: second.id, ..first.clone() },
        Command { id: first.id, correlation_id: first.id, ..second },
    );
    let same_id = command(0, "rex");
    let twin = Command { target: "fido".into(), ..same_id.clone() };
    let accepted =
        store.accept(arcs(vec![first.clone(), second.clone(), same_id.clone(), twin])).await.unwrap();
    assert_eq!(accepted[0], Accepted::New);
    assert_eq!(*existing(&accepted[1]), first);
    assert_eq!(accepted[2], Accepted::New);
    assert_eq!(*existing(&accepted[3]), same_id);
    assert_eq!(store.command(&second.key()).await.unwrap(), None);
    // The same id with another key, in an order against that of the keys.
    let (b, a) = (keyed("b", "rex"), keyed("a", "rex"));
    let a = Command { id: b.id, correlation_id: b.id, ..a };
    let accepted = store.accept(arcs(vec![b.clone(), a])).await.unwrap();
    assert_eq!(accepted[0], Accepted::New);
    assert_eq!(*existing(&accepted[1]), b);
}

pub(super) async fn the_same_key_sent_many_times_at_once_is_accepted_once<F: Fixture>() {
    let fixture = F::new(1).await;
    let send = |n: usize| {
        let store = if n.is_multiple_of(2) { fixture.store() } else { fixture.elsewhere() };
        tokio::spawn(async move {
            let sent = keyed("k", "rex");
            let id = sent.id;
            match store.accept(arcs(vec![sent])).await.unwrap().remove(0) {
                Accepted::New => (id, true),
                Accepted::Existing(first) => (first.id, false),
            }
        })
    };
    let answers_to_come: Vec<_> = (0..32).map(send).collect();
    let mut answers = Vec::new();
    for answer in answers_to_come {
        answers.push(answer.await.unwrap());
    }
    assert_eq!(answers.iter().filter(|(_, new)| *new).count(), 1);
    assert_eq!(answers.iter().map(|(id, _)| id).collect::<HashSet<_>>().len(), 1, "all are told the same id");
}

pub(super) async fn overlapping_batches_in_opposite_order_are_all_answered<F: Fixture>() {
    let fixture = F::new(1).await;
    for round in 0..5 {
        let batch = |reverse: bool| {
            let mut keys: Vec<usize> = (0..100).collect();
            if reverse {
                keys.reverse();
            }
            keys.iter().map(|key| keyed(&format!("{round}-{key}"), "rex")).collect::<Vec<_>>()
        };
        let (here, there) = (fixture.store(), fixture.elsewhere());
        let (one, two) = tokio::join!(here.accept(arcs(batch(false))), there.accept(arcs(batch(true))));
        let new =
            |accepted: Vec<Accepted>| accepted.iter().filter(|accepted| **accepted == Accepted::New).count();
        assert_eq!(new(one.unwrap()) + new(two.unwrap()), 100);
    }
}

pub(super) async fn an_accepted_command_stays_when_its_caller_hangs_up<F: Fixture>() {
    let fixture = F::new(1).await;
    let store = fixture.store();
    let sent = command(0, "rex");
    let mut accepting = Box::pin(store.accept(arcs(vec![sent.clone()])));
    // Polled once, so that it has begun, and dropped.
    assert!(futures::poll!(&mut accepting).is_pending());
    drop(accepting);
    let look = async || store.command(&sent.key()).await.unwrap();
    wait_for("the command to be stored", look, Option::is_some).await;
}

pub(super) async fn callers_that_hang_up_leave_later_writes_intact<F: Fixture>() {
    let fixture = F::new(1).await;
    let store = fixture.store();
    for round in 0_u64..200 {
        let hung_up = store.accept(arcs(vec![command(0, "rex")]));
        // At another point each time: while waiting for a connection, while sending, while being answered.
        let patience = std::time::Duration::from_micros(round * 20);
        let _ = tokio::time::timeout(patience, hung_up).await;
        let sent = command(0, "fido");
        submit(&*store, std::slice::from_ref(&sent)).await;
        assert!(
            fixture.elsewhere().command(&sent.key()).await.unwrap().is_some(),
            "what was acknowledged is there"
        );
    }
}

pub(super) async fn due_commands_come_in_order_of_acceptance<F: Fixture>() {
    let fixture = F::new(3).await;
    let store = fixture.store();
    let one: Vec<Command> = (0..5).map(|_| command(1, "rex")).collect();
    let two = Command { accepted_at: one[0].accepted_at, ..command(2, "fido") };
    let elsewhere = command(0, "other");
    let mut all = one.clone();
    all.reverse();
    all.extend([two.clone(), elsewhere]);
    submit(&*store, &all).await;
    let due = store.due(&[1, 2], at(100_000), 3).await.unwrap();
    let of =
        |partition: u16| due.iter().filter(move |c| c.partition == partition).cloned().collect::<Vec<_>>();
    assert_eq!(due.len(), 4);
    assert_eq!(of(1), one[..3]);
    assert_eq!(of(2), [two]);
    // The same moment: the id decides.
    let same = |id: Uuid| Command { id, correlation_id: id, accepted_at: at(-5), ..command(0, "x") };
    let (small, large) = (same(uuid()), same(uuid()));
    submit(&*store, &[large.clone(), small.clone()]).await;
    assert_eq!(store.due(&[0], at(100_000), 2).await.unwrap(), [small, large]);
    assert_eq!(store.due(&[], at(100_000), 2).await.unwrap(), []);
}

pub(super) async fn a_scheduled_command_is_due_from_its_time_on<F: Fixture>() {
    let fixture = F::new(1).await;
    let store = fixture.store();
    let scheduled = Command { not_before: Some(at(50_000)), ..command(0, "rex") };
    let plain = command(0, "rex");
    submit(&*store, &[scheduled.clone(), plain.clone()]).await;
    let due = async |now: DateTime<Utc>| store.due(&[0], now, 10).await.unwrap();
    assert_eq!(due(at(49_999)).await, std::slice::from_ref(&plain));
    assert_eq!(due(at(50_000)).await, [scheduled, plain], "in order of acceptance, not of their times");
}

pub(super) async fn the_backlog_counts_what_is_due_up_to_a_limit<F: Fixture>() {
    let fixture = F::new(2).await;
    let owner = Owner::of(fixture.store()).await;
    let store = fixture.store();
    submit(&*store, &(0..5).map(|n| command(n % 2, "rex")).collect::<Vec<_>>()).await;
    submit(&*store, &[Command { not_before: Some(at(50_000)), ..command(0, "rex") }]).await;
    owner.apply(&command(0, "done"), 1).await.unwrap();
    assert_eq!(store.backlog(at(49_999), 100).await.unwrap(), 5);
    assert_eq!(store.backlog(at(50_000), 100).await.unwrap(), 6);
    assert_eq!(store.backlog(at(50_000), 4).await.unwrap(), 4);
    assert_eq!(store.backlog(at(50_000), u64::MAX).await.unwrap(), 6);
}

pub(super) async fn what_waits_is_known_by_its_oldest_and_by_what_is_scheduled<F: Fixture>() {
    let fixture = F::new(2).await;
    let owner = Owner::of(fixture.store()).await;
    let store = fixture.store();
    let waiting = async |now, limit| store.waiting(now, limit).await.unwrap();
    assert_eq!(waiting(at(0), 9).await, Waiting::default());
    owner.apply(&Command { accepted_at: at(-100_000), ..command(0, "done") }, 1).await.unwrap();
    let later = Command { not_before: Some(at(50_000)), accepted_at: at(-60_000), ..command(0, "later") };
    submit(&*store, &[later.clone(), Command { id: uuid(), ..later }]).await;
    assert_eq!(waiting(at(49_999), 9).await, Waiting { scheduled: 2, ..Waiting::default() });
    assert_eq!(waiting(at(49_999), 1).await.scheduled, 1);
    submit(&*store, &[Command { accepted_at: at(60_000), ..command(1, "rex") }]).await;
    assert_eq!(waiting(at(49_999), 9).await.oldest, Some(at(60_000)));
    assert_eq!(waiting(at(50_000), 9).await, Waiting { oldest: Some(at(50_000)), ..Waiting::default() });
}

async fn ids(store: &dyn Store, filter: &CommandFilter) -> Vec<Uuid> {
    store.list(filter).await.unwrap().items.iter().map(|command| command.id).collect()
}

pub(super) async fn lists_come_newest_first_in_pages<F: Fixture>() {
    let fixture = F::new(3).await;
    let store = fixture.store();
    let mut commands: Vec<Command> = (0..5).map(|n| command(n % 3, "rex")).collect();
    // Two of the same moment, and the order of the ids against the order of time.
    commands[1].accepted_at = commands[0].accepted_at;
    commands[4].accepted_at = at(-1);
    submit(&*store, &commands).await;
    let newest_first = [3, 2, 1, 0, 4].map(|n: usize| commands[n].clone());
    for state in [None, Some(State::Open)] {
        let mut filter = CommandFilter { state, limit: 2, ..CommandFilter::default() };
        let mut listed = Vec::new();
        loop {
            let page = store.list(&filter).await.unwrap();
            filter.before = page.items.last().map(|last| (last.accepted_at, last.id));
            listed.extend(page.items);
            if !page.more {
                break;
            }
            assert_eq!(listed.len() % 2, 0, "a page with more after it is full");
        }
        assert_eq!(listed, newest_first);
    }
}

pub(super) async fn lists_are_filtered<F: Fixture>() {
    let fixture = F::new(1).await;
    let owner = Owner::of(fixture.store()).await;
    let store = fixture.store();
    let done = command(0, "rex");
    owner.apply(&done, 1).await.unwrap();
    let failed = command(0, "rex");
    submit(&*store, std::slice::from_ref(&failed)).await;
    let mut work = create(&owner, &failed, 2);
    (work.events, work.views) = (Vec::new(), Vec::new());
    work.outcomes = vec![super::outcome(&failed, work.outcomes[0].seat, None)];
    owner.commit(work).await.unwrap();
    let cancelled = command(0, "rex");
    submit(&*store, std::slice::from_ref(&cancelled)).await;
    store.cancel(&cancelled.key(), at(9), &Problem::new("cancelled", 409, "")).await.unwrap();
    let open = Command { command_type: "pet.sell".into(), ..command(0, "rex") };
    let car = Command { command_type: "car.sell".into(), ..command(0, "rex") };
    let waits = Command { not_before: Some(at(50_000)), ..command(0, "fido") };
    let ripe = Command { not_before: Some(at(5)), ..command(0, "fido") };
    let foreign = Command { tenant: acme(), ..command(0, "rex") };
    submit(&*store, &[open.clone(), car.clone(), waits.clone(), ripe.clone(), foreign.clone()]).await;

    let base = || CommandFilter { limit: 100, now: Some(at(10)), ..CommandFilter::default() };
    let state = |state| CommandFilter { state: Some(state), ..base() };
    assert_eq!(ids(&*store, &state(State::Succeeded)).await, [done.id]);
    assert_eq!(ids(&*store, &state(State::Failed)).await, [failed.id]);
    assert_eq!(ids(&*store, &state(State::Cancelled)).await, [cancelled.id]);
    assert_eq!(ids(&*store, &state(State::Open)).await, [ripe.id, waits.id, car.id, open.id]);
    let scheduled = |scheduled| CommandFilter { scheduled: Some(scheduled), ..state(State::Open) };
    assert_eq!(ids(&*store, &scheduled(true)).await, [waits.id]);
    assert_eq!(ids(&*store, &scheduled(false)).await, [ripe.id, car.id, open.id]);
    let tenant = CommandFilter { tenant: acme(), ..base() };
    assert_eq!(ids(&*store, &tenant).await, [foreign.id]);
    let typed = CommandFilter { command_type: Some("pet.sell".into()), ..base() };
    assert_eq!(ids(&*store, &typed).await, [open.id]);
    let target = CommandFilter { target: Some("rex".into()), aggregate_type: Some("car".into()), ..base() };
    assert_eq!(ids(&*store, &target).await, [car.id]);
    let target = CommandFilter { target: Some("fido".into()), ..base() };
    assert_eq!(ids(&*store, &target).await, [ripe.id, waits.id]);
}

pub(super) async fn a_correlation_lists_its_root_too<F: Fixture>() {
    let fixture = F::new(1).await;
    let store = fixture.store();
    let root = command(0, "rex");
    let child = Command { correlation_id: root.id, caused_by: Some(root.id), ..command(0, "fido") };
    submit(&*store, &[root.clone(), child.clone(), command(0, "other")]).await;
    let filter = CommandFilter { correlation_id: Some(root.id), limit: 9, ..CommandFilter::default() };
    assert_eq!(ids(&*store, &filter).await, [child.id, root.id]);
}

pub(super) async fn what_was_asked_of_an_aggregate_and_has_not_succeeded_is_found<F: Fixture>() {
    let fixture = F::new(1).await;
    let owner = Owner::of(fixture.store()).await;
    let store = fixture.elsewhere();
    let (first, second) = (command(0, "rex"), command(0, "rex"));
    let theirs = Command { tenant: acme(), ..command(0, "rex") };
    let other = Command { command_type: "pet.sell".into(), ..command(0, "rex") };
    let all = [first.clone(), second.clone(), theirs, other, command(0, "fido")];
    submit(&*store, &all).await;
    let tenant = Tenant::default();
    let found =
        async || store.unfinished(&tenant, "rex", "pet.reserve").await.unwrap().map(|command| command.id);
    assert_eq!(found().await, Some(second.id), "the newest");
    owner.commit(create(&owner, &second, 1)).await.unwrap();
    assert_eq!(found().await, Some(first.id));
    let problem = Problem::new("cancelled", 409, "");
    store.cancel(&first.key(), at(9), &problem).await.unwrap();
    assert_eq!(found().await, Some(first.id), "a cancelled one has not succeeded either");
    assert_eq!(store.unfinished(&tenant, "rex", "pet.delete").await.unwrap(), None);
}

pub(super) async fn what_commands_led_to_comes_in_order_of_acceptance<F: Fixture>() {
    let fixture = F::new(2).await;
    let store = fixture.store();
    let (one, other) = (command(0, "rex"), command(0, "fido"));
    let child = |of: &Command, partition| Command { caused_by: Some(of.id), ..command(partition, "bello") };
    let children = [child(&one, 1), child(&other, 0), child(&one, 0)];
    let theirs = Command { tenant: acme(), ..child(&one, 0) };
    submit(&*store, &[one.clone(), other.clone(), theirs]).await;
    submit(&*store, &children).await;
    let led_to = async |ids: &[Uuid], limit| {
        let found = store.led_to(&Tenant::default(), ids, limit).await.unwrap();
        found.iter().map(|command| command.id).collect::<Vec<_>>()
    };
    assert_eq!(led_to(&[one.id, other.id], 9).await, children.each_ref().map(|child| child.id));
    assert_eq!(led_to(&[one.id], 1).await, [children[0].id]);
    assert_eq!(led_to(&[children[0].id], 9).await, [] as [Uuid; 0]);
}

pub(super) async fn an_open_command_is_cancelled_once<F: Fixture>() {
    let fixture = F::new(1).await;
    let store = fixture.store();
    let sent = command(0, "rex");
    submit(&*store, std::slice::from_ref(&sent)).await;
    let problem = Problem::new("cancelled", 409, "taken back").at("/v1/commands");
    let CancelOutcome::Cancelled(cancelled) = store.cancel(&sent.key(), at(9), &problem).await.unwrap()
    else {
        panic!("it was open")
    };
    let settlement = cancelled.settlement.clone().unwrap();
    assert_eq!((settlement.state, settlement.offset, settlement.at), (State::Cancelled, 1, at(9)));
    assert_eq!(settlement.error, Some(problem.clone()));
    assert_eq!(store.command(&sent.key()).await.unwrap(), Some(*cancelled.clone()));
    let again = fixture.elsewhere().cancel(&sent.key(), at(10), &problem).await.unwrap();
    assert_eq!(again, CancelOutcome::Settled(cancelled));
    assert_eq!(store.heads().await.unwrap().offsets[0], 1, "the second try took no offset");
    assert_eq!(store.due(&[0], at(100_000), 9).await.unwrap(), []);
}

pub(super) async fn an_unknown_command_is_not_cancelled<F: Fixture>() {
    let fixture = F::new(1).await;
    let store = fixture.store();
    let problem = Problem::new("cancelled", 409, "");
    assert_eq!(store.cancel(&unknown(), at(9), &problem).await.unwrap(), CancelOutcome::Unknown);
    assert_eq!(store.heads().await.unwrap().offsets[0], 0);
}

pub(super) async fn a_text_with_nul_is_refused_as_data_and_leaves_nothing<F: Fixture>() {
    let fixture = F::new(1).await;
    let store = fixture.store();
    let good = command(0, "rex");
    let bad = Command { actor: Some("a\0b".into()), ..command(0, "rex") };
    let refused = store.accept(arcs(vec![good.clone(), bad.clone()])).await;
    assert!(matches!(refused, Err(StoreError::Data(_))), "{refused:?}");
    assert_eq!(store.commands(&[good.key(), bad.key()]).await.unwrap(), []);
}
