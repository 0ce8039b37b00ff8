//! The provider of payments, and the clients that are told what has become of theirs.

use std::sync::Arc;

use async_trait::async_trait;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use wilco_application::catalog::Undecodable;
use wilco_application::ports::{
    Answer, Call, Clock, Command, Look, Outbound, OutboundError, OutboundMethod, OutboundRequest,
    OutboundResponse, Runner, Setback, origin,
};
use wilco_application::webhook::{self, SigningKey};
use wilco_domain::payments::provider::{MakeAtProvider, NotifyClient, ProviderStatus, Said};

use crate::http::{Understood, understood};

/// The provider: `POST {base}/transactions` makes one, `GET {base}/transactions/{id}` says what has become of it.
#[derive(Clone)]
pub struct Provider {
    outbound: Arc<dyn Outbound>,
    base: String,
}

impl Provider {
    /// At this address.
    pub fn new(outbound: Arc<dyn Outbound>, base: &str) -> Self {
        Self { outbound, base: base.trim_end_matches('/').to_owned() }
    }

    fn destination(&self) -> Result<String, Undecodable> {
        origin(&self.base).ok_or_else(|| Undecodable("the provider has no address".to_owned()))
    }

    async fn send(
        &self,
        call: &Call<'_>,
        method: OutboundMethod,
        path: &str,
        body: Vec<u8>,
    ) -> Result<OutboundResponse, OutboundError> {
        let mut headers = trace_of(call.command);
        if !body.is_empty() {
            headers.push(("content-type", "application/json".to_owned()));
            // A transaction is made once, whoever asks for it again.
            headers.push(("idempotency-key", call.command.target.clone()));
        }
        let url = format!("{}/transactions{path}", self.base);
        self.outbound.send(OutboundRequest { method, url, headers, body }).await
    }

    /// What the provider has of a transaction.
    async fn ask(&self, call: &Call<'_>) -> Asked {
        let path = format!("/{}", call.command.target);
        let answer = self.send(call, OutboundMethod::Get, &path, Vec::new()).await;
        match &answer {
            Ok(answer) if answer.status == 404 => return Asked::Absent,
            Ok(answer) if answer.status == 501 => return Asked::CannotTell,
            _ => {}
        }
        match understood(answer) {
            Understood::Done(answer) => {
                let not_understood = || Asked::Nothing(Setback::ill("its answer was not understood"));
                said(&answer).map_or_else(not_understood, Asked::Said)
            }
            Understood::Not(Answer::Retry(setback) | Answer::Unknown(setback)) => Asked::Nothing(setback),
            Understood::Not(Answer::Final(problem)) => Asked::Nothing(Setback::ill(problem.detail)),
            Understood::Not(Answer::Done(_)) => Asked::CannotTell,
        }
    }
}

/// What the provider said when it was asked.
enum Asked {
    Said(Said),
    /// It knows of none.
    Absent,
    /// It cannot say.
    CannotTell,
    /// It did not answer, or not understandably.
    Nothing(Setback),
}

/// Has a transaction made.
pub struct Making(pub Provider);

#[async_trait]
impl Runner for Making {
    fn destination(&self, _: &Command) -> Result<String, Undecodable> {
        self.0.destination()
    }

    async fn run(&self, call: &Call<'_>) -> Answer {
        let MakeAtProvider { amount, currency } = match read(call.command) {
            Ok(read) => read,
            Err(answer) => return *answer,
        };
        let body = json!({ "id": call.command.target, "amount": amount, "currency": currency });
        let answer = self.0.send(call, OutboundMethod::Post, "", body.to_string().into_bytes()).await;
        match understood(answer) {
            // It is made, whatever else the answer says.
            Understood::Done(answer) => {
                Answer::Done(as_result(&said(&answer).unwrap_or(Said { status: None })))
            }
            Understood::Not(answer) => answer,
        }
    }

    async fn look(&self, call: &Call<'_>) -> Look {
        match self.0.ask(call).await {
            Asked::Said(said) => Look::There(as_result(&said)),
            Asked::Absent => Look::Absent,
            Asked::CannotTell => Look::CannotTell,
            Asked::Nothing(setback) => Look::AskAgain(setback),
        }
    }
}

/// Asks what has become of a transaction.
pub struct Asking(pub Provider);

#[async_trait]
impl Runner for Asking {
    fn destination(&self, _: &Command) -> Result<String, Undecodable> {
        self.0.destination()
    }

    async fn run(&self, call: &Call<'_>) -> Answer {
        match self.0.ask(call).await {
            Asked::Said(said) => Answer::Done(as_result(&said)),
            Asked::Absent | Asked::CannotTell => Answer::Done(as_result(&Said { status: None })),
            Asked::Nothing(setback) => Answer::Retry(setback),
        }
    }
}

/// Tells a client.
pub struct Notifying {
    /// How it is called.
    pub outbound: Arc<dyn Outbound>,
    /// When it is told.
    pub clock: Arc<dyn Clock>,
    /// The first signs.
    pub keys: Arc<[SigningKey]>,
}

#[async_trait]
impl Runner for Notifying {
    fn destination(&self, command: &Command) -> Result<String, Undecodable> {
        let NotifyClient { url, .. } =
            serde_json::from_str(&command.data).map_err(|error| Undecodable(error.to_string()))?;
        origin(&url).ok_or_else(|| Undecodable(format!("{url} is no address to call")))
    }

    async fn run(&self, call: &Call<'_>) -> Answer {
        let NotifyClient { url, transaction } = match read(call.command) {
            Ok(read) => read,
            Err(answer) => return *answer,
        };
        let body = json!(transaction).to_string().into_bytes();
        let mut headers = trace_of(call.command);
        headers.push(("content-type", "application/json".to_owned()));
        if let Some(key) = self.keys.first() {
            headers.extend(key.headers(&call.key().to_string(), self.clock.now(), &body));
        }
        let request = OutboundRequest { method: OutboundMethod::Put, url, headers, body };
        webhook::delivered("the client", self.outbound.send(request).await)
    }
}

fn read<T: DeserializeOwned>(command: &Command) -> Result<T, Box<Answer>> {
    serde_json::from_str(&command.data)
        .map_err(|error| Box::new(Answer::undeliverable(format!("its data: {error}"))))
}

fn trace_of(command: &Command) -> Vec<(&'static str, String)> {
    command.traceparent.iter().map(|trace| ("traceparent", trace.clone())).collect()
}

/// What an answer says of a transaction; a status that is none is not understood.
fn said(answer: &OutboundResponse) -> Option<Said> {
    let body: Value = serde_json::from_slice(&answer.body).ok().filter(|_| answer.is_whole)?;
    let status = match body.as_object()?.get("status") {
        None | Some(Value::Null) => None,
        Some(status) => Some(serde_json::from_value::<ProviderStatus>(status.clone()).ok()?),
    };
    Some(Said { status })
}

fn as_result(said: &Said) -> Value {
    json!(said)
}
