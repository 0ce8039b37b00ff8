//! Calling back: whoever gave an address with a command is told how it ended.
//!
//! A delivery is a command like any other, caused by the one it tells of: it is issued by the commit that settles that one,
//! listed, tried again by its policy, and retried by hand when it was given up.

use std::sync::Arc;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use wilco_domain::kernel::{Activity as _, Problem};

use crate::catalog::{DeliverCallback, Undecodable};
use crate::cloud_event::Notifier;
use crate::feed::FeedHub;
use crate::ports::{
    Answer, Call, Clock, Command, CommandKey, EntryBody, FeedEntry, Outbound, OutboundMethod,
    OutboundRequest, Runner, Setback, Store, id_of, origin,
};
use crate::webhook::{self, SigningKey};

/// The delivery that is due with the end of a command, if there is one. Whoever settles a command stores it with that, in
/// the same write.
pub fn of_settled(command: &Command, at: DateTime<Utc>) -> Option<Command> {
    let url = command.callback_url.clone()?;
    let named = [command.tenant.stored().as_bytes(), command.id.as_bytes(), b"callback"].concat();
    let data = DeliverCallback { url, command: command.id };
    Some(Command {
        id: id_of(&named),
        tenant: command.tenant.clone(),
        // It is for no aggregate, so that it may stay where it comes from.
        partition: command.partition,
        command_type: DeliverCallback::TYPE.to_owned(),
        target: command.id.to_string(),
        data: serde_json::to_string(&data).unwrap_or_default(),
        expected_version: None,
        not_before: None,
        accepted_at: at,
        actor: command.actor.clone(),
        callback_url: None,
        metadata: None,
        idempotency: None,
        correlation_id: command.correlation_id,
        caused_by: Some(command.id),
        traceparent: command.traceparent.clone(),
        reply_to: None,
        depth: command.depth,
        running: false,
        settlement: None,
    })
}

/// Delivers them.
pub(crate) struct Deliverer {
    pub(crate) outbound: Arc<dyn Outbound>,
    pub(crate) store: Arc<dyn Store>,
    pub(crate) hub: Arc<FeedHub>,
    pub(crate) notifier: Notifier,
    pub(crate) clock: Arc<dyn Clock>,
    /// The first signs.
    pub(crate) keys: Arc<[SigningKey]>,
}

impl Deliverer {
    /// The message as it is on the feed: the same whatever attempt it is.
    async fn request(&self, call: &Call<'_>) -> Result<OutboundRequest, Answer> {
        let DeliverCallback { url, command } =
            read(call.command).map_err(|why| Answer::Final(defective(&why.0)))?;
        let told = self.store.command(&CommandKey::new(&call.command.tenant, command)).await;
        let told = told
            .map_err(|error| Answer::Retry(Setback { is_ill: false, ..Setback::ill(error.to_string()) }))?;
        let told =
            told.and_then(|command| Some((command.partition, command.settlement.as_ref()?.offset, command)));
        let (partition, offset, command) =
            told.ok_or_else(|| Answer::Final(defective("there is no outcome to tell of")))?;
        let entry = FeedEntry { partition, offset, body: EntryBody::Outcome(Arc::new(command)) };
        let message = self.notifier.message(&entry, self.hub.generation(), usize::MAX);
        let message = message.map_err(|error| Answer::Final(defective(&error.to_string())))?;
        let mut headers = vec![("content-type", "application/cloudevents+json".to_owned())];
        if let Some(key) = self.keys.first() {
            headers.extend(key.headers(&message.id, self.clock.now(), &message.payload));
        }
        headers.extend(call.command.traceparent.clone().map(|trace| ("traceparent", trace)));
        Ok(OutboundRequest { method: OutboundMethod::Post, url, headers, body: message.payload.to_vec() })
    }
}

#[async_trait]
impl Runner for Deliverer {
    fn destination(&self, command: &Command) -> Result<String, Undecodable> {
        let url = read(command)?.url;
        origin(&url).ok_or_else(|| Undecodable(format!("{url} is no address to call")))
    }

    async fn run(&self, call: &Call<'_>) -> Answer {
        let request = match self.request(call).await {
            Ok(request) => request,
            Err(answer) => return answer,
        };
        webhook::delivered("its receiver", self.outbound.send(request).await)
    }
}

fn read(command: &Command) -> Result<DeliverCallback, Undecodable> {
    serde_json::from_str(&command.data).map_err(|error| Undecodable(error.to_string()))
}

fn defective(why: &str) -> Problem {
    Problem::new("internal", 500, why)
}
