//! The document says what is served, and everything that is served is in the document.

use std::collections::BTreeSet;
use std::path::Path;

use axum::body::Body;
use axum::http::Method;
use serde_json::{Value, json};
use wilco::http::{ApiSettings, BasePath};
use wilco::problems::CATALOGUE;
use wilco_application::engine::EngineSettings;

use crate::document::{DOCUMENT, answers, examples, faults, operation, operations, parameters};
use crate::support::{Server, car, interface, pet, pet_with_id};

#[tokio::test]
async fn every_route_is_documented_and_every_documented_operation_is_served() {
    let documented: BTreeSet<String> =
        operations().iter().map(|(method, path, _)| format!("{method} {path}")).collect();
    let routes: BTreeSet<String> =
        interface().routes().iter().map(|route| format!("{} {}", route.method, route.path)).collect();
    assert_eq!(documented, routes);
    let server = Server::start().await;
    for (method, path, operation) in operations() {
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

/// Each value in the document, with the member it is under.
fn walk<'d>(name: &str, value: &'d Value, visit: &mut impl FnMut(&str, &'d Value)) {
    visit(name, value);
    match value {
        Value::Array(items) => items.iter().for_each(|item| walk(name, item, visit)),
        Value::Object(members) => members.iter().for_each(|(name, member)| walk(name, member, visit)),
        _ => {}
    }
}

#[test]
fn every_reference_leads_somewhere_and_everything_is_referred_to() {
    let mut referred = BTreeSet::new();
    walk("", &DOCUMENT, &mut |name, value| {
        if let (Some(reference), true) = (value.as_str(), name == "$ref") {
            let pointer = reference.strip_prefix('#').expect("a reference within the document");
            assert!(DOCUMENT.pointer(pointer).is_some(), "{reference}");
            referred.insert(pointer.to_owned());
        }
    });
    for (kind, all) in DOCUMENT["components"].as_object().unwrap() {
        for name in all.as_object().unwrap().keys() {
            assert!(referred.contains(&format!("/components/{kind}/{name}")), "{kind}/{name} is not used");
        }
    }
}

#[test]
fn schemas_are_written_as_generators_of_clients_read_them() {
    for (name, schema) in DOCUMENT["components"]["schemas"].as_object().unwrap() {
        assert!(jsonschema::meta::is_valid(schema), "{name}: {schema}");
        let is_sent = name.ends_with("Request") || name == "CommandEnvelope";
        walk("", schema, &mut |member, value| {
            let is_of_schema = value.get("type").is_some() && member != "examples";
            let kind = &value["type"];
            if is_of_schema
                && (*kind == "integer" || kind.as_array().is_some_and(|all| all.contains(&"integer".into())))
            {
                assert!(
                    ["int32", "int64"].contains(&value["format"].as_str().unwrap_or_default()),
                    "{name}: {value}"
                );
            }
            assert!(value.get("oneOf").is_none(), "{name}: alternatives: {value}");
            if let Some(parts) = value.get("anyOf").and_then(Value::as_array) {
                assert!(!is_sent && parts.len() == 2 && parts[1]["type"] == "null", "{name}: {value}");
            }
            if is_sent {
                assert!(value.get("default").is_none() && !kind.is_array(), "{name}: {value}");
            }
            if is_sent && is_of_schema && *kind == "string" {
                let narrow = ["pattern", "enum", "format"].iter().any(|one| value.get(one).is_some());
                assert!(narrow && !faults(value, &json!("a\0b")).is_empty(), "{name} takes NUL: {value}");
            }
        });
    }
}

#[test]
fn operations_have_ids_of_their_own_and_say_what_they_are_for() {
    const VERBS: [&str; 20] = [
        "create", "update", "reserve", "release", "sell", "delete", "repaint", "retire", "get", "list",
        "submit", "cancel", "retry", "read", "place", "approve", "complete", "resume", "giveUp", "take",
    ];
    let tags: Vec<&str> =
        DOCUMENT["tags"].as_array().unwrap().iter().map(|tag| tag["name"].as_str().unwrap()).collect();
    assert_eq!(
        tags,
        ["Pets", "Orders", "Transactions", "Cars", "Commands", "Processes", "Hooks", "Feed", "Operations"]
    );
    let mut ids = BTreeSet::new();
    for (method, path, operation) in operations() {
        let id = operation["operationId"].as_str().unwrap().to_owned();
        assert!(VERBS.iter().any(|verb| id.starts_with(verb)) || id == "explainProblem", "{id}");
        assert!(ids.insert(id.clone()), "{id} twice");
        for member in ["summary", "description"] {
            assert!(!operation[member].as_str().unwrap().is_empty(), "{method} {path}: {member}");
        }
        assert!(tags.contains(&operation["tags"][0].as_str().unwrap()), "{method} {path}");
        let named: BTreeSet<&str> = parameters(operation)
            .filter(|parameter| parameter["in"] == "path")
            .map(|parameter| parameter["name"].as_str().unwrap())
            .collect();
        let in_path: BTreeSet<&str> = path.split(['{', '}']).skip(1).step_by(2).collect();
        assert_eq!(named, in_path, "{method} {path}");
        let body = operation["requestBody"]["content"]["application/json"]["schema"].clone();
        // What a third party sends is its own.
        if let (false, Some(reference)) = (in_path.is_empty(), body["$ref"].as_str()) {
            let members = reference.rsplit('/').next().unwrap();
            let members = &DOCUMENT["components"]["schemas"][members]["properties"];
            assert!(members.get("id").is_none(), "{id} has the id in its path and in its body");
        }
        assert!(
            method != Method::DELETE || operation.get("requestBody").is_none(),
            "{id}: DELETE with a body"
        );
    }
}

/// That there are examples, and that they fit.
#[track_caller]
fn expect_examples(what: &str, of: &'static Value) {
    let examples = examples(of);
    assert!(!examples.is_empty(), "{what} has no example");
    for example in examples {
        assert_eq!(faults(&of["schema"], example), [""; 0], "{what}: {example}");
    }
}

#[test]
fn everything_has_an_example_and_every_example_fits() {
    for (_, _, operation) in operations() {
        let id = operation["operationId"].as_str().unwrap();
        for parameter in parameters(operation) {
            expect_examples(&format!("{id} {}", parameter["name"]), parameter);
        }
        for (media, content) in operation["requestBody"]["content"].as_object().into_iter().flatten() {
            expect_examples(&format!("{id} {media}"), content);
        }
        for (status, answer) in answers(operation) {
            for (media, content) in answer["content"].as_object().into_iter().flatten() {
                expect_examples(&format!("{id} {status} {media}"), content);
            }
        }
    }
    for (name, header) in DOCUMENT["components"]["headers"].as_object().unwrap() {
        expect_examples(name, header);
    }
}

/// Checks an answer against the schema that the document has for it.
#[track_caller]
fn check(id: &str, status: &str, media: &str, body: &Value) {
    let (_, answer) = answers(operation(id)).find(|(known, _)| *known == status).expect(status);
    let schema = &answer["content"][media]["schema"];
    assert!(schema.is_object(), "{id} {status} {media}");
    assert_eq!(faults(schema, body), [""; 0], "{id} {status}\n{body}");
}

#[test]
fn what_a_route_takes_fits_its_schema() {
    for (id, good, bad) in [
        ("createPet", pet_with_id("p"), json!({ "name": "Rex" })),
        ("updatePet", pet("Rex"), json!({ "name": "Rex", "category": "dog", "x": 1 })),
        ("reservePet", json!({ "order_id": "o" }), json!({})),
        ("sellPet", json!({}), json!({ "x": 1 })),
        ("createCarWithId", car(), json!({})),
        ("submitCommand", json!({ "type": "pet.create", "data": {} }), json!({ "type": "x" })),
    ] {
        let body = &operation(id)["requestBody"];
        let schema = &body["content"]["application/json"]["schema"];
        assert_eq!(faults(schema, &good), [""; 0], "{id} {good}");
        assert!(!faults(schema, &bad).is_empty(), "{id} {bad}");
        assert_eq!(body["required"], !faults(schema, &json!({})).is_empty(), "{id}");
    }
    assert!(operation("retireCar").get("requestBody").is_none());
}

#[tokio::test]
async fn answers_fit_their_schemas() {
    let server = Server::start().await;
    assert_eq!(server.get("/openapi.json").await.expect(200).json(), *DOCUMENT);
    let json = "application/json";
    let made = server.done("/v1/pets", &pet_with_id("p")).await.expect(201);
    check("createPet", "201", json, &made.json());
    let open = server.post("/v1/cars", &car()).await.expect(202);
    check("createCar", "202", json, &open.json());
    let failed = server.done("/v1/pets/none/sell", &json!({})).await.expect(404);
    check("sellPet", "404", "application/problem+json", &failed.json());
    let refused = server.post("/v1/pets", &json!({})).await.expect(400);
    check("createPet", "400", "application/problem+json", &refused.json());
    for (path, id) in [
        ("/v1/pets/p", "getPet"),
        ("/v1/pets", "listPets"),
        ("/v1/pets/p/history", "getPetHistory"),
        ("/v1/commands", "listCommands"),
        ("/v1/command-types", "listCommandTypes"),
        ("/livez", "getLiveness"),
        ("/readyz", "getReadiness"),
    ] {
        check(id, "200", json, &server.get(path).await.expect(200).json());
    }
    let command = format!("/v1/commands/{}", made.json()["id"].as_str().unwrap());
    check("getCommand", "303", json, &server.get(&command).await.expect(303).json());
    let events = server.get(&format!("{command}/events")).await.expect(200).json();
    check("getCommandEvents", "200", json, &events);
    let feed = server.get_with("/v1/feed?after=start", &[("accept", json)]).await.expect(200).json();
    check("readFeed", "200", json, &feed);
}

#[tokio::test]
async fn a_line_that_fits_the_envelope_is_stored_as_one_alone_is() {
    let server = Server::start().await;
    let batch = &operation("submitCommands")["requestBody"]["content"]["application/x-ndjson"];
    let (lines, of_line) = (examples(batch)[0].as_str().unwrap(), &batch["schema"]["contentSchema"]);
    for line in lines.lines() {
        assert_eq!(faults(of_line, &serde_json::from_str(line).unwrap()), [""; 0], "{line}");
    }
    let headers = [("content-type", "application/x-ndjson")];
    let reply = server.request(Method::POST, "/v1/commands/batch", &headers, lines).await.expect(200);
    for line in std::str::from_utf8(&reply.body).unwrap().lines() {
        assert_eq!(serde_json::from_str::<Value>(line).unwrap()["status"], 202, "{line}");
    }
}

#[tokio::test]
async fn below_a_base_the_document_names_that_base_and_is_the_same_otherwise() {
    let base = BasePath::parse("/wilco").unwrap();
    let mut document = interface().document(&base);
    assert_eq!(document["servers"][0]["url"], "/wilco");
    document["servers"] = DOCUMENT["servers"].clone();
    assert_eq!(document, *DOCUMENT);
    let settings = ApiSettings { base_path: base, ..ApiSettings::default() };
    let server = Server::with(settings, EngineSettings::default(), Vec::new()).await;
    let shown = server.get("/wilco/openapi.json").await.expect(200).json();
    assert_eq!(shown["servers"][0]["url"], "/wilco");
    assert_eq!(shown["paths"], DOCUMENT["paths"]);
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
    let explained: BTreeSet<&str> = CATALOGUE.iter().map(|entry| &*entry.slug).collect();
    let interface = interface();
    let all = interface.modules().problems();
    assert_eq!(named.iter().filter(|slug| all.find(slug).is_none()).collect::<Vec<_>>(), Vec::<&&str>::new());
    assert_eq!(explained.difference(&named).collect::<Vec<_>>(), Vec::<&&str>::new());
}
