//! The names of metrics and spans, in one place: a metric is named together with what it says, so there is none
//! without.

use metrics::Unit;

/// The target of spans, apart from all modules: they are for a collector and not for the log.
pub const SPANS: &str = "wilco_spans";

/// A metric.
#[derive(Clone, Copy, Debug)]
pub struct Metric {
    /// Its name.
    pub name: &'static str,
    /// What kind of number it is.
    pub kind: Kind,
    /// What it is measured in.
    pub unit: Unit,
    /// What tells its series apart.
    pub labels: &'static [&'static str],
    /// What it says, for people.
    pub help: &'static str,
}

/// Kinds of metrics.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Only grows, from the start of the process.
    Counter,
    /// Goes up and down.
    Gauge,
    /// How many values there were, by their size.
    Histogram,
}

macro_rules! metric_list {
    ($($name:ident: $kind:ident($unit:ident) $text:literal [$($label:literal),*] $help:literal;)*) => {
        $(#[doc = $help] pub const $name: &str = $text;)*

        /// All of them.
        pub const ALL: &[Metric] = &[$(Metric {
            name: $text,
            kind: Kind::$kind,
            unit: Unit::$unit,
            labels: &[$($label),*],
            help: $help,
        }),*];
    };
}

metric_list! {
    ACCEPTED: Counter(Count) "wilco_commands_accepted_total" []
        "Commands accepted durably.";
    REPLAYED: Counter(Count) "wilco_commands_replayed_total" []
        "Requests answered with the command of an earlier one with the same key.";
    SETTLED: Counter(Count) "wilco_commands_settled_total" ["state", "type", "problem"]
        "Commands settled, by state, type and, if failed, slug of the problem.";
    SETTLE_SECONDS: Histogram(Seconds) "wilco_command_settle_seconds" []
        "Time from the acceptance of a command, or from when it fell due, until it was settled.";
    BACKLOG: Gauge(Count) "wilco_commands_backlog" []
        "Commands due and not settled, as this replica counts.";
    SCHEDULED: Gauge(Count) "wilco_commands_scheduled" []
        "Commands in the store that are to be applied later.";
    OLDEST_SECONDS: Gauge(Seconds) "wilco_commands_oldest_age_seconds" []
        "Time that the oldest command in the store that is due and not settled waits; 0 if none does.";
    ACCEPT_BATCH: Histogram(Count) "wilco_accept_batch_size" []
        "Commands stored by one write that does not settle them.";
    ACCEPT_SECONDS: Histogram(Seconds) "wilco_accept_seconds" []
        "Duration of a write that stores commands and does not settle them.";
    COMMIT_BATCH: Histogram(Count) "wilco_commit_batch_size" []
        "Commands settled by one commit.";
    COMMIT_SECONDS: Histogram(Seconds) "wilco_commit_seconds" []
        "Duration of a commit.";
    COMMIT_REFUSED: Counter(Count) "wilco_commits_refused_total" ["reason"]
        "Commits that the store refused or did not answer, by reason.";
    DEFECTS: Counter(Count) "wilco_defects_total" []
        "Commands settled as failed because a handler or stored data was defective.";
    ATTEMPTS: Counter(Count) "wilco_activity_attempts_total" ["type", "outcome"]
        "Attempts at activities, by type and by what became of them: done, retry, unknown, final.";
    ATTEMPT_SECONDS: Histogram(Seconds) "wilco_activity_attempt_seconds" ["type"]
        "Duration of an attempt at an activity, by type.";
    ATTEMPTS_UNDER_WAY: Gauge(Count) "wilco_activity_attempts_under_way" []
        "Attempts at activities that are under way.";
    ILL_DESTINATIONS: Gauge(Count) "wilco_ill_destinations" []
        "Third parties that have failed so often in a row that they are left alone for a while.";
    PARKED_PROCESSES: Gauge(Count) "wilco_processes_parked" []
        "Instances of processes in the store that stand still until somebody has seen to them.";
    TIMER_SECONDS: Gauge(Seconds) "wilco_process_timer_oldest_age_seconds" []
        "Time since the oldest timer in the store fell due that has not fired; 0 if there is none.";
    EVENTS_UNSEEN: Counter(Count) "wilco_process_events_unseen_total" ["process"]
        "Events for an instance of a process that is not there, and that they do not begin, by type of process.";
    OBSERVING_LAG: Gauge(Count) "wilco_process_observing_lag" ["process"]
        "Entries of the feed that a type of process has not looked at yet, in the partitions of this replica.";
    OBSERVERS_STOPPED: Gauge(Count) "wilco_process_observing_stopped" ["process"]
        "Partitions of this replica in which a type of process has met an event that it cannot read, and goes no further.";
    OWNED_PARTITIONS: Gauge(Count) "wilco_owned_partitions" []
        "Partitions this replica owns.";
    DEPENDENCY_UP: Gauge(Count) "wilco_dependency_up" ["dependency"]
        "Whether the store can be committed to, and whether NATS answers: 1 or 0.";
    PUBLISHED: Counter(Count) "wilco_published_total" []
        "Notifications acknowledged by the broker.";
    RELAY_LAG: Gauge(Count) "wilco_relay_lag" []
        "Entries of the feed not yet published.";
    RELAY_LAG_SECONDS: Gauge(Seconds) "wilco_relay_lag_seconds" []
        "Time since the oldest entry that is not yet published was committed.";
    REFERRING: Counter(Count) "wilco_published_without_data_total" []
        "Notifications too large for the broker, which only say where their data can be read.";
    PARKED: Gauge(Count) "wilco_relay_parked" []
        "Entries of the feed that the relay has passed over and kept for somebody to look at.";
    UNTELLABLE: Counter(Count) "wilco_feed_untellable_total" []
        "Entries of the feed that can be told to nobody, as this process met them.";
    RELAY_REWINDS: Counter(Count) "wilco_relay_rewinds_total" []
        "Times the broker had lost messages it had acknowledged.";
    OLDEST_SNAPSHOT: Gauge(Count) "wilco_postgres_oldest_snapshot_age" []
        "Transactions begun since the oldest snapshot that a session of the server still sees; while it grows, dead rows stay and commits get slow.";
    HTTP_REQUESTS: Counter(Count) "wilco_http_requests_total" ["method", "route", "status"]
        "Requests answered, by method, route and class of status.";
    HTTP_SECONDS: Histogram(Seconds) "wilco_http_request_seconds" ["method", "route"]
        "Time until the head of an answer was ready, by method and route; without answers held back on request, and streams.";
    HTTP_HELD_SECONDS: Histogram(Seconds) "wilco_http_held_seconds" []
        "The same of answers held back because the client preferred to wait.";
    HTTP_STREAMS: Gauge(Count) "wilco_http_streams" []
        "Streams of events that are open.";
    BUILD_INFO: Gauge(Count) "wilco_build_info" ["version"]
        "Always 1; its labels say which build this is.";
}

/// Says of every metric what it is, to the recorder that is installed. Those without labels are there from now on.
pub fn describe() {
    for Metric { name, kind, unit, labels, help } in ALL.iter().copied() {
        let alone = labels.is_empty();
        match kind {
            Kind::Counter => {
                metrics::describe_counter!(name, unit, help);
                alone.then(|| metrics::counter!(name).increment(0));
            }
            Kind::Gauge => {
                metrics::describe_gauge!(name, unit, help);
                alone.then(|| metrics::gauge!(name).set(0.0));
            }
            Kind::Histogram => {
                metrics::describe_histogram!(name, unit, help);
                alone.then(|| metrics::histogram!(name));
            }
        }
    }
}
