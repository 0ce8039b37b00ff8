//! How schemas are written, so that the tools that read them (generators of clients, fuzzers, forms) understand them.
//!
//! What must hold: everything that fits a schema of what is sent is taken at the door. The door may take more.

use schemars::generate::SchemaSettings;
use schemars::transform::{Transform, transform_subschemas};
use schemars::{JsonSchema, Schema};
use serde_json::{Value, json};

/// A text that any store can keep: PostgreSQL has no NUL.
const WITHOUT_NUL: &str = r"^[^\x00]*$";

/// For what clients send: members with a default may be missing.
pub fn sent() -> SchemaSettings {
    SchemaSettings::draft2020_12().with_transform(Sent)
}

/// For what the server answers: all members are there.
pub fn answered() -> SchemaSettings {
    SchemaSettings::draft2020_12().for_serialize().with_transform(Answered)
}

/// The schema of a `C` as its type has it, all in one. It is not written for others yet, see [`Sent`].
pub(super) fn whole<C: JsonSchema>() -> Value {
    let settings = SchemaSettings::draft2020_12().with(|settings| settings.inline_subschemas = true);
    C::json_schema(&mut settings.into_generator()).to_value()
}

/// The schema of an `E` that is answered, all in one.
pub fn whole_answered<E: JsonSchema>() -> Value {
    let settings = answered().with(|settings| settings.inline_subschemas = true);
    settings.into_generator().into_root_schema_for::<E>().to_value()
}

/// Writes a schema of what is sent.
#[derive(Clone)]
pub struct Sent;

/// Writes a schema of what is answered.
#[derive(Clone)]
struct Answered;

impl Transform for Answered {
    fn transform(&mut self, schema: &mut Schema) {
        list_values(schema);
        know_format(schema);
        transform_subschemas(self, schema);
    }
}

impl Transform for Sent {
    fn transform(&mut self, schema: &mut Schema) {
        be_absent(schema);
        list_values(schema);
        know_format(schema);
        exclude_nul(schema);
        be_closed(schema);
        transform_subschemas(self, schema);
    }
}

/// Values that each have a schema (for a description of their own) become one enumeration: several generators read
/// the former as alternatives, each of a type of its own.
fn list_values(schema: &mut Schema) {
    let Some(Value::Array(parts)) = schema.get("oneOf") else { return };
    let Some(listed) = parts.iter().map(listed).collect::<Option<Vec<_>>>() else { return };
    let texts: Vec<String> = listed
        .iter()
        .flat_map(|(values, text)| values.iter().map(move |value| (value, text)))
        .filter_map(|(value, text)| Some(format!("- `{}`: {}", value.as_str()?, (*text)?)))
        .collect();
    let description = schema.get("description").and_then(Value::as_str).unwrap_or_default();
    let description = format!("{description}\n\n{}", texts.join("\n"));
    let values: Vec<Value> = listed.into_iter().flat_map(|(values, _)| values).cloned().collect();
    schema.remove("oneOf");
    schema.insert("type".to_owned(), json!("string"));
    schema.insert("enum".to_owned(), values.into());
    schema.insert("description".to_owned(), json!(description.trim()));
}

/// The texts that a schema allows, if it allows no others, and what it says of them.
fn listed(schema: &Value) -> Option<(Vec<&Value>, Option<&str>)> {
    let values = match schema.get("enum") {
        Some(several) => several.as_array()?.iter().collect(),
        None => vec![schema.get("const")?],
    };
    values.iter().all(|value| value.is_string()).then(|| (values, schema["description"].as_str()))
}

/// OpenAPI knows signed integers of 32 and 64 bits; whatever is called otherwise becomes the smallest by default.
fn know_format(schema: &mut Schema) {
    let known = match schema.get("format").and_then(Value::as_str) {
        Some("int8" | "int16" | "uint8" | "uint16") => "int32",
        Some("uint32" | "uint64" | "uint" | "int") => "int64",
        _ => return,
    };
    schema.insert("format".to_owned(), json!(known));
}

