//! The read models: the same routes for every aggregate.

use std::sync::Arc;

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::Response;
use serde_json::json;
use serde_json::value::RawValue;
use wilco_application::catalog::{Indexed, MemberKind};
use wilco_application::engine::Engine;
use wilco_application::ports::{AggregateKey, MemberValue, ViewFilter, ViewRow};
use wilco_application::status::path_of;

use super::history::Event;
use super::{cursor, door};
use crate::http::answer::{self, Page};
use crate::http::{BasePath, Call, Query};
use crate::modules::Module;
use crate::openapi::{Answer, Operation, Parameter, Route, pascal};
use crate::problems::Refusal;

const USUAL: u32 = 50;
const MOST: u32 = 500;
const HISTORY: &str = "history";

/// The GET routes of a module.
pub(super) fn routes(module: &Module) -> [Route; 3] {
    [resource_route(module), list_route(module), history_route(module)]
}

fn resource_route(module: &Module) -> Route {
    let (aggregate, view) = (module.aggregate, module.view);
    let version = json!({
        "type": "integer", "format": "int64", "minimum": 1, "maximum": i64::MAX, "examples": [1],
    });
    let version = Parameter::query("version", "As it was at this version.", version).shared("Version");
    let operation =
        Operation::new(module.title.clone(), format!("get{}", pascal(aggregate)), format!("A {aggregate}"))
            .describe(
                "As it is, or as it was at a version. One that was deleted is 410. While a command that makes it is open \
                 it is `not-yet`: the `Link` with `rel=\"monitor\"` is that command's status, and stays on the 404 for \
                 some time after such a command failed.",
            )
            .takes([Parameter::aggregate_id(aggregate), version, Parameter::if_none_match()])
            .answers(Answer::new(200, "As it is.").carrying(&["ETag"]).shaped("application/json", view))
            .answers(Answer::new(304, "It is still what the client has.").carrying(&["ETag"]))
            .reads_store(&["not-found", "not-yet", "gone"]);
    Route::get(format!("/v1/{}/{{id}}", module.collection), move |call| resource(call, aggregate), operation)
}

fn list_route(module: &Module) -> Route {
    let (aggregate, view) = (module.aggregate, module.view);
    let statuses = module.statuses.clone();
    let status = Parameter::query("status", "Only those that stand so.", json!({})).shaped(module.status);
    let id = format!("list{}", pascal(module.collection));
    let page = format!("{}Page", pascal(aggregate));
    let example = cursor::write(aggregate, &format!("{aggregate}-41"));
    let operation = Operation::new(module.title.clone(), id, format!("List {}", module.collection))
        .describe("In the order of their ids; those that are gone are not listed.")
        .takes([status])
        .takes(module.indexed().iter().map(by_member))
        .takes([Parameter::limit(USUAL, MOST), Parameter::cursor(aggregate, &example)])
        .answers(Answer::new(200, "A page of them.").carrying(&["Link"]).page_of(page, view))
        .reads_store(&["invalid-cursor"]);
    let indexed: Arc<[Indexed]> = module.indexed().into();
    let handler = move |call| {
        let (statuses, indexed) = (statuses.clone(), Arc::clone(&indexed));
        async move { list(call, aggregate, &statuses, &indexed).await }
    };
    Route::get(format!("/v1/{}", module.collection), handler, operation)
}

