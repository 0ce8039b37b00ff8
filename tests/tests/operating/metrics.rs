//! Metrics, and the alerts made of them.

use std::collections::BTreeSet;

use serde_json::json;
use wilco_application::names::{self, Kind};
use wilco_tests::client::{create_pet, pet};
use wilco_tests::e2e::{Place as _, SqlitePlace, in_seconds};
use wilco_tests::nats::NatsServer;
use wilco_tests::wait_for;
use wilco_tests::wilco::Server;

async fn scrape(server: &Server) -> String {
    server.client().read("/metrics").await.text
}

/// The value of the series that begins with these characters.
fn value(metrics: &str, series: &str) -> Option<f64> {
    let line = metrics.lines().find(|line| line.rsplit_once(' ').is_some_and(|(name, _)| name == series))?;
    line.rsplit_once(' ')?.1.parse().ok()
}

fn in_an_hour() -> serde_json::Value {
    json!({ "type": "pet.create", "data": pet("late"), "not_before": in_seconds(3600) })
}

/// Gives it something of everything to do.
async fn use_it(server: &Server) {
    let client = server.client();
    client.done(&create_pet("rex")).await;
    client.done(&create_pet("rex")).await;
    let sell = json!({ "type": "pet.sell", "target": "rex" });
    assert_eq!(client.done(&sell).await["status"], "succeeded");
    assert_eq!(client.done(&sell).await["status"], "failed");
    let later = in_an_hour();
    let id = client.submit(&later).await.id();
    client.send(client.request(reqwest::Method::DELETE, &format!("/v1/commands/{id}"))).await.unwrap();
    client.post("/v1/pets", &pet("waited"), &[("Prefer", "wait=5")]).await;
    for path in ["/v1/pets", "/v1/pets/rex", "/v1/pets/nobody", "/nowhere"] {
        client.read(path).await;
    }
}

/// The names of the series, without those that a histogram is made of.
fn names_of(metrics: &str) -> BTreeSet<&str> {
    let histograms: BTreeSet<&str> =
        metrics.lines().filter_map(|line| line.strip_prefix("# TYPE ")?.strip_suffix(" histogram")).collect();
    let series = metrics.lines().filter(|line| !line.starts_with('#') && !line.is_empty());
    series
        .map(|line| {
            let name = line.split(['{', ' ']).next().unwrap_or_default();
            let parts = ["_bucket", "_sum", "_count"];
            let whole = parts.iter().find_map(|part| name.strip_suffix(part));
            whole.filter(|whole| histograms.contains(whole)).unwrap_or(name)
        })
        .collect()
}

#[tokio::test]
async fn every_series_has_a_help_text_and_a_type_and_every_known_metric_is_there() {
    let place = SqlitePlace::new().await;
    let server = place.wilco().start().await;
    let unused = scrape(&server).await;
    use_it(&server).await;
    let metrics = scrape(&server).await;
    for name in names_of(&metrics) {
        for says in ["HELP", "TYPE"] {
            assert!(metrics.contains(&format!("# {says} {name} ")), "no {says} of {name}");
        }
    }
    for metric in names::ALL {
        assert!(
            names_of(&unused).contains(metric.name),
            "{} is not there before its first event",
            metric.name
        );
        let kind = match metric.kind {
            Kind::Counter => "counter",
            Kind::Gauge => "gauge",
            Kind::Histogram => "histogram",
        };
        assert!(metrics.contains(&format!("# TYPE {} {kind}\n", metric.name)), "{}", metric.name);
    }
    assert!(names_of(&metrics).contains("process_resident_memory_bytes"));
}

#[tokio::test]
async fn metrics_follow_what_prometheus_asks_of_names() {
    for metric in names::ALL {
        let counter = metric.kind == Kind::Counter;
        assert_eq!(metric.name.ends_with("_total"), counter, "{}", metric.name);
        assert_eq!(
            metric.name.ends_with("_seconds"),
            metric.unit == metrics::Unit::Seconds,
            "{}: a unit is a part of the name",
            metric.name
        );
        assert!(metric.help.ends_with('.') && metric.name.starts_with("wilco_"), "{}", metric.name);
    }
}

