//! JSON in its plain spelling: what is absent is left out, what is whole is written so.

use serde_json::{Map, Value};

/// A number without a fraction, if an `i64` can hold it.
pub fn whole(number: f64) -> Option<i64> {
    /// 2⁶³, the first that is too large.
    const END: f64 = 9_223_372_036_854_775_808.0;
    (number.fract() == 0.0 && (-END..END).contains(&number)).then_some(number as i64)
}

/// Writes `data` as a reader of this schema's type expects it. The schema has no references.
pub(super) fn write(data: &mut Value, schema: &Value) {
    match data {
        Value::Object(members) => write_members(members, schema),
        Value::Array(items) => items.iter_mut().for_each(|item| write_inside(item, schema, "items")),
        Value::Number(number) => {
            if let Some(whole) = number.as_f64().filter(|_| number.is_f64()).and_then(whole) {
                *number = whole.into();
            }
        }
        Value::Null | Value::Bool(_) | Value::String(_) => {}
    }
}

fn write_inside(value: &mut Value, schema: &Value, place: &str) {
    for schema in shapes(schema).filter_map(|schema| schema.get(place)) {
        write(value, schema);
    }
}

fn write_members(members: &mut Map<String, Value>, schema: &Value) {
    for schema in shapes(schema) {
        let Some(known) = schema.get("properties").and_then(Value::as_object) else { continue };
        let required = schema.get("required").and_then(Value::as_array);
        let is_required = |name: &String| required.is_some_and(|names| names.iter().any(|one| one == name));
        members.retain(|name, value| !value.is_null() || is_required(name) || !known.contains_key(name));
        for (name, value) in members.iter_mut() {
            if let Some(schema) = known.get(name) {
                write(value, schema);
            }
        }
    }
}

/// A schema, and those it is made of: an optional struct is any of the struct and null.
fn shapes(schema: &Value) -> impl Iterator<Item = &Value> {
    let parts = ["anyOf", "oneOf", "allOf"].into_iter().filter_map(|name| schema.get(name)?.as_array());
    std::iter::once(schema).chain(parts.flatten())
}
