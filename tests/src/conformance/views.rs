//! The landing views.

use wilco_application::ports::{MemberValue, Store, UnitOfWork, ViewFilter, ViewRow};

use super::Fixture;
use super::making::{Owner, command, view_row};

async fn write(owner: &Owner, views: Vec<ViewRow>) {
    let work =
        UnitOfWork { owner: owner.id, partitions: vec![owner.slice(0, 0)], views, ..UnitOfWork::default() };
    owner.commit(work).await.unwrap();
}

fn of_type(view_type: &str) -> ViewFilter {
    ViewFilter { view_type: view_type.into(), limit: 100, ..ViewFilter::default() }
}

async fn ids(store: &dyn Store, filter: &ViewFilter) -> Vec<String> {
    store.views(filter).await.unwrap().items.into_iter().map(|view| view.view_id).collect()
}

pub(super) async fn a_view_is_replaced_by_a_newer_one_only<F: Fixture>() {
    let fixture = F::new(1).await;
    let owner = Owner::of(fixture.store()).await;
    assert_eq!(owner.store.view("pet/rex").await.unwrap(), None);
    for (version, status, stands) in [(2, "b", 2), (1, "a", 2), (2, "x", 2), (3, "c", 3)] {
        write(&owner, vec![view_row("rex", version, status)]).await;
        let found = fixture.elsewhere().view("pet/rex").await.unwrap().unwrap();
        assert_eq!(found, view_row("rex", stands, if stands == 2 { "b" } else { "c" }));
    }
}

pub(super) async fn views_are_listed_in_pages_by_id<F: Fixture>() {
    let fixture = F::new(1).await;
    let owner = Owner::of(fixture.store()).await;
    // In the order of their bytes, whatever the database's language: upper case first, ~ last.
    let sorted = ["-", "0", "Zoe", "a", "a.b", "ab", "~"];
    write(&owner, sorted.iter().rev().map(|id| view_row(id, 1, "available")).collect()).await;
    let mut filter = ViewFilter { limit: 3, ..of_type("pet") };
    let mut pages = Vec::new();
    loop {
        let page = owner.store.views(&filter).await.unwrap();
        filter.after = page.items.last().map(|last| last.view_id["pet/".len()..].to_owned());
        pages.push(page.items.len());
        if !page.more {
            break;
        }
    }
    assert_eq!(pages, [3, 3, 1]);
    let expected: Vec<String> = sorted.iter().map(|id| format!("pet/{id}")).collect();
    assert_eq!(ids(&*owner.store, &of_type("pet")).await, expected);
    let exact = owner.store.views(&ViewFilter { limit: 7, ..of_type("pet") }).await.unwrap();
    assert_eq!((exact.items.len(), exact.more), (7, false));
}

pub(super) async fn gone_views_are_found_but_not_listed<F: Fixture>() {
    let fixture = F::new(1).await;
    let owner = Owner::of(fixture.store()).await;
    let gone = ViewRow { gone: true, ..view_row("rex", 2, "deleted") };
    write(&owner, vec![gone.clone(), view_row("fido", 1, "available")]).await;
    assert_eq!(owner.store.view("pet/rex").await.unwrap(), Some(gone));
    assert_eq!(ids(&*owner.store, &of_type("pet")).await, ["pet/fido"]);
    let deleted = ViewFilter { status: Some("deleted".into()), ..of_type("pet") };
    assert_eq!(ids(&*owner.store, &deleted).await, [""; 0]);
}

pub(super) async fn views_are_listed_by_status<F: Fixture>() {
    let fixture = F::new(1).await;
    let owner = Owner::of(fixture.store()).await;
    let views = [("a", "sold"), ("b", "available"), ("c", "sold"), ("d", "sold")];
    write(&owner, views.map(|(id, status)| view_row(id, 1, status)).to_vec()).await;
    let sold = ViewFilter { status: Some("sold".into()), limit: 2, ..of_type("pet") };
    assert_eq!(ids(&*owner.store, &sold).await, ["pet/a", "pet/c"]);
    assert!(owner.store.views(&sold).await.unwrap().more);
    let rest = ViewFilter { after: Some("c".into()), ..sold.clone() };
    assert_eq!(ids(&*owner.store, &rest).await, ["pet/d"]);
    write(&owner, vec![view_row("c", 2, "available")]).await;
    assert_eq!(ids(&*owner.store, &sold).await, ["pet/a", "pet/d"], "a changed status moves it");
}

