use chrono::TimeDelta;
use jsonschema::Validator;
use schemars::Schema;
use schemars::transform::Transform as _;
use serde::de::DeserializeOwned;
use serde_json::Value;
use serde_path_to_error::Segment;
use wilco_domain::kernel::{Effect, FieldError};

use super::variants::Variant;
use super::{RegistrationError, names, plain, schema, tagged};

/// Tells whether the data can be read as this variant of the commands, or which member cannot.
type Decodes = fn(&str, &Value) -> Result<(), FieldError>;

/// A registered command type.
pub struct CommandType {
    name: String,
    aggregate: &'static str,
    process: Option<&'static str>,
    internal: bool,
    effect: Effect,
    keyed_by_target: bool,
    patience: Option<TimeDelta>,
    fails: Option<&'static [&'static str]>,
    text: String,
    schema: Value,
    validator: Validator,
    variant: String,
    decodes: Decodes,
}

/// A command type whose schema was not compiled yet.
pub(super) struct Unchecked {
    variant: Variant,
    aggregate: &'static str,
    /// Whose it is, if it is a process'.
    pub(super) process: Option<&'static str>,
    /// Only processes may ask for it.
    pub(super) internal: bool,
    pub(super) effect: Effect,
    /// Its target alone says which command it is.
    pub(super) keyed_by_target: bool,
    /// For so long it waits for what it is for.
    pub(super) patience: Option<TimeDelta>,
    pub(super) fails: Option<&'static [&'static str]>,
    decodes: Decodes,
}

impl Unchecked {
    /// Of a variant of the commands `C` of an aggregate.
    pub(super) fn of<C: DeserializeOwned>(aggregate: &'static str, mut variant: Variant) -> Self {
        if let Ok(data) = <&mut Schema>::try_from(&mut variant.data) {
            schema::Sent.transform(data);
        }
        let (effect, fails, decodes) = (Effect::Either, None, decodes::<C> as Decodes);
        Self {
            variant,
            aggregate,
            process: None,
            internal: false,
            effect,
            keyed_by_target: false,
            patience: None,
            fails,
            decodes,
        }
    }

    /// Of a type that is the data of one command alone.
    pub(super) fn whole<C: DeserializeOwned>(aggregate: &'static str, variant: Variant) -> Self {
        Self { decodes: decodes_whole::<C>, ..Self::of::<C>(aggregate, variant) }
    }

    /// As serde calls it.
    pub(super) fn name(&self) -> &str {
        &self.variant.name
    }

    pub(super) fn verb(&self) -> &str {
        &self.variant.snake
    }

    pub(super) fn compile(self) -> Result<CommandType, RegistrationError> {
        let Self { variant, aggregate, process, internal, effect, keyed_by_target, patience, fails, decodes } =
            self;
        let name = format!("{aggregate}.{}", variant.snake);
        if !names::is_snake_case(&variant.snake) {
            return Err(RegistrationError::Name(name));
        }
        if !names::is_imperative(&variant.snake) {
            return Err(RegistrationError::NotImperative(name));
        }
        let mut checked = variant.data.clone();
        schema::take_texts_for_free_of_nul(&mut checked);
        let validator = jsonschema::draft202012::options()
            .should_validate_formats(true)
            .build(&checked)
            .map_err(|error| RegistrationError::Schema(name.clone(), error.to_string()))?;
        let Variant { name: variant, text, data: schema, .. } = variant;
        Ok(CommandType {
            name,
            aggregate,
            process,
            internal,
            effect,
            keyed_by_target,
            patience,
            fails,
            text,
            schema,
            validator,
            variant,
            decodes,
        })
    }
}

impl CommandType {
    /// `pet.reserve`
    pub fn name(&self) -> &str {
        &self.name
    }

    /// `reserve`
    pub fn verb(&self) -> &str {
        self.name.split_once('.').map_or("", |(_, verb)| verb)
    }

    /// `pet`
    pub const fn aggregate(&self) -> &'static str {
        self.aggregate
    }

    /// The process that handles it, if it is not the aggregate.
    pub const fn process(&self) -> Option<&'static str> {
        self.process
    }

    /// Whether only processes may ask for it.
    pub const fn is_internal(&self) -> bool {
        self.internal
    }

    /// What it does to the aggregate's existence.
    pub const fn effect(&self) -> Effect {
        self.effect
    }

    /// Whether its target alone says which command it is: another request for the same target is a reuse of its key.
    pub const fn is_keyed_by_target(&self) -> bool {
        self.keyed_by_target
    }

    /// For how long it waits for what it is for, if that is not there yet.
    pub const fn patience(&self) -> Option<TimeDelta> {
        self.patience
    }

    /// The slugs of those of the aggregate's refusals that it may meet; `None`: any of them.
    pub const fn fails(&self) -> Option<&'static [&'static str]> {
        self.fails
    }

    /// What is said of it: in the first paragraph what it is for, then what else there is to know.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The JSON Schema (2020-12) of its data.
    pub const fn schema(&self) -> &Value {
        &self.schema
    }

    /// What is wrong with `data`; nothing is, when the list is empty. Pointers are relative to the data, which
    /// comes out as the command's type reads it: without members that are `null` for absent, and with whole numbers
    /// that are written as such.
    pub fn check(&self, data: &mut Value) -> Vec<FieldError> {
        // The happy path costs one pass; all else is for what does not fit at once.
        if self.fits(data) {
            return Vec::new();
        }
        plain::write(data, &self.schema);
        let errors: Vec<FieldError> = self
            .validator
            .iter_errors(data)
            .take(MOST_ERRORS)
            .map(|error| field_error(&error, data))
            .collect();
        if errors.is_empty() {
            (self.decodes)(&self.variant, data).err().into_iter().collect()
        } else {
            errors
        }
    }

    /// What the schema cannot say (a rule in a type's own `Deserialize`) must not surface in the worker.
    fn fits(&self, data: &Value) -> bool {
        self.validator.is_valid(data) && (self.decodes)(&self.variant, data).is_ok()
    }
}

