//! The document, as the tests look things up in it.

use std::sync::LazyLock;

use axum::http::{HeaderMap, Method, StatusCode};
use serde_json::Value;
use wilco::http::BasePath;

use crate::support::interface;

/// The document of a server at the root.
pub static DOCUMENT: LazyLock<Value> = LazyLock::new(|| interface().document(&BasePath::default()));

/// Problems that the document says once for all operations.
const EVERYWHERE: [&str; 6] = [
    "unknown-route",
    "method-not-allowed",
    "request-timeout",
    "header-fields-too-large",
    "malformed-http",
    "http-version-not-supported",
];

/// Every operation, with its method and its path.
pub fn operations() -> Vec<(Method, &'static str, &'static Value)> {
    let paths = DOCUMENT["paths"].as_object().unwrap();
    let of = |(path, item): (&'static String, &'static Value)| {
        let methods = item.as_object().unwrap().iter();
        methods.map(move |(method, one)| (method.to_uppercase().parse().unwrap(), path.as_str(), one))
    };
    paths.iter().flat_map(of).collect()
}

/// What a value is, or refers to.
pub fn resolved(value: &'static Value) -> &'static Value {
    match value["$ref"].as_str() {
        Some(reference) => DOCUMENT.pointer(&reference[1..]).unwrap_or_else(|| panic!("{reference}")),
        None => value,
    }
}

/// The parameters of an operation.
pub fn parameters(operation: &'static Value) -> impl Iterator<Item = &'static Value> {
    operation["parameters"].as_array().into_iter().flatten().map(resolved)
}

/// The answers of an operation, by status.
pub fn answers(operation: &'static Value) -> impl Iterator<Item = (&'static str, &'static Value)> {
    let answers = operation["responses"].as_object().into_iter().flatten();
    answers.map(|(status, answer)| (status.as_str(), resolved(answer)))
}

/// The operation of that id.
#[track_caller]
pub fn operation(id: &str) -> &'static Value {
    let found = operations().into_iter().find(|(_, _, one)| one["operationId"] == id);
    found.unwrap_or_else(|| panic!("no operation {id}")).2
}

/// What is wrong with `instance` by this schema of the document.
pub fn faults(schema: &Value, instance: &Value) -> Vec<String> {
    let mut root = schema.clone();
    root["components"] = DOCUMENT["components"].clone();
    let options = jsonschema::draft202012::options().should_validate_formats(true);
    let validator = options.build(&root).unwrap_or_else(|error| panic!("{error}: {schema}"));
    validator.iter_errors(instance).map(|error| format!("{}: {error}", error.instance_path())).collect()
}

/// The examples of a parameter, a header or a body.
pub fn examples(of: &'static Value) -> Vec<&'static Value> {
    let named = of["examples"].as_object().into_iter().flatten();
    let named = named.map(|(_, example)| &resolved(example)["value"]);
    let in_schema = of["schema"]["examples"].as_array().into_iter().flatten();
    let schema = resolved(&of["schema"]);
    let listed = schema["enum"].as_array().into_iter().flatten();
    of.get("example").into_iter().chain(named).chain(in_schema).chain(listed).collect()
}

/// The operation that a request is for; none if the document has no such path and method.
fn asked(method: &Method, path: &str) -> Option<&'static Value> {
    let method = if method == Method::HEAD { "get".to_owned() } else { method.as_str().to_ascii_lowercase() };
    let paths = DOCUMENT["paths"].as_object().unwrap();
    let fits = |template: &str| {
        let (theirs, ours) = (template.split('/'), path.split('/'));
        theirs.clone().count() == ours.clone().count()
            && theirs.zip(ours).all(|(part, given)| part.starts_with('{') || part == given)
    };
    let exact = paths.get(path).or_else(|| paths.iter().find(|(path, _)| fits(path)).map(|(_, item)| item));
    exact?.get(method)
}

/// That the document knows of this answer: its status, its headers, its media type, and which problem it is.
#[track_caller]
pub fn expect_documented(method: &Method, path: &str, status: StatusCode, headers: &HeaderMap, body: &[u8]) {
    let media = headers.get("content-type").map_or("", |media| media.to_str().unwrap());
    let path = path.split('?').next().unwrap();
    let Some(operation) = asked(method, path) else { return };
    let problem: Value = if media == "application/problem+json" {
        serde_json::from_slice(body).unwrap_or_default()
    } else {
        Value::Null
    };
    let slug = problem["type"].as_str().and_then(|text| text.strip_prefix("/problems/"));
    if slug.is_some_and(|slug| EVERYWHERE.contains(&slug)) {
        return;
    }
    let what = format!("{method} {path} answers {status} {media} {slug:?}");
    let answer = answers(operation).find(|(known, _)| *known == status.as_str());
    let (_, answer) = answer.unwrap_or_else(|| panic!("{what}: no such status in the document"));
    for name in DOCUMENT["components"]["headers"].as_object().unwrap().keys() {
        let known = answer["headers"].get(name).is_some();
        assert!(known || !headers.contains_key(name), "{what}: no such header: {name}");
    }
    if media.is_empty() {
        return;
    }
    let essence = media.split(';').next().unwrap();
    let content = answer["content"].get(essence).unwrap_or_else(|| panic!("{what}: no such media type"));
    if let Some(slug) = slug {
        assert!(content["examples"].get(slug).is_some(), "{what}: no such problem");
        assert!(answer["description"].as_str().unwrap().contains(&format!("`{slug}`")), "{what}");
        // Of an answer to HEAD there is only the head.
        assert_eq!(faults(&content["schema"], &problem), [""; 0], "{what}");
    }
}
