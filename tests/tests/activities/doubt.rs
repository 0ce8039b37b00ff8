//! What may have been done is looked for before it is done again.

use std::time::Duration;

use wilco_application::ports::{Look, State};
use wilco_domain::kernel::{Policy, Within};
use wilco_tests::trial::Place;

use super::office::{Office, policy, policy_within};
use super::on_both_stores;
use super::postman::{Do, Postman, See, again, delivered, not_at_home, receipt, unknown};

/// The other side forgets at once what it was asked.
fn forgetful(attempts: u32) -> Policy {
    let policy = policy(attempts);
    Policy { within: Within { key: Duration::ZERO, ..policy.within }, ..policy }
}

async fn what_is_there_is_not_done_again(place: Place) {
    let found = See::Say(Look::There(receipt("before")));
    let postman = Postman::with("l-1", [unknown()]).sees("l-1", [found]);
    let office = Office::open(&place, &postman, policy(3)).await;
    let (posted, delivery) = office.deliver("l-1", "ada").await;
    assert_eq!((posted.state, delivery.state, delivery.attempts), (State::Succeeded, State::Succeeded, 1));
    assert_eq!(delivery.result, Some(receipt("before").to_string()));
    assert_eq!(office.heard("l-1").await, [receipt("before").to_string()]);
    assert_eq!(postman.counts("l-1"), (1, 1));
}

/// It is looked for once more right before the next attempt: it may have been on its way.
async fn what_comes_to_light_late_is_not_done_again_either(place: Place) {
    let sights = [See::Say(Look::Absent), See::Say(Look::There(receipt("before")))];
    let postman = Postman::with("l-1", [unknown()]).sees("l-1", sights);
    let office = Office::open(&place, &postman, policy(3)).await;
    let (_, delivery) = office.deliver("l-1", "ada").await;
    assert_eq!((delivery.attempts, delivery.result), (2, Some(receipt("before").to_string())));
    assert_eq!(postman.counts("l-1"), (1, 2));
}

/// Whatever has become of the key.
async fn what_is_absent_is_done_again(place: Place) {
    let sights = [See::Say(Look::Absent), See::Say(Look::Absent)];
    let postman = Postman::with("l-1", [unknown(), Do::Say(delivered("again"))]).sees("l-1", sights);
    let office = Office::open(&place, &postman, forgetful(3)).await;
    let (_, delivery) = office.deliver("l-1", "ada").await;
    assert_eq!((delivery.attempts, delivery.result), (2, Some(receipt("again").to_string())));
    assert_eq!(postman.counts("l-1"), (2, 2));
}

async fn what_nobody_can_tell_of_is_done_again_while_its_key_lives(place: Place) {
    let postman = Postman::with("l-1", [unknown(), Do::Say(delivered("again"))]);
    let office = Office::open(&place, &postman, policy(3)).await;
    let (_, delivery) = office.deliver("l-1", "ada").await;
    assert_eq!((delivery.attempts, delivery.result), (2, Some(receipt("again").to_string())));
    let asked = postman.asked("l-1");
    assert!(asked.iter().all(|one| one.key == asked[0].key), "{asked:?}");
}

async fn what_nobody_can_tell_of_any_more_has_failed_with_its_outcome_unknown(place: Place) {
    let postman = Postman::with("l-1", [unknown()]);
    let office = Office::open(&place, &postman, forgetful(3)).await;
    let (posted, delivery) = office.deliver("l-1", "ada").await;
    let problem = delivery.error.unwrap();
    assert_eq!((delivery.state, problem.slug()), (State::Failed, "undeliverable"));
    assert!(problem.detail.contains("the outcome is unknown"), "{}", problem.detail);
    assert_eq!((posted.state, office.heard("l-1").await), (State::Failed, vec!["undeliverable".to_owned()]));
    assert_eq!(postman.counts("l-1").0, 1, "it is not done twice");
}

/// Those attempts count: whoever does not answer is not asked for ever.
async fn nothing_is_done_while_nobody_answers_whether_it_was(place: Place) {
    let ask_again = || See::Say(Look::AskAgain(not_at_home()));
    let sights = [ask_again(), ask_again(), See::Hang, See::Say(Look::There(receipt("before")))];
    let postman = Postman::with("l-1", [unknown()]).sees("l-1", sights);
    let office = Office::open(&place, &postman, policy_within(9, 100)).await;
    let (_, delivery) = office.deliver("l-1", "ada").await;
    assert_eq!((delivery.attempts, delivery.result), (4, Some(receipt("before").to_string())));
    assert_eq!(postman.counts("l-1"), (1, 4));

    let postman = Postman::with("l-2", [unknown()]).sees("l-2", (0..9).map(|_| ask_again()));
    office.close().await;
    let office = Office::open(&place, &postman, policy(3)).await;
    let (_, delivery) = office.deliver("l-2", "ada").await;
    let problem = delivery.error.unwrap();
    assert!(problem.detail.contains("the outcome is unknown"), "{}", problem.detail);
    assert_eq!((delivery.attempts, postman.counts("l-2")), (3, (1, 3)));
}

/// A refusal says that *it* has done nothing, and nothing of the one before.
async fn a_refusal_does_not_settle_an_earlier_doubt(place: Place) {
    let postman = Postman::with("l-1", [unknown(), again(), again()]);
    let office = Office::open(&place, &postman, policy(3)).await;
    let (_, delivery) = office.deliver("l-1", "ada").await;
    let problem = delivery.error.unwrap();
    assert!(problem.detail.contains("the outcome is unknown"), "{}", problem.detail);
    assert_eq!(postman.counts("l-1"), (3, 3));
}

on_both_stores! {
    what_is_there_is_not_done_again,
    what_comes_to_light_late_is_not_done_again_either,
    what_is_absent_is_done_again,
    what_nobody_can_tell_of_is_done_again_while_its_key_lives,
    what_nobody_can_tell_of_any_more_has_failed_with_its_outcome_unknown,
    nothing_is_done_while_nobody_answers_whether_it_was,
    a_refusal_does_not_settle_an_earlier_doubt,
}
