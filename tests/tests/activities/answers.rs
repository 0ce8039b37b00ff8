//! What becomes of each kind of answer.

use std::time::Duration;

use chrono::TimeDelta;
use wilco_application::ports::{Answer, Setback, State};
use wilco_domain::kernel::Problem;
use wilco_tests::trial::Place;

use super::office::{Office, attempts, policy, policy_within};
use super::on_both_stores;
use super::postman::{Do, Postman, again, delivered, not_at_home, receipt, unknown};

async fn what_is_done_at_once_gives_a_result_that_its_process_hears(place: Place) {
    let postman = Postman::with("l-1", []);
    let office = Office::open(&place, &postman, policy(3)).await;
    let (posted, delivery) = office.deliver("l-1", "ada").await;
    assert_eq!((posted.state, delivery.state, delivery.attempts), (State::Succeeded, State::Succeeded, 1));
    assert_eq!(delivery.result, Some(receipt("at once").to_string()));
    assert_eq!(office.heard("l-1").await, [receipt("at once").to_string()]);
    assert_eq!(postman.counts("l-1"), (1, 0));
    assert_eq!(attempts(&place, "l-1").await, None);
}

async fn it_is_tried_until_it_is_done_by_one_key_and_the_same_data(place: Place) {
    let script = [again(), unknown(), again(), Do::Say(delivered("at last"))];
    let postman = Postman::with("l-1", script);
    let office = Office::open(&place, &postman, policy(4)).await;
    let (posted, delivery) = office.deliver("l-1", "ada").await;
    assert_eq!((posted.state, delivery.state, delivery.attempts), (State::Succeeded, State::Succeeded, 4));
    assert_eq!(delivery.result, Some(receipt("at last").to_string()));
    let asked = postman.asked("l-1");
    let runs: Vec<u32> = asked.iter().filter(|asked| !asked.is_look).map(|asked| asked.attempt).collect();
    assert_eq!(runs, [1, 2, 3, 4]);
    let command = super::office::delivery(&*place.store, "l-1").await.unwrap();
    for one in &asked {
        assert_eq!((one.key, &one.data), (command.id, &command.data), "{one:?}");
    }
}

async fn who_wants_to_be_left_alone_is(place: Place) {
    let after = Duration::from_millis(400);
    let setback = Setback { after: Some(after), ..not_at_home() };
    let postman = Postman::with("l-1", [Do::Say(Answer::Retry(setback))]);
    let office = Office::open(&place, &postman, policy(2)).await;
    let (_, delivery) = office.deliver("l-1", "ada").await;
    assert_eq!((delivery.state, delivery.attempts), (State::Succeeded, 2));
    let asked = postman.asked("l-1");
    assert!(asked[1].at - asked[0].at >= TimeDelta::from_std(after).unwrap(), "{asked:?}");
}

async fn it_is_given_up_after_so_many_attempts(place: Place) {
    let postman = Postman::with("l-1", [again(), again(), again()]);
    let office = Office::open(&place, &postman, policy(3)).await;
    let (posted, delivery) = office.deliver("l-1", "ada").await;
    let problem = delivery.error.unwrap();
    assert_eq!((delivery.state, delivery.attempts, problem.slug()), (State::Failed, 3, "undeliverable"));
    assert!(problem.detail.contains("3 attempts: nobody is at home"), "{}", problem.detail);
    assert!(!problem.detail.contains("unknown"), "each was refused: {}", problem.detail);
    assert_eq!((posted.state, posted.error.unwrap().slug()), (State::Failed, "undeliverable"));
    assert_eq!(office.heard("l-1").await, ["undeliverable"]);
    assert_eq!(postman.counts("l-1"), (3, 0));
    assert_eq!(attempts(&place, "l-1").await, None);
}

async fn a_final_answer_fails_it_at_once_with_its_own_problem(place: Place) {
    let declined = Problem::new("declined", 422, "the letter box is too small");
    let postman = Postman::with("l-1", [Do::Say(Answer::Final(declined))]);
    let office = Office::open(&place, &postman, policy(3)).await;
    let (posted, delivery) = office.deliver("l-1", "ada").await;
    let problem = delivery.error.unwrap();
    assert_eq!((delivery.state, delivery.attempts, problem.slug()), (State::Failed, 1, "declined"));
    assert_eq!((problem.status, &*problem.detail), (422, "the letter box is too small"));
    assert_eq!(posted.error.unwrap().slug(), "declined");
    assert_eq!((office.heard("l-1").await, postman.counts("l-1")), (vec!["declined".to_owned()], (1, 0)));
}

/// Whether it was done nobody knows.
async fn one_that_panics_has_failed_once_and_harms_nobody(place: Place) {
    let postman = Postman::with("l-1", [Do::Panic]);
    let office = Office::open(&place, &postman, policy(3)).await;
    let (panicking, other) = tokio::join!(office.deliver("l-1", "ada"), office.deliver("l-2", "ada"));
    assert_eq!((panicking.1.state, panicking.1.attempts), (State::Succeeded, 2));
    assert_eq!((other.1.state, other.1.attempts), (State::Succeeded, 1));
    assert_eq!(postman.counts("l-1"), (2, 1), "it is looked for before it is tried again");
    let stamped = office.ask("stamp", "l-3", serde_json::json!({})).await;
    assert_eq!(office.settlement(stamped).await.state, State::Succeeded);
}

async fn one_that_hangs_is_ended_at_its_limit(place: Place) {
    let postman = Postman::with("l-1", [Do::Hang, Do::Hang]);
    let office = Office::open(&place, &postman, policy_within(2, 100)).await;
    let (_, delivery) = office.deliver("l-1", "ada").await;
    let problem = delivery.error.unwrap();
    assert_eq!((delivery.attempts, problem.slug()), (2, "undeliverable"));
    assert!(problem.detail.contains("no answer in 100ms"), "{}", problem.detail);
    assert!(problem.detail.contains("the outcome is unknown"), "{}", problem.detail);
    let asked = postman.asked("l-1");
    let limit = TimeDelta::milliseconds(100);
    assert!(asked[1].at - asked[0].at >= limit && asked[1].is_look, "{asked:?}");
}

on_both_stores! {
    what_is_done_at_once_gives_a_result_that_its_process_hears,
    it_is_tried_until_it_is_done_by_one_key_and_the_same_data,
    who_wants_to_be_left_alone_is,
    it_is_given_up_after_so_many_attempts,
    a_final_answer_fails_it_at_once_with_its_own_problem,
    one_that_panics_has_failed_once_and_harms_nobody,
    one_that_hangs_is_ended_at_its_limit,
}
