//! Attempts that are not made, or not here, or not now.

use std::time::Duration;

use serde_json::json;
use wilco_application::activities::DestinationSettings;
use wilco_application::ports::{Answer, Setback, State};
use wilco_tests::trial::Place;

use super::office::{Office, PATIENCE, Terms, attempts, delivery, policy};
use super::on_both_stores;
use super::postman::{Do, Postman, again, delivered, not_at_home, receipt};

/// To be tried again, but not soon.
fn much_later(milliseconds: u64) -> Do {
    Do::Say(Answer::Retry(Setback { after: Some(Duration::from_millis(milliseconds)), ..not_at_home() }))
}

async fn what_nobody_wants_any_more_is_not_tried_again(place: Place) {
    let postman = Postman::with("l-1", [much_later(1500)]);
    let office = Office::open(&place, &postman, policy(9)).await;
    let posted = office.post("l-1", "ada").await;
    postman.is_asked("l-1", 1).await;
    let recalled = office.ask("recall", "l-1", json!({})).await;
    assert_eq!(office.settlement(recalled).await.state, State::Succeeded);
    let posted = office.settlement(posted).await;
    let delivery = office.delivery("l-1").await;
    assert_eq!((posted.state, delivery.state, delivery.attempts), (State::Cancelled, State::Cancelled, 1));
    assert_eq!(delivery.error.unwrap().slug(), "cancelled");
    assert_eq!((office.heard("l-1").await, postman.counts("l-1")), (vec!["cancelled".to_owned()], (1, 0)));
    assert_eq!(attempts(&place, "l-1").await, None);
}

/// However much of it there is before something that is wanted.
async fn what_nobody_wants_any_more_holds_up_nothing(place: Place) {
    const LETTERS: usize = 200;
    let takes_its_time = Do::After(Duration::from_millis(500), delivered("slowly"));
    let postman = Postman::with("first", [takes_its_time]);
    let settings = DestinationSettings { slots: 1, ..DestinationSettings::default() };
    let terms = Terms { destinations: settings, ..Terms::never_looking(policy(3)) };
    let office = Office::open_on(&place, &postman, terms).await;
    let first = office.post("first", "ada").await;
    postman.is_asked("first", 1).await;
    let mut unwanted = Vec::new();
    for number in 0..LETTERS {
        let letter = format!("l-{number}");
        unwanted.push(office.post(&letter, "ada").await);
        office.ask("recall", &letter, json!({})).await;
    }
    let last = office.post("last", "ada").await;
    for wanted in [first, last] {
        assert_eq!(office.settlement(wanted).await.state, State::Succeeded);
    }
    for posted in unwanted {
        let state = office.settlement(posted).await.state;
        assert!(matches!(state, State::Cancelled | State::Succeeded), "{state:?}");
    }
}

/// What has not begun is blocked, what has waits as it is; both go on when somebody does them.
async fn what_nobody_does_waits_until_somebody_does(place: Place) {
    let postman = Postman::with("begun", [much_later(10_000)]);
    let office = Office::open(&place, &postman, policy(9)).await;
    let begun = office.post("begun", "ada").await;
    let row = async || attempts(&place, "begun").await;
    wilco_tests::wait_for("a first attempt", row, |row| row.as_ref().is_some_and(|row| !row.in_doubt)).await;
    office.close().await;

    let office = Office::without_postman(&place).await;
    let new = office.post("new", "ada").await;
    let blocked = async || match delivery(&*place.store, "new").await {
        Some(command) => place.store.blocked(&[command.key()]).await.unwrap(),
        None => Vec::new(),
    };
    let blocked = wilco_tests::wait_for("it to be blocked", blocked, |blocked| !blocked.is_empty()).await;
    assert_eq!(blocked[0].1.slug(), "blocked");
    let stamped = office.ask("stamp", "other", json!({})).await;
    assert_eq!(office.settlement(stamped).await.state, State::Succeeded);
    assert_eq!(row().await.unwrap().attempt, 1);
    office.close().await;

    let office = Office::open(&place, &postman, policy(9)).await;
    for (posted, letter, attempts) in [(begun, "begun", 2), (new, "new", 1)] {
        assert_eq!(office.settlement(posted).await.state, State::Succeeded);
        assert_eq!(office.delivery(letter).await.attempts, attempts);
    }
}

/// It begins no other ones, even if they wait.
async fn a_soft_stop_waits_for_attempts_and_takes_their_answers_down(place: Place) {
    let takes_its_time = Do::After(Duration::from_millis(300), delivered("slowly"));
    let postman = Postman::with("l-1", [takes_its_time]);
    let settings = DestinationSettings { slots: 1, ..DestinationSettings::default() };
    let terms = Terms { destinations: settings, ..Terms::of(policy(3)) };
    let office = Office::open_on(&place, &postman, terms).await;
    office.post("l-1", "ada").await;
    postman.is_asked("l-1", 1).await;
    office.post("l-2", "ada").await;
    let waits = async || attempts(&place, "l-2").await;
    wilco_tests::wait_for("the second one to wait", waits, Option::is_some).await;
    let stopping = std::time::Instant::now();
    office.close().await;
    assert!(stopping.elapsed() < PATIENCE / 2, "{:?}", stopping.elapsed());
    let settlement = delivery(&*place.store, "l-1").await.unwrap().settlement.unwrap();
    assert_eq!((settlement.attempts, settlement.result), (1, Some(receipt("slowly").to_string())));
    assert_eq!(attempts(&place, "l-2").await.unwrap().attempt, 0);
    assert_eq!(postman.counts("l-2"), (0, 0));
    let office = Office::open(&place, &postman, policy(3)).await;
    let heard = async || (office.heard("l-1").await.len(), office.heard("l-2").await.len());
    wilco_tests::wait_for("both to be heard of", heard, |heard| *heard == (1, 1)).await;
}

/// That it is the next one's turn does not let the others be forgotten.
async fn each_is_tried_again_in_its_time(place: Place) {
    let postman = Postman::with("l-0", [again(), again()]);
    (1..40_u64).for_each(|number| postman.also(&format!("l-{number}"), [again(), much_later(10 * number)]));
    let office = Office::open_on(&place, &postman, Terms::never_looking(policy(3))).await;
    let mut posted = Vec::new();
    for number in 0..40 {
        posted.push(office.post(&format!("l-{number}"), "ada").await);
    }
    for one in posted {
        assert_eq!(office.settlement(one).await.state, State::Succeeded);
    }
    for number in 0..40 {
        assert_eq!(postman.counts(&format!("l-{number}")), (3, 0));
    }
}

on_both_stores! {
    what_nobody_wants_any_more_is_not_tried_again,
    what_nobody_wants_any_more_holds_up_nothing,
    what_nobody_does_waits_until_somebody_does,
    a_soft_stop_waits_for_attempts_and_takes_their_answers_down,
    each_is_tried_again_in_its_time,
}
