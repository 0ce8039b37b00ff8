//! Examples, made of the schemas: each member's own where its schema has one, else the least that fits.

use serde_json::{Value, json};

/// An instance of `schema`, whose references lead to what `named` finds.
pub(super) fn of<'s>(schema: &Value, named: &impl Fn(&str) -> Option<&'s Value>) -> Value {
    if let Some(own) = own(schema) {
        return own.clone();
    }
    if let Some(reference) = schema["$ref"].as_str() {
        let name = reference.rsplit('/').next().unwrap_or_default();
        return named(name).map_or(Value::Null, |schema| of(schema, named));
    }
    if let Some(part) = ["anyOf", "oneOf", "allOf"].iter().find_map(|name| schema[*name].get(0)) {
        return of(part, named);
    }
    match schema["type"].as_str() {
        Some("object") => {
            let members = schema["properties"].as_object().into_iter().flatten();
            members.map(|(name, member)| (name.clone(), of(member, named))).collect()
        }
        Some("array") => json!([of(&schema["items"], named)]),
        Some("string") => text(schema),
        Some("integer" | "number") => schema.get("minimum").cloned().unwrap_or_else(|| json!(1)),
        Some("boolean") => json!(true),
        // Several types: null is one of them.
        _ => Value::Null,
    }
}

/// What a schema has itself.
fn own(schema: &Value) -> Option<&Value> {
    schema.get("const").or_else(|| schema["examples"].get(0)).or_else(|| schema["enum"].get(0))
}

fn text(schema: &Value) -> Value {
    match schema["format"].as_str() {
        Some("uuid") => json!("018f4c7e-5a10-7c3e-9d2b-6f1a2b3c4d5e"),
        Some("date-time") => json!("2026-01-01T09:00:00.000000Z"),
        _ => json!("text"),
    }
}

/// An example that differs from `base` in the members of `change`.
pub(super) fn changed(mut base: Value, change: &Value) -> Value {
    match (base.as_object_mut(), change.as_object()) {
        (Some(members), Some(change)) => members.extend(change.clone()),
        _ => base = change.clone(),
    }
    base
}
