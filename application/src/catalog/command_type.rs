use cqrs_es::Aggregate;
use jsonschema::Validator;
use schemars::generate::SchemaSettings;
use serde_json::Value;
use wilco_domain::kernel::{CommandKind, Effect, FieldError};

use super::RegistrationError;

/// A registered command type.
pub struct CommandType {
    name: String,
    verb: &'static str,
    aggregate: &'static str,
    effect: Effect,
    schema: Value,
    validator: Validator,
    decodes: fn(&Value) -> Result<(), serde_json::Error>,
}

/// A command type whose schema was not compiled yet.
pub(super) struct Unchecked {
    name: String,
    verb: &'static str,
    aggregate: &'static str,
    effect: Effect,
    schema: Value,
    decodes: fn(&Value) -> Result<(), serde_json::Error>,
}

impl Unchecked {
    pub(super) fn of<A: Aggregate, C: CommandKind<A>>() -> Self {
        let settings = SchemaSettings::draft2020_12().with(|settings| settings.inline_subschemas = true);
        let mut schema = settings.into_generator().into_root_schema_for::<C>();
        schema.remove("$schema");
        Self {
            name: format!("{}.{}", A::TYPE, C::VERB),
            verb: C::VERB,
            aggregate: A::TYPE,
            effect: C::EFFECT,
            schema: schema.to_value(),
            decodes: |data| C::deserialize(data).map(drop),
        }
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }

    pub(super) const fn verb(&self) -> &'static str {
        self.verb
    }

    pub(super) fn compile(self) -> Result<CommandType, RegistrationError> {
        let validator = jsonschema::draft202012::new(&self.schema)
            .map_err(|error| RegistrationError::Schema(self.name.clone(), error.to_string()))?;
        Ok(CommandType {
            name: self.name,
            verb: self.verb,
            aggregate: self.aggregate,
            effect: self.effect,
            schema: self.schema,
            validator,
            decodes: self.decodes,
        })
    }
}

impl CommandType {
    /// `pet.reserve`
    pub fn name(&self) -> &str {
        &self.name
    }

    /// `reserve`
    pub const fn verb(&self) -> &'static str {
        self.verb
    }

    /// `pet`
    pub const fn aggregate(&self) -> &'static str {
        self.aggregate
    }

    /// What it does to the aggregate's existence.
    pub const fn effect(&self) -> Effect {
        self.effect
    }

    /// The JSON Schema (2020-12) of its data.
    pub const fn schema(&self) -> &Value {
        &self.schema
    }

    /// What is wrong with `data`; nothing is, when the list is empty. Pointers are relative to the data.
    pub fn check(&self, data: &Value) -> Vec<FieldError> {
        // The happy path costs one pass; the errors, at most ten, are gathered only when there are some.
        if !self.validator.is_valid(data) {
            return self
                .validator
                .iter_errors(data)
                .take(10)
                .map(|error| field_error(&error, data))
                .collect();
        }
        // What the schema cannot say (a rule in a type's own `Deserialize`) must not surface in the worker.
        match (self.decodes)(data) {
            Ok(()) => Vec::new(),
            Err(error) => vec![FieldError { pointer: String::new(), detail: error.to_string() }],
        }
    }
}

/// Names the member at fault: a missing or surplus member is named itself, not the object around it.
fn field_error(error: &jsonschema::ValidationError<'_>, data: &Value) -> FieldError {
    use jsonschema::error::ValidationErrorKind as Kind;
    let mut pointer = error.instance_path().as_str().to_owned();
    let member = match error.kind() {
        Kind::Required { property } => property.as_str().map(ToOwned::to_owned),
        Kind::AdditionalProperties { unexpected } => unexpected.first().cloned(),
        // An object that may have no members at all is told of as this.
        Kind::FalseSchema => data
            .pointer(&pointer)
            .and_then(Value::as_object)
            .and_then(|members| members.keys().next().cloned()),
        _ => None,
    };
    if let Some(member) = member {
        pointer.push('/');
        pointer.push_str(&member.replace('~', "~0").replace('/', "~1"));
    }
    let mut detail = error.to_string();
    if detail.len() > 300 {
        // The message quotes the value, which may be long.
        let end = (0..=300).rev().find(|&at| detail.is_char_boundary(at)).unwrap_or(0);
        detail.truncate(end);
        detail.push('…');
    }
    FieldError { pointer, detail }
}
