use axum::Router;
use axum::body::{Body, Bytes, to_bytes};
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::http::request::Parts;
use axum::http::{Request, StatusCode};
use axum::response::Response;
use axum::routing::get;
use http_body_util::LengthLimitError;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};
use wilco_application::ports::{Clock as _, SystemClock};

use super::answers::problem;
use super::faults::{Fault, Faults, Target};
use super::received::{Log, Received};

/// Longest body of a request, in bytes.
const MOST_BODY: usize = 64 << 10;

/// Takes what comes in: as the faults say, and written down.
#[derive(Clone, Default)]
pub struct Desk {
    faults: Faults,
    received: Log,
}

/// A request that is there whole.
pub struct Message {
    /// All but its body.
    pub head: Parts,
    /// Its body.
    pub body: Bytes,
}

/// Which of the requests are wanted.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Wanted {
    path: Option<String>,
}

impl Message {
    /// Reads it, or says why not.
    async fn read(request: Request<Body>) -> Result<Self, Response> {
        let (head, body) = request.into_parts();
        match to_bytes(body, MOST_BODY).await {
            Ok(body) => Ok(Self { head, body }),
            Err(error) => Err(if error.into_inner().is::<LengthLimitError>() {
                problem(StatusCode::PAYLOAD_TOO_LARGE, "the sandbox takes 64 KiB at most")
            } else {
                problem(StatusCode::BAD_REQUEST, "the body did not arrive whole")
            }),
        }
    }

    /// Its body, a JSON object; or what is wrong with it.
    pub fn object<T: DeserializeOwned>(&self) -> Result<T, String> {
        // Of an array a struct would be made as well.
        let object: Map<String, Value> =
            serde_json::from_slice(&self.body).map_err(|error| error.to_string())?;
        serde_json::from_value(object.into()).map_err(|error| error.to_string())
    }

    /// The text of a header, if it is there.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.head.headers.get(name)?.to_str().ok()
    }

    fn written_down(self, answer: Value) -> Received {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let headers = self.head.headers.keys().map(|name| {
            let values = self.head.headers.get_all(name).iter().map(|value| text(value.as_bytes()));
            (name.to_string(), values.collect::<Vec<_>>().join(", "))
        });
        let body = match serde_json::from_slice(&self.body) {
            Ok(body) => body,
            Err(_) if self.body.is_empty() => Value::Null,
            Err(_) => text(&self.body).into(),
        };
        Received {
            at: SystemClock.now(),
            method: self.head.method.to_string(),
            path: self.head.uri.path().to_owned(),
            query: self.head.uri.query().map(ToOwned::to_owned),
            headers: headers.collect(),
            body,
            answer,
        }
    }
}

impl Desk {
    /// What can be asked of it.
    pub fn routes(self) -> Router {
        Router::new()
            .route("/faults", get(show_faults).put(put_fault).delete(clear_faults))
            .route("/received", get(show_received).delete(clear_received))
            .with_state(self)
    }

    /// Answers a request that is done by `act`, as the fault says that is switched on for it. Written down is it
    /// before the answer goes out, so that whoever has the answer finds it.
    pub async fn answer(
        &self,
        target: Target,
        request: Request<Body>,
        act: impl FnOnce(&Message) -> Response,
    ) -> Response {
        let message = match Message::read(request).await {
            Ok(message) => message,
            Err(refusal) => return refusal,
        };
        let fault = self.faults.take(target);
        let (response, name) = fault.answer(|| act(&message));
        let answer = name.map_or_else(|| response.status().as_u16().into(), Value::from);
        tracing::info!(method = %message.head.method, path = message.head.uri.path(), %answer, "received");
        self.received.add(message.written_down(answer));
        tokio::time::sleep(fault.pause()).await;
        response
    }
}

async fn show_faults(State(desk): State<Desk>) -> Response {
    desk.faults.shown()
}

async fn put_fault(State(desk): State<Desk>, request: Request<Body>) -> Response {
    let message = match Message::read(request).await {
        Ok(message) => message,
        Err(refusal) => return refusal,
    };
    match message.object().and_then(Fault::checked) {
        Ok(fault) => desk.faults.put(fault),
        Err(detail) => return problem(StatusCode::BAD_REQUEST, &detail),
    }
    desk.faults.shown()
}

async fn clear_faults(State(desk): State<Desk>) -> Response {
    desk.faults.clear();
    desk.faults.shown()
}

async fn show_received(State(desk): State<Desk>, wanted: Result<Query<Wanted>, QueryRejection>) -> Response {
    match wanted {
        Ok(Query(wanted)) => desk.received.shown(wanted.path.as_deref()),
        Err(error) => problem(StatusCode::BAD_REQUEST, &error.body_text()),
    }
}

async fn clear_received(State(desk): State<Desk>) -> Response {
    desk.received.clear();
    desk.received.shown(None)
}
