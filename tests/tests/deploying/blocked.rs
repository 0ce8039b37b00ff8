//! What a build cannot read: it says so before it serves, and what is asked of it meanwhile waits.

use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::json;
use wilco_application::check::{Finding, Ids, Oddity, Report, check};
use wilco_application::ports::{Command, CommandKey, State};
use wilco_application::status::rfc3339;
use wilco_domain::kernel::{Problem, Tenant};
use wilco_tests::trial::Place;
use wilco_tests::wait_for;

use super::next::Reads;
use super::{Build, caller, first, next, on_both_stores, start_of};

on_both_stores![
    an_unreadable_kind_of_event_is_named_before_the_start,
    commands_for_what_cannot_be_read_wait_in_order_for_a_build_that_can,
    an_upcaster_that_fails_blocks_its_aggregate_and_no_lane,
    open_commands_that_are_unknown_or_unreadable_are_named_before_the_start,
    an_unknown_command_waits_and_can_be_cancelled,
    a_blocked_command_goes_on_when_the_build_before_is_back,
    oddities_are_named_and_no_reason_to_refuse,
    what_is_blocked_for_one_tenant_is_not_for_another,
];

/// `m` has an event that the next build must be taught to read; `n` has none.
async fn left_behind(place: &Place) {
    let build = Build::start(&place.store, first::catalog()).await;
    build.done("membership.start", "m", start_of("basic")).await;
    build.done("membership.change_plan", "m", start_of("plus")).await;
    build.done("membership.start", "n", start_of("basic")).await;
    build.stop().await;
}

/// Waits until the status of the command says why it waits.
async fn why(build: &Build, command: &Command) -> String {
    let ask = async || build.engine.details_of(command).await.unwrap().and_then(|details| details.blocked);
    let problem = wait_for("the command to be blocked", ask, Option::is_some).await.unwrap();
    assert_eq!((problem.slug(), problem.status), ("blocked", 503));
    problem.detail
}

async fn is_open(place: &Place, command: &Command) -> bool {
    place.store.command(&command.key()).await.unwrap().unwrap().state() == State::Open
}

async fn an_unreadable_kind_of_event_is_named_before_the_start(place: Place) {
    left_behind(&place).await;
    for reads in [Reads::Nothing, Reads::Panicking, Reads::Looping] {
        let report = check(&*place.store, &next::catalog(reads), Ids::All).await.unwrap();
        let [Finding::Event { kind, .. }] = report.findings.as_slice() else { panic!("{report:?}") };
        assert_eq!(
            (kind.event_type.as_str(), kind.event_version.as_str()),
            ("membership.plan_changed", "1.0")
        );
        let text = report.findings[0].to_string();
        assert!(text.contains("membership.plan_changed 1.0") && text.contains("membership/m"), "{text}");
    }
    for catalog in [first::catalog(), next::catalog(Reads::All)] {
        assert_eq!(check(&*place.store, &catalog, Ids::All).await.unwrap(), Report::default());
    }
}

async fn commands_for_what_cannot_be_read_wait_in_order_for_a_build_that_can(place: Place) {
    left_behind(&place).await;
    let build = Build::start(&place.store, next::catalog(Reads::Nothing)).await;
    let first = build.give("membership.pause", "m", json!({})).await;
    let second = build.give("membership.resume", "m", json!({})).await;
    let third = build.give("membership.pause", "m", json!({})).await;
    let detail = why(&build, &first).await;
    assert!(detail.contains("plan_changed"), "{detail}");
    let detail = why(&build, &third).await;
    assert!(detail.contains("behind"), "{detail}");
    // Its neighbours are unharmed.
    assert_eq!(build.done("membership.pause", "n", json!({})).await, 2);
    // The first can be cancelled; what is behind it is not let past what cannot be read.
    assert_eq!(build.engine.cancel(&caller(), first.id).await.unwrap().state(), State::Cancelled);
    let ask = async || build.engine.details_of(&second).await.unwrap().and_then(|details| details.blocked);
    let moved_up = |problem: &Option<_>| {
        problem.as_ref().is_some_and(|problem: &Problem| problem.detail.contains("plan_changed"))
    };
    wait_for("the second to be the first", ask, moved_up).await;
    assert!(is_open(&place, &second).await && is_open(&place, &third).await);
    build.stop().await;

    let build = Build::start(&place.store, next::catalog(Reads::All)).await;
    let settled = [build.settlement(second).await, build.settlement(third).await];
    assert_eq!(
        settled.map(|settled| (settled.state, settled.version)),
        [3, 4].map(|v| (State::Succeeded, Some(v)))
    );
    assert_eq!(build.shown("m").await["status"], "paused");
    build.stop().await;
}

async fn an_upcaster_that_fails_blocks_its_aggregate_and_no_lane(place: Place) {
    left_behind(&place).await;
    for reads in [Reads::Panicking, Reads::Looping] {
        let build = Build::start(&place.store, next::catalog(reads)).await;
        let blocked = build.give("membership.pause", "m", json!({})).await;
        assert!(why(&build, &blocked).await.contains("upcaster"));
        build.done("membership.change_plan", "n", json!({ "plan": "plus", "reason": "r" })).await;
        build.engine.cancel(&caller(), blocked.id).await.unwrap();
        build.stop().await;
    }
}