pub(super) async fn views_are_listed_by_members_that_are_indexed<F: Fixture>() {
    let fixture = F::new(1).await;
    let owner = Owner::of(fixture.store()).await;
    let showing = |id: &str, status: &str, payload: &str| ViewRow {
        payload: payload.to_owned(),
        ..view_row(id, 1, status)
    };
    // Some are there before there is an index.
    write(&owner, vec![showing("a", "sold", r#"{"plan":"plus","visits":7,"paid":true}"#)]).await;
    let members = ["plan", "visits", "paid"];
    owner.store.index(&members).await.unwrap();
    owner.store.index(&members).await.unwrap();
    let others = [
        showing("b", "new", r#"{"plan":"plus","visits":8,"paid":false}"#),
        showing("c", "new", r#"{"plan":"basic","visits":null}"#),
        showing("d", "new", r#"{"plan":"plus"}"#),
        ViewRow { gone: true, ..showing("e", "new", r#"{"plan":"plus"}"#) },
        ViewRow { view_id: "car/a".into(), ..showing("a", "new", r#"{"plan":"plus"}"#) },
    ];
    write(&owner, others.to_vec()).await;
    let by = |members: Vec<(&'static str, MemberValue)>| ViewFilter { members, ..of_type("pet") };
    let text = |text: &str| MemberValue::Text(text.to_owned());
    let plus = by(vec![("plan", text("plus"))]);
    assert_eq!(ids(&*owner.store, &plus).await, ["pet/a", "pet/b", "pet/d"]);
    let page = owner.store.views(&ViewFilter { limit: 2, ..plus.clone() }).await.unwrap();
    assert!(page.items.len() == 2 && page.more);
    let rest = ViewFilter { after: Some("b".into()), ..plus.clone() };
    assert_eq!(ids(&*owner.store, &rest).await, ["pet/d"]);
    let new = ViewFilter { status: Some("new".into()), ..plus };
    assert_eq!(ids(&*owner.store, &new).await, ["pet/b", "pet/d"]);
    assert_eq!(ids(&*owner.store, &by(vec![("visits", MemberValue::Whole(7))])).await, ["pet/a"]);
    assert_eq!(ids(&*owner.store, &by(vec![("paid", MemberValue::YesNo(false))])).await, ["pet/b"]);
    let both = by(vec![("plan", text("plus")), ("visits", MemberValue::Whole(8))]);
    assert_eq!(ids(&*owner.store, &both).await, ["pet/b"]);
    assert_eq!(ids(&*owner.store, &by(vec![("plan", text("plus' OR '1'='1"))])).await, [""; 0]);
}

pub(super) async fn types_with_a_common_prefix_are_kept_apart<F: Fixture>() {
    let fixture = F::new(1).await;
    let owner = Owner::of(fixture.store()).await;
    let other = |view_id: &str| ViewRow { view_id: view_id.into(), ..view_row("x", 1, "available") };
    let views = ["pe/x", "pet/x", "pet-food/x", "pet.x/x", "pets/x", "pet0/x"].map(other);
    write(&owner, views.to_vec()).await;
    assert_eq!(ids(&*owner.store, &of_type("pet")).await, ["pet/x"]);
    let available = ViewFilter { status: Some("available".into()), ..of_type("pet") };
    assert_eq!(ids(&*owner.store, &available).await, ["pet/x"]);
}

pub(super) async fn rebuilt_views_replace_those_of_the_same_version<F: Fixture>() {
    let fixture = F::new(1).await;
    let owner = Owner::of(fixture.store()).await;
    write(&owner, vec![view_row("a", 2, "old"), view_row("b", 3, "old")]).await;
    let rebuilt = ["a", "b", "c"].map(|id| view_row(id, 2, "rebuilt"));
    owner.store.save_views(rebuilt.to_vec()).await.unwrap();
    let status = async |id: &str| owner.store.view(id).await.unwrap().unwrap().status;
    assert_eq!(status("pet/a").await, "rebuilt");
    assert_eq!(status("pet/b").await, "old", "it is newer");
    assert_eq!(status("pet/c").await, "rebuilt");
    owner.store.save_views(Vec::new()).await.unwrap();
}

pub(super) async fn aggregates_are_listed_once_in_order<F: Fixture>() {
    let fixture = F::new(1).await;
    let owner = Owner::of(fixture.store()).await;
    for (id, events) in [("b", 3), ("Zoe", 1), ("a", 2)] {
        for sequence in 1..=events {
            owner.apply(&command(0, id), sequence).await.unwrap();
        }
    }
    let list = async |after, limit| owner.store.aggregates("pet", after, limit).await.unwrap();
    assert_eq!(list(None, 10).await, ["Zoe", "a", "b"]);
    assert_eq!(list(None, 2).await, ["Zoe", "a"]);
    assert_eq!(list(Some("a"), 2).await, ["b"]);
    assert_eq!(list(Some("b"), 2).await, [""; 0]);
    assert_eq!(owner.store.aggregates("car", None, 10).await.unwrap(), [""; 0]);
}
