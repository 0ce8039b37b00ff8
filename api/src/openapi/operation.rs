//! What is said of a route, beside the route.

use std::borrow::Cow;
use std::sync::Arc;

use axum::http::{Method, StatusCode};
use axum::routing::MethodRouter;
use schemars::JsonSchema;
use serde_json::{Value, json};

use super::Schemas;
use crate::http::AppState;

/// A route: where it is, what handles it, what is said of it.
pub struct Route {
    /// Its method.
    pub method: Method,
    /// Its path, with parameters in braces.
    pub path: String,
    /// What handles it.
    pub handler: MethodRouter<AppState>,
    /// What is said of it.
    pub operation: Operation,
}

/// A schema, made when the document is.
type Shape = Arc<dyn Fn(&mut Schemas) -> Value + Send + Sync>;

/// What is said of a route.
pub struct Operation {
    pub(super) id: Cow<'static, str>,
    pub(super) tag: Cow<'static, str>,
    pub(super) summary: Cow<'static, str>,
    pub(super) description: Cow<'static, str>,
    pub(super) parameters: Vec<Parameter>,
    pub(super) body: Option<Body>,
    pub(super) answers: Vec<Answer>,
}

/// A parameter of an operation.
#[derive(Clone)]
pub struct Parameter {
    pub(super) place: &'static str,
    pub(super) name: &'static str,
    pub(super) description: &'static str,
    pub(super) schema: Value,
}

pub(super) struct Body {
    pub(super) media: &'static str,
    pub(super) required: bool,
    pub(super) shape: Shape,
}

/// An answer of an operation.
pub struct Answer {
    pub(super) status: StatusCode,
    pub(super) description: &'static str,
    pub(super) headers: &'static [&'static str],
    pub(super) content: Vec<(&'static str, Shape)>,
}

impl Operation {
    /// An operation of that id (`listCommands`) under that tag.
    pub fn new(
        tag: impl Into<Cow<'static, str>>,
        id: impl Into<Cow<'static, str>>,
        summary: impl Into<Cow<'static, str>>,
    ) -> Self {
        Self {
            id: id.into(),
            tag: tag.into(),
            summary: summary.into(),
            description: "".into(),
            parameters: Vec::new(),
            body: None,
            answers: Vec::new(),
        }
    }

    /// More than the summary says.
    #[must_use]
    pub fn describe(mut self, description: impl Into<Cow<'static, str>>) -> Self {
        self.description = description.into();
        self
    }

    /// With these parameters.
    #[must_use]
    pub fn takes(mut self, parameters: impl IntoIterator<Item = Parameter>) -> Self {
        self.parameters.extend(parameters);
        self
    }

    /// With a body.
    #[must_use]
    pub fn body(
        mut self,
        media: &'static str,
        required: bool,
        shape: impl Fn(&mut Schemas) -> Value + Send + Sync + 'static,
    ) -> Self {
        self.body = Some(Body { media, required, shape: Arc::new(shape) });
        self
    }

    /// With an answer.
    #[must_use]
    pub fn answers(mut self, answer: Answer) -> Self {
        self.answers.push(answer);
        self
    }

    /// With problems of these statuses.
    #[must_use]
    pub fn refuses(mut self, statuses: &[u16]) -> Self {
        for status in statuses {
            let status = StatusCode::from_u16(*status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
            let description = status.canonical_reason().unwrap_or("Refused");
            let problem = |schemas: &mut Schemas| schemas.answered::<wilco_domain::kernel::Problem>();
            let headers: &[&str] =
                if status == StatusCode::SERVICE_UNAVAILABLE { &["Retry-After"] } else { &[] };
            let answer = Answer::new(status.as_u16(), description).carrying(headers);
            self.answers.push(answer.shaped("application/problem+json", problem));
        }
        self
    }
}

impl Answer {
    /// An answer without a body.
    pub fn new(status: u16, description: &'static str) -> Self {
        let status = StatusCode::from_u16(status).unwrap_or(StatusCode::OK);
        Self { status, description, headers: &[], content: Vec::new() }
    }

    /// With these headers.
    #[must_use]
    pub fn carrying(mut self, headers: &'static [&'static str]) -> Self {
        self.headers = headers;
        self
    }

