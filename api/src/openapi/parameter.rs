use std::borrow::Cow;
use std::sync::Arc;

use serde_json::{Value, json};

use super::Schemas;
use super::schemas::Shape;

/// The ids of aggregates, of which `.` and `..` are none; at most 128 characters.
pub(crate) const AGGREGATE_ID: &str =
    r"^([A-Za-z0-9_~-]|\.[A-Za-z0-9_~-]|\.\.[A-Za-z0-9._~-])[A-Za-z0-9._~-]*$";
/// Entity tags with commas between, or `*`. A quotation mark is written so that it stands in any language's strings.
const ENTITY_TAGS: &str = r"^(\*|(W/)?\x22[!#-~]*\x22(, ?(W/)?\x22[!#-~]*\x22)*)$";

/// Addresses of HTTP, as they are mostly written.
pub(crate) const HTTP_URL: &str = r"^https?://[A-Za-z0-9.-]+(:[0-9]{1,5})?(/[!-~]*)?$";

/// A parameter of an operation.
#[derive(Clone)]
pub struct Parameter {
    pub(super) place: &'static str,
    pub(super) name: &'static str,
    pub(super) description: &'static str,
    pub(super) is_needed: bool,
    pub(super) schema: Shape,
    /// What tools fill in: only where that makes for a good first request. Other examples are in the schema.
    pub(super) example: Option<Value>,
    /// The name that several operations know it by.
    pub(super) shared: Option<Cow<'static, str>>,
}

impl Parameter {
    fn new(place: &'static str, name: &'static str, description: &'static str, schema: Value) -> Self {
        let schema: Shape = Arc::new(move |_| schema.clone());
        Self { place, name, description, is_needed: place == "path", schema, example: None, shared: None }
    }

    /// In the query.
    pub fn query(name: &'static str, description: &'static str, schema: Value) -> Self {
        Self::new("query", name, description, schema)
    }

    /// In the path.
    pub fn path(name: &'static str, description: &'static str, schema: Value, example: Value) -> Self {
        Self { example: Some(example), ..Self::new("path", name, description, schema) }
    }

    /// In a header.
    pub fn header(name: &'static str, description: &'static str, schema: Value) -> Self {
        Self::new("header", name, description, schema)
    }

    /// It has to be there.
    #[must_use]
    pub const fn needed(mut self) -> Self {
        self.is_needed = true;
        self
    }

    /// With a schema that the document has elsewhere too.
    #[must_use]
    pub fn shaped(mut self, schema: impl Fn(&mut Schemas) -> Value + Send + Sync + 'static) -> Self {
        self.schema = Arc::new(schema);
        self
    }

    /// The same for several operations, under this name.
    #[must_use]
    pub fn shared(mut self, name: impl Into<Cow<'static, str>>) -> Self {
        self.shared = Some(name.into());
        self
    }

    /// `limit`
    pub fn limit(usual: u32, most: u32) -> Self {
        let schema = json!({
            "type": "integer", "format": "int32", "minimum": 1, "maximum": most, "default": usual,
            "examples": [usual],
        });
        Self::query("limit", "Most items of a page.", schema).shared(format!("LimitOf{most}"))
    }

    /// `cursor`, such as this one of that list
    pub fn cursor(list: &str, example: &str) -> Self {
        let schema = json!({
            "type": "string", "pattern": "^[A-Za-z0-9_-]+$", "maxLength": 2048, "examples": [example],
        });
        let shared = format!("{}Cursor", super::pascal(list));
        Self::query("cursor", "The `next_cursor` of the page before.", schema).shared(shared)
    }

    /// `If-None-Match` of a request for something
    pub fn if_none_match() -> Self {
        let text = "The `ETag` of what the client has: 304 if it is still that.";
        Self::header("If-None-Match", text, entity_tags("\"3\"")).shared("IfNoneMatch")
    }

    /// `If-Match` of a command
    pub fn if_match() -> Self {
        let text = "The `ETag` that the resource must have, else 412; `*`: it must be there.";
        Self::header("If-Match", text, entity_tags("*")).shared("IfMatch")
    }

    /// `If-None-Match` of a command
    pub fn if_absent() -> Self {
        let text = "`*`: only if there is no such resource, else 412.";
        Self::header("If-None-Match", text, entity_tags("*")).shared("IfAbsent")
    }

    /// `Idempotency-Key`; the example is one for the operation alone, as a key is.
    pub fn idempotency_key(operation: &str) -> Self {
        let text = "1–255 visible characters, bare or quoted. The same key and the same request: the same command, \
                    however often. The same key and another request: 422.";
        let schema = json!({
            "type": "string",
            // Bare ones do not begin with a quotation mark; within quotation marks a backslash stands before one.
            "pattern": r"^([!#-~][!-~]{0,254}|\x22[!#-\[\]-~]{1,255}\x22)$",
            "examples": [format!("{operation}-1")],
        });
        Self::header("Idempotency-Key", text, schema)
    }

    /// `Callback-Url` of a command
    pub fn callback_url() -> Self {
        let text = "Where to post how the command ends: a CloudEvent, signed as Standard Webhooks say, and tried again for \
                    a day.";
        let schema = json!({ "type": "string", "maxLength": 2048, "pattern": HTTP_URL,
            "examples": ["https://shop.example/outcomes"] });
        Self::header("Callback-Url", text, schema).shared("CallbackUrl")
    }

    /// `Prefer` of a command
    pub fn prefer() -> Self {
        let text = "`wait=N`: hold the answer until the command is settled, at most N seconds (60 at most).";
        let prefer = Self::header("Prefer", text, json!({ "type": "string" })).shared("Prefer");
        Self { example: Some(json!("wait=10")), ..prefer }
    }

    /// `traceparent`
    pub fn traceparent() -> Self {
        let schema = json!({
            "type": "string",
            "examples": ["00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"],
        });
        let text =
            "W3C Trace Context: carried through the command onto its events. A malformed one is ignored.";
        Self::header("traceparent", text, schema).shared("Traceparent")
    }

    /// `{id}` of an aggregate of this type.
    pub fn aggregate_id(aggregate: &str) -> Self {
        let example = json!(format!("{aggregate}-42"));
        let schema = json!({ "type": "string", "minLength": 1, "maxLength": 128, "pattern": AGGREGATE_ID });
        Self::path("id", "The id of the resource.", schema, example)
            .shared(format!("{}Id", super::pascal(aggregate)))
    }

    /// `{id}` of a command.
    pub fn command_id() -> Self {
        let schema = json!({ "type": "string", "format": "uuid" });
        let example = json!("018f4c7e-5a10-7c3e-9d2b-6f1a2b3c4d5e");
        Self::path("id", "The id of the command.", schema, example).shared("CommandId")
    }
}

fn entity_tags(example: &str) -> Value {
    json!({ "type": "string", "pattern": ENTITY_TAGS, "examples": [example] })
}
