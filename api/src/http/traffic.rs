use std::sync::OnceLock;
use std::time::Duration;

use axum::http::StatusCode;
use metrics::{Counter, Histogram};

/// Requests answered, by `status` (counter).
const REQUESTS: &str = "wilco_http_requests_total";
/// Seconds until the head of an answer was ready (histogram).
const SECONDS: &str = "wilco_http_request_seconds";
/// Streams of events that are open (gauge).
pub(crate) const STREAMS: &str = "wilco_http_streams";

/// Counts answers. The handles are looked up once each, not at every request.
pub(super) struct Traffic {
    by_status: Vec<OnceLock<Counter>>,
    seconds: Histogram,
}

const FIRST: u16 = 100;
const STATUSES: usize = 500;

impl Default for Traffic {
    fn default() -> Self {
        let by_status = std::iter::repeat_with(OnceLock::new).take(STATUSES).collect();
        Self { by_status, seconds: metrics::histogram!(SECONDS) }
    }
}

impl Traffic {
    pub(super) fn count(&self, status: StatusCode, elapsed: Duration) {
        if let Some(slot) = self.by_status.get(usize::from(status.as_u16() - FIRST)) {
            slot.get_or_init(|| metrics::counter!(REQUESTS, "status" => status.as_str().to_owned()))
                .increment(1);
        }
        self.seconds.record(elapsed);
    }
}

/// Counts an open stream for as long as it lives.
pub(crate) struct OpenStream;

impl OpenStream {
    pub(crate) fn new() -> Self {
        metrics::gauge!(STREAMS).increment(1.0);
        Self
    }
}

impl Drop for OpenStream {
    fn drop(&mut self) {
        metrics::gauge!(STREAMS).decrement(1.0);
    }
}
