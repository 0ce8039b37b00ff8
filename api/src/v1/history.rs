use std::borrow::Cow;
use std::fmt::Write as _;

use chrono::{DateTime, Utc};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::Serialize;
use serde_json::Value;
use serde_json::value::RawValue;
use uuid::Uuid;
use wilco_application::catalog::EventKind;
use wilco_application::cloud_event::{EventMetadata, Text};
use wilco_application::ports::EventRow;

use crate::modules::Modules;
use crate::openapi::{self, Schemas};
use crate::problems::Refusal;

/// An event of a history.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Event")]
pub(super) struct Event<'a> {
    /// 1, 2, 3 … within the aggregate.
    #[schemars(example = 1)]
    pub(super) sequence: i64,
    /// `pet.reserved`
    #[serde(rename = "type")]
    #[schemars(example = &"pet.created")]
    pub(super) name: &'a str,
    /// The version of the layout of `data`.
    #[serde(rename = "event_version")]
    #[schemars(example = &"1.0")]
    layout: &'a str,
    /// What happened.
    #[schemars(schema_with = "data")]
    data: &'a RawValue,
    /// When it was decided.
    #[schemars(with = "Option<DateTime<Utc>>", example = &"2026-01-01T09:00:00.000000Z")]
    pub(super) at: Option<Cow<'a, str>>,
    /// The command that led to it.
    #[schemars(example = &"018f4c7e-5a10-7c3e-9d2b-6f1a2b3c4d5e")]
    command_id: Option<Uuid>,
    /// The id shared by everything one request set off.
    #[schemars(example = &"018f4c7e-5a10-7c3e-9d2b-6f1a2b3c4d5e")]
    correlation_id: Option<Uuid>,
    /// Who asked for it, where known.
    actor: Option<Cow<'a, str>>,
}

/// Any object: of what follows from an event's type, what generators of clients make of alternatives is of no use.
fn data(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": "object", "additionalProperties": true })
}

/// Says of the schema of events which kinds of data there are.
pub(super) fn list_kinds(schemas: &mut Schemas, modules: &Modules) {
    let kinds: Vec<&EventKind> = modules.catalog().events().iter().collect();
    let mut description = "What happened. By the event's type, with these members:\n".to_owned();
    for EventKind { name, text, schema } in &kinds {
        let members = schema["properties"].as_object().into_iter().flatten();
        let members: Vec<String> = members.map(|(name, _)| format!("`{name}`")).collect();
        let _ = write!(description, "\n- `{name}`: {text} {}", members.join(", "));
    }
    let examples: Vec<Value> = kinds.iter().map(|kind| openapi::example(&kind.schema)).collect();
    let members = [("description".to_owned(), description.into()), ("examples".to_owned(), examples.into())];
    schemas.add_to_answered::<Event<'static>>("/properties/data", members.into_iter().collect());
}

impl<'a> Event<'a> {
    /// An event as it is shown.
    pub(super) fn of(row: &'a EventRow) -> Result<Self, Refusal> {
        let EventMetadata { command_id, correlation_id, at, actor, .. } = EventMetadata::of(row);
        let data = serde_json::from_str(&row.payload)?;
        Ok(Self {
            sequence: row.sequence,
            name: &row.event_type,
            layout: &row.event_version,
            data,
            // Other programs' events may have anything there.
            at: at.filter(|at| DateTime::parse_from_rfc3339(at).is_ok()).map(|at| at.0),
            command_id: read(command_id),
            correlation_id: read(correlation_id),
            actor: actor.map(|actor| actor.0),
        })
    }
}

fn read(id: Option<Text<'_>>) -> Option<Uuid> {
    id?.parse().ok()
}
