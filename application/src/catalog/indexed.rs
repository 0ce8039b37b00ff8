use schemars::JsonSchema;
use serde_json::Value;

use super::{RegistrationError, schema};
use crate::ports::MemberValue;

/// A member of what a resource shows that lists can be filtered by.
#[derive(Clone, Debug)]
pub struct Indexed {
    /// Its name.
    pub name: &'static str,
    /// What it is.
    pub kind: MemberKind,
}

/// What the value of a member may be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MemberKind {
    /// Any text.
    Text,
    /// One of these texts.
    OneOf(Vec<String>),
    /// A whole number.
    Whole,
    /// Yes or no.
    YesNo,
}

impl Indexed {
    /// The member of that name of a `V`.
    pub(super) fn of<V: JsonSchema>(aggregate: &str, name: &'static str) -> Result<Self, RegistrationError> {
        let member = schema::whole_answered::<V>()["properties"][name].clone();
        let plain = name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
        match kind(&member).filter(|_| plain) {
            Some(kind) => Ok(Self { name, kind }),
            None => Err(RegistrationError::Indexed { member: name, aggregate: aggregate.to_owned() }),
        }
    }

    /// Reads a value as it is written in a query.
    pub fn read(&self, text: &str) -> Option<MemberValue> {
        match &self.kind {
            MemberKind::Text => Some(MemberValue::Text(text.to_owned())),
            MemberKind::OneOf(values) => {
                values.iter().find(|value| *value == text).cloned().map(MemberValue::Text)
            }
            MemberKind::Whole => text.parse().ok().map(MemberValue::Whole),
            MemberKind::YesNo => text.parse().ok().map(MemberValue::YesNo),
        }
    }
}

/// What a schema allows, if that is one scalar or nothing.
fn kind(schema: &Value) -> Option<MemberKind> {
    if let Some(Value::Array(parts)) = schema.get("anyOf") {
        let mut parts = parts.iter().filter(|part| part["type"] != "null");
        return parts.next().filter(|_| parts.next().is_none()).and_then(kind);
    }
    if let Some(Value::Array(values)) = schema.get("enum") {
        let texts = values.iter().filter(|value| !value.is_null()).map(|value| value.as_str());
        let texts = texts.map(|text| text.map(ToOwned::to_owned)).collect::<Option<_>>();
        return texts.map(MemberKind::OneOf);
    }
    let scalar = |kind: &Value| match kind.as_str()? {
        "string" => Some(MemberKind::Text),
        "integer" => Some(MemberKind::Whole),
        "boolean" => Some(MemberKind::YesNo),
        _ => None,
    };
    match schema.get("type")? {
        Value::Array(kinds) => {
            let mut kinds = kinds.iter().filter(|kind| *kind != "null");
            kinds.next().filter(|_| kinds.next().is_none()).and_then(scalar)
        }
        kind => scalar(kind),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(JsonSchema)]
    #[serde(rename_all = "snake_case")]
    #[expect(dead_code, reason = "only its schema is wanted")]
    enum Plan {
        Basic,
        Plus,
    }

    #[derive(JsonSchema)]
    #[expect(dead_code, reason = "only its schema is wanted")]
    struct View {
        plan: Option<Plan>,
        email: String,
        visits: Option<u32>,
        paid: bool,
        tags: Vec<String>,
        price: f64,
    }

    #[test]
    fn scalars_are_read_as_what_they_are() {
        let read = |name, text: &str| Indexed::of::<View>("member", name).unwrap().read(text);
        let text = |text: &str| Some(MemberValue::Text(text.to_owned()));
        assert_eq!(read("plan", "plus"), text("plus"));
        assert_eq!(read("plan", "gold"), None);
        assert_eq!(read("email", "a@b"), text("a@b"));
        assert_eq!(read("visits", "7"), Some(MemberValue::Whole(7)));
        assert_eq!(read("visits", "x"), None);
        assert_eq!(read("paid", "true"), Some(MemberValue::YesNo(true)));
    }

    #[test]
    fn what_is_no_scalar_is_refused_by_name() {
        for name in ["tags", "price", "nothing"] {
            let refused = Indexed::of::<View>("member", name).unwrap_err().to_string();
            assert!(refused.contains(name) && refused.contains("member"), "{refused}");
        }
    }
}
