//! What is said of a route, beside the route.

use std::borrow::Cow;
use std::sync::Arc;

use axum::http::Method;
use axum::routing::MethodRouter;
use serde_json::Value;

use super::schemas::Shape;
use super::{Answer, Parameter, Schemas};
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

/// What is said of a route.
pub struct Operation {
    pub(super) id: Cow<'static, str>,
    pub(super) tag: Cow<'static, str>,
    pub(super) summary: Cow<'static, str>,
    pub(super) description: Cow<'static, str>,
    pub(super) parameters: Vec<Parameter>,
    pub(super) body: Option<Body>,
    pub(super) answers: Vec<Answer>,
    pub(super) problems: Vec<Cow<'static, str>>,
}

pub(super) struct Body {
    pub(super) media: &'static str,
    pub(super) required: bool,
    pub(super) shape: Shape,
    /// By name; without any, the one that the schema makes.
    pub(super) examples: Vec<(String, Value)>,
}

/// What any request may be answered.
const ANY: &[&str] = &["misdirected-request"];
/// What a request that reads something may be answered.
const READ: &[&str] = &["malformed", "invalid-parameter", "not-acceptable"];
/// What any request that needs the store may be answered.
const STORE: &[&str] = &["internal", "store-unavailable"];

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
            problems: ANY.iter().map(|slug| Cow::Borrowed(*slug)).collect(),
        }
    }

    /// `listCommands`
    pub fn id(&self) -> &str {
        &self.id
    }

    /// The slugs of what it may be refused with.
    pub fn problems(&self) -> &[Cow<'static, str>] {
        &self.problems
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
        self.body = Some(Body { media, required, shape: Arc::new(shape), examples: Vec::new() });
        self
    }

    /// With examples of the body, by name.
    #[must_use]
    pub fn such_as(mut self, examples: impl IntoIterator<Item = (String, Value)>) -> Self {
        if let Some(body) = &mut self.body {
            body.examples.extend(examples);
        }
        self
    }

    /// With an answer.
    #[must_use]
    pub fn answers(mut self, answer: Answer) -> Self {
        self.answers.push(answer);
        self
    }

    /// With these problems, named by their slugs.
    #[must_use]
    pub fn refuses<S: Clone + Into<Cow<'static, str>>>(mut self, slugs: &[S]) -> Self {
        for slug in slugs.iter().cloned().map(Into::into) {
            if !self.problems.contains(&slug) {
                self.problems.push(slug);
            }
        }
        self
    }

    /// It reads something: with the problems of that, and these.
    #[must_use]
    pub fn reads(self, slugs: &[&'static str]) -> Self {
        self.refuses(READ).refuses(slugs)
    }

    /// It needs the store: with the problems of that, and these.
    #[must_use]
    pub fn reads_store(self, slugs: &[&'static str]) -> Self {
        self.reads(slugs).refuses(STORE)
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
