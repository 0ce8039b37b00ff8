//! Counts answers. The handles are looked up once each, not at every request, and their number is bounded: by the
//! methods and routes that there are.

use std::collections::HashMap;
use std::sync::OnceLock;
use std::time::Duration;

use axum::extract::{MatchedPath, Request};
use axum::http::{Method, header};
use axum::response::Response;
use metrics::{Counter, Histogram};
use wilco_application::names;

use super::base::BasePath;
use super::shown::Shown;
use crate::header_names::PREFERENCE_APPLIED;

/// The methods that are told apart, and the rest.
const METHODS: [&str; 7] = ["GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "other"];
/// Classes of statuses.
const CLASSES: [&str; 5] = ["1xx", "2xx", "3xx", "4xx", "5xx"];
/// Of the routes of an interface the first is no route.
const UNKNOWN: usize = 0;

/// What an interface has answered.
pub(super) struct Traffic {
    base: String,
    by_path: HashMap<String, usize>,
    routes: Vec<Answered>,
    held: Histogram,
}

/// The answers of a route, by method.
struct Answered {
    route: String,
    counters: [[OnceLock<Counter>; CLASSES.len()]; METHODS.len()],
    seconds: [OnceLock<Histogram>; METHODS.len()],
}

/// Where the answer to a request is counted.
#[derive(Clone, Copy)]
pub(super) struct Place {
    route: usize,
    method: usize,
}

impl Traffic {
    /// Of an interface below `base`. What the documented routes may answer is there at 0.
    pub(super) fn new(base: &BasePath, shown: &Shown) -> Self {
        let mut traffic = Self {
            base: base.as_str().to_owned(),
            by_path: HashMap::new(),
            routes: vec![Answered::of("unknown")],
            held: metrics::histogram!(names::HTTP_HELD_SECONDS),
        };
        for (method, path) in &shown.routes {
            let (at, method) = (traffic.know(path), place(method));
            traffic.routes[at].seconds(method);
            for class in [2, 4, 5] {
                traffic.routes[at].counter(method, class).increment(0);
            }
        }
        for path in &shown.pages {
            traffic.know(path);
        }
        traffic
    }

    fn know(&mut self, path: &str) -> usize {
        if let Some(known) = self.by_path.get(path) {
            return *known;
        }
        self.routes.push(Answered::of(path));
        self.by_path.insert(path.to_owned(), self.routes.len() - 1);
        self.routes.len() - 1
    }

    /// Where the answer to this request is to be counted.
    pub(super) fn place(&self, request: &Request) -> Place {
        let known = request.extensions().get::<MatchedPath>().and_then(|path| {
            let path = path.as_str();
            self.by_path.get(path).or_else(|| self.by_path.get(path.strip_prefix(&*self.base)?))
        });
        Place { route: known.copied().unwrap_or(UNKNOWN), method: place(request.method()) }
    }

    /// The template of the route.
    pub(super) fn route(&self, place: Place) -> &str {
        &self.routes[place.route].route
    }

    pub(super) fn count(&self, place: Place, response: &Response, elapsed: Duration) {
        let route = &self.routes[place.route];
        route.counter(place.method, response.status().as_u16() / 100).increment(1);
        let begins = |name, with: &[u8]| {
            response.headers().get(name).is_some_and(|value| value.as_bytes().starts_with(with))
        };
        if begins(PREFERENCE_APPLIED, b"wait") {
            self.held.record(elapsed);
        } else if !begins(header::CONTENT_TYPE, b"text/event-stream") {
            route.seconds(place.method).record(elapsed);
        }
    }
}

impl Answered {
    fn of(route: &str) -> Self {
        Self { route: route.to_owned(), counters: Default::default(), seconds: Default::default() }
    }

    fn counter(&self, method: usize, class: u16) -> &Counter {
        let class = usize::from(class).clamp(1, CLASSES.len()) - 1;
        self.counters[method][class].get_or_init(|| {
            let route = self.route.clone();
            metrics::counter!(names::HTTP_REQUESTS, "method" => METHODS[method], "route" => route, "status" => CLASSES[class])
        })
    }

    fn seconds(&self, method: usize) -> &Histogram {
        self.seconds[method].get_or_init(|| {
            metrics::histogram!(names::HTTP_SECONDS, "method" => METHODS[method], "route" => self.route.clone())
        })
    }
}

fn place(method: &Method) -> usize {
    let other = METHODS.len() - 1;
    METHODS[..other].iter().position(|name| *name == method.as_str()).unwrap_or(other)
}

/// Counts an open stream for as long as it lives.
pub(crate) struct OpenStream;

impl OpenStream {
    pub(crate) fn new() -> Self {
        metrics::gauge!(names::HTTP_STREAMS).increment(1.0);
        Self
    }
}

impl Drop for OpenStream {
    fn drop(&mut self) {
        metrics::gauge!(names::HTTP_STREAMS).decrement(1.0);
    }
}
