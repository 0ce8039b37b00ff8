//! Compares Wilco with the loop it replaces, on the same PostgreSQL in the same run, and prints the ratios.
//!
//! `cargo build --release && cargo run --release -p wilco-tests --bin compare` (about three minutes). Rounds of both
//! alternate, so that a machine that slows down slows both.

#![allow(clippy::print_stdout, reason = "this is what the program is for")]

use std::time::Duration;

use serde_json::Value;
use wilco_tests::bare;
use wilco_tests::nats::NatsServer;
use wilco_tests::postgres::PostgresServer;
use wilco_tests::wilco::{Server, Wilco, run};

const ROUNDS: usize = 3;
const BARE: Duration = Duration::from_secs(10);

/// A way to drive Wilco.
struct Case {
    name: &'static str,
    sqlite: bool,
    arguments: &'static [&'static str],
}

const CASES: [Case; 5] = [
    Case {
        name: "PostgreSQL + NATS, single POSTs",
        sqlite: false,
        arguments: &["--commands", "100000", "--connections", "64"],
    },
    Case {
        name: "PostgreSQL + NATS, batch door",
        sqlite: false,
        arguments: &["--commands", "150000", "--connections", "4", "--door", "batch"],
    },
    Case {
        name: "PostgreSQL + NATS, one hot aggregate",
        sqlite: false,
        arguments: &["--commands", "50000", "--connections", "64", "--aggregates", "1", "--creates", "0"],
    },
    Case {
        name: "SQLite, single POSTs",
        sqlite: true,
        arguments: &["--commands", "100000", "--connections", "64"],
    },
    Case {
        name: "SQLite, batch door",
        sqlite: true,
        arguments: &["--commands", "150000", "--connections", "4", "--door", "batch"],
    },
];

#[tokio::main]
async fn main() {
    let postgres = PostgresServer::start();
    let nats = NatsServer::started().await;
    let mut bare_rates = Vec::new();
    let mut reports: Vec<Vec<(Value, u64)>> = CASES.iter().map(|_| Vec::new()).collect();
    for round in 1..=ROUNDS {
        println!("round {round} of {ROUNDS}");
        let pool = bare::create_tables(&postgres.database().await).await.expect("the bare loop's tables");
        bare_rates.push(bare::run(&pool, BARE).await.rate());
        pool.close().await;
        for (case, reports) in CASES.iter().zip(&mut reports) {
            reports.push(measure(case, &postgres, &nats).await);
        }
    }
    print(&bare_rates, &reports);
}

async fn measure(case: &Case, postgres: &PostgresServer, nats: &NatsServer) -> (Value, u64) {
    let folder = tempfile::tempdir().expect("a folder for SQLite");
    let wilco = if case.sqlite {
        Wilco::on(format!("sqlite:{}", folder.path().join("wilco.db").display()))
    } else {
        Wilco::on(postgres.database().await).nats(nats.url())
    };
    let mut server = wilco.start().await;
    let mut arguments = vec!["bench", "--json", "--url", server.client().base()];
    arguments.extend(case.arguments);
    let output = run(&arguments).await;
    assert!(output.status.success(), "{}: {}", case.name, String::from_utf8_lossy(&output.stderr));
    let memory = memory(&server);
    server.stop().await;
    (serde_json::from_slice(&output.stdout).expect("the report is JSON"), memory)
}

/// Resident memory of the server, in MB.
fn memory(server: &Server) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", server.pid())).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kib = line.and_then(|line| line.split_whitespace().next()?.parse::<u64>().ok());
    kib.unwrap_or_default() / 1024
}

fn print(bare_rates: &[f64], reports: &[Vec<(Value, u64)>]) {
    let bare = median(bare_rates.to_vec());
    println!("\nbare cqrs-es + postgres-es, {} tasks: {bare:.0} commands/s\n", bare::TASKS);
    println!("| | accepted/s | settled/s | × bare | accept p50 / p99 ms | settle p50 / p99 ms | memory MB |");
    println!("| --- | --- | --- | --- | --- | --- | --- |");
    for (case, reports) in CASES.iter().zip(reports) {
        let of = |path: &str| {
            let value =
                |(report, _): &(Value, u64)| report.pointer(path).and_then(Value::as_f64).unwrap_or_default();
            median(reports.iter().map(value).collect())
        };
        let settled = of("/settled_per_second");
        println!(
            "| {} | {:.0} | {settled:.0} | {:.1} | {:.1} / {:.1} | {:.1} / {:.1} | {} |",
            case.name,
            of("/accepted_per_second"),
            settled / bare,
            of("/accept_ms/p50"),
            of("/accept_ms/p99"),
            of("/settle_ms/p50"),
            of("/settle_ms/p99"),
            reports.iter().map(|(_, memory)| *memory).max().unwrap_or_default(),
        );
    }
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or_default()
}
