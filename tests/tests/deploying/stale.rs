//! Snapshots and views that another build has made.

use serde_json::json;
use wilco_application::check::{Ids, Report, check};
use wilco_application::ports::{AggregateKey, State};
use wilco_domain::kernel::Tenant;
use wilco_tests::trial::Place;
use wilco_tests::wait_for;

use super::next::Reads;
use super::{Build, first, key, next, on_both_stores, start_of};

on_both_stores![
    a_rule_of_a_new_member_counts_what_happened_before_a_snapshot,
    a_view_of_before_is_shown_as_its_schema_says_now,
    a_view_of_before_is_shown_so_while_nobody_has_rewritten_it,
    views_of_before_are_written_anew_in_the_background,
    those_of_every_tenant_are,
    what_is_rebuilt_beside_a_server_stays,
    a_row_that_an_older_build_wrote_later_is_stale_too,
    going_back_and_forth_is_safe,
    another_revision_makes_all_of_before_stale,
];

/// A membership that was paused three times and has a snapshot.
async fn paused_three_times(place: &Place) {
    let build = Build::start(&place.store, first::catalog()).await;
    build.done("membership.start", "m", start_of("basic")).await;
    for _ in 0..3 {
        build.done("membership.pause", "m", json!({})).await;
        build.done("membership.resume", "m", json!({})).await;
    }
    build.stop().await;
    let loaded = place.store.load(&[key("m")]).await.unwrap().remove(0);
    assert!(loaded.snapshot.is_some_and(|snapshot| snapshot.version >= 3));
}

async fn a_rule_of_a_new_member_counts_what_happened_before_a_snapshot(place: Place) {
    paused_three_times(&place).await;
    let build = Build::start(&place.store, next::catalog(Reads::All)).await;
    let fourth = build.give("membership.pause", "m", json!({})).await;
    assert_eq!(build.settlement(fourth).await.state, State::Failed, "three are the most");
    // What it writes from then on counts as its own.
    build.done("membership.change_plan", "m", json!({ "plan": "plus", "reason": "r" })).await;
    build.stop().await;
    let build = Build::start(&place.store, next::catalog(Reads::All)).await;
    let fourth = build.give("membership.pause", "m", json!({})).await;
    assert_eq!(build.settlement(fourth).await.state, State::Failed);
    build.stop().await;
}

/// A membership that began as basic and is plus now.
async fn changed(place: &Place) {
    let build = Build::start(&place.store, first::catalog()).await;
    build.done("membership.start", "m", start_of("basic")).await;
    build.done("membership.change_plan", "m", start_of("plus")).await;
    build.stop().await;
}

async fn a_view_of_before_is_shown_as_its_schema_says_now(place: Place) {
    changed(&place).await;
    let build = Build::start(&place.store, next::catalog(Reads::All)).await;
    let expected = json!({ "plan": "plus", "status": "active", "first_plan": "basic" });
    assert_eq!(build.shown("m").await, expected);
    assert_eq!(build.listed(None).await, std::slice::from_ref(&expected));
    let then = build.engine.queries().resource_at(&key("m"), 2).await.unwrap().unwrap();
    assert_eq!(serde_json::from_str::<serde_json::Value>(&then.payload).unwrap(), expected);
    // A command goes on from the same.
    build.done("membership.pause", "m", json!({})).await;
    let expected = json!({ "plan": "plus", "status": "paused", "first_plan": "basic" });
    assert_eq!(build.shown("m").await, expected);
    assert!(place.store.view("membership/m").await.unwrap().unwrap().payload.contains("basic"));
    build.stop().await;
}

