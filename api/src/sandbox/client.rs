use axum::Router;
use axum::body::Body;
use axum::extract::State;
use axum::http::{Request, StatusCode};
use axum::response::{IntoResponse as _, Response};
use axum::routing::post;
use wilco_application::ports::{Clock as _, SystemClock};
use wilco_application::webhook::{self, SigningKey};

use super::answers;
use super::desk::{Desk, Message};
use super::faults::Target;

/// An endpoint of somebody's client: takes what it is told, if it is signed as it should be.
#[derive(Clone)]
pub struct Client {
    desk: Desk,
    keys: Option<[SigningKey; 1]>,
}

impl Client {
    /// One that wants messages signed with this key; without one it takes all.
    pub fn new(desk: Desk, key: Option<SigningKey>) -> Self {
        Self { desk, keys: key.map(|key| [key]) }
    }

    /// What it can be told at: every path below `/client`.
    pub fn routes(self) -> Router {
        Router::new().route("/client/{*anything}", post(take).put(take)).with_state(self)
    }

    fn take(&self, message: &Message) -> Response {
        let Some(keys) = &self.keys else { return StatusCode::NO_CONTENT.into_response() };
        let header = |name| message.header(name).unwrap_or_default();
        let (id, timestamp) = (header(webhook::ID), header(webhook::TIMESTAMP));
        let signatures = header(webhook::SIGNATURE);
        match webhook::verify(keys, id, timestamp, signatures, &message.body, SystemClock.now()) {
            Ok(()) => StatusCode::NO_CONTENT.into_response(),
            // A real one would not say what is wrong; here somebody wants to find out.
            Err(error) => answers::problem(StatusCode::UNAUTHORIZED, &error.to_string()),
        }
    }
}

async fn take(State(client): State<Client>, request: Request<Body>) -> Response {
    client.desk.answer(Target::Client, request, |message| client.take(message)).await
}
