//! What belongs to one tenant does not exist for another, whatever it is called.

use wilco_application::ports::{
    Accepted, AggregateKey, CancelOutcome, Command, CommandFilter, EventRow, NewEvent, SnapshotRow, State,
    Store, UnitOfWork, ViewFilter, ViewRow,
};
use wilco_domain::kernel::{Problem, Tenant};

use super::Fixture;
use super::making::{
    Owner, acme, arcs, at, command, create, event_row, fresh, key, outcome, submit, uuid, view_row,
};

/// The same command by another tenant.
fn twin_of(command: &Command) -> Command {
    Command { tenant: acme(), ..command.clone() }
}

fn of_acme(id: &str) -> AggregateKey {
    AggregateKey::new(&acme(), "pet", id)
}

async fn state(store: &dyn Store, command: &Command) -> Option<State> {
    store.command(&command.key()).await.unwrap().map(|found| found.state())
}

pub(super) async fn an_id_is_accepted_once_for_each_tenant<F: Fixture>() {
    let fixture = F::new(1).await;
    let store = fixture.store();
    let ours = command(0, "rex");
    let theirs = Command { data: "{}".into(), ..twin_of(&ours) };
    let new = command(0, "rex");
    submit(&*store, &[ours.clone(), theirs.clone()]).await;
    let accepted = store.accept(arcs(vec![theirs.clone(), new.clone(), ours.clone()])).await.unwrap();
    let existing = |command: &Command| Accepted::Existing(Box::new(command.clone()));
    assert_eq!(accepted, [existing(&theirs), Accepted::New, existing(&ours)]);
    let elsewhere = fixture.elsewhere();
    for command in [&ours, &theirs] {
        assert_eq!(elsewhere.command(&command.key()).await.unwrap().as_ref(), Some(command));
        assert_eq!(elsewhere.commands(&[command.key()]).await.unwrap(), std::slice::from_ref(command));
    }
    let unknown = twin_of(&command(0, "rex")).key();
    assert_eq!(store.commands(&[twin_of(&new).key(), unknown]).await.unwrap(), []);
    assert_eq!(state(&*store, &twin_of(&new)).await, None);
}

pub(super) async fn of_twins_of_two_tenants_in_one_batch_both_are_told_what_became_of_theirs<F: Fixture>() {
    let fixture = F::new(1).await;
    let store = fixture.store();
    let ours = command(0, "rex");
    submit(&*store, std::slice::from_ref(&ours)).await;
    let accepted = store.accept(arcs(vec![twin_of(&ours), ours.clone()])).await.unwrap();
    assert_eq!(accepted, [Accepted::New, Accepted::Existing(Box::new(ours))]);
}

pub(super) async fn a_command_is_settled_or_cancelled_for_its_tenant_only<F: Fixture>() {
    let fixture = F::new(1).await;
    let owner = Owner::of(fixture.store()).await;
    let (settled, cancelled) = (command(0, "rex"), command(0, "fido"));
    let twins = [&settled, &cancelled].map(twin_of);
    submit(&*owner.store, &[settled.clone(), cancelled.clone(), twins[0].clone(), twins[1].clone()]).await;
    owner.commit(create(&owner, &settled, 1)).await.unwrap();
    let problem = Problem::new("cancelled", 409, "");
    let outcome = owner.store.cancel(&cancelled.key(), at(9), &problem).await.unwrap();
    assert!(matches!(outcome, CancelOutcome::Cancelled(found) if found.tenant == Tenant::default()));
    for twin in &twins {
        assert_eq!(state(&*owner.store, twin).await, Some(State::Open));
    }
    let due = owner.store.due(&[0], at(1_000_000), 9).await.unwrap();
    assert_eq!(due, twins.to_vec(), "they are still to be applied");

    let stranger = Command { tenant: Tenant::parse("stranger").unwrap(), ..settled.clone() };
    assert_eq!(owner.store.cancel(&stranger.key(), at(9), &problem).await.unwrap(), CancelOutcome::Unknown);
    owner.commit(applied_for(&owner, &twins[0])).await.unwrap();
    assert_eq!(state(&*owner.store, &twins[0]).await, Some(State::Succeeded));
}

/// What [`create`] makes, of an aggregate of the command's tenant.
fn applied_for(owner: &Owner, command: &Command) -> UnitOfWork {
    let mut work = create(owner, command, 1);
    work.events[0].row = event_of(&command.aggregate(), 1);
    work.views = vec![view_of(&command.aggregate(), "reserved")];
    work
}

fn event_of(key: &AggregateKey, sequence: i64) -> EventRow {
    event_row(&key.stored_id(), sequence)
}

fn view_of(key: &AggregateKey, status: &str) -> ViewRow {
    ViewRow { view_id: key.view_id(), ..view_row(&key.id, 1, status) }
}

pub(super) async fn a_fresh_command_does_not_meet_another_tenants_twin<F: Fixture>() {
    let fixture = F::new(1).await;
    let owner = Owner::of(fixture.store()).await;
    let ours = command(0, "rex");
    let theirs = twin_of(&ours);
    submit(&*owner.store, std::slice::from_ref(&ours)).await;
    let mut work = applied_for(&owner, &theirs);
    work.outcomes = vec![fresh(&theirs, work.outcomes[0].seat, Some(1))];
    owner.commit(work).await.unwrap();
    assert_eq!(state(&*owner.store, &ours).await, Some(State::Open));
    assert_eq!(state(&*owner.store, &theirs).await, Some(State::Succeeded));
}

