//! Compares Wilco with the loop it replaces, on the same PostgreSQL in the same run, and prints the ratios.
//!
//! `cargo run --release -p wilco-tests --bin compare` (about five minutes). Rounds of both alternate, so that a machine
//! that slows down slows both.

#![allow(clippy::print_stdout, reason = "this is what the program is for")]

use std::process::Command;
use std::time::Duration;

use serde_json::Value;
use sqlx::{Connection as _, Executor as _, PgConnection};
use wilco_tests::bare;
use wilco_tests::cpu::Cpu;
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

/// The cases that are measured again at half of the rate they reached.
const AT_HALF: [usize; 2] = [0, 3];

/// What a case came to.
struct Measured {
    report: Value,
    /// CPU time per command, in microseconds.
    cpu: [f64; 4],
    /// Resident memory of the server at the end, in MB.
    memory: u64,
}

#[tokio::main]
async fn main() {
    let postgres = PostgresServer::start();
    let nats = NatsServer::started().await;
    let mut bare_rates = Vec::new();
    let mut full: Vec<Vec<Measured>> = CASES.iter().map(|_| Vec::new()).collect();
    let mut half: Vec<Vec<Measured>> = AT_HALF.iter().map(|_| Vec::new()).collect();
    for round in 1..=ROUNDS {
        println!("round {round} of {ROUNDS}");
        settle_down(&postgres).await;
        let pool = bare::create_tables(&postgres.database().await).await.expect("the bare loop's tables");
        bare_rates.push(bare::run(&pool, BARE).await.rate());
        pool.close().await;
        for (case, measured) in CASES.iter().zip(&mut full) {
            measured.push(measure(case, &[], &postgres, &nats).await);
        }
        for (case, measured) in AT_HALF.iter().zip(&mut half) {
            let reached = full[*case].last().map_or(0.0, |at_full| at_full.number("/settled_per_second"));
            let rate = format!("{:.0}", reached / 2.0);
            let url = nats.url();
            let mut arguments = vec!["--commands", "40000", "--rate", &rate];
            if !CASES[*case].sqlite {
                arguments.extend(["--nats", &url]);
            }
            measured.push(measure(&CASES[*case], &arguments, &postgres, &nats).await);
        }
    }
    print_full(&bare_rates, &full);
    print_cpu(&full);
    print_half(&half);
}

/// Runs `wilco bench` on a new store; the arguments given replace those of the case.
async fn measure(case: &Case, instead: &[&str], postgres: &PostgresServer, nats: &NatsServer) -> Measured {
    settle_down(postgres).await;
    let folder = tempfile::tempdir().expect("a folder for SQLite");
    let wilco = if case.sqlite {
        Wilco::on(format!("sqlite:{}", folder.path().join("wilco.db").display()))
    } else {
        Wilco::on(postgres.database().await).nats(nats.url())
    };
    let mut server = wilco.start().await;
    let base = server.client().base().to_owned();
    // A server that has just started makes its plans and fills its caches first.
    let warm = run(&["bench", "--json", "--url", &base, "--commands", "3000"]).await;
    assert!(warm.status.success(), "{}: {}", case.name, String::from_utf8_lossy(&warm.stderr));
    let mut arguments = vec!["bench", "--json", "--url", &base];
    arguments.extend(if instead.is_empty() { case.arguments } else { instead });
    let before = Cpu::now(server.pid());
    let output = run(&arguments).await;
    let used = Cpu::now(server.pid()) - before;
    assert!(output.status.success(), "{}: {}", case.name, String::from_utf8_lossy(&output.stderr));
    let memory = memory(&server);
    server.stop().await;
    let report: Value = serde_json::from_slice(&output.stdout).expect("the report is JSON");
    let commands = report["accepted"].as_f64().unwrap_or(1.0);
    let cpu = [used.server, used.postgres, used.nats, used.load];
    Measured { report, cpu: cpu.map(|used| used.as_secs_f64() * 1e6 / commands), memory }
}

/// What the case before has left to write is not the next one's.
async fn settle_down(postgres: &PostgresServer) {
    let url = postgres.database().await;
    let mut connection = PgConnection::connect(&url).await.expect("PostgreSQL answers");
    connection.execute("CHECKPOINT").await.expect("PostgreSQL writes it all");
    assert!(Command::new("sync").status().is_ok_and(|synced| synced.success()), "the disk has it all");
}

impl Measured {
    fn number(&self, path: &str) -> f64 {
        self.report.pointer(path).and_then(Value::as_f64).unwrap_or_default()
    }
}

/// Resident memory of the server, in MB.
fn memory(server: &Server) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", server.pid())).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kib = line.and_then(|line| line.split_whitespace().next()?.parse::<u64>().ok());
    kib.unwrap_or_default() / 1024
}

fn print_full(bare_rates: &[f64], full: &[Vec<Measured>]) {
    let bare = median(bare_rates.iter().copied());
    println!("\nbare cqrs-es + postgres-es, {} tasks: {bare:.0} commands/s\n", bare::TASKS);
    println!("| | accepted/s | settled/s | × bare | accept p50 / p99 ms | settle p50 / p99 ms | memory MB |");
    println!("| --- | --- | --- | --- | --- | --- | --- |");
    for (case, measured) in CASES.iter().zip(full) {
        let of = |path: &str| median(measured.iter().map(|measured| measured.number(path)));
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
            measured.iter().map(|measured| measured.memory).max().unwrap_or_default(),
        );
    }
}

fn print_cpu(full: &[Vec<Measured>]) {
    println!("\n| CPU time per command, µs | server | PostgreSQL | nats-server | load generator |");
    println!("| --- | --- | --- | --- | --- |");
    for (case, measured) in CASES.iter().zip(full) {
        let [server, postgres, nats, load] =
            [0, 1, 2, 3].map(|party| median(measured.iter().map(|measured| measured.cpu[party])));
        println!("| {} | {server:.0} | {postgres:.0} | {nats:.0} | {load:.0} |", case.name);
    }
}

fn print_half(half: &[Vec<Measured>]) {
    println!(
        "\n| at half of that rate | commands/s | accept p50 / p99 ms | settle p50 / p99 ms | notify p50 / p99 ms |"
    );
    println!("| --- | --- | --- | --- | --- |");
    for (case, measured) in AT_HALF.iter().zip(half) {
        let of = |path: &str| median(measured.iter().map(|measured| measured.number(path)));
        let both = |latency: &str| {
            let [p50, p99] = ["p50", "p99"].map(|share| of(&format!("/{latency}_ms/{share}")));
            if p99 > 0.0 { format!("{p50:.1} / {p99:.1}") } else { "–".to_owned() }
        };
        println!(
            "| {} | {:.0} | {} | {} | {} |",
            CASES[*case].name,
            of("/accepted_per_second"),
            both("accept"),
            both("settle"),
            both("notify"),
        );
    }
}

fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or_default()
}