    /// With a `T` as JSON.
    #[must_use]
    pub fn json<T: JsonSchema + 'static>(self) -> Self {
        self.shaped("application/json", Schemas::answered::<T>)
    }

    /// With a page of `T` as JSON.
    #[must_use]
    pub fn page<T: JsonSchema + 'static>(self) -> Self {
        self.shaped("application/json", |schemas| {
            let item = schemas.answered::<T>();
            json!({
                "type": "object",
                "required": ["items", "next_cursor"],
                "properties": {
                    "items": { "type": "array", "items": item },
                    "next_cursor": {
                        "type": ["string", "null"],
                        "description": "Where the next page begins; null on the last one.",
                    },
                },
            })
        })
    }

    /// With text of a media type.
    #[must_use]
    pub fn text(self, media: &'static str) -> Self {
        self.shaped(media, |_| json!({ "type": "string" }))
    }

    /// With a body of that shape.
    #[must_use]
    pub fn shaped(
        mut self,
        media: &'static str,
        shape: impl Fn(&mut Schemas) -> Value + Send + Sync + 'static,
    ) -> Self {
        self.content.push((media, Arc::new(shape)));
        self
    }
}

impl Parameter {
    fn new(place: &'static str, name: &'static str, description: &'static str, schema: Value) -> Self {
        Self { place, name, description, schema }
    }

    /// In the query.
    pub fn query(name: &'static str, description: &'static str, schema: Value) -> Self {
        Self::new("query", name, description, schema)
    }

    /// In the path.
    pub fn path(name: &'static str, description: &'static str, schema: Value) -> Self {
        Self::new("path", name, description, schema)
    }

    /// In a header.
    pub fn header(name: &'static str, description: &'static str, schema: Value) -> Self {
        Self::new("header", name, description, schema)
    }

    /// `limit`
    pub fn limit(usual: u32, most: u32) -> Self {
        let schema = json!({ "type": "integer", "minimum": 1, "maximum": most, "default": usual });
        Self::query("limit", "Most items of a page.", schema)
    }

    /// `cursor`
    pub fn cursor() -> Self {
        Self::query("cursor", "The `next_cursor` of the page before.", json!({ "type": "string" }))
    }

    /// `If-None-Match`
    pub fn if_none_match() -> Self {
        let text = "The `ETag` of what the client has: 304 if it is still that.";
        Self::header("If-None-Match", text, json!({ "type": "string" }))
    }

    /// `Prefer`
    pub fn prefer() -> Self {
        let text = "`wait=N`: hold the answer until the command is settled, at most N seconds (60 at most).";
        Self::header("Prefer", text, json!({ "type": "string", "examples": ["wait=10"] }))
    }

    /// `{id}` of an aggregate.
    pub fn aggregate_id() -> Self {
        let schema = json!({ "type": "string", "pattern": "^[A-Za-z0-9._~-]{1,128}$" });
        Self::path("id", "The id of the resource.", schema)
    }

    /// `{id}` of a command.
    pub fn command_id() -> Self {
        Self::path("id", "The id of the command.", json!({ "type": "string", "format": "uuid" }))
    }
}

impl Route {
    /// A route for GET (and HEAD).
    pub fn get<H, T>(path: impl Into<String>, handler: H, operation: Operation) -> Self
    where
        H: axum::handler::Handler<T, AppState>,
        T: 'static,
    {
        Self { method: Method::GET, path: path.into(), handler: axum::routing::get(handler), operation }
    }

    /// A route for POST.
    pub fn post<H, T>(path: impl Into<String>, handler: H, operation: Operation) -> Self
    where
        H: axum::handler::Handler<T, AppState>,
        T: 'static,
    {
        Self { method: Method::POST, path: path.into(), handler: axum::routing::post(handler), operation }
    }

    /// A route for DELETE.
    pub fn delete<H, T>(path: impl Into<String>, handler: H, operation: Operation) -> Self
    where
        H: axum::handler::Handler<T, AppState>,
        T: 'static,
    {
        Self { method: Method::DELETE, path: path.into(), handler: axum::routing::delete(handler), operation }
    }
}
