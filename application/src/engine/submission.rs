use std::collections::BTreeMap;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use serde_json::Value;
use tracing::Instrument as _;
use uuid::Uuid;
use wilco_domain::kernel::{AggregateId, Caller, Effect, FieldError};
use xxhash_rust::xxh3::{Xxh3, xxh3_128};

use super::Engine;
use crate::acceptance::{IntakeError, Received};
use crate::catalog::CommandType;
use crate::names;
use crate::ports::{AggregateKey, Command, Idempotency, StoreError};

/// A command that somebody asks for.
pub struct Submission {
    /// Its type.
    pub command_type: Arc<CommandType>,
    /// Who asks, and for which tenant.
    pub caller: Caller,
    /// The command's id, when the client chose one.
    pub id: Option<Uuid>,
    /// The aggregate's id; may be left out for creating commands.
    pub target: Option<AggregateId>,
    /// The command's own fields.
    pub data: Value,
    /// The version the aggregate is expected to have.
    pub expected_version: Option<i64>,
    /// Not to be applied earlier.
    pub not_before: Option<DateTime<Utc>>,
    /// Where to post the outcome.
    pub callback_url: Option<String>,
    /// The client's metadata.
    pub metadata: BTreeMap<String, String>,
    /// The `Idempotency-Key`.
    pub idempotency_key: Option<String>,
    /// Hash of the request as the client made it; see [`fingerprint`](Submission::fingerprint).
    pub fingerprint: [u8; 16],
    /// W3C Trace Context.
    pub traceparent: Option<String>,
    /// The command that led to this one.
    pub caused_by: Option<Uuid>,
    /// The id shared by everything one request set off; without one, the command's own.
    pub correlation_id: Option<Uuid>,
}

/// An accepted command.
#[derive(Debug)]
pub struct Submitted {
    /// The registry's entry, as it was when the command was accepted; of a replayed one as it is now.
    pub command: Arc<Command>,
    /// How it ended, where that is known already.
    pub outcome: Option<Arc<Command>>,
    /// It had been accepted before, and this is the answer to the same request again.
    pub replayed: bool,
}

