//! The document says what is served, and everything that is served is in the document.

use std::collections::BTreeSet;
use std::path::Path;

use axum::body::Body;
use axum::http::Method;
use serde_json::{Value, json};
use wilco_api::http::BasePath;
use wilco_api::problems::{CATALOGUE, Entry};

use crate::support::{Server, car, pet_with_id};

fn document() -> Value {
    wilco_api::openapi::document(&BasePath::default())
}

fn operations(document: &Value) -> Vec<(Method, String, &Value)> {
    let mut all = Vec::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            all.push((method.to_uppercase().parse().unwrap(), path.clone(), operation));
        }
    }
    all
}

#[tokio::test]
async fn every_route_is_documented_and_every_documented_operation_is_served() {
    let document = document();
    let documented: BTreeSet<String> =
        operations(&document).iter().map(|(method, path, _)| format!("{method} {path}")).collect();
    let routes: BTreeSet<String> =
        wilco_api::v1::routes().iter().map(|route| format!("{} {}", route.method, route.path)).collect();
    assert_eq!(documented, routes);
    let server = Server::start().await;
    for (method, path, operation) in operations(&document) {
        let concrete = path
            .replace("/commands/{id}", "/commands/018f0000-0000-7000-8000-000000000001")
            .replace("{id}", "some-id")
            .replace("{slug}", "gone");
        let request = if path == "/v1/feed" { vec![("accept", "application/json")] } else { vec![] };
        let reply = server.request(method.clone(), &concrete, &request, Body::empty()).await;
        let status = reply.status.as_str();
        assert_ne!(status, "405", "{method} {path}");
        assert_ne!(status, "500", "{method} {path}");
        if status == "404" {
            assert_ne!(reply.json()["type"], "/problems/unknown-route", "{method} {path}");
        }
        assert!(operation["responses"].get(status).is_some(), "{method} {path} answers {status}");
    }
}

#[test]
fn every_reference_leads_somewhere_and_every_schema_is_one() {
    fn walk(value: &Value, document: &Value) {
        if let Some(reference) = value.get("$ref").and_then(Value::as_str) {
            let pointer = reference.strip_prefix('#').expect("a reference within the document");
            assert!(document.pointer(pointer).is_some(), "{reference}");
        }
        match value {
            Value::Array(items) => items.iter().for_each(|item| walk(item, document)),
            Value::Object(members) => members.values().for_each(|member| walk(member, document)),
            _ => {}
        }
    }
    let document = document();
    walk(&document, &document);
    for (name, schema) in document["components"]["schemas"].as_object().unwrap() {
        assert!(jsonschema::meta::is_valid(schema), "{name}: {schema}");
    }
}

#[test]
fn operations_have_ids_of_their_own_and_say_what_they_are_for() {
    let document = document();
    let mut ids = BTreeSet::new();
    for (method, path, operation) in operations(&document) {
        let id = operation["operationId"].as_str().unwrap().to_owned();
        assert!(ids.insert(id.clone()), "{id} twice");
        assert!(!operation["summary"].as_str().unwrap().is_empty(), "{method} {path}");
        let named: BTreeSet<&str> = operation["parameters"]
            .as_array()
            .into_iter()
            .flatten()
            .filter(|parameter| parameter["in"] == "path")
            .map(|parameter| parameter["name"].as_str().unwrap())
            .collect();
        let in_path: BTreeSet<&str> = path.split(['{', '}']).skip(1).step_by(2).collect();
        assert_eq!(named, in_path, "{method} {path}");
    }
}

/// Checks an answer against the schema that the document has for it.
fn check(document: &Value, operation: &str, status: &str, media: &str, body: &Value) {
    let operations = operations(document);
    let (_, _, operation) =
        operations.iter().find(|(_, _, one)| one["operationId"] == operation).expect(operation);
    let schema = &operation["responses"][status]["content"][media]["schema"];
    assert!(schema.is_object(), "{operation} {status} {media}");
    let mut root = schema.clone();
    root["components"] = document["components"].clone();
    let validator = jsonschema::draft202012::new(&root).unwrap();
    let errors: Vec<String> =
        validator.iter_errors(body).map(|error| format!("{}: {error}", error.instance_path())).collect();
    assert!(errors.is_empty(), "{operation} {status}: {errors:?}\n{body}");
}

#[test]
fn what_a_route_takes_fits_its_schema() {
    let document = document();
    let order = json!({ "id": "p", "order_id": "o" });
    for (path, method, good, bad) in [
        ("/v1/pets", "post", pet_with_id("p"), json!({ "name": "Rex" })),
        ("/v1/pets/{id}", "put", pet_with_id("p"), json!({ "name": "Rex", "category": "dog", "x": 1 })),
        ("/v1/pets/{id}/reserve", "post", order, json!({})),
        ("/v1/pets/{id}/sell", "post", json!({}), json!({ "x": 1 })),
        ("/v1/cars/{id}/retire", "post", json!({}), json!({ "x": 1 })),
        ("/v1/commands", "post", json!({ "type": "pet.create", "data": {} }), json!({ "type": "x", "y": 1 })),
    ] {
        let body = &document["paths"][path][method]["requestBody"];
        let mut root = body["content"]["application/json"]["schema"].clone();
        root["components"] = document["components"].clone();
        let validator = jsonschema::draft202012::new(&root).unwrap();
        assert!(validator.is_valid(&good), "{path} {good}");
        assert!(!validator.is_valid(&bad), "{path} {bad}");
        assert_eq!(body["required"], !validator.is_valid(&json!({})), "{path}");
    }
}

