//! Whom activities ask: one that does not answer takes its own slots and no others; one that is ill is left alone.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::json;
use wilco_application::activities::DestinationSettings;
use wilco_application::ports::State;
use wilco_tests::trial::Place;

use super::office::{Office, Terms, policy, policy_within};
use super::on_both_stores;
use super::postman::{Do, Postman, delivered};

/// How often the attempts have begun that are stored for somebody.
async fn begun(place: &Place, to: &str) -> Vec<u32> {
    let all = place.store.due_attempts(&[0, 1], DateTime::<Utc>::MAX_UTC, 1000, &[]).await.unwrap();
    let all = all.into_iter().map(|due| due.row);
    all.filter(|row| row.destination == to).map(|row| row.attempt).collect()
}

/// Those that wait are rows, of which nothing has begun.
async fn one_that_hangs_holds_up_no_other(place: Place) {
    let postman = Postman::hanging("ada");
    let settings = DestinationSettings { slots: 2, ..DestinationSettings::default() };
    let terms = Terms { destinations: settings, ..Terms::of(policy_within(3, 600_000)) };
    let office = Office::open_on(&place, &postman, terms).await;
    for number in 0..50 {
        office.post(&format!("slow-{number}"), "ada").await;
    }
    for number in 0..20 {
        let (posted, delivery) = office.deliver(&format!("well-{number}"), "bob").await;
        assert_eq!((posted.state, delivery.attempts), (State::Succeeded, 1));
        let stamped = office.ask("stamp", &format!("slow-{number}"), json!({})).await;
        assert_eq!(office.settlement(stamped).await.state, State::Succeeded);
    }
    let stored = async || begun(&place, "ada").await;
    let stored = wilco_tests::wait_for("all of them to wait", stored, |rows| rows.len() == 50).await;
    assert_eq!(stored.iter().sum::<u32>(), 2, "{stored:?}");
    assert_eq!(postman.deliveries_to("ada").len(), 2);
}

async fn whoever_waits_for_a_slot_gets_it_when_it_is_given_back(place: Place) {
    const LETTERS: usize = 40;
    let postman = Postman::with("l-0", []);
    for number in 0..LETTERS {
        postman.also(&format!("l-{number}"), [Do::After(Duration::from_millis(5), delivered("slowly"))]);
    }
    let settings = DestinationSettings { slots: 1, ..DestinationSettings::default() };
    let terms = Terms { destinations: settings, ..Terms::never_looking(policy(3)) };
    let office = Office::open_on(&place, &postman, terms).await;
    let mut posted = Vec::new();
    for number in 0..LETTERS {
        posted.push(office.post(&format!("l-{number}"), "ada").await);
    }
    for one in posted {
        assert_eq!(office.settlement(one).await.state, State::Succeeded);
    }
    assert_eq!((postman.deliveries_to("ada").len(), postman.most_at_once()), (LETTERS, 1));
}

async fn one_that_hangs_gives_its_slot_back_at_its_limit(place: Place) {
    let postman = Postman::with("l-1", [Do::Hang, Do::Hang]);
    let settings = DestinationSettings { slots: 1, ..DestinationSettings::default() };
    let terms = Terms { destinations: settings, ..Terms::never_looking(policy_within(2, 100)) };
    let office = Office::open_on(&place, &postman, terms).await;
    let hanging = office.post("l-1", "ada").await;
    postman.is_asked("l-1", 1).await;
    let (other, delivery) = office.deliver("l-2", "ada").await;
    assert_eq!((other.state, delivery.attempts), (State::Succeeded, 1));
    assert_eq!(office.settlement(hanging).await.error.unwrap().slug(), "undeliverable");
    assert_eq!(postman.most_at_once(), 1);
}

/// The times of what was asked, those together that have less than a rest between them.
fn groups(postman: &Postman, rest: TimeDelta) -> Vec<usize> {
    let times: Vec<DateTime<Utc>> = postman.deliveries_to("ada").iter().map(|asked| asked.at).collect();
    times.chunk_by(|one, next| *next - *one < rest).map(<[_]>::len).collect()
}

async fn one_that_is_ill_is_left_alone_and_then_asked_once(place: Place) {
    const REST: Duration = Duration::from_millis(300);
    let rest = TimeDelta::from_std(REST).unwrap();
    let postman = Postman::with("l-0", []);
    postman.let_be_ill("ada", true);
    let settings =
        DestinationSettings { slots: 4, failures: 3, rest: REST, ..DestinationSettings::default() };
    let terms = Terms { destinations: settings, ..Terms::never_looking(policy(4)) };
    let office = Office::open_on(&place, &postman, terms).await;
    let mut posted = Vec::new();
    for number in 0..10 {
        posted.push(office.post(&format!("l-{number}"), "ada").await);
    }
    let asked = async || groups(&postman, rest);
    let asked = wilco_tests::wait_for("it to be asked again and again", asked, |all| all.len() >= 4).await;
    // As many as may fail, and those that were under way by then.
    assert!((3..=6).contains(&asked[0]), "{asked:?}");
    assert!(asked[1..].iter().all(|probes| *probes == 1), "{asked:?}");
    let (other, _) = office.deliver("other", "bob").await;
    assert_eq!(other.state, State::Succeeded);
    postman.let_be_ill("ada", false);
    for one in posted {
        assert_eq!(office.settlement(one).await.state, State::Succeeded);
    }
    let (before, after) = (asked.iter().sum::<usize>(), postman.deliveries_to("ada").len());
    assert!(after <= before + 12, "each of the ten once, and a last probe or two: {before} {after}");
}

on_both_stores! {
    one_that_hangs_holds_up_no_other,
    whoever_waits_for_a_slot_gets_it_when_it_is_given_back,
    one_that_hangs_gives_its_slot_back_at_its_limit,
    one_that_is_ill_is_left_alone_and_then_asked_once,
}
