use schemars::JsonSchema;
use serde::Serialize;
use serde_json::value::RawValue;
use uuid::Uuid;
use wilco_application::cloud_event::EventMetadata;
use wilco_application::ports::EventRow;

use crate::problems::Refusal;

/// An event of a history.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Event")]
pub(super) struct Event<'a> {
    /// 1, 2, 3 … within the aggregate.
    sequence: i64,
    /// `pet.reserved`
    #[serde(rename = "type")]
    name: &'a str,
    /// What happened.
    #[schemars(with = "serde_json::Value")]
    data: &'a RawValue,
    /// When it was decided.
    at: Option<String>,
    /// The command that led to it.
    command_id: Option<String>,
    /// The id shared by everything one request set off.
    correlation_id: Option<String>,
    /// Who asked for it, where known.
    actor: Option<String>,
}

impl<'a> Event<'a> {
    /// An event as it is shown.
    pub(super) fn of(row: &'a EventRow) -> Result<Self, Refusal> {
        let EventMetadata { command_id, correlation_id, at, actor, .. } = EventMetadata::of(row);
        let data = serde_json::from_str(&row.payload)?;
        Ok(Self {
            sequence: row.sequence,
            name: &row.event_type,
            data,
            at,
            command_id,
            correlation_id,
            actor,
        })
    }

    /// The command that led to an event.
    pub(super) fn command_of(row: &EventRow) -> Option<Uuid> {
        EventMetadata::of(row).command_id?.parse().ok()
    }
}
