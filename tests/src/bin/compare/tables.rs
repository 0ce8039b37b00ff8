//! What was measured, as tables.

use std::path::Path;

use wilco_tests::bare;

use crate::AT_HALF;
use crate::measure::{CASES, Measured};

pub fn full(bare_rates: &[f64], full: &[Vec<Measured>]) {
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

pub fn cpu(full: &[Vec<Measured>]) {
    println!("\n| CPU time per command, µs | server | PostgreSQL | nats-server | load generator |");
    println!("| --- | --- | --- | --- | --- |");
    for (case, measured) in CASES.iter().zip(full) {
        let [server, postgres, nats, load] =
            [0, 1, 2, 3].map(|party| median(measured.iter().map(|measured| measured.cpu[party])));
        println!("| {} | {server:.0} | {postgres:.0} | {nats:.0} | {load:.0} |", case.name);
    }
}

pub fn half(half: &[Vec<Measured>]) {
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

/// How this build does beside another one, pair by pair.
pub fn builds(earlier: &Path, pairs: &[Vec<[Measured; 2]>]) {
    println!("\nthis build / {}, the median of the pairs (lowest to highest)\n", earlier.display());
    println!("| | settled/s | CPU time of the server | of all but the load |");
    println!("| --- | --- | --- | --- |");
    for (case, pairs) in CASES.iter().zip(pairs) {
        let ratio = |of: fn(&Measured) -> f64| {
            let ratios = pairs.iter().map(|[earlier, this]| of(this) / of(earlier));
            let (low, high) = (ratios.clone().fold(f64::MAX, f64::min), ratios.clone().fold(0.0, f64::max));
            format!("{:.2} ({low:.2} to {high:.2})", median(ratios))
        };
        println!(
            "| {} | {} | {} | {} |",
            case.name,
            ratio(|measured| measured.number("/settled_per_second")),
            ratio(|measured| measured.cpu[0]),
            ratio(|measured| measured.cpu[..3].iter().sum()),
        );
    }
}

fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or_default()
}
