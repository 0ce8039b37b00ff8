use super::*;
use crate::ports::Command;
use crate::worker::testing::command;

fn commands(numbers: std::ops::RangeInclusive<u128>) -> Vec<Input> {
    numbers.map(|number| command(number).into()).collect()
}

fn numbers(hand: &Hand) -> Vec<u128> {
    hand.inputs.iter().map(|input| input.turn().1.as_u128()).collect()
}

fn taken(inbox: &Inbox) -> Vec<u128> {
    numbers(&inbox.take(usize::MAX))
}

/// An inbox for partition 0 that holds all there is: nothing.
fn live(capacity: usize) -> Inbox {
    let inbox = Inbox::new(capacity);
    inbox.assign(HashSet::from([0]));
    assert!(inbox.wants_refill(DateTime::UNIX_EPOCH).is_some(), "a new owner reads the registry");
    inbox.refill(Vec::new(), true);
    inbox
}

#[test]
fn what_is_offered_is_taken_in_order() {
    let inbox = live(10);
    inbox.offer(commands(1..=3));
    assert_eq!(taken(&inbox), [1, 2, 3]);
}

fn fresh(numbers: std::ops::RangeInclusive<u128>) -> Vec<Fresh> {
    numbers.map(|number| Fresh::unheard(command(number))).collect()
}

fn ids(fresh: &[Fresh]) -> Vec<u128> {
    fresh.iter().map(|fresh| fresh.command.id.as_u128()).collect()
}

#[test]
fn fresh_commands_take_their_place_behind_what_is_stored() {
    let inbox = live(10);
    inbox.offer(commands(1..=2));
    assert!(inbox.hand_over(fresh(3..=4)).is_empty());
    inbox.offer(commands(5..=5));
    let hand = inbox.take(4);
    assert_eq!(numbers(&hand), [1, 2, 3, 4]);
    let mut fresh: Vec<u128> = hand.fresh.values().map(|fresh| fresh.command.id.as_u128()).collect();
    fresh.sort_unstable();
    assert_eq!(fresh, [3, 4]);
    assert!(inbox.take(9).fresh.is_empty(), "5 is stored");
}

#[test]
fn a_command_that_cannot_be_applied_at_once_is_given_back() {
    let inbox = live(10);
    inbox.offer(commands(1..=1));
    let change = |number, change: fn(&mut Command)| {
        let mut command = Arc::unwrap_or_clone(command(number));
        change(&mut command);
        Fresh::unheard(Arc::new(command))
    };
    let later = change(2, |command| command.not_before = Some(DateTime::UNIX_EPOCH));
    let elsewhere = change(3, |command| command.partition = 9);
    let known = Fresh::unheard(command(1));
    let rest = inbox.hand_over(vec![later, elsewhere, known]);
    assert_eq!(ids(&rest), [2, 3, 1]);
    assert_eq!(taken(&inbox), [1]);
}

#[test]
fn a_lane_that_is_behind_takes_nothing_fresh() {
    let inbox = live(3);
    inbox.offer(commands(1..=4));
    assert_eq!(ids(&inbox.hand_over(fresh(5..=5))), [5], "4 is in the registry only, and comes first");
    taken(&inbox);
    inbox.wants_refill(DateTime::UNIX_EPOCH).unwrap();
    assert_eq!(ids(&inbox.hand_over(fresh(6..=6))), [6], "while it reads");
    inbox.refill(commands(4..=4), true);
    assert!(inbox.hand_over(fresh(7..=7)).is_empty());
    assert_eq!(taken(&inbox), [4, 7]);
}

#[test]
fn a_shut_door_gives_back_what_waits_and_opens_with_the_next_taking() {
    let inbox = live(10);
    inbox.hand_over(fresh(1..=3));
    assert_eq!(ids(&inbox.shut()), [1, 2, 3]);
    assert_eq!(ids(&inbox.hand_over(fresh(4..=4))), [4]);
    inbox.forget(&HashSet::from([command(2).key().into()]));
    let hand = inbox.take(9);
    assert_eq!(hand.inputs.len(), 2, "1 and 3 were stored, and kept their places");
    assert!(hand.fresh.is_empty());
    assert!(inbox.hand_over(fresh(5..=5)).is_empty());
}

#[test]
fn the_door_of_a_lane_that_has_ended_stays_shut() {
    let inbox = live(10);
    inbox.end();
    assert_eq!(ids(&inbox.hand_over(fresh(1..=1))), [1]);
    assert!(taken(&inbox).is_empty());
    assert_eq!(ids(&inbox.hand_over(fresh(2..=2))), [2]);
}

#[test]
fn a_hand_is_bounded_in_bytes_and_never_empty() {
    let inbox = live(10);
    let large = |number| {
        let data = "x".repeat(MOST_BYTES / 2 + 1);
        Input::from(Arc::new(Command { data, ..Arc::unwrap_or_clone(command(number)) }))
    };
    inbox.offer((1..=5).map(large).collect());
    assert_eq!([(); 3].map(|()| inbox.take(9).inputs.len()), [2, 2, 1]);
}

#[test]
fn not_too_many_fresh_commands_wait() {
    let inbox = live(10_000);
    let most = MOST_WAITING_FRESH as u128;
    assert_eq!(ids(&inbox.hand_over(fresh(1..=most + 2))), [most + 1, most + 2]);
}

#[test]
fn an_overflow_lets_go_and_reads_the_registry_later() {
    let inbox = live(10);
    inbox.offer(commands(1..=12));
    inbox.offer(commands(13..=13));
    assert!(inbox.wants_refill(DateTime::UNIX_EPOCH).is_none(), "not before it has run low");
    assert_eq!(taken(&inbox), (1..=10).collect::<Vec<_>>());
    assert!(inbox.wants_refill(DateTime::UNIX_EPOCH).is_some());
    inbox.offer(commands(14..=14));
    inbox.refill(commands(11..=13), true);
    assert_eq!(taken(&inbox), [11, 12, 13, 14]);
    inbox.offer(commands(15..=15));
    assert_eq!(taken(&inbox), [15]);
}

#[test]
fn nothing_passes_what_is_still_in_the_registry() {
    let inbox = live(10);
    inbox.offer(commands(1..=11));
    taken(&inbox);
    inbox.wants_refill(DateTime::UNIX_EPOCH).unwrap();
    inbox.offer(commands(30..=30));
    inbox.refill(commands(11..=20), false);
    assert_eq!(taken(&inbox), (11..=20).collect::<Vec<_>>(), "30 comes with the next reading");
}

#[test]
fn a_command_found_and_offered_is_taken_once() {
    let inbox = live(10);
    inbox.offer(commands(2..=2));
    inbox.look();
    inbox.wants_refill(DateTime::UNIX_EPOCH).unwrap();
    inbox.offer(commands(3..=3));
    inbox.refill(commands(1..=3), true);
    assert_eq!(taken(&inbox), [1, 2, 3]);
}

#[test]
fn a_command_in_hand_is_not_taken_again_until_done() {
    let inbox = live(10);
    inbox.offer(commands(1..=1));
    let hand = inbox.take(1);
    inbox.look();
    inbox.wants_refill(DateTime::UNIX_EPOCH).unwrap();
    inbox.refill(commands(1..=1), true);
    assert_eq!(taken(&inbox), [] as [u128; 0]);
    inbox.done(&hand.inputs);
}

#[test]
fn partitions_of_others_are_not_taken() {
    let inbox = Inbox::new(10);
    inbox.offer(commands(1..=1));
    assert_eq!(taken(&inbox), [] as [u128; 0]);
}
