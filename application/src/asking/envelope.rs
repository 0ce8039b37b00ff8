use std::collections::BTreeMap;
use std::sync::Arc;

use chrono::{DateTime, SubsecRound, Utc};
use serde_json::{Map, Value};
use uuid::Uuid;
use wilco_domain::kernel::{AggregateId, Caller, FieldError, Problem};

use super::refused::invalid;
use crate::catalog::{Catalog, CommandType, whole};
use crate::engine::Submission;
use crate::metadata::OWN_METADATA;

/// Where envelopes go over HTTP. An envelope is the same request whatever way it comes, so it is part of what is stored.
pub const PATH: &str = "/v1/commands";
/// Most entries of `metadata`.
pub const MOST_METADATA: usize = 32;
/// Longest name in `metadata`, in characters.
pub const LONGEST_NAME: usize = 128;
/// Longest value in `metadata`, in characters.
pub const LONGEST_VALUE: usize = 1024;

/// A command of any type, with all that can be said about it.
pub struct Envelope {
    /// Its type.
    pub command_type: Arc<CommandType>,
    /// The command's id, where the client chose one.
    pub id: Option<Uuid>,
    /// The aggregate's id.
    pub target: Option<AggregateId>,
    /// The command's own fields.
    pub data: Value,
    /// The version the aggregate is expected to have.
    pub expected_version: Option<i64>,
    /// Not to be applied earlier.
    pub not_before: Option<DateTime<Utc>>,
    /// Where to post the outcome.
    pub callback_url: Option<String>,
    /// Carried onto the events.
    pub metadata: BTreeMap<String, String>,
    /// What tells this request from another.
    pub fingerprint: [u8; 16],
}

impl Envelope {
    /// Reads an envelope; of one that is at fault, every member that is (at most ten).
    pub fn read(catalog: &Catalog, body: Value) -> Result<Self, Box<Problem>> {
        let fingerprint = Submission::fingerprint("POST", PATH, &body);
        let Value::Object(members) = body else {
            let fault = FieldError { pointer: String::new(), detail: "not an object".to_owned() };
            return Err(invalid(vec![fault]).into());
        };
        let mut envelope = Reader { members, faults: Vec::new() };
        let command_type = envelope.text("type");
        let id = envelope.read("id", |value| value.as_str()?.parse::<Uuid>().ok(), "not a UUID");
        let target = envelope.target();
        let data = envelope.given("data").unwrap_or_else(|| Value::Object(Map::new()));
        let expected_version = envelope.read("expected_version", version, "not a whole number from 0 on");
        let not_before = envelope.read("not_before", instant, "not a time as RFC 3339 writes it");
        let callback_url =
            envelope.read("callback_url", |value| value.as_str().map(ToOwned::to_owned), "not a string");
        let metadata = envelope.metadata();
        let command_type = envelope.finish(command_type)?;
        let known = catalog.command(&command_type).filter(|known| !known.is_internal());
        let Some(command_type) = known else {
            return Err(unknown(&command_type).into());
        };
        let command_type = Arc::clone(command_type);
        Ok(Self {
            command_type,
            id,
            target,
            data,
            expected_version,
            not_before,
            callback_url,
            metadata,
            fingerprint,
        })
    }

    /// What is asked for, in the name of this caller.
    pub fn submission(self, caller: Caller) -> Submission {
        Submission {
            id: self.id,
            target: self.target,
            expected_version: self.expected_version,
            not_before: self.not_before,
            callback_url: self.callback_url,
            metadata: self.metadata,
            fingerprint: self.fingerprint,
            ..Submission::new(caller, self.command_type, self.data)
        }
    }
}

fn unknown(command_type: &str) -> Problem {
    let shown: String = command_type.chars().take(100).collect();
    let detail = format!("no command of type {shown:?} is registered");
    Problem::new("unknown-command-type", 404, detail).field("/type", "not a registered command type")
}

fn version(value: &Value) -> Option<i64> {
    let version = value.as_i64().or_else(|| whole(value.as_f64()?));
    version.filter(|version| *version >= 0)
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
    fn finish(mut self, command_type: Option<String>) -> Result<String, Box<Problem>> {
        let unknown: Vec<String> =
            self.members.keys().take(10).map(|name| format!("/{}", pointer(name))).collect();
        for name in unknown {
            self.fault(&name, "there is no such member");
        }
        match command_type {
            Some(command_type) if self.faults.is_empty() => Ok(command_type),
            _ => {
                self.faults.truncate(10);
                Err(invalid(self.faults).into())
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
    FieldError::segment(&shown)
}

fn instant(value: &Value) -> Option<DateTime<Utc>> {
    let at = DateTime::parse_from_rfc3339(value.as_str()?).ok()?.to_utc();
    // What every store can keep.
    Some(at.trunc_subsecs(6))
}
