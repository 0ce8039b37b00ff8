use schemars::generate::SchemaSettings;
use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde_json::{Map, Value};

/// Gathers the schemas that a document refers to. A type has one schema for what is sent (members with a default
/// may be missing) and one for what is answered (all members are there).
pub struct Schemas {
    sent: SchemaGenerator,
    answered: SchemaGenerator,
    own: Map<String, Value>,
}

impl Default for Schemas {
    fn default() -> Self {
        let settings = || {
            SchemaSettings::draft2020_12().with(|settings| {
                settings.definitions_path = "/components/schemas".into();
                settings.meta_schema = None;
            })
        };
        Self {
            sent: settings().into_generator(),
            answered: settings().for_serialize().into_generator(),
            own: Map::new(),
        }
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

    /// The schema of a `T` that clients send, itself and not a reference to it.
    pub fn sent_whole<T: JsonSchema>(&mut self) -> Schema {
        let schema = T::json_schema(&mut self.sent);
        // A transparent struct has the schema of what it wraps, which may be a reference.
        let name = schema.get("$ref").and_then(Value::as_str).and_then(|path| path.rsplit('/').next());
        match name.and_then(|name| self.sent.definitions().get(name).cloned()) {
            Some(referred) => referred.try_into().unwrap_or(schema),
            None => schema,
        }
    }

    /// A schema under a name of its own.
    pub fn named(&mut self, name: &str, schema: Value) -> Value {
        self.own.insert(name.to_owned(), schema);
        serde_json::json!({ "$ref": format!("#/components/schemas/{name}") })
    }

    /// Types that are both sent and answered and look different.
    #[cfg(test)]
    pub(super) fn clashes(&self) -> Vec<&String> {
        let answered = self.answered.definitions();
        let other =
            |(name, schema): &(&String, &Value)| answered.get(*name).is_some_and(|one| one != *schema);
        let sent = self.sent.definitions().iter().filter(other).map(|(name, _)| name);
        sent.chain(self.own.keys().filter(|name| answered.contains_key(*name))).collect()
    }

    /// All schemas that were referred to, by name. A type that is both sent and answered and looks different is
    /// there as it is answered; the test of the document sees to it that none is.
    pub(super) fn into_definitions(mut self) -> Map<String, Value> {
        let mut all = self.sent.take_definitions(true);
        all.extend(self.answered.take_definitions(true));
        all.extend(self.own);
        all
    }
}
