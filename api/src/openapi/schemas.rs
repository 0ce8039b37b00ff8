use std::collections::BTreeSet;

use schemars::transform::Transform;
use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde_json::{Map, Value};
use wilco_application::catalog::{schema, variants};

use super::examples;

/// A schema, made when the document is.
pub(crate) type Shape = std::sync::Arc<dyn Fn(&mut Schemas) -> Value + Send + Sync>;

/// Gathers the schemas that a document refers to. A type has one schema for what is sent (members with a default
/// may be missing) and one for what is answered (all members are there).
pub struct Schemas {
    sent: SchemaGenerator,
    answered: SchemaGenerator,
    own: Map<String, Value>,
}

impl Default for Schemas {
    fn default() -> Self {
        let generator = |settings: schemars::generate::SchemaSettings| {
            let settings = settings.with(|settings| {
                settings.definitions_path = "/components/schemas".into();
                settings.meta_schema = None;
            });
            settings.into_generator()
        };
        Self { sent: generator(schema::sent()), answered: generator(schema::answered()), own: Map::new() }
    }
}

impl Schemas {
    /// The schema of a `T` that clients send.
    pub fn sent<T: JsonSchema>(&mut self) -> Value {
        self.sent.subschema_for::<T>().to_value()
    }

    /// The schema of a `T` that the server answers.
    pub fn answered<T: JsonSchema>(&mut self) -> Value {
        self.answered.subschema_for::<T>().to_value()
    }

    /// The schema of a member of a `T` that the server answers.
    pub fn answered_member<T: JsonSchema>(&mut self, member: &str) -> Value {
        let schema = T::json_schema(&mut self.answered).to_value();
        // What the member's own description adds to the reference does not hold elsewhere.
        match schema["properties"][member].get("$ref") {
            Some(reference) => serde_json::json!({ "$ref": reference }),
            None => schema["properties"][member].clone(),
        }
    }

    /// The schema of the data of a command among `C`, itself and not a reference to it.
    pub fn sent_command<C: JsonSchema>(&mut self, verb: &str) -> Schema {
        let all = variants(&C::json_schema(&mut self.sent).to_value()).unwrap_or_default();
        let data = all.into_iter().find(|variant| variant.snake == verb).map(|variant| variant.data);
        let data = data.unwrap_or_default();
        // The data of a variant that wraps a struct are a reference to it.
        let name = data.get("$ref").and_then(Value::as_str).and_then(|path| path.rsplit('/').next());
        let whole = name.and_then(|name| self.sent.definitions().get(name).cloned()).unwrap_or(data);
        let mut whole = Schema::try_from(whole).unwrap_or_default();
        schema::Sent.transform(&mut whole);
        whole
    }

    /// Adds to the schema of a `T` that clients send what its type cannot say: members at a pointer below it.
    pub(crate) fn add_to_sent<T: JsonSchema>(&mut self, pointer: &str, members: Map<String, Value>) {
        self.sent::<T>();
        add(self.sent.definitions_mut().get_mut(&*T::schema_name()), pointer, members);
    }

    /// The same for one that the server answers.
    pub(crate) fn add_to_answered<T: JsonSchema>(&mut self, pointer: &str, members: Map<String, Value>) {
        self.answered::<T>();
        add(self.answered.definitions_mut().get_mut(&*T::schema_name()), pointer, members);
    }

    /// A schema under a name of its own.
    pub fn named(&mut self, name: &str, schema: Value) -> Value {
        self.own.insert(name.to_owned(), schema);
        serde_json::json!({ "$ref": format!("#/components/schemas/{name}") })
    }

    /// An instance of a schema.
    pub(super) fn example(&self, schema: &Value) -> Value {
        let places = [&self.own, self.sent.definitions(), self.answered.definitions()];
        examples::of(schema, &|name| places.iter().find_map(|place| place.get(name)))
    }

    /// All schemas that `document` leads to, by name. A type that is both sent and answered and looks different is
    /// there as it is answered; the test of the document sees to it that none is.
    pub(super) fn into_definitions(mut self, document: &Value) -> Map<String, Value> {
        let mut all = self.sent.take_definitions(true);
        all.extend(self.answered.take_definitions(true));
        all.extend(self.own);
        let mut reached = BTreeSet::new();
        reach(document, &all, &mut reached);
        all.retain(|name, _| reached.contains(name));
        all
    }

    /// Types that are both sent and answered and look different.
    #[cfg(test)]
    pub(super) fn clashes(mut self) -> Vec<String> {
        let answered = self.answered.take_definitions(true);
        let sent = self.sent.take_definitions(true);
        let differ = sent.iter().filter(|(name, one)| answered.get(*name).is_some_and(|other| other != *one));
        let names = differ.map(|(name, _)| name);
        names.chain(self.own.keys().filter(|name| answered.contains_key(*name))).cloned().collect()
    }
}

fn add(schema: Option<&mut Value>, pointer: &str, members: Map<String, Value>) {
    let place = schema.and_then(|schema| schema.pointer_mut(pointer)).and_then(Value::as_object_mut);
    if let Some(place) = place {
        place.extend(members);
    }
}

/// Gathers the names of the schemas that `value` leads to.
fn reach(value: &Value, all: &Map<String, Value>, reached: &mut BTreeSet<String>) {
    match value {
        Value::Array(items) => items.iter().for_each(|item| reach(item, all, reached)),
        Value::Object(members) => {
            let reference = members.get("$ref").and_then(Value::as_str);
            if let Some(name) = reference.and_then(|text| text.strip_prefix("#/components/schemas/"))
                && reached.insert(name.to_owned())
            {
                all.get(name).into_iter().for_each(|schema| reach(schema, all, reached));
            }
            members.values().for_each(|member| reach(member, all, reached));
        }
        _ => {}
    }
}
