use chrono::{DateTime, Utc};
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
    #[schemars(example = 1)]
    sequence: i64,
    /// `pet.reserved`
    #[serde(rename = "type")]
    #[schemars(example = &"pet.reserved")]
    name: &'a str,
    /// What happened: its own `type`, and what else belongs to an event of that type.
    #[schemars(
        with = "serde_json::Map<String, serde_json::Value>",
        example = serde_json::json!({ "type": "reserved", "order_id": "order-1" })
    )]
    data: &'a RawValue,
    /// When it was decided.
    #[schemars(with = "Option<DateTime<Utc>>", example = &"2026-01-01T09:00:00.000000Z")]
    at: Option<String>,
    /// The command that led to it.
    #[schemars(example = &"018f4c7e-5a10-7c3e-9d2b-6f1a2b3c4d5e")]
    command_id: Option<Uuid>,
    /// The id shared by everything one request set off.
    #[schemars(example = &"018f4c7e-5a10-7c3e-9d2b-6f1a2b3c4d5e")]
    correlation_id: Option<Uuid>,
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
            // Other programs' events may have anything there.
            at: at.filter(|at| DateTime::parse_from_rfc3339(at).is_ok()),
            command_id: read(command_id),
            correlation_id: read(correlation_id),
            actor,
        })
    }

    /// The command that led to an event.
    pub(super) fn command_of(row: &EventRow) -> Option<Uuid> {
        read(EventMetadata::of(row).command_id)
    }
}

fn read(id: Option<String>) -> Option<Uuid> {
    id?.parse().ok()
}
