use serde_json::{Value, json};

use super::names::snake_case;

/// A variant of an enumeration, as its schema has it.
#[derive(Clone, Debug)]
pub struct Variant {
    /// As serde calls it.
    pub name: String,
    /// The same in snake case.
    pub snake: String,
    /// Its description.
    pub text: String,
    /// The schema of its data.
    pub data: Value,
}

/// The variants of an enumeration that is written as serde does without being told otherwise, `{name: data}`; `None`
/// where the schema is of anything else.
pub fn variants(schema: &Value) -> Option<Vec<Variant>> {
    let parts = match schema.get("oneOf") {
        Some(parts) => parts.as_array()?.iter().map(variants_of).collect::<Option<Vec<_>>>()?,
        // An enumeration, but one of names alone.
        None if schema.get("enum").is_some() || schema.get("const").is_some() => vec![variants_of(schema)?],
        None => return None,
    };
    Some(parts.into_iter().flatten().collect())
}

fn variants_of(part: &Value) -> Option<Vec<Variant>> {
    let text = part["description"].as_str().unwrap_or_default();
    let variant = |name: &str, data: Value| Variant {
        name: name.to_owned(),
        snake: snake_case(name),
        text: text.to_owned(),
        data,
    };
    let plain = |name: &Value| {
        Some(variant(name.as_str()?, json!({ "type": "object", "additionalProperties": false })))
    };
    if let Some(name) = part.get("const") {
        return Some(vec![plain(name)?]);
    }
    if let Some(Value::Array(names)) = part.get("enum") {
        return names.iter().map(plain).collect();
    }
    let members = part.get("properties")?.as_object()?;
    let mut members = members.iter();
    match (members.next(), members.next()) {
        (Some((name, data)), None) if data.get("const").is_none() => Some(vec![variant(name, data.clone())]),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use schemars::JsonSchema;

    use super::*;

    #[derive(JsonSchema)]
    #[expect(dead_code, reason = "only its schema is wanted")]
    enum External {
        /// Opens it.
        OpenAccount {
            id: String,
        },
        Close,
        Freeze,
    }

    #[derive(JsonSchema)]
    #[serde(tag = "type")]
    #[expect(dead_code, reason = "only its schema is wanted")]
    enum Internal {
        Open { id: String },
    }

    #[test]
    fn variants_are_read_with_their_descriptions() {
        let all = variants(&schemars::schema_for!(External).to_value()).unwrap();
        let mut names: Vec<_> = all.iter().map(|one| (one.snake.as_str(), one.text.as_str())).collect();
        names.sort_unstable();
        assert_eq!(names, [("close", ""), ("freeze", ""), ("open_account", "Opens it.")]);
    }

    #[test]
    fn anything_else_has_none() {
        assert!(variants(&schemars::schema_for!(Internal).to_value()).is_none());
        assert!(variants(&schemars::schema_for!(u8).to_value()).is_none());
    }
}
