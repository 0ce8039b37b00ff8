//! Logs go to standard error, metrics to a recorder that `/metrics` renders.

use std::io::IsTerminal as _;
use std::time::Duration;

use metrics_exporter_prometheus::{BuildError, Matcher, PrometheusBuilder, PrometheusHandle};
use tracing_subscriber::EnvFilter;

use crate::config::{Log, LogFormat};

/// Bounds of the histograms of durations.
const SECONDS: [f64; 14] =
    [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0];
/// Bounds of the histograms of counts.
const SIZES: [f64; 10] = [1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0, 200.0, 500.0, 1000.0];

/// What each connection has to say when its server is lost the engine says once.
const QUIET: &str = "sqlx_core::pool=error,sqlx::pool=error,sqlx::postgres::notice=error";
/// Below that the NATS client logs the URLs it connects to, passwords and all.
const DISCREET: &str = "async_nats=info,async_nats::connector=info";

/// Starts to log. A second call changes nothing.
pub fn log(settings: &Log) {
    // What comes later wins: the setting may name the pools, but not the NATS client.
    let filter = format!("{QUIET},{},{DISCREET}", settings.level).parse::<EnvFilter>();
    let filter = filter.unwrap_or_else(|_| EnvFilter::new("info"));
    let logs = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        // A line that cannot be written, on a full disk say, would be told of with `eprintln!`, which panics then and
        // takes the task with it that had something to say.
        .log_internal_errors(false)
        .with_ansi(std::io::stderr().is_terminal());
    // A second one is refused, and the first goes on.
    let _ = match settings.format {
        LogFormat::Text => logs.try_init(),
        LogFormat::Json => logs.json().flatten_event(true).try_init(),
    };
}

/// Starts to record metrics; must be called within the runtime, whose end ends the upkeep.
pub fn metrics() -> Result<PrometheusHandle, BuildError> {
    /// How often what was recorded is folded into the histograms.
    const UPKEEP: Duration = Duration::from_secs(5);
    let handle = PrometheusBuilder::new()
        .set_buckets_for_metric(Matcher::Suffix("_seconds".to_owned()), &SECONDS)?
        .set_buckets_for_metric(Matcher::Suffix("_size".to_owned()), &SIZES)?
        .install_recorder()?;
    let upkeep = handle.clone();
    tokio::spawn(async move {
        loop {
            tokio::time::sleep(UPKEEP).await;
            upkeep.run_upkeep();
        }
    });
    Ok(handle)
}