pub(super) async fn one_commit_settles_twins_of_two_tenants<F: Fixture>() {
    let fixture = F::new(1).await;
    let owner = Owner::of(fixture.store()).await;
    let ours = command(0, "rex");
    let theirs = twin_of(&ours);
    submit(&*owner.store, &[ours.clone(), theirs.clone()]).await;
    let mut work = applied_for(&owner, &ours);
    let mut other = applied_for(&owner, &theirs);
    for (index, event) in (2..).zip(&mut other.events) {
        event.seat.index = index;
    }
    let mut seat = work.outcomes[0].seat;
    seat.index = 3;
    work.outcomes.push(outcome(&theirs, seat, None));
    work.events.append(&mut other.events);
    work.views.append(&mut other.views);
    work.partitions[0].entries = 4;
    owner.commit(work).await.unwrap();
    assert_eq!(state(&*owner.store, &ours).await, Some(State::Succeeded));
    assert_eq!(state(&*owner.store, &theirs).await, Some(State::Failed));
}

pub(super) async fn two_tenants_aggregates_of_one_id_are_two<F: Fixture>() {
    let fixture = F::new(1).await;
    let owner = Owner::of(fixture.store()).await;
    let ours = command(0, "rex");
    owner.commit(with_fresh(&owner, &ours, 3)).await.unwrap();
    owner.commit(with_fresh(&owner, &twin_of(&ours), 2)).await.unwrap();
    let store = fixture.elsewhere();
    let loaded = store.load(&[of_acme("rex"), key("rex"), of_acme("fido")]).await.unwrap();
    let of = |n: usize| (loaded[n].key.clone(), loaded[n].snapshot.clone().map(|kept| kept.version));
    assert_eq!((of(0), of(1)), ((of_acme("rex"), Some(2)), (key("rex"), Some(3))));
    assert_eq!((loaded[2].snapshot.clone(), loaded[2].view.clone()), (None, None));
    // A view was made of neither beyond the first event.
    assert_eq!(loaded[0].events, [event_of(&of_acme("rex"), 2)]);
    let events = async |key: &AggregateKey| store.events(key, 0, 9).await.unwrap();
    assert_eq!((events(&key("rex")).await.len(), events(&of_acme("rex")).await.len()), (3, 2));
    assert!(events(&of_acme("rex")).await.iter().all(|event| event.aggregate() == of_acme("rex")));
    assert_eq!(store.aggregates("pet", None, 9).await.unwrap(), ["acme/rex", "rex"]);
}

/// So many events of the command's aggregate, a snapshot after them, and a view after the first.
fn with_fresh(owner: &Owner, command: &Command, events: i64) -> UnitOfWork {
    let key = command.aggregate();
    let mut work = applied_for(owner, command);
    let seat = work.outcomes[0].seat;
    work.events = (1..=events)
        .map(|sequence| {
            let mut seat = seat;
            seat.index = sequence as u32;
            NewEvent { seat, row: event_of(&key, sequence) }
        })
        .collect();
    let mut first = seat;
    first.index = 0;
    work.outcomes = vec![fresh(command, first, Some(events))];
    work.partitions[0].entries = events as u32 + 1;
    work.snapshots = vec![SnapshotRow { key, version: events, payload: "{}".into(), fingerprint: None }];
    work
}

pub(super) async fn a_list_holds_one_tenants_views<F: Fixture>() {
    let fixture = F::new(1).await;
    let owner = Owner::of(fixture.store()).await;
    let others = ["acme", "acme-2", "acm", "pet"].map(|name| Tenant::parse(name).unwrap());
    let mut views: Vec<ViewRow> = others
        .iter()
        .flat_map(|tenant| ["a", "b"].map(|id| view_of(&AggregateKey::new(tenant, "pet", id), "sold")))
        .collect();
    views.push(view_of(&key("c"), "sold"));
    views.push(view_of(&AggregateKey::new(&acme(), "pet_food", "x"), "sold"));
    owner.store.save_views(views).await.unwrap();
    let ids = async |filter: ViewFilter| {
        let found = fixture.elsewhere().views(&filter).await.unwrap().items;
        found.iter().map(|view| filter.id_of(view).to_owned()).collect::<Vec<_>>()
    };
    for status in [None, Some("sold".to_owned())] {
        let of = |tenant: &Tenant| ViewFilter {
            members: Vec::new(),
            tenant: tenant.clone(),
            view_type: "pet".into(),
            status: status.clone(),
            after: None,
            limit: 9,
        };
        for tenant in &others {
            assert_eq!(ids(of(tenant)).await, ["a", "b"]);
        }
        assert_eq!(ids(of(&Tenant::default())).await, ["c"]);
        assert_eq!(ids(ViewFilter { after: Some("a".into()), ..of(&acme()) }).await, ["b"]);
        assert_eq!(ids(of(&Tenant::parse("nobody").unwrap())).await, [""; 0]);
    }
}

pub(super) async fn a_list_holds_one_tenants_commands<F: Fixture>() {
    let fixture = F::new(1).await;
    let store = fixture.store();
    let ours = Command { correlation_id: uuid(), ..command(0, "rex") };
    let theirs = twin_of(&ours);
    submit(&*store, &[ours.clone(), theirs.clone()]).await;
    for command in [ours, theirs] {
        let tenant = CommandFilter { tenant: command.tenant.clone(), limit: 9, ..CommandFilter::default() };
        let filters = [
            tenant.clone(),
            CommandFilter { state: Some(State::Open), ..tenant.clone() },
            CommandFilter { target: Some("rex".into()), ..tenant.clone() },
            CommandFilter { correlation_id: Some(command.correlation_id), ..tenant },
        ];
        for filter in filters {
            assert_eq!(store.list(&filter).await.unwrap().items, std::slice::from_ref(&command));
        }
    }
}