/// Errors that are named at once.
const MOST_ERRORS: usize = 10;

/// Reads the data as this variant of a `C`, or names the member that cannot be read.
fn decodes<C: DeserializeOwned>(variant: &str, data: &Value) -> Result<(), FieldError> {
    if tagged::read::<C, _>(variant, data).is_ok() {
        return Ok(());
    }
    let mut track = serde_path_to_error::Track::new();
    let told = serde_path_to_error::Deserializer::new(data, &mut track);
    tagged::read::<C, _>(variant, told).map(drop).map_err(|error| at_fault(&track.path(), &error))
}

/// The same of a type that is the data of one command alone.
fn decodes_whole<C: DeserializeOwned>(_: &str, data: &Value) -> Result<(), FieldError> {
    serde_path_to_error::deserialize::<_, C>(data)
        .map(drop)
        .map_err(|error| at_fault(error.path(), error.inner()))
}

fn at_fault(path: &serde_path_to_error::Path, error: &serde_json::Error) -> FieldError {
    let mut pointer = String::new();
    for segment in path {
        match segment {
            Segment::Seq { index } => push_segment(&mut pointer, &index.to_string()),
            Segment::Map { key: name } | Segment::Enum { variant: name } => push_segment(&mut pointer, name),
            Segment::Unknown => {}
        }
    }
    FieldError { pointer, detail: error.to_string() }
}

fn push_segment(pointer: &mut String, name: &str) {
    pointer.push('/');
    pointer.push_str(&FieldError::segment(name));
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
        push_segment(&mut pointer, &member);
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

#[cfg(test)]
mod tests {
    use schemars::JsonSchema;
    use serde::Deserialize;
    use serde_json::json;

    use super::*;
    use crate::catalog::variants;

    #[derive(Deserialize, JsonSchema)]
    enum Commands {
        Take(#[expect(dead_code, reason = "only read")] Data),
    }

    #[derive(Deserialize, JsonSchema)]
    #[expect(dead_code, reason = "only read")]
    struct Data {
        amount: i64,
        #[serde(default)]
        tags: Vec<String>,
        note: Option<String>,
        inner: Option<Inner>,
        #[schemars(email)]
        email: Option<String>,
        id: Option<uuid::Uuid>,
        at: Option<chrono::DateTime<chrono::Utc>>,
        #[schemars(url)]
        site: Option<String>,
    }

    #[derive(Deserialize, JsonSchema)]
    #[expect(dead_code, reason = "only read")]
    struct Inner {
        count: u8,
        #[serde(default)]
        words: Vec<String>,
    }

    fn check(data: &mut Value) -> Vec<String> {
        let variant = variants(&schema::whole::<Commands>()).unwrap().remove(0);
        let raw = Unchecked::of::<Commands>("a", variant);
        raw.compile().ok().unwrap().check(data).into_iter().map(|error| error.pointer).collect()
    }

    #[test]
    fn null_is_absence_where_a_member_is_optional() {
        let mut data =
            json!({ "amount": 1, "tags": null, "note": null, "inner": { "count": 1, "words": null } });
        assert_eq!(check(&mut data), [""; 0]);
        assert_eq!(data["tags"], Value::Null);
        assert!(!data.as_object().unwrap().contains_key("tags"));
        assert_eq!(data["inner"], json!({ "count": 1 }));
        assert_eq!(check(&mut json!({ "amount": null })), ["/amount"]);
        assert_eq!(check(&mut json!({ "amount": 1, "surplus": null })), ["/surplus"]);
    }

    #[test]
    fn a_whole_number_may_be_written_with_a_fraction_of_zero() {
        for text in ["12500.0", "1.25e4", "125e2"] {
            let mut data = json!({ "amount": serde_json::from_str::<Value>(text).unwrap() });
            assert_eq!(check(&mut data), [""; 0], "{text}");
            assert_eq!(data["amount"].as_i64(), Some(12500));
        }
        for text in ["1.5", "1e300", "9223372036854775808"] {
            let mut data = json!({ "amount": serde_json::from_str::<Value>(text).unwrap() });
            assert_eq!(check(&mut data), ["/amount"], "{text}");
        }
    }

    #[test]
    fn every_member_that_is_refused_is_named() {
        for (member, value, pointer) in [
            ("email", json!("nobody"), "/email"),
            ("id", json!("x"), "/id"),
            ("at", json!("tomorrow"), "/at"),
            ("site", json!("not a url"), "/site"),
            ("inner", json!({ "count": 256 }), "/inner/count"),
            ("inner", json!({ "count": 1, "words": ["a", 1] }), "/inner/words/1"),
        ] {
            let mut data = json!({ "amount": 1 });
            data[member] = value;
            let named = check(&mut data);
            assert_eq!(named, [pointer], "{data}");
        }
    }
}
