use std::sync::Arc;

use axum::http::StatusCode;
use schemars::JsonSchema;
use serde_json::{Value, json};

use super::Schemas;
use super::schemas::Shape;

/// An answer of an operation.
pub struct Answer {
    pub(super) status: StatusCode,
    pub(super) description: &'static str,
    pub(super) headers: &'static [&'static str],
    pub(super) content: Vec<Content>,
    /// The name that several operations know it by.
    pub(super) shared: Option<&'static str>,
}

/// A form that an answer may have.
pub(super) struct Content {
    pub(super) media: &'static str,
    pub(super) shape: Shape,
    /// Examples by name: in what each differs from the one that the schema makes. Without any, that one.
    pub(super) examples: Vec<(&'static str, Value)>,
}

impl Answer {
    /// An answer without a body.
    pub fn new(status: u16, description: &'static str) -> Self {
        let status = StatusCode::from_u16(status).unwrap_or(StatusCode::OK);
        Self { status, description, headers: &[], content: Vec::new(), shared: None }
    }

    /// With these headers.
    #[must_use]
    pub fn carrying(mut self, headers: &'static [&'static str]) -> Self {
        self.headers = headers;
        self
    }

    /// The same for several operations, under this name.
    #[must_use]
    pub fn shared(mut self, name: &'static str) -> Self {
        self.shared = Some(name);
        self
    }

    /// With a `T` as JSON.
    #[must_use]
    pub fn json<T: JsonSchema + 'static>(self) -> Self {
        self.shaped("application/json", Schemas::answered::<T>)
    }

    /// With a page of `T` as JSON, whose schema has this name.
    #[must_use]
    pub fn page<T: JsonSchema + 'static>(self, name: &'static str) -> Self {
        self.page_of(name, Schemas::answered::<T>)
    }

    /// With a page of such items as JSON, whose schema has this name.
    #[must_use]
    pub fn page_of(
        self,
        name: impl Into<String>,
        item: impl Fn(&mut Schemas) -> Value + Send + Sync + 'static,
    ) -> Self {
        let name = name.into();
        self.shaped("application/json", move |schemas| {
            let item = item(schemas);
            let page = json!({
                "type": "object",
                "required": ["items", "next_cursor"],
                "properties": {
                    "items": { "type": "array", "items": item },
                    "next_cursor": {
                        "type": ["string", "null"],
                        "description": "Where the next page begins; null on the last one.",
                    },
                },
            });
            schemas.named(&name, page)
        })
    }

    /// With text of a media type, such as this one.
    #[must_use]
    pub fn text(self, media: &'static str, example: &'static str) -> Self {
        self.shaped(media, move |_| json!({ "type": "string", "examples": [example] }))
    }

    /// With a body of that shape.
    #[must_use]
    pub fn shaped(
        mut self,
        media: &'static str,
        shape: impl Fn(&mut Schemas) -> Value + Send + Sync + 'static,
    ) -> Self {
        self.content.push(Content { media, shape: Arc::new(shape), examples: Vec::new() });
        self
    }

    /// With an example of the body named last, which differs from the usual one in these members.
    #[must_use]
    pub fn example(mut self, name: &'static str, change: Value) -> Self {
        if let Some(content) = self.content.last_mut() {
            content.examples.push((name, change));
        }
        self
    }
}
