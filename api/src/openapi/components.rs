//! What the document says once and refers to from where it is meant.

use std::fmt::Write as _;

use axum::http::StatusCode;
use serde_json::{Map, Value, json};
use wilco_domain::kernel::Problem;

use super::answer::{Answer, Content};
use super::{Parameter, Schemas, examples, pascal};
use crate::problems::{CATALOGUE, Catalogue, Slug};

/// Gathers it.
pub(super) struct Components<'a> {
    pub(super) schemas: Schemas,
    /// The slugs of the problems that a command may fail with by the rules of its aggregate.
    failures: &'a [Slug],
    pub(super) problems: &'a Catalogue,
    parameters: Map<String, Value>,
    responses: Map<String, Value>,
    examples: Map<String, Value>,
    /// Names that stand for two things.
    pub(super) clashes: Vec<String>,
}

impl<'a> Components<'a> {
    pub(super) fn new(schemas: Schemas, failures: &'a [Slug], problems: &'a Catalogue) -> Self {
        Self {
            schemas,
            failures,
            problems,
            parameters: Map::new(),
            responses: Map::new(),
            examples: Map::new(),
            clashes: Vec::new(),
        }
    }

    /// A parameter, or a reference to it.
    pub(super) fn parameter(&mut self, parameter: &Parameter) -> Value {
        let mut value = json!({
            "in": parameter.place,
            "name": parameter.name,
            "description": parameter.description,
            "required": parameter.is_needed,
            "schema": (parameter.schema)(&mut self.schemas),
        });
        if let Some(example) = &parameter.example {
            value["example"] = example.clone();
        }
        match &parameter.shared {
            Some(name) => share(&mut self.parameters, &mut self.clashes, "parameters", name, value),
            None => value,
        }
    }

    /// An answer, or a reference to it.
    pub(super) fn answer(&mut self, answer: &Answer) -> Value {
        let content = answer.content.iter().map(|content| (content.media.to_owned(), self.content(content)));
        let content: Map<String, Value> = content.collect();
        let value = response(answer.description, answer.headers, content);
        match answer.shared {
            Some(name) => share(&mut self.responses, &mut self.clashes, "responses", name, value),
            None => value,
        }
    }

    fn content(&mut self, content: &Content) -> Value {
        let schema = (content.shape)(&mut self.schemas);
        let usual = self.schemas.example(&schema);
        if content.examples.is_empty() {
            return json!({ "schema": schema, "example": usual });
        }
        let mut all = Map::new();
        for (name, change) in &content.examples {
            let value = json!({ "value": examples::changed(usual.clone(), change) });
            let reference = share(&mut self.examples, &mut self.clashes, "examples", name, value);
            all.insert((*name).to_owned(), reference);
        }
        json!({ "schema": schema, "examples": all })
    }

    /// The refusals of one status, by their slugs: a reference.
    pub(super) fn refusal(&mut self, status: StatusCode, slugs: &[&str]) -> Value {
        let name = slugs.iter().map(|slug| pascal(slug)).collect::<Vec<_>>().join("Or");
        let mut description = format!("{}:", status.canonical_reason().unwrap_or("Refused"));
        let mut shown = Map::new();
        for slug in slugs {
            let comma = if shown.is_empty() { "" } else { "," };
            let _ = write!(description, "{comma} `{slug}`");
            let value = json!({ "value": self.problem(slug) });
            let reference = share(&mut self.examples, &mut self.clashes, "examples", slug, value);
            shown.insert((*slug).to_owned(), reference);
        }
        let schema = self.schemas.answered::<Problem>();
        let content = json!({ "schema": schema, "examples": shown });
        let content = [("application/problem+json".to_owned(), content)].into_iter().collect();
        let headers: &[&str] = match status {
            StatusCode::SERVICE_UNAVAILABLE => &["Retry-After"],
            StatusCode::UNAUTHORIZED => &["WWW-Authenticate"],
            StatusCode::UNSUPPORTED_MEDIA_TYPE => &["Accept-Encoding"],
            StatusCode::NOT_FOUND if slugs.contains(&"not-yet") => &["Retry-After", "Link"],
            // It may be the outcome of a command that was waited for.
            _ if slugs.iter().any(|slug| self.is_outcome(slug)) => OF_OUTCOMES,
            _ => &[],
        };
        let value = response(&format!("{description}."), headers, content);
        share(&mut self.responses, &mut self.clashes, "responses", &name, value)
    }

