//! Logs go to standard error, metrics to a recorder that `/metrics` renders, spans to a collector, if there is one.

mod traces;

use std::io::IsTerminal as _;
use std::time::Duration;

use crate::http::AppState;
use metrics::Gauge;
use metrics_exporter_prometheus::{BuildError, Matcher, PrometheusBuilder, PrometheusHandle};
pub use traces::Traces;
use tracing::Level;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::{Layer as _, SubscriberExt as _};
use tracing_subscriber::util::SubscriberInitExt as _;
use wilco_application::names;

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

/// Starts to log, and to trace if there is a collector. A second call changes nothing.
pub fn log(settings: &Log, traces: Option<&Traces>) {
    // What comes later wins: the setting may name the pools, but not the NATS client.
    let filter = format!("{QUIET},{},{DISCREET},{}=off", settings.level, names::SPANS).parse::<EnvFilter>();
    let filter = filter.unwrap_or_else(|_| EnvFilter::new("info"));
    let logs = tracing_subscriber::fmt::layer()
        .with_writer(std::io::stderr)
        // A line that cannot be written, on a full disk say, would be told of with `eprintln!`, which panics then and
        // takes the task with it that had something to say.
        .log_internal_errors(false)
        .with_ansi(std::io::stderr().is_terminal() && !colours_are_unwanted());
    let logs = match settings.format {
        LogFormat::Text => logs.boxed(),
        LogFormat::Json => logs.json().flatten_event(true).boxed(),
    };
    // Nobody but a collector wants spans, so that without one there are none.
    let spans = Targets::new().with_target(names::SPANS, Level::TRACE);
    let spans = traces.map(|traces| {
        let layer = tracing_opentelemetry::layer().with_tracer(traces.tracer());
        layer.with_location(false).with_threads(false).with_tracked_inactivity(false).with_filter(spans)
    });
    // A second one is refused, and the first goes on.
    let _ = tracing_subscriber::registry().with(spans).with(logs.with_filter(filter)).try_init();
}

/// See no-color.org.
fn colours_are_unwanted() -> bool {
    std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty())
}

/// Starts to record metrics; must be called within the runtime, whose end ends the upkeep.
pub fn metrics() -> Result<PrometheusHandle, BuildError> {
    /// How often what was recorded is folded into the histograms.
    const UPKEEP: Duration = Duration::from_secs(5);
    let handle = PrometheusBuilder::new()
        .set_buckets_for_metric(Matcher::Suffix("_seconds".to_owned()), &SECONDS)?
        .set_buckets_for_metric(Matcher::Suffix("_size".to_owned()), &SIZES)?
        .install_recorder()?;
    names::describe();
    metrics::gauge!(names::BUILD_INFO, "version" => env!("CARGO_PKG_VERSION")).set(1.0);
    let process = metrics_process::Collector::default();
    process.describe();
    let upkeep = handle.clone();
    tokio::spawn(async move {
        loop {
            process.collect();
            tokio::time::sleep(UPKEEP).await;
            upkeep.run_upkeep();
        }
    });
    Ok(handle)
}

/// Shows by a gauge whether what the server depends on answers, until it is dropped.
pub async fn watch_dependencies(state: AppState) {
    const EVERY: Duration = Duration::from_secs(5);
    const PATIENCE: Duration = Duration::from_secs(2);
    let up = |name: &str| metrics::gauge!(names::DEPENDENCY_UP, "dependency" => name.to_owned());
    let store = up("store");
    let others: Vec<_> = state.readiness().iter().map(|check| (check, up(check.name()))).collect();
    let show = |gauge: &Gauge, up: bool| gauge.set(f64::from(u8::from(up)));
    loop {
        let ready = tokio::time::timeout(PATIENCE, state.engine().ready()).await;
        show(&store, matches!(ready, Ok(Ok(()))));
        for (check, gauge) in &others {
            let answered = tokio::time::timeout(PATIENCE, check.check()).await;
            show(gauge, matches!(answered, Ok(Ok(()))));
        }
        tokio::time::sleep(EVERY).await;
    }
}
