//! An attempt that ends the program has been counted, and is looked for once nobody can be at it any more.

use std::sync::Arc;

use chrono::TimeDelta;
use wilco_application::ports::{AttemptRow, Look, State};
use wilco_tests::trial::Place;

use super::office::{Office, attempts, policy_within};
use super::on_both_stores;
use super::postman::{Do, Postman, See, delivered, receipt};

/// Of an attempt, in milliseconds.
const LIMIT: u64 = 200;

fn hangs() -> Arc<Postman> {
    Postman::with("l-1", [Do::Hang])
}

async fn open(place: &Place, postman: &Arc<Postman>, attempts: u32) -> Office {
    Office::open(place, postman, policy_within(attempts, LIMIT)).await
}

/// The engine is gone as soon as it is at the letter; gives back where that stands then.
async fn burns_down(place: &Place, office: Office, postman: &Postman, times: usize) -> AttemptRow {
    postman.is_asked("l-1", times).await;
    office.burn_down().await;
    attempts(place, "l-1").await.unwrap()
}

async fn one_that_was_cut_short_is_counted_and_waited_for_and_looked_for(place: Place) {
    let first = hangs();
    let office = open(&place, &first, 3).await;
    let posted = office.post("l-1", "ada").await;
    let row = burns_down(&place, office, &first, 1).await;
    assert_eq!((row.attempt, row.in_doubt), (1, true), "{row:?}");
    let longest = TimeDelta::milliseconds(3 * LIMIT as i64 + 1000);
    assert_eq!(
        row.due_at - row.begun_at.unwrap(),
        longest,
        "its own limit says how long it can be under way"
    );
    let second = Postman::with("l-1", [Do::Say(delivered("again"))]).sees("l-1", [See::Say(Look::Absent)]);
    let office = open(&place, &second, 3).await;
    let (other, _) = office.deliver("l-2", "ada").await;
    assert_eq!((other.state, second.counts("l-1")), (State::Succeeded, (0, 0)), "others do not wait for it");
    assert_eq!(office.settlement(posted).await.state, State::Succeeded);
    let delivery = office.delivery("l-1").await;
    assert_eq!((delivery.attempts, delivery.result), (2, Some(receipt("again").to_string())));
    let asked = second.asked("l-1");
    assert!(asked[0].at >= row.due_at && asked[0].is_look, "{asked:?} {row:?}");
    assert_eq!((asked[0].attempt, asked[0].key), (2, first.asked("l-1")[0].key));
    assert_eq!(second.counts("l-1"), (1, 1));
}

async fn one_that_was_done_before_the_end_is_not_done_again(place: Place) {
    let first = hangs();
    let office = open(&place, &first, 3).await;
    let posted = office.post("l-1", "ada").await;
    burns_down(&place, office, &first, 1).await;
    let found = See::Say(Look::There(receipt("before")));
    let second = Postman::with("l-1", []).sees("l-1", [found]);
    let office = open(&place, &second, 3).await;
    assert_eq!(office.settlement(posted).await.state, State::Succeeded);
    assert_eq!(office.delivery("l-1").await.result, Some(receipt("before").to_string()));
    assert_eq!(second.counts("l-1"), (0, 1));
}

async fn one_that_ends_the_program_again_and_again_is_failed_and_no_other(place: Place) {
    let (first, second, third) = (hangs(), hangs(), Postman::with("l-1", []));
    let office = open(&place, &first, 2).await;
    let posted = office.post("l-1", "ada").await;
    assert_eq!(burns_down(&place, office, &first, 1).await.attempt, 1);
    let office = open(&place, &second, 2).await;
    // It looks for it, and then tries.
    assert_eq!(burns_down(&place, office, &second, 2).await.attempt, 2);
    let office = open(&place, &third, 2).await;
    let (other, _) = office.deliver("l-2", "ada").await;
    assert_eq!(other.state, State::Succeeded);
    let problem = office.settlement(posted).await.error.unwrap();
    assert_eq!((problem.slug(), office.heard("l-1").await), ("undeliverable", vec!["undeliverable".into()]));
    assert!(problem.detail.contains("the outcome is unknown"), "{}", problem.detail);
    assert_eq!((first.counts("l-1").0, second.counts("l-1").0), (1, 1));
    assert_eq!(third.counts("l-1"), (0, 1), "it is looked for once more, and not tried");
}

async fn not_even_the_last_look_ends_the_program_for_ever(place: Place) {
    let (first, third) = (hangs(), Postman::with("l-1", []));
    let office = open(&place, &first, 1).await;
    let posted = office.post("l-1", "ada").await;
    burns_down(&place, office, &first, 1).await;
    let second = Postman::with("l-1", []).sees("l-1", [See::Hang]);
    let office = open(&place, &second, 1).await;
    burns_down(&place, office, &second, 1).await;
    let office = open(&place, &third, 1).await;
    let problem = office.settlement(posted).await.error.unwrap();
    assert_eq!(problem.slug(), "undeliverable");
    assert!(problem.detail.contains("the outcome is unknown"), "{}", problem.detail);
    assert_eq!((second.counts("l-1").0, third.counts("l-1")), (0, (0, 0)));
}

on_both_stores! {
    one_that_was_cut_short_is_counted_and_waited_for_and_looked_for,
    one_that_was_done_before_the_end_is_not_done_again,
    one_that_ends_the_program_again_and_again_is_failed_and_no_other,
    not_even_the_last_look_ends_the_program_for_ever,
}
