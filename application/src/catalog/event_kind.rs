use cqrs_es::Aggregate;
use schemars::JsonSchema;
use serde_json::Value;

use super::variants::variants;
use super::{RegistrationError, names, schema};

/// A kind of event.
#[derive(Clone, Debug)]
pub struct EventKind {
    /// `pet.reserved`
    pub name: String,
    /// What it means.
    pub text: String,
    /// The JSON Schema (2020-12) of its data.
    pub schema: Value,
}

/// The kinds of an aggregate's events, as the schema of its enumeration has them; none where it is no enumeration.
pub(super) fn of<A: Aggregate<Event: JsonSchema>>() -> Result<Vec<EventKind>, RegistrationError> {
    let schema = schema::whole_answered::<A::Event>();
    let tagged = schema["oneOf"].as_array().into_iter().flatten().map(tagged).collect::<Option<Vec<_>>>();
    let kinds = match tagged {
        Some(kinds) if !kinds.is_empty() => kinds,
        _ => {
            let variants = variants(&schema).unwrap_or_default();
            variants.into_iter().map(|one| (one.snake, one.text, one.data)).collect()
        }
    };
    let kind = |(name, text, schema): (String, String, Value)| {
        if names::is_past(&names::snake_case(&name)) {
            Ok(EventKind { name: format!("{}.{name}", A::TYPE), text, schema })
        } else {
            Err(RegistrationError::NotPast(format!("{}.{name}", A::TYPE)))
        }
    };
    kinds.into_iter().map(kind).collect()
}

/// Of an enumeration that says in a member `type` which variant it is.
fn tagged(schema: &Value) -> Option<(String, String, Value)> {
    let name = schema["properties"]["type"]["const"].as_str()?;
    let text = schema["description"].as_str().unwrap_or_default();
    Some((name.to_owned(), text.to_owned(), schema.clone()))
}
