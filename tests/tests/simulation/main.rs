//! The whole engine in one thread, under a time, ids and a provider that a seed decides, ended again and again.
//!
//! | module | holds |
//! | --- | --- |
//! | `simulation` | one of them, from its seed to what has come of it |
//! | `plan` | what a seed decides |
//! | `place`, `stored` | the store, and all that it holds |
//! | `line`, `lined` | what lies between a program and its store, and goes wrong there |
//! | `life` | one program, from its start to its end |
//! | `time` | its clock and its ids |
//! | `seats`, `travelling` | what it has to do: a process, and what that asks of aggregates |
//! | `provider` | whom activities ask |
//! | `clients` | those who ask the program for something |
//! | `auditor`, `invariants` | what must hold of what is stored, after each write |
//! | `judge` | what has to come of it in the end |
//!
//! A program ends before or after its n-th write, or does not hear that one was done; and another one may take over from it
//! without its knowing.
//!
//! A simulation of the same seed asks for the same and meets the same troubles. Which of two tasks goes on first that are
//! woken at once it does not decide, so that a seed that fails may have to be run a few times until it does again. It is so
//! fast because nothing in it waits: where a program would, the time jumps.
//!
//! What may be added without a thought for any of this: a fate of a trip, a deed of the provider, an invariant.
//!
//! `WILCO_SEED=7` runs that one alone, `WILCO_SEEDS=1000` so many of them.

#![allow(clippy::unwrap_used, reason = "all of this is tests")]

// The attributes name what they need by the crate that aggregates are usually written with.
extern crate wilco_domain as wilco;

mod auditor;
mod clients;
mod invariants;
mod judge;
mod life;
mod line;
mod lined;
mod place;
mod plan;
mod provider;
mod seats;
mod simulation;
mod stored;
mod time;
mod travelling;

use line::{Then, Trouble};
use simulation::Simulation;

/// Seeds on each number of partitions.
const SEEDS: u64 = 20;

/// Those to run.
fn seeds() -> Vec<u64> {
    let asked = |name| std::env::var(name).ok().and_then(|text| text.parse().ok());
    match asked("WILCO_SEED") {
        Some(seed) => vec![seed],
        None => (1..=asked("WILCO_SEEDS").unwrap_or(SEEDS)).collect(),
    }
}

fn ended_as_the_seed_says(partitions: u16) {
    for seed in seeds() {
        Simulation::seed(seed, partitions).run();
    }
}

#[test]
fn whatever_a_seed_does_everything_is_done_once_on_one_partition() {
    ended_as_the_seed_says(1);
}

#[test]
fn whatever_a_seed_does_everything_is_done_once_on_eight_partitions() {
    ended_as_the_seed_says(8);
}

/// What can happen to one write: the program ends before or after it, or goes on without knowing that it was done.
fn troubles(at: u64) -> [Trouble; 3] {
    let trouble = |done, then| Trouble { at, done, then };
    [trouble(false, Then::End), trouble(true, Then::End), trouble(true, Then::GoOn(0))]
}

/// The same comes of it, wherever the program ends or loses an answer.
fn ended_at_each_write(partitions: u16) {
    let undisturbed = Simulation::fixed(partitions).run();
    for at in 1..=undisturbed.writes[0] {
        for trouble in troubles(at) {
            let disturbed = Simulation::fixed(partitions).with(vec![vec![trouble]]).run();
            assert_eq!(disturbed.facts, undisturbed.facts, "{trouble:?}");
        }
    }
}

#[test]
fn wherever_it_ends_the_same_comes_of_it_on_one_partition() {
    ended_at_each_write(1);
}

#[test]
fn wherever_it_ends_the_same_comes_of_it_on_eight_partitions() {
    ended_at_each_write(8);
}

#[test]
fn the_same_seed_comes_to_the_same() {
    let run = || Simulation::seed(1_000_001, 8).run().facts;
    assert_eq!(run(), run());
}
