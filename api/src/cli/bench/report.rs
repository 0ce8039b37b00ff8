use std::time::Duration;

use serde::Serialize;

use super::load::Load;
use super::notify::Notified;
use super::verify::Settled;
use super::{BenchArgs, Door};

#[derive(Serialize)]
struct Report {
    door: &'static str,
    connections: usize,
    accepted: usize,
    refused: usize,
    failed: usize,
    accepted_per_second: f64,
    settled_per_second: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    notified_per_second: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    not_notified: Option<usize>,
    /// Of a request: a command at the single door, a batch at the batch door.
    accept_ms: Percentiles,
    settle_ms: Percentiles,
    #[serde(skip_serializing_if = "Option::is_none")]
    notify_ms: Option<Percentiles>,
}

#[derive(Serialize)]
struct Percentiles {
    p50: f64,
    p99: f64,
    p999: f64,
    max: f64,
}

impl Percentiles {
    fn of(latencies: &[Duration]) -> Self {
        let mut sorted = latencies.to_vec();
        sorted.sort_unstable();
        let at = |share: f64| {
            let index = ((sorted.len() as f64 * share) as usize).min(sorted.len().saturating_sub(1));
            sorted.get(index).map_or(0.0, |latency| latency.as_secs_f64() * 1000.0)
        };
        Self { p50: at(0.5), p99: at(0.99), p999: at(0.999), max: at(1.0) }
    }
}

/// Prints the result as a table or as JSON.
#[expect(clippy::print_stdout, reason = "this is what the command is for")]
pub(super) fn print(args: &BenchArgs, load: &Load, settled: &Settled, notified: Option<&Notified>) {
    let accepted = load.accepted.len();
    let report = Report {
        door: if args.door == Door::Batch { "batch" } else { "single" },
        connections: args.connections,
        accepted,
        refused: load.refused,
        failed: settled.failed,
        accepted_per_second: per_second(accepted, load.elapsed),
        settled_per_second: per_second(accepted, settled.elapsed),
        notified_per_second: notified
            .map(|notified| per_second(accepted - notified.missing, notified.elapsed)),
        not_notified: notified.map(|notified| notified.missing),
        accept_ms: Percentiles::of(&load.latencies),
        settle_ms: Percentiles::of(&settled.latencies),
        notify_ms: notified.map(|notified| Percentiles::of(&notified.latencies)),
    };
    if args.json {
        println!("{}", serde_json::to_string(&report).unwrap_or_default());
        return;
    }
    println!(
        "{} commands accepted over {} connections ({} door), {} failed, {} refused\n",
        report.accepted, report.connections, report.door, report.failed, report.refused
    );
    println!(
        "{:<8} {:>10} {:>10} {:>10} {:>10} {:>10}",
        "", "per second", "p50 ms", "p99 ms", "p999 ms", "max ms"
    );
    row("accept", report.accepted_per_second, &report.accept_ms);
    row("settle", report.settled_per_second, &report.settle_ms);
    if let (Some(rate), Some(percentiles)) = (report.notified_per_second, &report.notify_ms) {
        row("notify", rate, percentiles);
    }
    if let Some(missing) = report.not_notified.filter(|missing| *missing > 0) {
        println!("\n{missing} outcomes did not arrive on NATS");
    }
}

#[expect(clippy::print_stdout, reason = "this is what the command is for")]
fn row(name: &str, rate: f64, latency: &Percentiles) {
    let Percentiles { p50, p99, p999, max } = latency;
    println!("{name:<8} {rate:>10.0} {p50:>10.2} {p99:>10.2} {p999:>10.2} {max:>10.2}");
}

fn per_second(count: usize, elapsed: Duration) -> f64 {
    count as f64 / elapsed.as_secs_f64().max(1e-9)
}
