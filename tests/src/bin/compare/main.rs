//! Compares Wilco with the loop it replaces, on the same PostgreSQL in the same run, and prints the ratios.
//!
//! `cargo run --release -p wilco-tests --bin compare` (about five minutes). Rounds of both alternate, so that a machine
//! that slows down slows both.
//!
//! `… --bin compare -- FILE` compares it with another build of it instead, `FILE`, by five pairs (about twenty minutes), or
//! as many as stand behind it.

#![allow(clippy::print_stdout, reason = "this is what the program is for")]

mod measure;
mod tables;

use std::path::Path;
use std::time::Duration;

use wilco_tests::bare;
use wilco_tests::postgres::PostgresServer;

use measure::{CASES, Measured, measure, settle_down};

const ROUNDS: usize = 3;
/// Of two builds: they differ by less than the machine from one minute to the next.
const PAIRS: usize = 5;
const BARE: Duration = Duration::from_secs(10);

/// The cases that are measured again at half of the rate they reached.
const AT_HALF: [usize; 2] = [0, 3];

#[tokio::main]
async fn main() {
    let postgres = PostgresServer::start();
    match std::env::args_os().nth(1) {
        Some(earlier) => {
            let pairs =
                std::env::args().nth(2).map_or(PAIRS, |pairs| pairs.parse().expect("a number of pairs"));
            with_build(&postgres, Path::new(&earlier), pairs).await;
        }
        None => with_bare_loop(&postgres).await,
    }
}

async fn with_bare_loop(postgres: &PostgresServer) {
    let mut bare_rates = Vec::new();
    let mut full: Vec<Vec<Measured>> = CASES.iter().map(|_| Vec::new()).collect();
    let mut half: Vec<Vec<Measured>> = AT_HALF.iter().map(|_| Vec::new()).collect();
    for round in 1..=ROUNDS {
        println!("round {round} of {ROUNDS}");
        settle_down(postgres).await;
        let pool = bare::create_tables(&postgres.database().await).await.expect("the bare loop's tables");
        bare_rates.push(bare::run(&pool, BARE).await.rate());
        pool.close().await;
        for (case, measured) in CASES.iter().zip(&mut full) {
            measured.push(measure(case, None, None, postgres).await);
        }
        for (case, measured) in AT_HALF.iter().zip(&mut half) {
            let reached = full[*case].last().map_or(0.0, |at_full| at_full.number("/settled_per_second"));
            measured.push(measure(&CASES[*case], Some(reached / 2.0), None, postgres).await);
        }
    }
    tables::full(&bare_rates, &full);
    tables::cpu(&full);
    tables::half(&half);
}

async fn with_build(postgres: &PostgresServer, earlier: &Path, rounds: usize) {
    let mut pairs: Vec<Vec<[Measured; 2]>> = CASES.iter().map(|_| Vec::new()).collect();
    for round in 1..=rounds {
        println!("round {round} of {rounds}");
        for (case, pairs) in CASES.iter().zip(&mut pairs) {
            // Whoever is second finds a warmer or a more tired machine.
            let pair = if round % 2 == 0 {
                let earlier = measure(case, None, Some(earlier), postgres).await;
                [earlier, measure(case, None, None, postgres).await]
            } else {
                let this = measure(case, None, None, postgres).await;
                [measure(case, None, Some(earlier), postgres).await, this]
            };
            pairs.push(pair);
        }
    }
    tables::builds(earlier, &pairs);
}
