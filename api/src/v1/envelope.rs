//! The envelope of the generic door, as it is described.

use std::collections::BTreeMap;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde_json::{Map, Value, json};
use uuid::Uuid;
use wilco_application::asking::{Envelope, LONGEST_NAME, LONGEST_VALUE, MOST_METADATA};
use wilco_application::catalog::{Catalog, CommandType};
use wilco_application::engine::Submission;
use wilco_application::metadata::OWN_METADATA;

use super::door::Wishes;
use crate::openapi::{self, AGGREGATE_ID, HTTP_URL, Schemas};
use crate::problems::Refusal;

/// Without control characters, in a pattern.
const PRINTABLE: &str = r"^[^\x00-\x1f\x7f-\x9f]*$";

/// A command of any type, with all that can be said about it.
#[derive(JsonSchema)]
#[schemars(rename = "CommandEnvelope", deny_unknown_fields)]
#[expect(dead_code, reason = "it is the envelope's schema; reading it needs a pointer to each fault")]
pub(super) struct Described {
    /// The command's id; it is then also the idempotency key. Without one the server makes it.
    id: Option<Uuid>,
    /// `aggregate.verb`, as listed at /v1/command-types.
    #[schemars(rename = "type", schema_with = "types")]
    command_type: String,
    /// The aggregate's id; may be left out where the command makes the aggregate.
    #[schemars(length(min = 1, max = 128), regex(pattern = AGGREGATE_ID), example = &"pet-42")]
    target: Option<String>,
    /// The command's own fields, as the schema of its type has them; without it, none.
    #[schemars(default)]
    data: Map<String, Value>,
    /// The version the aggregate is expected to have.
    #[schemars(range(min = 0), example = 3)]
    expected_version: Option<i64>,
    /// Not to be applied earlier; at most a year away.
    #[schemars(example = &"2026-01-01T09:00:00Z")]
    not_before: Option<DateTime<Utc>>,
    /// Where to post how it ends: a signed CloudEvent, tried again for a day.
    #[schemars(length(max = 2048), regex(pattern = HTTP_URL), example = &"https://shop.example/outcomes")]
    callback_url: Option<String>,
    /// Carried onto the events: at most 32 names of at most 128 characters, with values of at
    /// most 1024, without control characters; not those that the server sets itself.
    #[schemars(default, schema_with = "metadata")]
    metadata: BTreeMap<String, String>,
}

fn types(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": "string" })
}

/// Says of the schema of envelopes which types of commands there are.
pub(super) fn list_types(schemas: &mut Schemas, catalog: &Catalog) {
    let names: Vec<&str> = catalog.commands().map(|one| one.name()).collect();
    schemas.add_to_sent::<Described>(
        "/properties/type",
        [("enum".to_owned(), json!(names))].into_iter().collect(),
    );
}

fn metadata(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": "object",
        "maxProperties": MOST_METADATA,
        "propertyNames": {
            "minLength": 1, "maxLength": LONGEST_NAME, "pattern": PRINTABLE, "not": { "enum": OWN_METADATA },
        },
        "additionalProperties": { "type": "string", "maxLength": LONGEST_VALUE, "pattern": PRINTABLE },
        "examples": [{ "source": "shop" }],
    })
}

/// An envelope of each type.
pub(super) fn examples(catalog: &Catalog) -> Vec<(String, Value)> {
    let example = |command_type: &Arc<CommandType>| {
        let name = command_type.name().to_owned();
        let target = format!("{}-42", command_type.aggregate());
        let data = openapi::example(command_type.schema());
        (name.clone(), json!({ "type": name, "target": target, "data": data }))
    };
    catalog.commands().map(example).collect()
}

/// The submission that an envelope asks for. What the headers say counts where the envelope says nothing.
pub(super) fn submission(catalog: &Catalog, body: Value, wishes: &mut Wishes) -> Result<Submission, Refusal> {
    let mut envelope = Envelope::read(catalog, body).map_err(|problem| Refusal::of(*problem))?;
    envelope.callback_url = envelope.callback_url.or_else(|| wishes.callback_url.take());
    Ok(Submission {
        idempotency_key: wishes.idempotency_key.take(),
        traceparent: wishes.traceparent.take(),
        ..envelope.submission(wishes.caller.clone())
    })
}