/// Another status than the stored one is filtered by as it is now.
async fn a_view_of_before_is_shown_so_while_nobody_has_rewritten_it(place: Place) {
    changed(&place).await;
    // Nobody owns a partition here, so nobody writes it anew: these only read.
    let catalog = std::sync::Arc::new(next::catalog(Reads::All));
    let queries = wilco_application::queries::Queries::new(std::sync::Arc::clone(&place.store), catalog);
    place.execute("UPDATE views SET status = 'odd' WHERE view_id = 'membership/m'").await;
    let shown = queries.resource(&key("m")).await.unwrap().unwrap();
    assert_eq!(shown.status, "active");
    assert!(shown.payload.contains(r#""first_plan":"basic""#), "{}", shown.payload);
    let odd = wilco_application::ports::ViewFilter {
        view_type: "membership".into(),
        status: Some("odd".into()),
        limit: 1,
        ..Default::default()
    };
    assert_eq!(queries.resources(&odd).await.unwrap().items, []);
    let stored = place.store.view("membership/m").await.unwrap().unwrap();
    assert!(!stored.payload.contains("first_plan"), "reading writes nothing");
}

async fn views_of_before_are_written_anew_in_the_background(place: Place) {
    let build = Build::start(&place.store, first::catalog()).await;
    for n in 0..120 {
        build.give("membership.start", &format!("m{n}"), start_of("basic")).await;
    }
    build.done("membership.start", "m", start_of("basic")).await;
    build.stop().await;
    let build = Build::start(&place.store, next::catalog(Reads::All)).await;
    let fingerprint = build.engine.catalog().aggregate("membership").unwrap().view_fingerprint().to_owned();
    let stale = async || {
        let marks = place.store.view_marks(None, 1000).await.unwrap();
        assert_eq!(marks.len(), 121);
        marks
            .into_iter()
            .filter(|mark| mark.fingerprint != Some(format!("{fingerprint}@{}", mark.version)))
            .count()
    };
    wait_for("all views to be written anew", stale, |stale| *stale == 0).await;
    let view = place.store.view("membership/m7").await.unwrap().unwrap();
    assert!(view.payload.contains(r#""first_plan":"basic""#), "{}", view.payload);
    build.stop().await;
}

async fn those_of_every_tenant_are(place: Place) {
    let acme = Tenant::parse("acme").unwrap();
    let build = Build::start(&place.store, first::catalog()).await;
    let started = build.give_of(&acme, "membership.start", "m", start_of("basic"), None).await;
    build.settlement(started).await;
    build.stop().await;
    let build = Build::start(&place.store, next::catalog(Reads::All)).await;
    let theirs = AggregateKey { tenant: acme, ..key("m") };
    let stored = async || place.store.view(&theirs.view_id()).await.unwrap().unwrap().payload;
    wait_for("it to be written anew", stored, |view| view.contains(r#""first_plan":"basic""#)).await;
    build.stop().await;
}

async fn what_is_rebuilt_beside_a_server_stays(place: Place) {
    changed(&place).await;
    let build = Build::start(&place.store, next::catalog(Reads::All)).await;
    // It has the aggregate in memory from here on.
    build.done("membership.pause", "m", json!({})).await;
    assert_eq!(build.engine.queries().rebuild("membership", |_| ()).await.unwrap(), 1);
    build.done("membership.resume", "m", json!({})).await;
    let stored = place.store.view("membership/m").await.unwrap().unwrap();
    assert!(stored.payload.contains(r#""first_plan":"basic""#), "{}", stored.payload);
    build.stop().await;
}

async fn a_row_that_an_older_build_wrote_later_is_stale_too(place: Place) {
    let build = Build::start(&place.store, next::catalog(Reads::All)).await;
    build.done("membership.start", "m", start_of("basic")).await;
    build.done("membership.pause", "m", json!({})).await;
    build.stop().await;
    // As a build that knows nothing of fingerprints does it: the version changes, and the fingerprint stays.
    place
        .execute(
            r#"UPDATE views SET version = 1, payload = '{"plan":"old","status":"paused"}'
               WHERE view_id = 'membership/m'"#,
        )
        .await;
    let build = Build::start(&place.store, next::catalog(Reads::All)).await;
    let expected = json!({ "plan": "basic", "status": "paused", "first_plan": "basic" });
    assert_eq!(build.shown("m").await, expected);
    build.stop().await;
}

async fn going_back_and_forth_is_safe(place: Place) {
    paused_three_times(&place).await;
    let build = Build::start(&place.store, next::catalog(Reads::All)).await;
    build.done("membership.resume", "m", json!({})).await;
    build.stop().await;
    assert_eq!(check(&*place.store, &first::catalog(), Ids::All).await.unwrap(), Report::default());
    let build = Build::start(&place.store, first::catalog()).await;
    assert_eq!(build.shown("m").await, json!({ "plan": "basic", "status": "active" }));
    build.done("membership.pause", "m", json!({})).await;
    build.done("membership.resume", "m", json!({})).await;
    build.stop().await;
    let build = Build::start(&place.store, next::catalog(Reads::All)).await;
    assert_eq!(build.shown("m").await["first_plan"], "basic");
    let fifth = build.give("membership.pause", "m", json!({})).await;
    assert_eq!(build.settlement(fifth).await.state, State::Failed);
    // From here on there is something that the first cannot read: its check says so.
    build.done("membership.start", "other", start_of("plus")).await;
    build.stop().await;
    let report = check(&*place.store, &first::catalog(), Ids::All).await.unwrap();
    assert!(
        report.findings[0].to_string().starts_with("events membership.started 1.1 cannot be read"),
        "{report:?}"
    );
}

async fn another_revision_makes_all_of_before_stale(place: Place) {
    let build = Build::start(&place.store, first::catalog()).await;
    build.done("membership.start", "m", start_of("basic")).await;
    build.done("membership.change_plan", "m", start_of("plus")).await;
    build.done("membership.change_plan", "m", start_of("basic")).await;
    build.stop().await;
    // As if another `update` and another `apply` had made them.
    place.execute(r#"UPDATE views SET payload = '{"plan":"odd","status":"active"}'"#).await;
    place.execute(r#"UPDATE aggregate_snapshots SET payload = '{"paused":true}'"#).await;
    let build = Build::start(&place.store, first::catalog()).await;
    assert_eq!(build.shown("m").await["plan"], "odd", "made by the same code, as far as can be seen");
    let pause = build.give("membership.pause", "m", json!({})).await;
    assert_eq!(build.settlement(pause).await.state, State::Failed, "so is the snapshot");
    build.stop().await;
    let build = Build::start(&place.store, first::revised(1)).await;
    assert_eq!(build.shown("m").await["plan"], "basic");
    assert_eq!(build.done("membership.pause", "m", json!({})).await, 4);
    build.stop().await;
}
