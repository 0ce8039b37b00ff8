//! Messages of third parties.

use std::sync::Arc;

use serde_json::Value;
use uuid::Uuid;
use wilco_domain::kernel::{AggregateId, Caller};

use super::{Engine, Submission, SubmitError};
use crate::catalog::NotUnderstood;
use crate::ports::{CommandKey, StoreError, id_of};
use crate::webhook::verify;

/// A message as it came.
#[derive(Clone, Copy, Debug)]
pub struct Signed<'m> {
    /// `webhook-id`: the same message again has the same.
    pub id: &'m str,
    /// `webhook-timestamp`
    pub timestamp: &'m str,
    /// `webhook-signature`
    pub signatures: &'m str,
    /// Its body, byte for byte.
    pub body: &'m [u8],
}

/// A message was not taken.
#[derive(Debug, thiserror::Error)]
pub enum HookError {
    /// Nobody knows the source, or it is not from there. What exactly is wrong is nobody's business.
    #[error("the message is not from there")]
    Unauthentic,
    /// It is genuine, but says nothing that is known here.
    #[error(transparent)]
    NotUnderstood(#[from] NotUnderstood),
    /// Its command was not accepted.
    #[error(transparent)]
    Submit(SubmitError),
}

impl Engine {
    /// Takes a message of a third party: returns when the command that it means is durable. The same message again is the
    /// same command, whatever it says then.
    pub async fn hear(&self, source: &str, message: Signed<'_>) -> Result<(), HookError> {
        let Signed { id, timestamp, signatures, body } = message;
        let (keys, now) = (self.parts.reach.hook_keys(source), self.now());
        verify(keys, id, timestamp, signatures, body, now).map_err(|_| HookError::Unauthentic)?;
        let (hook, command_type) = self.parts.catalog.hook(source).ok_or(HookError::Unauthentic)?;
        let caller = Caller::default();
        let receipt = CommandKey::new(&caller.tenant, command_of(source, id));
        if self.parts.store.command(&receipt).await.map_err(|error| unavailable(error.into()))?.is_some() {
            return Ok(());
        }
        let message: Value = serde_json::from_slice(body)
            .map_err(|error| NotUnderstood::at("", format!("not JSON: {error}")))?;
        let (target, mut data) = hook.read(&message)?;
        let target = AggregateId::parse(target)
            .map_err(|error| NotUnderstood::at(format!("/{}", hook.target), error.to_string()))?;
        if let Some(fault) = command_type.check(&mut data).into_iter().next() {
            return Err(NotUnderstood { pointer: fault.pointer, detail: fault.detail }.into());
        }
        let submission = Submission {
            id: Some(receipt.id),
            target: Some(target),
            ..Submission::new(caller, command_type.clone(), data)
        };
        match self.submit(submission).await {
            // It was taken so long ago that nobody remembers what it said.
            Ok(_) | Err(SubmitError::Expired | SubmitError::KeyReused) => Ok(()),
            Err(error) => Err(HookError::Submit(error)),
        }
    }
}

fn unavailable(error: Arc<StoreError>) -> HookError {
    HookError::Submit(SubmitError::Unavailable(error))
}

/// The id of the command that a message means.
fn command_of(source: &str, id: &str) -> Uuid {
    id_of(format!("hook {source} {id}").as_bytes())
}
