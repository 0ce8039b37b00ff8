use std::borrow::Cow;
use std::fmt::Debug;
use std::marker::PhantomData;

use cqrs_es::{EventEnvelope, View};
use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{Decided, Decider};

/// What the resource of a decider shows, besides its `id` and `version`: its own state, or something else that is made
/// of its events. A member `status` can be filtered by.
pub trait Landing<T: Decider>:
    Clone + Debug + Default + Serialize + DeserializeOwned + JsonSchema + Send + Sync + 'static
{
    /// Takes note of what happened.
    fn apply(&mut self, event: T::Event);

    /// Whether the resource is gone (410).
    fn is_gone(&self) -> bool {
        false
    }
}

impl<T: Decider + JsonSchema> Landing<T> for T {
    fn apply(&mut self, event: T::Event) {
        Decider::apply(self, event);
    }

    fn is_gone(&self) -> bool {
        Decider::is_gone(self)
    }
}

/// An aggregate's own read model: what `GET /v1/{collection}/{id}` answers, written with its events.
pub trait LandingView {
    /// Whether the resource is gone (410).
    fn is_gone(&self) -> bool {
        false
    }
}

/// A [`Landing`] with the aggregate's id and version.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(bound = "V: Landing<T>")]
pub struct Shown<T: Decider, V: Landing<T>> {
    id: String,
    #[serde(flatten)]
    view: V,
    version: u64,
    #[serde(skip)]
    of: PhantomData<fn() -> T>,
}

impl<T: Decider, V: Landing<T>> Default for Shown<T, V> {
    fn default() -> Self {
        Self { id: String::new(), view: V::default(), version: 0, of: PhantomData }
    }
}

impl<T: Decider, V: Landing<T>> View<Decided<T>> for Shown<T, V> {
    fn update(&mut self, event: &EventEnvelope<Decided<T>>) {
        if self.version == 0 {
            self.id.clone_from(&event.aggregate_id);
        }
        self.version = event.sequence as u64;
        self.view.apply(event.payload.0.clone());
    }
}

impl<T: Decider, V: Landing<T>> LandingView for Shown<T, V> {
    fn is_gone(&self) -> bool {
        self.view.is_gone()
    }
}

impl<T: Decider, V: Landing<T>> JsonSchema for Shown<T, V> {
    fn schema_name() -> Cow<'static, str> {
        let name = V::schema_name();
        if name.ends_with("View") { name } else { format!("{name}View").into() }
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let mut schema = V::json_schema(generator);
        let kind = T::TYPE;
        add(
            &mut schema,
            "id",
            json!({
                "type": "string",
                "description": format!("The id of the {}.", kind.replace('_', " ")),
                "examples": [format!("{kind}-42")],
            }),
        );
        add(
            &mut schema,
            "version",
            json!({
                "type": "integer",
                "format": "uint64",
                "minimum": 0,
                "description": "The number of its latest event; also the `ETag`.",
                "examples": [1],
            }),
        );
        schema
    }
}

/// Adds a member that is always there.
fn add(schema: &mut Schema, name: &str, member: Value) {
    let members = schema.ensure_object();
    let properties = members.entry("properties").or_insert_with(|| json!({}));
    if let Value::Object(properties) = properties {
        properties.insert(name.to_owned(), member);
    }
    let required = members.entry("required").or_insert_with(|| json!([]));
    if let Value::Array(required) = required {
        required.push(name.into());
    }
}
