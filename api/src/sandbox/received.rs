use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::response::Response;
use chrono::{DateTime, Utc};
use serde::Serialize;
use serde_json::Value;

use super::answers;

/// How many requests are remembered; older ones are forgotten.
const MOST: usize = 1000;

/// A request that came in.
#[derive(Clone, Debug, Serialize)]
pub struct Received {
    /// When.
    pub at: DateTime<Utc>,
    /// Its method.
    pub method: String,
    /// Its path, without the query.
    pub path: String,
    /// Its query, if it has one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub query: Option<String>,
    /// Its headers; what is not text is written as well as it can be.
    pub headers: BTreeMap<String, String>,
    /// Its body as JSON where it is that, else as text; null where there is none.
    pub body: Value,
    /// The status of the answer, or the name of the fault that there was instead.
    pub answer: Value,
}

/// The requests that came in, newest last.
#[derive(Clone, Default)]
pub struct Log(Arc<Mutex<VecDeque<Received>>>);

impl Log {
    /// Remembers one more.
    pub fn add(&self, received: Received) {
        let mut all = self.all();
        if all.len() == MOST {
            all.pop_front();
        }
        all.push_back(received);
    }

    /// Forgets all.
    pub fn clear(&self) {
        self.all().clear();
    }

    /// As they are shown: all, or those of a path.
    pub fn shown(&self, path: Option<&str>) -> Response {
        let all = self.all();
        answers::items(all.iter().filter(|received| path.is_none_or(|path| received.path == path)))
    }

    fn all(&self) -> MutexGuard<'_, VecDeque<Received>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
