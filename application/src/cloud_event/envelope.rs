use std::borrow::Cow;
use std::fmt::Display;

use serde::{Serialize, Serializer};
use wilco_domain::kernel::Tenant;

use crate::ports::{FeedEntry, Message};

/// What is said of an entry beside its data.
pub(super) struct Envelope<'a> {
    pub(super) subject: String,
    pub(super) event_type: String,
    pub(super) id: String,
    /// `pet/pet-42`, encoded.
    pub(super) target: String,
    pub(super) time: Cow<'a, str>,
    pub(super) correlation_id: Option<Cow<'a, str>>,
    pub(super) command_id: Option<Cow<'a, str>>,
    pub(super) traceparent: Option<Cow<'a, str>>,
    /// Whose it is.
    pub(super) tenant: Tenant,
    /// Names the version of its layout; events only.
    pub(super) schema: Option<String>,
}

/// What a notification looks like; the order of the members is that of the specification.
#[derive(Serialize)]
struct CloudEvent<'a, D> {
    specversion: &'static str,
    id: &'a str,
    source: &'a str,
    #[serde(rename = "type")]
    type_: &'a str,
    subject: &'a str,
    time: &'a str,
    datacontenttype: &'static str,
    partition: u16,
    // CloudEvents integers have 32 bits.
    #[serde(serialize_with = "as_text")]
    offset: i64,
    #[serde(serialize_with = "as_text")]
    generation: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    correlationid: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    causationid: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    traceparent: Option<&'a str>,
    tenant: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    dataschema: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    dataref: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    data: Option<D>,
}

/// What a notification tells: its data, or where that can be read.
pub(super) enum Told<'a, D> {
    Data(D),
    Place(&'a str),
}

impl Envelope<'_> {
    /// The message of an entry: a CloudEvent whose payload takes about `size` bytes.
    pub(super) fn message(
        self,
        entry: &FeedEntry,
        generation: i64,
        source: &str,
        told: Told<'_, impl Serialize>,
        size: usize,
    ) -> Result<Message, serde_json::Error> {
        let mut payload = Vec::with_capacity(size);
        let referring = matches!(told, Told::Place(_));
        let (data, dataref) = match told {
            Told::Data(data) => (Some(data), None),
            Told::Place(place) => (None, Some(place)),
        };
        serde_json::to_writer(
            &mut payload,
            &CloudEvent {
                specversion: "1.0",
                id: &self.id,
                source,
                type_: &self.event_type,
                subject: &self.target,
                time: &self.time,
                datacontenttype: "application/json",
                partition: entry.partition,
                offset: entry.offset,
                generation,
                correlationid: self.correlation_id.as_deref(),
                causationid: self.command_id.as_deref(),
                traceparent: self.traceparent.as_deref(),
                tenant: self.tenant.as_str(),
                dataschema: self.schema.as_deref(),
                dataref,
                data,
            },
        )?;
        let Self { subject, event_type, id, target, command_id, traceparent, tenant, .. } = self;
        let mut headers = Vec::with_capacity(5);
        headers.push(("Wilco-Target", target));
        headers.push(("Wilco-Generation", generation.to_string()));
        headers.push(("Wilco-Tenant", tenant.to_string()));
        headers.extend(command_id.map(|id| ("Wilco-Command-Id", id.into_owned())));
        headers.extend(traceparent.map(|parent| ("traceparent", parent.into_owned())));
        Ok(Message {
            subject,
            event_type,
            id,
            headers,
            payload: payload.into(),
            partition: entry.partition,
            offset: entry.offset,
            referring,
        })
    }
}

fn as_text<S: Serializer>(number: &impl Display, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(number)
}