    /// Whether a command may fail with this problem.
    fn is_outcome(&self, slug: &str) -> bool {
        ["not-found", "gone", "version-conflict", "cancelled", "undeliverable", "timed-out", "internal"]
            .contains(&slug)
            || self.failures.iter().any(|failure| failure == slug)
    }

    /// A problem as it may be answered.
    fn problem(&self, slug: &str) -> Value {
        let entry = self.problems.find(slug).unwrap_or(&CATALOGUE[0]);
        let detail = entry.text.split_inclusive(['.', ':']).next().unwrap_or_default();
        let problem =
            Problem::new(slug, entry.status, detail.trim_end_matches(['.', ':'])).at("/v1/pets/pet-42");
        let problem = match slug {
            "malformed" | "invalid-request" => problem.field("/name", "is needed"),
            "invalid-parameter" => problem.field("limit", "not between 1 and 500"),
            "invalid-header" => problem.field("if-match", "neither `*` nor entity tags"),
            "invalid-cursor" => problem.field("cursor", "not made by this server for this list"),
            _ => problem,
        };
        serde_json::to_value(problem).unwrap_or_default()
    }

    /// All of it that `paths` lead to.
    pub(super) fn written(self, paths: &Value) -> Value {
        let mut components = json!({
            "parameters": self.parameters,
            "responses": self.responses,
            "examples": self.examples,
            "headers": headers(),
        });
        let schemas = self.schemas.into_definitions(&json!([paths, components]));
        components["schemas"] = schemas.into();
        components
    }
}

/// Keeps a thing under its name, and refers to it.
fn share(
    kept: &mut Map<String, Value>,
    clashes: &mut Vec<String>,
    kind: &str,
    name: &str,
    value: Value,
) -> Value {
    if kept.get(name).is_some_and(|other| *other != value) {
        clashes.push(name.to_owned());
    }
    kept.insert(name.to_owned(), value);
    reference(kind, name)
}

fn reference(kind: &str, name: &str) -> Value {
    json!({ "$ref": format!("#/components/{kind}/{name}") })
}

fn response(description: &str, headers: &[&str], content: Map<String, Value>) -> Value {
    let headers = headers.iter().chain([&"X-Request-Id"]);
    let headers: Map<String, Value> =
        headers.map(|name| ((*name).to_owned(), reference("headers", name))).collect();
    let mut value = json!({ "description": description, "headers": headers });
    if !content.is_empty() {
        value["content"] = content.into();
    }
    value
}

/// What a waited-for failure is answered with.
const OF_OUTCOMES: &[&str] = &["Content-Location", "Preference-Applied", "Idempotency-Replayed"];

/// Every header that an answer may bear.
fn headers() -> Value {
    let header = |description: &str, example: Value| {
        let kind = if example.is_u64() { "integer" } else { "string" };
        json!({ "description": description, "schema": { "type": kind }, "example": example })
    };
    let command = "/v1/commands/018f4c7e-5a10-7c3e-9d2b-6f1a2b3c4d5e";
    json!({
        "Accept-Encoding": header("The content codings that a body may be in.", json!("gzip")),
        "Location": header("The command's status, or the resource.", json!(command)),
        "Operation-Location": header("The command's status.", json!(command)),
        "Content-Location": header("The command that the body is about.", json!(command)),
        "Retry-After": header("Seconds to wait before asking again.", json!(1)),
        "Idempotency-Replayed": header("`true`: the answer to an earlier, same request.", json!("true")),
        "Preference-Applied": header("The preference that was honoured.", json!("wait=10")),
        "ETag": header("The version of what is shown.", json!("\"3\"")),
        "Link": header(
            "`rel=\"next\"`: the next page. `rel=\"monitor\"`: the command that makes the resource.",
            json!("</v1/pets?cursor=cGV0IHBldC00MQ>; rel=\"next\""),
        ),
        "WWW-Authenticate": header("How to say who asks.", json!("Webhook")),
        "X-Request-Id": header(
            "The request's id, the client's own where it gave one.",
            json!("018f4c7e-5a10-7c3e-9d2b-6f1a2b3c4d5e"),
        ),
    })
}
