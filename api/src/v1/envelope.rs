//! The envelope of the generic door.

use std::collections::BTreeMap;
use std::sync::Arc;

use chrono::{DateTime, SubsecRound, Utc};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde_json::{Map, Value, json};
use uuid::Uuid;
use wilco_application::catalog::{Catalog, CommandType};
use wilco_application::engine::{OWN_METADATA, Submission};
use wilco_domain::kernel::{AggregateId, FieldError};

use super::door::Wishes;
use crate::http::headers::NO_CALLBACKS;
use crate::http::json::whole;
use crate::openapi::{self, AGGREGATE_ID, Schemas};
use crate::problems::Refusal;

/// Most entries of `metadata`.
const MOST_METADATA: usize = 32;
/// Longest name in `metadata`, in characters.
const LONGEST_NAME: usize = 128;
/// Longest value in `metadata`, in characters.
const LONGEST_VALUE: usize = 1024;
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
    let fingerprint = Submission::fingerprint("POST", super::generic_door::PATH, &body);
    let Value::Object(members) = body else { return Err(Refusal::member("", "not an object")) };
    let mut envelope = Reader { members, faults: Vec::new() };
    let command_type = envelope.text("type");
    let id = envelope.read("id", |value| value.as_str()?.parse::<Uuid>().ok(), "not a UUID");
    let target = envelope.target();
    let data = envelope.given("data").unwrap_or_else(|| Value::Object(Map::new()));
    let expected_version = envelope.read(
        "expected_version",
        |value| whole(value).filter(|version| *version >= 0),
        "not a whole number from 0 on",
    );
    let not_before = envelope.read("not_before", instant, "not a time as RFC 3339 writes it");
    envelope.read::<()>("callback_url", |_| None, NO_CALLBACKS);
    let metadata = envelope.metadata();
    let command_type = envelope.finish(command_type)?;
    let Some(command_type) = catalog.command(&command_type) else { return Err(unknown(&command_type)) };
    let mut submission = wishes.submission(command_type.clone(), target, data, fingerprint);
    submission.id = id;
    submission.expected_version = expected_version;
    submission.not_before = not_before;
    submission.metadata = metadata;
    Ok(submission)
}

fn unknown(command_type: &str) -> Refusal {
    let shown: String = command_type.chars().take(100).collect();
    let detail = format!("no command of type {shown:?} is registered");
    let refusal = Refusal::new("unknown-command-type", axum::http::StatusCode::NOT_FOUND, detail);
    Refusal::of(refusal.into_problem().field("/type", "not a registered command type"))
}

/// Takes the members of an envelope one by one and gathers what is wrong with them.
struct Reader {
    members: Map<String, Value>,
    faults: Vec<FieldError>,
}

impl Reader {
    fn fault(&mut self, pointer: &str, detail: &str) {
        self.faults.push(FieldError { pointer: pointer.to_owned(), detail: detail.to_owned() });
    }

    /// An optional member; `null` is no value.
    fn read<T>(&mut self, name: &str, read: impl Fn(&Value) -> Option<T>, wrong: &str) -> Option<T> {
        let value = self.given(name)?;
        let read = read(&value);
        if read.is_none() {
            self.fault(&format!("/{name}"), wrong);
        }
        read
    }

    /// A member that is there, and not as `null`.
    fn given(&mut self, name: &str) -> Option<Value> {
        self.members.remove(name).filter(|value| !value.is_null())
    }

    fn text(&mut self, name: &str) -> Option<String> {
        if self.members.get(name).is_none_or(Value::is_null) {
            self.members.remove(name);
            self.fault(&format!("/{name}"), "is needed");
            return None;
        }
        self.read(name, |value| value.as_str().map(ToOwned::to_owned), "not a string")
    }

    fn target(&mut self) -> Option<AggregateId> {
        let id = |value: &Value| AggregateId::parse(value.as_str()?).ok();
        self.read("target", id, "not 1 to 128 characters of A-Z a-z 0-9 . _ ~ -")
    }

    fn metadata(&mut self) -> BTreeMap<String, String> {
        let Some(value) = self.given("metadata") else { return BTreeMap::new() };
        let Value::Object(members) = value else {
            self.fault("/metadata", "not an object");
            return BTreeMap::new();
        };
        if members.len() > MOST_METADATA {
            self.fault("/metadata", &format!("more than {MOST_METADATA} entries"));
            return BTreeMap::new();
        }
        let mut metadata = BTreeMap::new();
        for (name, value) in members {
            match entry(&name, value) {
                Ok(value) => drop(metadata.insert(name, value)),
                Err(wrong) => self.fault(&format!("/metadata/{}", pointer(&name)), wrong),
            }
        }
        metadata
    }

    /// Whatever was not taken is unknown. Ends with every fault found, or with the command's type.
    fn finish(mut self, command_type: Option<String>) -> Result<String, Refusal> {
        let unknown: Vec<String> =
            self.members.keys().take(10).map(|name| format!("/{}", pointer(name))).collect();
        for name in unknown {
            self.fault(&name, "there is no such member");
        }
        match command_type {
            Some(command_type) if self.faults.is_empty() => Ok(command_type),
            _ => {
                self.faults.truncate(10);
                Err(Refusal::invalid(self.faults))
            }
        }
    }
}

/// The value of an entry of `metadata`, or what is wrong with the entry.
fn entry(name: &str, value: Value) -> Result<String, &'static str> {
    let printable = |text: &str| !text.contains(char::is_control);
    match value {
        _ if OWN_METADATA.contains(&name) => Err("the server sets this itself"),
        Value::String(value)
            if (1..=LONGEST_NAME).contains(&name.chars().count())
                && value.chars().count() <= LONGEST_VALUE =>
        {
            if printable(name) && printable(&value) {
                Ok(value)
            } else {
                Err("has control characters")
            }
        }
        _ => Err("not a string of at most 1024 characters under a name of 1 to 128"),
    }
}

fn pointer(name: &str) -> String {
    let shown: String = name.chars().take(LONGEST_NAME).collect();
    shown.replace('~', "~0").replace('/', "~1")
}

fn instant(value: &Value) -> Option<DateTime<Utc>> {
    let at = DateTime::parse_from_rfc3339(value.as_str()?).ok()?.to_utc();
    // What every store can keep.
    Some(at.trunc_subsecs(6))
}
