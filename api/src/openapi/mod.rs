//! The OpenAPI document, made of the routes: what is documented is what is served.

mod operation;
mod schemas;
mod serving;

use serde_json::{Map, Value, json};

pub use operation::{Answer, Operation, Parameter, Route};
pub use schemas::Schemas;
pub(crate) use serving::{pages, routes};

use crate::http::BasePath;
use operation::Body;

/// The document of a server that clients see below `base`.
pub fn document(base: &BasePath) -> Value {
    let mut schemas = Schemas::default();
    let mut paths: Map<String, Value> = Map::new();
    for route in crate::v1::routes() {
        // The router's `{*rest}` is an ordinary parameter to a reader.
        let path = route.path.replace("{*", "{");
        let item = paths.entry(path).or_insert_with(|| json!({}));
        item[route.method.as_str().to_ascii_lowercase()] = operation(&route.operation, &mut schemas);
    }
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Wilco",
            "version": env!("CARGO_PKG_VERSION"),
            "description": DESCRIPTION,
            "license": { "name": "Apache-2.0 OR MIT", "identifier": "Apache-2.0 OR MIT" },
        },
        "servers": [{ "url": if base.as_str().is_empty() { "/" } else { base.as_str() } }],
        "paths": paths,
        "components": { "schemas": schemas.into_definitions(), "headers": headers() },
    })
}

const DESCRIPTION: &str = "Commands are accepted durably with 202 and settled later. The answer's `Location` is the \
    command's status: poll it after `Retry-After`, wait for it with `Prefer: wait=N`, or stream it with \
    `Accept: text/event-stream`. Every refusal is a problem (RFC 9457). An `Idempotency-Key` makes it safe to send a \
    request again.";

fn operation(operation: &Operation, schemas: &mut Schemas) -> Value {
    let mut value = json!({
        "operationId": operation.id,
        "tags": [operation.tag],
        "summary": operation.summary,
        "responses": {},
    });
    if !operation.description.is_empty() {
        value["description"] = json!(operation.description);
    }
    if !operation.parameters.is_empty() {
        value["parameters"] = operation.parameters.iter().map(parameter).collect();
    }
    if let Some(Body { media, required, shape }) = &operation.body {
        value["requestBody"] =
            json!({ "required": required, "content": { *media: { "schema": shape(schemas) } } });
    }
    for answer in &operation.answers {
        value["responses"][answer.status.as_str()] = self::answer(answer, schemas);
    }
    value
}

fn parameter(parameter: &Parameter) -> Value {
    json!({
        "in": parameter.place,
        "name": parameter.name,
        "description": parameter.description,
        "required": parameter.place == "path",
        "schema": parameter.schema,
    })
}

fn answer(answer: &Answer, schemas: &mut Schemas) -> Value {
    let mut value = json!({ "description": answer.description });
    let named = answer.headers.iter().map(|name| (*name, reference("headers", name)));
    value["headers"] = named.chain([("X-Request-Id", reference("headers", "X-Request-Id"))]).collect();
    if !answer.content.is_empty() {
        let content = answer.content.iter();
        value["content"] =
            content.map(|(media, shape)| (*media, json!({ "schema": shape(schemas) }))).collect();
    }
    value
}

fn reference(kind: &str, name: &str) -> Value {
    json!({ "$ref": format!("#/components/{kind}/{name}") })
}

/// Every header that an answer may bear.
fn headers() -> Value {
    let header =
        |description: &str, kind: &str| json!({ "description": description, "schema": { "type": kind } });
    json!({
        "Location": header("The command's status, or the resource.", "string"),
        "Operation-Location": header("The command's status.", "string"),
        "Content-Location": header("The command that the body is about.", "string"),
        "Retry-After": header("Seconds to wait before asking again.", "integer"),
        "Idempotency-Replayed": header("`true`: the answer to an earlier, same request.", "string"),
        "Preference-Applied": header("The preference that was honoured.", "string"),
        "ETag": header("The version of what is shown.", "string"),
        "Link": header("`rel=\"next\"`: the next page.", "string"),
        "X-Request-Id": header("The request's id, the client's own where it gave one.", "string"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_name_stands_for_two_schemas() {
        let mut schemas = Schemas::default();
        for route in crate::v1::routes() {
            operation(&route.operation, &mut schemas);
        }
        assert_eq!(schemas.clashes(), Vec::<&String>::new());
    }
}
