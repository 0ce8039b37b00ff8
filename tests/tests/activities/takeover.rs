//! What an earlier owner says late changes nothing: result and take-over in every order.

use std::sync::Arc;
use std::time::Duration;

use serde_json::json;
use tokio::sync::Semaphore;
use wilco_application::ports::{Look, State};
use wilco_tests::trial::Place;

use super::office::{Office, Terms, attempts, delivery, policy};
use super::on_both_stores;
use super::postman::{Do, Postman, See, delivered, receipt};

/// So long a lease that it is not renewed during a test.
const VERY_LONG: Duration = Duration::from_secs(3600);

/// An engine that stands still with an attempt under way: it believes in what it owns, and nobody else does.
struct Still {
    office: Office,
    /// Its postman answers when he may.
    gate: Arc<Semaphore>,
}

impl Still {
    async fn at_a_letter(place: &Place) -> Self {
        let gate = Arc::new(Semaphore::new(0));
        let late = [Do::Wait(Arc::clone(&gate), delivered("late"))];
        let seen_later = [See::Say(Look::There(receipt("second")))];
        let postman = Postman::with("l-1", late).sees("l-1", seen_later);
        let office =
            Office::open_on(place, &postman, Terms { lease: VERY_LONG, ..Terms::of(policy(5)) }).await;
        office.post("l-1", "ada").await;
        postman.is_asked("l-1", 1).await;
        // As if its lease had run out, and the time of the attempt as well.
        place.execute("DELETE FROM replicas").await;
        let_time_pass(place).await;
        Self { office, gate }
    }

    /// It goes on, takes its answer down as far as it may, and ends.
    async fn answers_late(self) {
        self.gate.add_permits(1);
        self.office.close().await;
    }
}

/// As long as an attempt can be under way.
async fn let_time_pass(place: &Place) {
    place.execute("UPDATE attempts SET due_at = begun_at").await;
}

/// The one who took over has brought this about, and nobody has heard anything else.
async fn the_second_result_counts(office: &Office, place: &Place, attempt: u32) {
    let command = Arc::new(delivery(&*place.store, "l-1").await.unwrap());
    let settled = office.settlement(command).await;
    assert_eq!((settled.state, settled.attempts), (State::Succeeded, attempt));
    assert_eq!(settled.result, Some(receipt("second").to_string()));
    let heard = async || office.heard("l-1").await;
    wilco_tests::wait_for("the process to hear of it", heard, |heard| !heard.is_empty()).await;
    assert_eq!(office.heard("l-1").await, [receipt("second").to_string()]);
    assert_eq!(attempts(place, "l-1").await, None);
}

async fn an_answer_after_that_of_who_took_over_changes_nothing(place: Place) {
    let still = Still::at_a_letter(&place).await;
    let postman = Postman::with("l-1", [Do::Say(delivered("second"))]).sees("l-1", [See::Say(Look::Absent)]);
    let office = Office::open(&place.elsewhere().await, &postman, policy(5)).await;
    postman.is_asked("l-1", 2).await;
    the_second_result_counts(&office, &place, 2).await;
    still.answers_late().await;
    the_second_result_counts(&office, &place, 2).await;
    assert_eq!(postman.counts("l-1"), (1, 1));
}

async fn an_answer_while_who_took_over_is_at_it_changes_nothing(place: Place) {
    let still = Still::at_a_letter(&place).await;
    let gate = Arc::new(Semaphore::new(0));
    // Should its partition go to and fro, the last look finds it.
    let sights = [See::Say(Look::Absent), See::Say(Look::There(receipt("second")))];
    let postman =
        Postman::with("l-1", [Do::Wait(Arc::clone(&gate), delivered("second"))]).sees("l-1", sights);
    let office = Office::open(&place.elsewhere().await, &postman, policy(5)).await;
    postman.is_asked("l-1", 2).await;
    still.answers_late().await;
    let row = attempts(&place, "l-1").await.unwrap();
    assert_eq!((row.attempt, row.in_doubt), (2, true), "{row:?}");
    gate.add_permits(1);
    the_second_result_counts(&office, &place, 2).await;
}

/// It owns the partition anew: that another attempt was counted meanwhile is all that speaks against its answer.
async fn an_answer_after_the_partition_came_back_changes_nothing(place: Place) {
    let Still { office, gate } = Still::at_a_letter(&place).await;
    let postman = Postman::with("l-1", [Do::Hang]);
    let other = Office::open(&place.elsewhere().await, &postman, policy(5)).await;
    postman.is_asked("l-1", 2).await;
    other.burn_down().await;
    let stamped = office.ask("stamp", "l-1", json!({})).await;
    assert_eq!(office.settlement(stamped).await.state, State::Succeeded, "it owns it again");
    gate.add_permits(1);
    let_time_pass(&place).await;
    the_second_result_counts(&office, &place, 3).await;
}

on_both_stores! {
    an_answer_after_that_of_who_took_over_changes_nothing,
    an_answer_while_who_took_over_is_at_it_changes_nothing,
    an_answer_after_the_partition_came_back_changes_nothing,
}