#[expect(clippy::disallowed_methods, reason = "the engine under test goes by the machine's clock")]
fn now() -> DateTime<Utc> {
    Utc::now()
}

async fn open_commands_that_are_unknown_or_unreadable_are_named_before_the_start(place: Place) {
    left_behind(&place).await;
    let build = Build::start(&place.store, first::catalog()).await;
    let due = now() + TimeDelta::days(30);
    for n in 1..=3 {
        build.give_later("membership.end", "n", json!({}), Some(due + TimeDelta::days(n))).await;
    }
    build.give_later("membership.change_plan", "n", start_of("plus"), Some(due)).await;
    build.give_later("membership.pause", "n", json!({}), Some(due)).await;
    build.stop().await;
    let report = check(&*place.store, &next::catalog(Reads::All), Ids::Some).await.unwrap();
    let said: Vec<String> = report.findings.iter().map(ToString::to_string).collect();
    assert_eq!(said.len(), 2, "{said:?}");
    assert!(said[0].starts_with("1 open membership.change_plan, first due "), "{said:?}");
    assert!(said[0].contains("missing field `reason`"), "{said:?}");
    assert!(said[1].starts_with("3 open membership.end, first due "), "{said:?}");
    let first_due = rfc3339(&(due + TimeDelta::days(1)));
    assert!(said[1].contains(&first_due[..19]) && said[1].ends_with("the type is unknown"), "{said:?}");
}

/// Leaves an `end` of `n` behind that is due in a moment.
async fn about_to_end(place: &Place) -> Arc<Command> {
    left_behind(place).await;
    let build = Build::start(&place.store, first::catalog()).await;
    let soon = now() + TimeDelta::milliseconds(1500);
    let end = build.give_later("membership.end", "n", json!({}), Some(soon)).await;
    build.stop().await;
    end
}

async fn an_unknown_command_waits_and_can_be_cancelled(place: Place) {
    let end = about_to_end(&place).await;
    let build = Build::start(&place.store, next::catalog(Reads::All)).await;
    assert!(why(&build, &end).await.contains("\"end\""));
    let behind = build.give("membership.pause", "n", json!({})).await;
    assert!(why(&build, &behind).await.contains("behind"));
    assert_eq!(build.done("membership.pause", "m", json!({})).await, 3);
    build.engine.cancel(&caller(), end.id).await.unwrap();
    assert_eq!(build.settlement(behind).await.version, Some(2));
    build.stop().await;
}

async fn a_blocked_command_goes_on_when_the_build_before_is_back(place: Place) {
    let end = about_to_end(&place).await;
    let build = Build::start(&place.store, next::catalog(Reads::All)).await;
    why(&build, &end).await;
    build.stop().await;
    let build = Build::start(&place.store, first::catalog()).await;
    let settled = build.settlement(end).await;
    assert_eq!((settled.state, settled.version), (State::Succeeded, Some(2)));
    assert_eq!(build.shown("n").await["status"], "ended");
    build.stop().await;
}

async fn oddities_are_named_and_no_reason_to_refuse(place: Place) {
    left_behind(&place).await;
    place.execute("UPDATE events SET aggregate_id = 'no path' WHERE aggregate_id = 'n'").await;
    place.execute("INSERT INTO event_kinds VALUES ('invoice', 'invoice.sent', '1.0', 'i', 1)").await;
    let report = check(&*place.store, &first::catalog(), Ids::All).await.unwrap();
    assert_eq!(report.findings, []);
    let ids = Oddity::Ids { aggregate_type: "membership".into(), count: 1, some: vec!["no path".into()] };
    assert_eq!(report.oddities, [Oddity::Unserved("invoice".into()), ids]);
}

async fn what_is_blocked_for_one_tenant_is_not_for_another(place: Place) {
    let acme = Tenant::parse("acme").unwrap();
    let build = Build::start(&place.store, first::catalog()).await;
    let started = build.give_of(&acme, "membership.start", "m", start_of("basic"), None).await;
    build.settlement(started).await;
    let changed = build.give_of(&acme, "membership.change_plan", "m", start_of("plus"), None).await;
    build.settlement(changed).await;
    build.done("membership.start", "m", start_of("basic")).await;
    build.stop().await;
    let report = check(&*place.store, &next::catalog(Reads::Nothing), Ids::All).await.unwrap();
    let [Finding::Event { kind, .. }] = report.findings.as_slice() else { panic!("{report:?}") };
    assert_eq!(kind.aggregate_id, "acme/m");
    assert_eq!(report.oddities, [], "a tenant's ids are none of them");

    let build = Build::start(&place.store, next::catalog(Reads::Nothing)).await;
    let theirs = build.give_of(&acme, "membership.pause", "m", json!({}), None).await;
    assert!(why(&build, &theirs).await.contains("plan_changed"));
    assert_eq!(build.done("membership.pause", "m", json!({})).await, 2);
    let twin = CommandKey::new(&Tenant::default(), theirs.id);
    assert_eq!(place.store.blocked(&[twin]).await.unwrap(), []);
    build.stop().await;

    let build = Build::start(&place.store, next::catalog(Reads::All)).await;
    assert_eq!(build.settlement(theirs).await.version, Some(3));
    build.stop().await;
}
