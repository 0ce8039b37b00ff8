//! Whose code made a snapshot or a view.
//!
//! Both are folded from events by code of one build of the program, and outlive it. Beside each stands the
//! *fingerprint* of that code, bound to the version of the row: `{hash}@{version}`. A row of another fingerprint is
//! *stale*, and as good as none; so is one of a build that knew nothing of fingerprints, since it changed the version
//! and left the fingerprint alone.
//!
//! What can be seen of code is the shape of what it makes: of a view its JSON Schema, of a state the JSON of its
//! default. What means something else in the same shape its author has to tell, by a revision number:
//! [`AggregateRegistration::revision`](super::AggregateRegistration::revision).

use cqrs_es::Aggregate;
use schemars::JsonSchema;
use schemars::generate::SchemaSettings;
use serde_json::Value;
use xxhash_rust::xxh3::xxh3_64;

/// The fingerprints of an aggregate type's code.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Fingerprints {
    /// Of its state.
    pub(super) state: String,
    /// Of its landing view.
    pub(super) view: String,
}

impl Fingerprints {
    pub(super) fn of<A: Aggregate, V: JsonSchema>(revision: u32) -> Self {
        let state = serde_json::to_value(A::default()).unwrap_or_default();
        Self { state: hash(&state, revision), view: hash(&shape::<V>(), revision) }
    }
}

/// The shape of a view: its schema without its texts.
fn shape<V: JsonSchema>() -> Value {
    let settings = SchemaSettings::draft2020_12().for_serialize();
    let mut schema = settings.into_generator().into_root_schema_for::<V>().to_value();
    forget_texts(&mut schema);
    schema
}

/// What is stored beside a row of this version.
pub(super) fn mark(fingerprint: &str, version: i64) -> String {
    format!("{fingerprint}@{version}")
}

/// Whether a row of this version, with this beside it, was made by the code of this fingerprint.
pub fn is_current(stored: Option<&str>, fingerprint: &str, version: i64) -> bool {
    let parts = stored.and_then(|stored| stored.rsplit_once('@'));
    parts.is_some_and(|(made_by, of)| made_by == fingerprint && of.parse() == Ok(version))
}

fn hash(shape: &Value, revision: u32) -> String {
    format!("{:016x}", xxh3_64(format!("{revision} {shape}").as_bytes()))
}

/// What is only said about members is no part of their shape. A member that bears such a name is an object here.
fn forget_texts(schema: &mut Value) {
    match schema {
        Value::Object(members) => {
            members.retain(|name, value| match name.as_str() {
                "title" | "description" | "$comment" => !value.is_string(),
                "examples" => !value.is_array(),
                _ => true,
            });
            members.values_mut().for_each(forget_texts);
        }
        Value::Array(items) => items.iter_mut().for_each(forget_texts),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A view.
    #[derive(JsonSchema)]
    #[expect(dead_code, reason = "only its schema is looked at")]
    struct Old {
        /// One thing.
        description: String,
    }

    /// The same with other words.
    #[derive(JsonSchema)]
    #[expect(dead_code, reason = "only its schema is looked at")]
    struct Reworded {
        /// Something.
        description: String,
    }

    #[derive(JsonSchema)]
    #[expect(dead_code, reason = "only its schema is looked at")]
    struct Grown {
        description: String,
        more: Option<u32>,
    }

    fn view<V: JsonSchema>(revision: u32) -> String {
        hash(&shape::<V>(), revision)
    }

    #[test]
    fn another_shape_or_revision_is_another_fingerprint_and_other_words_are_not() {
        assert_eq!(view::<Old>(0), view::<Reworded>(0));
        assert_ne!(view::<Old>(0), view::<Grown>(0));
        assert_ne!(view::<Old>(0), view::<Old>(1));
    }

    #[test]
    fn a_fingerprint_holds_for_the_version_it_was_written_at() {
        let stored = mark("abc", 7);
        assert!(is_current(Some(&stored), "abc", 7));
        assert!(!is_current(Some(&stored), "abc", 8), "somebody wrote version 8 and knew nothing of this");
        assert!(!is_current(Some(&stored), "abd", 7));
        assert!(!is_current(Some("abc"), "abc", 7));
        assert!(!is_current(None, "abc", 7));
    }
}
