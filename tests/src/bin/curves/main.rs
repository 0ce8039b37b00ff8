//! Measures how much a long past costs, and draws it: a command on an aggregate with many events, and commands in a
//! store with many others, waiting or settled.
//!
//! `cargo run --release -p wilco-tests --bin curves` (about eight minutes). A dry run:
//! `… --bin curves -- --history 1000 --pending 20000 --settled 50000 --commands 5000 --rounds 1 --out /tmp`.
//!
//! Every number is a ratio to another one of the same run, and what is compared alternates, so that a machine that
//! slows down slows both.

#![allow(clippy::print_stdout, reason = "this is what the program is for")]

mod backlog;
mod filling;
mod history;
mod place;

use std::path::{Path, PathBuf};

use wilco_tests::plot::Plot;

/// How much is measured.
pub struct Sizes {
    /// Events of the aggregate with the longest past.
    history: usize,
    /// Commands that wait.
    pending: i64,
    /// Commands that are settled.
    settled: i64,
    /// Commands of a benchmark.
    commands: usize,
    /// How often each is measured.
    rounds: usize,
    /// Where the drawings go.
    out: PathBuf,
    /// Only this one of the drawings.
    only: Option<String>,
}

impl Sizes {
    fn of_arguments() -> Self {
        let docs = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs");
        let mut sizes = Self {
            history: 10_000,
            pending: 1_000_000,
            settled: 10_000_000,
            commands: 20_000,
            rounds: 3,
            out: docs,
            only: None,
        };
        let mut arguments = std::env::args().skip(1);
        while let Some(name) = arguments.next() {
            let value = arguments.next().unwrap_or_else(|| panic!("{name} wants a value"));
            let number = || value.parse::<usize>().unwrap_or_else(|_| panic!("{name} wants a number"));
            match name.as_str() {
                "--history" => sizes.history = number(),
                "--pending" => sizes.pending = number() as i64,
                "--settled" => sizes.settled = number() as i64,
                "--commands" => sizes.commands = number(),
                "--rounds" => sizes.rounds = number().max(1),
                "--out" => sizes.out = value.into(),
                "--only" => sizes.only = Some(value),
                _ => panic!(
                    "there are --history, --pending, --settled, --commands, --rounds, --out and --only \
                     (history or backlog), but no {name}"
                ),
            }
        }
        sizes
    }

    fn wants(&self, part: &str) -> bool {
        self.only.as_deref().is_none_or(|only| only == part)
    }

    fn draw(&self, file: &str, plot: &Plot) {
        let file = self.out.join(file);
        std::fs::write(&file, plot.svg()).expect("the drawing is written");
        println!("\ndrawn: {}\n", file.display());
    }
}

#[tokio::main]
async fn main() {
    let sizes = Sizes::of_arguments();
    if sizes.wants("history") {
        history::measure(&sizes).await;
    }
    if sizes.wants("backlog") {
        backlog::measure(&sizes).await;
    }
}

/// The middle one.
fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or_default()
}