fn history_route(module: &Module) -> Route {
    let aggregate = module.aggregate;
    let id = format!("get{}History", pascal(aggregate));
    let cursor = Parameter::cursor(HISTORY, &cursor::write(HISTORY, "0"));
    let operation = Operation::new(module.title.clone(), id, format!("The events of a {aggregate}"))
        .describe("In their order; also of one that is gone.")
        .takes([Parameter::aggregate_id(aggregate), Parameter::limit(USUAL, MOST), cursor])
        .answers(Answer::new(200, "A page of them.").carrying(&["Link"]).page::<Event<'static>>("EventPage"))
        .reads_store(&["invalid-cursor", "not-found"]);
    let path = format!("/v1/{}/{{id}}/history", module.collection);
    Route::get(path, move |call| history(call, aggregate), operation)
}

async fn resource(call: Call, aggregate: &'static str) -> Result<Response, Refusal> {
    call.accepts_json()?;
    let query = call.query(&["version"])?;
    let version: Option<i64> = query.parsed("version", "a number")?;
    let key = key(&call, aggregate)?;
    let queries = call.engine().queries();
    let row = match version {
        Some(version) if version < 1 => return Err(Refusal::parameter("version", "less than 1")),
        Some(version) => queries.resource_at(&key, version).await?,
        None => queries.resource(&key).await?,
    };
    let row = match row {
        Some(row) => row,
        None if version.is_some() => {
            return Err(Refusal::not_found(format!("there is no such version of this {aggregate}")));
        }
        None => awaited(call.engine(), &call.base(), &key).await?,
    };
    if row.gone {
        return Err(Refusal::new("gone", StatusCode::GONE, format!("this {aggregate} was deleted")));
    }
    Ok(answer::tagged(call.headers(), &format!("\"{}\"", row.version), row.payload))
}

/// A resource that was not there a moment ago; or why it is not, for clients that ask for nothing else.
async fn awaited(engine: &Engine, base: &BasePath, key: &AggregateKey) -> Result<ViewRow, Refusal> {
    let aggregate = &key.aggregate_type;
    let Some(command) = engine.making(key).await? else {
        // The one that made it may have succeeded in between.
        return engine.queries().resource(key).await?.ok_or_else(|| unknown(aggregate));
    };
    let refusal = if command.settlement.is_none() {
        let detail = format!("the command that makes this {aggregate} is still open");
        Refusal::new("not-yet", StatusCode::NOT_FOUND, detail).retry_after(door::retry_after(
            engine,
            &command,
            engine.now(),
        ))
    } else {
        unknown(aggregate)
    };
    let monitor = format!("<{}>; rel=\"monitor\"", base.path(path_of(command.id)));
    Err(match HeaderValue::try_from(monitor) {
        Ok(monitor) => refusal.with(header::LINK, monitor),
        Err(_) => refusal,
    })
}

fn key(call: &Call, aggregate: &str) -> Result<AggregateKey, Refusal> {
    Ok(AggregateKey::new(&call.caller().tenant, aggregate, call.aggregate_id()?))
}

fn unknown(aggregate: &str) -> Refusal {
    Refusal::not_found(format!("there is no {aggregate} with this id"))
}

async fn list(
    call: Call,
    aggregate: &'static str,
    statuses: &[String],
    indexed: &[Indexed],
) -> Result<Response, Refusal> {
    call.accepts_json()?;
    let known: Vec<&'static str> =
        ["status", "limit", "cursor"].into_iter().chain(indexed.iter().map(|one| one.name)).collect();
    let query = call.query(&known)?;
    let status = query.get("status").map(ToOwned::to_owned);
    if status.as_ref().is_some_and(|status| !statuses.contains(status)) {
        return Err(Refusal::parameter("status", format!("not one of {}", statuses.join(", "))));
    }
    let filter = ViewFilter {
        tenant: call.caller().tenant.clone(),
        view_type: aggregate.to_owned(),
        status,
        members: members(&query, indexed)?,
        after: cursor::read(&query, aggregate, |id| Some(id.to_owned()))?,
        limit: query.limit(USUAL, MOST)?,
    };
    let found = call.engine().queries().resources(&filter).await?;
    let last = found.items.last().filter(|_| found.more);
    let next_cursor = last.map(|row| cursor::write(aggregate, filter.id_of(row)));
    let read = |row: ViewRow| RawValue::from_string(row.payload);
    let items = found.items.into_iter().map(read).collect::<Result<Vec<_>, _>>()?;
    answer::page(&call, &query, &Page { items, next_cursor })
}

/// A parameter that filters by a member.
fn by_member(indexed: &Indexed) -> Parameter {
    let schema = match &indexed.kind {
        MemberKind::Text => json!({ "type": "string", "minLength": 1, "examples": ["any"] }),
        MemberKind::OneOf(values) => json!({ "type": "string", "enum": values, "examples": values[..1] }),
        MemberKind::Whole => json!({ "type": "integer", "format": "int64", "examples": [1] }),
        MemberKind::YesNo => json!({ "type": "boolean", "examples": [true] }),
    };
    Parameter::query(indexed.name, "Only those that show this.", schema)
}

/// The members that the query filters by.
fn members(query: &Query, indexed: &[Indexed]) -> Result<Vec<(&'static str, MemberValue)>, Refusal> {
    let mut members = Vec::new();
    for one in indexed {
        if let Some(text) = query.get(one.name) {
            let wrong = || Refusal::parameter(one.name, "not a value that it can have");
            members.push((one.name, one.read(text).filter(|_| !text.is_empty()).ok_or_else(wrong)?));
        }
    }
    Ok(members)
}

async fn history(call: Call, aggregate: &'static str) -> Result<Response, Refusal> {
    call.accepts_json()?;
    let query = call.query(&["limit", "cursor"])?;
    let key = key(&call, aggregate)?;
    let after: i64 = cursor::read(&query, HISTORY, |text| text.parse().ok())?.unwrap_or(0);
    let found = call.engine().queries().history(&key, after, query.limit(USUAL, MOST)?).await?;
    if found.items.is_empty() && after == 0 {
        return Err(unknown(aggregate));
    }
    let last = found.items.last().filter(|_| found.more);
    let next_cursor = last.map(|row| cursor::write(HISTORY, &row.sequence.to_string()));
    let items = found.items.iter().map(Event::of).collect::<Result<Vec<_>, _>>()?;
    answer::page(&call, &query, &Page { items, next_cursor })
}