/// An optional member is left out. The door takes `null` for that too, but a tool that reads of it sends `null` for
/// all that it has no value for, and one that reads of a default demands the member.
fn be_absent(schema: &mut Schema) {
    schema.remove("default");
    if let Some(Value::Array(types)) = schema.get_mut("type") {
        types.retain(|one| one != "null");
        if let [only] = types.as_slice() {
            let only = only.clone();
            schema.insert("type".to_owned(), only);
        }
    }
    let Some(Value::Array(parts)) = schema.get("anyOf") else { return };
    let is_null = |part: &&Value| part["type"] == "null";
    if let (1, [Value::Object(only)]) = (
        parts.iter().filter(is_null).count(),
        parts.iter().filter(|part| !is_null(part)).cloned().collect::<Vec<_>>().as_slice(),
    ) {
        schema.remove("anyOf");
        for (name, value) in only {
            if schema.get(name).is_none() {
                schema.insert(name.clone(), value.clone());
            }
        }
    }
}

/// What is not known is a mistake, and told of.
fn be_closed(schema: &mut Schema) {
    let is_open =
        ["additionalProperties", "unevaluatedProperties"].iter().all(|name| schema.get(*name).is_none());
    if schema.get("properties").is_some() && is_open {
        schema.insert("additionalProperties".to_owned(), json!(false));
    }
}

fn exclude_nul(schema: &mut Schema) {
    let is_text = schema.get("type").is_some_and(|kind| kind == "string");
    if is_text && ["pattern", "enum", "const", "format"].iter().all(|name| schema.get(*name).is_none()) {
        schema.insert("pattern".to_owned(), json!(WITHOUT_NUL));
    }
}

/// Takes out again what whoever reads the JSON has seen to: no text that is checked has a NUL, and to look for one is
/// most of what checking a command costs.
pub(super) fn take_texts_for_free_of_nul(schema: &mut Value) {
    match schema {
        Value::Object(members) => {
            members.retain(|name, value| name != "pattern" || value != WITHOUT_NUL);
            members.values_mut().for_each(take_texts_for_free_of_nul);
        }
        Value::Array(items) => items.iter_mut().for_each(take_texts_for_free_of_nul),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use schemars::JsonSchema;

    use super::*;

    /// Of a colour.
    #[derive(JsonSchema)]
    #[serde(rename_all = "snake_case")]
    #[expect(dead_code, reason = "only its schema is wanted")]
    enum Colour {
        /// As blood.
        Red,
        Green,
    }

    #[derive(JsonSchema)]
    struct Inner {
        _count: u16,
    }

    #[derive(Default, JsonSchema)]
    #[serde(default)]
    struct Thing {
        /// Its colour.
        colour: Option<Colour>,
        name: Option<String>,
        inner: Option<Inner>,
        version: u64,
    }

    fn of<T: JsonSchema>(settings: SchemaSettings) -> Value {
        settings
            .with(|settings| settings.inline_subschemas = true)
            .into_generator()
            .into_root_schema_for::<T>()
            .into()
    }

    #[test]
    fn values_are_one_enumeration_with_their_texts() {
        for settings in [sent(), answered()] {
            let schema = of::<Colour>(settings);
            assert_eq!(schema["type"], "string");
            let mut values = schema["enum"].as_array().unwrap().clone();
            values.sort_by_key(ToString::to_string);
            assert_eq!(values, ["green", "red"]);
            assert!(schema.get("oneOf").is_none());
            assert_eq!(schema["description"], "Of a colour.\n\n- `red`: As blood.");
        }
    }

    #[test]
    fn what_is_sent_has_no_nulls_no_defaults_and_no_nul() {
        let members = of::<Thing>(sent())["properties"].clone();
        assert_eq!(members["name"], json!({ "type": "string", "pattern": WITHOUT_NUL }));
        assert_eq!(members["colour"]["description"], "Its colour.\n\n- `red`: As blood.");
        assert_eq!(members["colour"]["type"], "string");
        assert_eq!(members["inner"]["type"], "object");
        assert_eq!(members["inner"]["properties"]["_count"]["format"], "int32");
        assert_eq!(members["version"]["format"], "int64");
        assert!(!members.to_string().contains("null") && !members.to_string().contains("default"));
    }

    #[test]
    fn what_is_answered_may_be_null() {
        let members = of::<Thing>(answered())["properties"].clone();
        assert_eq!(members["name"]["type"], json!(["string", "null"]));
        assert_eq!(members["version"]["format"], "int64");
    }
}