#[tokio::test]
async fn answers_fit_their_schemas() {
    let server = Server::start().await;
    let answered = server.get("/openapi.json").await.expect(200).json();
    let document = document();
    assert_eq!(answered, document);
    let json = "application/json";
    let made = server.done("/v1/pets", &pet_with_id("p")).await.expect(201);
    check(&document, "petCreate", "201", json, &made.json());
    let open = server.post("/v1/cars", &car()).await.expect(202);
    check(&document, "carCreate", "202", json, &open.json());
    let failed = server.done("/v1/pets/none/sell", &json!({})).await.expect(404);
    check(&document, "petSell", "404", "application/problem+json", &failed.json());
    let refused = server.post("/v1/pets", &json!({})).await.expect(400);
    check(&document, "petCreate", "400", "application/problem+json", &refused.json());
    for (path, operation) in [
        ("/v1/pets/p", "getPet"),
        ("/v1/pets", "listPets"),
        ("/v1/pets/p/history", "getPetHistory"),
        ("/v1/commands", "listCommands"),
        ("/v1/command-types", "listCommandTypes"),
        ("/livez", "live"),
        ("/readyz", "ready"),
    ] {
        check(&document, operation, "200", json, &server.get(path).await.expect(200).json());
    }
    let command = format!("/v1/commands/{}", made.json()["id"].as_str().unwrap());
    check(&document, "getCommand", "303", json, &server.get(&command).await.expect(303).json());
    let events = server.get(&format!("{command}/events")).await.expect(200).json();
    check(&document, "getCommandEvents", "200", json, &events);
    let feed = server.get_with("/v1/feed?after=start", &[("accept", json)]).await.expect(200).json();
    check(&document, "readFeed", "200", json, &feed);
    let batch = [("content-type", "application/x-ndjson")];
    let lines = server.request(Method::POST, "/v1/commands/batch", &batch, "{}\n").await.expect(200);
    let line = serde_json::from_slice(&lines.body).unwrap();
    check(&document, "submitCommands", "200", "application/x-ndjson", &line);
}

#[tokio::test]
async fn the_document_is_not_sent_again_to_whoever_has_it() {
    let server = Server::start().await;
    let tag = server.get("/openapi.json").await.header("etag").to_owned();
    server.get_with("/openapi.json", &[("if-none-match", &tag)]).await.expect(304);
}

/// Every source of the crates that make problems, without their tests.
fn sources() -> Vec<String> {
    fn gather(directory: &Path, into: &mut Vec<String>) {
        for entry in std::fs::read_dir(directory).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                gather(&path, into);
            } else if path.extension().is_some_and(|extension| extension == "rs")
                && !path.ends_with("problems/catalogue.rs")
            {
                let text = std::fs::read_to_string(&path).unwrap();
                into.push(text.split("#[cfg(test)]").next().unwrap().to_owned());
            }
        }
    }
    let mut sources = Vec::new();
    for name in ["domain", "application", "projections", "infrastructure", "api"] {
        gather(&Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(name).join("src"), &mut sources);
    }
    sources
}

/// The slugs that a source names: what a problem is made with, and what a `slug` or a `kind` answers.
fn slugs(source: &str) -> Vec<&str> {
    let text = |rest: &'_ str| {
        rest.trim_start().strip_prefix('"').and_then(|rest| rest.split('"').next().map(str::len))
    };
    let mut found = Vec::new();
    let own = if source.contains("impl Refusal") { &["Self::new(", "Self::named("][..] } else { &[] };
    for maker in [&["Refusal::new(", "Problem::new("], own].concat() {
        for (at, _) in source.match_indices(maker) {
            let rest = source[at + maker.len()..].trim_start();
            found.extend(text(rest).map(|length| &rest[1..=length]));
        }
    }
    for (at, _) in source.match_indices("fn slug(") {
        let body = source[at..].split("\n    }").next().unwrap();
        for (at, _) in body.match_indices("=>") {
            let rest = body[at + 2..].trim_start();
            found.extend(text(rest).map(|length| &rest[1..=length]));
        }
    }
    let is_slug = |text: &&str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_lowercase() || b == b'-');
    found.into_iter().filter(is_slug).collect()
}

#[test]
fn every_problem_that_the_sources_name_is_explained_and_no_other() {
    let sources = sources();
    let named: BTreeSet<&str> = sources.iter().flat_map(|source| slugs(source)).collect();
    let explained: BTreeSet<&str> = CATALOGUE.iter().map(|entry| entry.slug).collect();
    assert_eq!(
        named.iter().filter(|slug| Entry::find(slug).is_none()).collect::<Vec<_>>(),
        Vec::<&&str>::new()
    );
    let never: Vec<_> = explained.difference(&named).collect();
    assert_eq!(never, Vec::<&&str>::new());
}