#[tokio::test]
async fn what_was_done_is_counted_by_what_it_was() {
    let place = SqlitePlace::new().await;
    let server = place.wilco().start().await;
    let unused = scrape(&server).await;
    for series in [
        r#"wilco_commands_settled_total{state="succeeded",type="pet.create",problem=""}"#,
        r#"wilco_commands_settled_total{state="cancelled",type="pet.create",problem="cancelled"}"#,
        r#"wilco_commits_refused_total{reason="data"}"#,
        r#"wilco_http_requests_total{method="POST",route="/v1/commands",status="5xx"}"#,
        "wilco_http_streams",
        "wilco_commands_replayed_total",
        "wilco_command_settle_seconds_count",
    ] {
        assert_eq!(value(&unused, series), Some(0.0), "{series}\n{unused}");
    }
    use_it(&server).await;
    let metrics = scrape(&server).await;
    let least = |series: &str, least: f64| {
        assert!(value(&metrics, series).is_some_and(|value| value >= least), "{series}\n{metrics}");
    };
    least(r#"wilco_commands_settled_total{state="succeeded",type="pet.create",problem=""}"#, 2.0);
    least(r#"wilco_commands_settled_total{state="failed",type="pet.sell",problem="pet-sold"}"#, 1.0);
    least(r#"wilco_commands_settled_total{state="cancelled",type="pet.create",problem="cancelled"}"#, 1.0);
    least("wilco_commands_replayed_total", 1.0);
    least("wilco_command_settle_seconds_count", 4.0);
    least(r#"wilco_http_requests_total{method="GET",route="/v1/pets/{id}",status="2xx"}"#, 1.0);
    least(r#"wilco_http_requests_total{method="GET",route="/v1/pets/{id}",status="4xx"}"#, 1.0);
    least(r#"wilco_http_requests_total{method="GET",route="unknown",status="4xx"}"#, 1.0);
    least("wilco_http_held_seconds_count", 1.0);
    assert_eq!(
        value(&metrics, r#"wilco_http_request_seconds_count{method="POST",route="/v1/pets"}"#),
        Some(0.0),
        "an answer held back is no slow answer"
    );
}

#[tokio::test]
async fn routes_are_told_apart_below_a_base_path_too() {
    let place = SqlitePlace::new().await;
    let server = place.wilco().set("http.base_path=/wilco").start().await;
    server.client().read("/wilco/v1/pets/nobody").await;
    server.client().read("/v1/pets/nobody").await;
    server.client().read("/wilco/nowhere").await;
    let metrics = scrape(&server).await;
    let count = |route: &str| {
        value(&metrics, &format!(r#"wilco_http_requests_total{{method="GET",route="{route}",status="4xx"}}"#))
    };
    assert_eq!(count("/v1/pets/{id}"), Some(2.0), "{metrics}");
    assert_eq!(count("unknown"), Some(1.0), "{metrics}");
}

#[tokio::test]
async fn what_waits_and_what_is_away_shows() {
    let place = SqlitePlace::new().await;
    let mut nats = NatsServer::started().await;
    let server = place.wilco().nats(nats.url()).start().await;
    server.client().submit(&in_an_hour()).await;
    let metrics = async || scrape(&server).await;
    let nats_is = |up: f64| {
        move |metrics: &String| value(metrics, r#"wilco_dependency_up{dependency="nats"}"#) == Some(up)
    };
    wait_for("NATS to be up", metrics, nats_is(1.0)).await;
    wait_for("the scheduled one", metrics, |metrics| value(metrics, "wilco_commands_scheduled") == Some(1.0))
        .await;
    let store_is_up =
        |metrics: &String| value(metrics, r#"wilco_dependency_up{dependency="store"}"#) == Some(1.0);
    let seen = wait_for("the store to be up", metrics, store_is_up).await;
    assert_eq!(value(&seen, "wilco_commands_oldest_age_seconds"), Some(0.0));
    nats.stop().await;
    wait_for("NATS to be away", metrics, nats_is(0.0)).await;
}

#[test]
fn every_metric_that_an_alert_names_exists() {
    let rules = include_str!("../../../docs/alerts.yml");
    let known: BTreeSet<&str> = names::ALL.iter().map(|metric| metric.name).collect();
    let mut named = 0;
    for expression in rules.lines().filter_map(|line| line.trim().strip_prefix("expr:")) {
        let words = expression.split(|c: char| !c.is_ascii_alphanumeric() && c != '_');
        for word in words.filter(|word| word.starts_with("wilco_")) {
            let whole = word.strip_suffix("_bucket").unwrap_or(word);
            assert!(known.contains(whole), "{word} in {expression}");
            named += 1;
        }
    }
    assert!(named > 10, "{named}");
    for alert in rules.split("- alert:").skip(1) {
        assert!(
            alert.contains("summary:") && alert.contains("action:") && alert.contains("severity:"),
            "{alert}"
        );
    }
}