/// A command was refused at the door. Nothing was stored.
#[derive(Debug, thiserror::Error)]
pub enum SubmitError {
    /// The data does not fit the schema; pointers are relative to it.
    #[error("the data of the command is not valid")]
    Invalid(Vec<FieldError>),
    /// The command needs to say which aggregate it is for.
    #[error("the command needs a target")]
    NoTarget,
    /// `not_before` is further away than commands may be scheduled (a year).
    #[error("not_before is more than a year away")]
    TooFar,
    /// The key or id was used for another request.
    #[error("the idempotency key or command id was used for another request")]
    KeyReused,
    /// The same request made this command, and what that left behind was removed since.
    #[error("command {0} is done, and its resource is gone")]
    Gone(Uuid),
    /// The command's own id is that of one whose status is not kept any more.
    #[error("a command with this id was settled longer ago than statuses are kept")]
    Expired,
    /// Nobody can be called back at this address.
    #[error("nobody can be called back there: {0}")]
    CallbackUrl(String),
    /// A setting is missing that this needs.
    #[error("the setting {0} is missing")]
    NotConfigured(&'static str),
    /// More commands wait than may; try again after so many seconds.
    #[error("too many commands wait")]
    Backlog(u64),
    /// The server is stopping.
    #[error("the server is stopping")]
    Stopping,
    /// The store is unreachable; whether the command was stored is unknown.
    #[error("the store is unavailable")]
    Unavailable(#[source] Arc<StoreError>),
}

const LONGEST_DELAY_DAYS: i64 = 366;

impl Submission {
    /// A command with this data, and nothing else said about it.
    pub fn new(caller: Caller, command_type: Arc<CommandType>, data: Value) -> Self {
        Self {
            command_type,
            caller,
            id: None,
            target: None,
            data,
            expected_version: None,
            not_before: None,
            callback_url: None,
            metadata: BTreeMap::new(),
            idempotency_key: None,
            fingerprint: [0; 16],
            traceparent: None,
            caused_by: None,
            correlation_id: None,
        }
    }

    /// The fingerprint of a request: what must be the same for it to be the same request. Members of objects may
    /// come in any order.
    pub fn fingerprint(method: &str, path: &str, body: &Value) -> [u8; 16] {
        let mut hasher = Xxh3::new();
        for part in [method, path] {
            hasher.update(part.as_bytes());
            hasher.update(&[0]);
        }
        hash_json(&mut hasher, body);
        hasher.digest128().to_be_bytes()
    }
}

/// Feeds a JSON value into a hash in a form that no other value has; numbers that are equal hash alike.
fn hash_json(hasher: &mut Xxh3, value: &Value) {
    match value {
        Value::Null => hasher.update(b"n"),
        Value::Bool(true) => hasher.update(b"t"),
        Value::Bool(false) => hasher.update(b"f"),
        Value::Number(number) => hash_number(hasher, number),
        Value::String(text) => hash_text(hasher, b's', text),
        Value::Array(items) => {
            hasher.update(b"[");
            for item in items {
                hash_json(hasher, item);
            }
            hasher.update(b"]");
        }
        Value::Object(members) => {
            hasher.update(b"{");
            // To be `null` is to be absent.
            let mut members: Vec<_> = members.iter().filter(|(_, value)| !value.is_null()).collect();
            members.sort_unstable_by_key(|(name, _)| *name);
            for (name, value) in members {
                hash_text(hasher, b'k', name);
                hash_json(hasher, value);
            }
            hasher.update(b"}");
        }
    }
}

fn hash_number(hasher: &mut Xxh3, number: &serde_json::Number) {
    hasher.update(b"d");
    match number.as_f64().filter(|float| float.fract() != 0.0 || float.abs() > 9e15) {
        Some(float) if !number.is_i64() && !number.is_u64() => hasher.update(&float.to_bits().to_be_bytes()),
        _ => {
            let whole = number.as_i64().map(i128::from).or_else(|| number.as_u64().map(i128::from));
            let whole = whole.unwrap_or_else(|| number.as_f64().unwrap_or_default() as i128);
            hasher.update(&whole.to_be_bytes());
        }
    }
}

fn hash_text(hasher: &mut Xxh3, kind: u8, text: &str) {
    hasher.update(&[kind]);
    hasher.update(&(text.len() as u64).to_be_bytes());
    hasher.update(text.as_bytes());
}

impl Engine {
    /// Checks a command and stores it durably; returns when that is done.
    pub async fn submit(&self, submission: Submission) -> Result<Submitted, SubmitError> {
        let command = self.admit(submission)?;
        let span = tracing::trace_span!(target: names::SPANS, "accept", command.id = %command.id,
            command.type = command.command_type);
        async { self.judge(self.intake.accept(command).await).await }.instrument(span).await
    }

    /// The same for many at once; an error of one harms no other.
    pub async fn submit_all(&self, submissions: Vec<Submission>) -> Vec<Result<Submitted, SubmitError>> {
        let mut commands = Vec::with_capacity(submissions.len());
        let admitted: Vec<Result<(), SubmitError>> = submissions
            .into_iter()
            .map(|submission| self.admit(submission).map(|command| commands.push(command)))
            .collect();
        let mut accepted = self.intake.accept_all(commands).await.into_iter();
        let mut submitted = Vec::with_capacity(admitted.len());
        for one in admitted {
            submitted.push(match one {
                Ok(()) => self.judge(accepted.next().unwrap_or(Err(IntakeError::Stopping))).await,
                Err(error) => Err(error),
            });
        }
        submitted
    }

    /// What the intake's answer means to whoever asked.
    async fn judge(&self, mut answer: Result<Received, IntakeError>) -> Result<Submitted, SubmitError> {
        loop {
            let (command, existing) = match answer {
                Ok(Received::New { command, outcome }) => {
                    return Ok(Submitted { command, outcome, replayed: false });
                }
                Ok(Received::Existing { command, existing }) => (command, existing),
                Err(IntakeError::Full) => {
                    return Err(SubmitError::Backlog(self.parts.pace.retry_after(self.now())));
                }
                Err(IntakeError::Stopping) => return Err(SubmitError::Stopping),
                Err(IntakeError::Store(error)) => return Err(SubmitError::Unavailable(error)),
            };
            // What is not kept any more is no answer: its key is free again, its id is not.
            if self.has_expired(&existing) {
                if existing.id == command.id {
                    return Err(SubmitError::Expired);
                }
            } else if fingerprint(&existing) != fingerprint(&command) {
                return Err(SubmitError::KeyReused);
            } else if !self.has_gone(&existing).await? {
                metrics::counter!(names::REPLAYED).increment(1);
                let command = Arc::new(*existing);
                return Ok(Submitted { command, outcome: None, replayed: true });
            } else if !is_own_key(&existing) {
                return Err(SubmitError::Gone(existing.id));
            }
            answer = self.intake.accept(after(&existing, command)).await;
        }
    }

    /// Whether a command succeeded and its resource is gone by now.
    async fn has_gone(&self, command: &Command) -> Result<bool, SubmitError> {
        if crate::status::resource_of(command, &self.parts.catalog).is_none() {
            return Ok(false);
        }
        let key = command.aggregate();
        let view = self
            .parts
            .store
            .view(&key.view_id())
            .await
            .map_err(|error| SubmitError::Unavailable(error.into()))?;
        Ok(view.is_some_and(|view| view.gone))
    }

    /// Everything that is decided before the store is touched.
    fn admit(&self, mut submission: Submission) -> Result<Command, SubmitError> {
        if self.is_closing() {
            return Err(SubmitError::Stopping);
        }
        let now = self.now();
        if self.parts.pace.backlog() >= self.parts.settings.max_backlog {
            return Err(SubmitError::Backlog(self.parts.pace.retry_after(now)));
        }
        let errors = submission.command_type.check(&mut submission.data);
        if !errors.is_empty() {
            return Err(SubmitError::Invalid(errors));
        }
        if submission.not_before.is_some_and(|due| due > now + chrono::TimeDelta::days(LONGEST_DELAY_DAYS)) {
            return Err(SubmitError::TooFar);
        }
        if let Some(setting) = self.parts.reach.missing(submission.command_type.name(), &submission.data) {
            return Err(SubmitError::NotConfigured(setting));
        }
        if let Some(fault) = self.parts.reach.objection(submission.command_type.name(), &submission.data) {
            return Err(SubmitError::Invalid(vec![fault]));
        }
        if let Some(url) = &submission.callback_url {
            self.check_callback(url)?;
        }
        self.command(submission, now)
    }

    fn check_callback(&self, url: &str) -> Result<(), SubmitError> {
        const LONGEST: usize = 2048;
        let outbound = self.callbacks.as_ref().ok_or(SubmitError::NotConfigured("callbacks.secrets"))?;
        if url.len() > LONGEST {
            return Err(SubmitError::CallbackUrl(format!("longer than {LONGEST} bytes")));
        }
        outbound.objection(url).map_or(Ok(()), |why| Err(SubmitError::CallbackUrl(why)))
    }

    fn command(&self, submission: Submission, now: DateTime<Utc>) -> Result<Command, SubmitError> {
        let kind = &submission.command_type;
        let idempotency = idempotency_of(&submission);
        let id = submission.id.unwrap_or_else(|| self.ids.next());
        let target = match submission.target {
            Some(target) => String::from(target),
            // The first of its kind: the new aggregate bears the id of the command that makes it.
            None if kind.effect() == Effect::Creates => id.to_string(),
            None => return Err(SubmitError::NoTarget),
        };
        let aggregate = AggregateKey {
            tenant: submission.caller.tenant,
            aggregate_type: kind.aggregate().to_owned(),
            id: target,
        };
        let metadata = (!submission.metadata.is_empty())
            .then(|| serde_json::to_string(&submission.metadata).unwrap_or_default());
        Ok(Command {
            id,
            partition: aggregate.partition(self.parts.hub.partitions()),
            command_type: kind.name().to_owned(),
            tenant: aggregate.tenant,
            target: aggregate.id,
            data: submission.data.to_string(),
            expected_version: submission.expected_version,
            not_before: submission.not_before.filter(|due| *due > now),
            accepted_at: now,
            actor: submission.caller.actor,
            callback_url: submission.callback_url,
            metadata,
            idempotency,
            correlation_id: submission.correlation_id.unwrap_or(id),
            caused_by: submission.caused_by,
            traceparent: submission.traceparent,
            reply_to: None,
            depth: 0,
            running: false,
            settlement: None,
        })
    }
}

/// What the key of a creating command that is its own key begins with. A blank cannot occur in a client's key, so that
/// the two kinds never meet.
const OWN_KEY: &str = "create ";

fn is_own_key(command: &Command) -> bool {
    let key = command.idempotency.as_ref().and_then(|idempotency| idempotency.key.as_ref());
    key.is_some_and(|key| key.starts_with(OWN_KEY))
}

fn fingerprint(command: &Command) -> Option<[u8; 16]> {
    command.idempotency.as_ref().map(|idempotency| idempotency.fingerprint)
}

/// The command under the key that follows on that of `existing`, whose time has ended: whoever asks for the same meets
/// there again.
fn after(existing: &Command, command: Arc<Command>) -> Command {
    let mut command = Arc::unwrap_or_clone(command);
    let prefix = if is_own_key(&command) { OWN_KEY } else { "after " };
    if let Some(idempotency) = &mut command.idempotency {
        let hash = xxh3_128(format!("{} {:?}", existing.id, idempotency.key).as_bytes());
        idempotency.key = Some(format!("{prefix}{hash:032x}"));
    }
    command
}

/// What makes two requests the same. A creating command with a client-chosen target and no key is its own key:
/// an identical retry is the same command, another body is a new one; or a reuse of the key, where the target is all
/// of it.
fn idempotency_of(submission: &Submission) -> Option<Idempotency> {
    let fingerprint = submission.fingerprint;
    if submission.idempotency_key.is_some() || submission.id.is_some() {
        return Some(Idempotency { key: submission.idempotency_key.clone(), fingerprint });
    }
    let target = submission.target.as_ref()?;
    if submission.command_type.effect() != Effect::Creates {
        return None;
    }
    let name = submission.command_type.name();
    if submission.command_type.is_keyed_by_target() {
        let hash = xxh3_128(format!("{name} {target}").as_bytes());
        // What is asked for, whichever way it comes.
        let fingerprint = Submission::fingerprint(name, target.as_str(), &submission.data);
        return Some(Idempotency { key: Some(format!("{OWN_KEY}{hash:032x}")), fingerprint });
    }
    let hash = xxh3_128(format!("{name} {target} {fingerprint:?}").as_bytes());
    Some(Idempotency { key: Some(format!("{OWN_KEY}{hash:032x}")), fingerprint })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    fn print(body: &Value) -> [u8; 16] {
        Submission::fingerprint("POST", "/v1/pets", body)
    }

    #[test]
    fn the_order_of_members_and_the_spelling_of_numbers_do_not_matter() {
        let one: Value = serde_json::from_str(r#"{"a": 1, "b": [1.5, 2.0]}"#).unwrap();
        let other: Value = serde_json::from_str(r#"{"b":[15e-1,2],"a":1.0}"#).unwrap();
        assert_eq!(print(&one), print(&other));
    }

    #[test]
    fn different_requests_have_different_fingerprints() {
        let bodies = [
            json!(null),
            json!("n"),
            json!(["a", "b"]),
            json!(["ab"]),
            json!([["a"], "b"]),
            json!({"a": 1}),
            json!({"a": 2}),
        ];
        let prints: std::collections::HashSet<_> = bodies.iter().map(print).collect();
        assert_eq!(prints.len(), bodies.len());
        assert_ne!(print(&bodies[0]), Submission::fingerprint("PUT", "/v1/pets", &bodies[0]));
    }

    proptest! {
        #[test]
        fn integers_hash_by_their_value(a: i64, b: i64) {
            prop_assert_eq!(print(&json!(a)) == print(&json!(b)), a == b);
        }
    }
}
