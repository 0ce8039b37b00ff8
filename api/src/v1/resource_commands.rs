//! The one handler behind every route that makes a command of one aggregate.

use std::sync::Arc;

use axum::response::Response;
use axum::routing::{MethodFilter, on};
use serde_json::{Map, Value, json};
use wilco_application::catalog::CommandType;
use wilco_application::engine::Submission;
use wilco_domain::kernel::{AggregateId, Effect};

use super::door::{self, Wishes};
use crate::http::Call;
use crate::modules::{CommandRoute, Module};
use crate::openapi::{AGGREGATE_ID, Operation, Parameter, Route, Schemas, pascal};
use crate::problems::Refusal;

/// The route of a command, with what is said of it.
pub(super) fn route(module: &Module, command: &CommandRoute) -> Route {
    let shared = Arc::new(command.clone());
    let handler = move |call: Call| make(call, Arc::clone(&shared));
    Route {
        method: command.method.clone(),
        path: command.path.clone(),
        handler: on(MethodFilter::try_from(command.method.clone()).unwrap_or(MethodFilter::POST), handler),
        operation: operation(module, command),
    }
}

async fn make(call: Call, route: Arc<CommandRoute>) -> Result<Response, Refusal> {
    call.accepts_json()?;
    call.query(&[])?;
    let mut wishes = Wishes::of(&call)?;
    let (base, state) = (call.base(), call.state.clone());
    let command_type = state.engine().catalog().command(&route.command_type).ok_or_else(Refusal::internal)?;
    let addressed = if route.is_addressed() { Some(call.aggregate_id()?) } else { None };
    let path = path_of(&call, &route, addressed.as_ref());
    let body = body_of(call, command_type).await?;
    let fingerprint = Submission::fingerprint(route.method.as_str(), &path, &body);
    let (target, data) = split(body, addressed, route.effect)?;
    let mut submission = wishes.submission(Arc::clone(command_type), target, data, fingerprint);
    wishes.demand(state.engine(), &mut submission).await?;
    let submitted = state.engine().submit(submission).await;
    let submitted = submitted.map_err(|error| Refusal::of_submission(error, ""))?;
    door::answer(state.engine(), &base, submitted, wishes.wait).await
}

/// The path as it is without needless percent-encoding, so that two spellings of it are the same request.
fn path_of(call: &Call, route: &CommandRoute, addressed: Option<&AggregateId>) -> String {
    match addressed {
        Some(id) if call.path().contains('%') => route.path.replace("{id}", id.as_str()),
        _ => call.path().to_owned(),
    }
}

/// The body; nothing at all stands for an object without members where the command has none that are required.
async fn body_of(call: Call, command_type: &CommandType) -> Result<Value, Refusal> {
    match call.optional_json().await? {
        Some(body @ Value::Object(_)) => Ok(body),
        Some(_) => Err(Refusal::member("", "not an object")),
        None if needs_no_data(command_type) => Ok(Value::Object(Map::new())),
        None => Err(Refusal::malformed("a body is needed")),
    }
}

fn needs_no_data(command_type: &CommandType) -> bool {
    command_type.schema().get("required").and_then(Value::as_array).is_none_or(Vec::is_empty)
}

/// Takes the target out of the body. Where the path names it, the body may repeat it, but not contradict it.
fn split(
    mut body: Value,
    addressed: Option<AggregateId>,
    effect: Effect,
) -> Result<(Option<AggregateId>, Value), Refusal> {
    if addressed.is_none() && effect != Effect::Creates {
        return Ok((None, body));
    }
    let Some(given) =
        body.as_object_mut().and_then(|members| members.remove("id")).filter(|id| !id.is_null())
    else {
        return Ok((addressed, body));
    };
    let Value::String(given) = given else { return Err(Refusal::member("/id", "not a string")) };
    match addressed {
        Some(id) if id.as_str() == given => Ok((Some(id), body)),
        Some(_) => Err(Refusal::member("/id", "another id than the one in the path")),
        None => {
            let id = AggregateId::parse(given).map_err(|error| Refusal::member("/id", error.to_string()))?;
            Ok((Some(id), body))
        }
    }
}

fn operation(module: &Module, command: &CommandRoute) -> Operation {
    let makes = command.effect == Effect::Creates;
    let with_id = if command.is_addressed() && makes { "WithId" } else { "" };
    let mut operation = Operation::new(
        module.title.clone(),
        operation_id(module, command) + with_id,
        command.summary.clone(),
    )
    .describe(description(command));
    if command.is_addressed() {
        operation = operation.takes([Parameter::aggregate_id(module.aggregate)]);
        // One that makes its aggregate can only demand that there is none; one that changes it, nothing else than
        // what there is.
        operation = operation.takes([if makes { Parameter::if_absent() } else { Parameter::if_match() }]);
    }
    let id = (makes && !command.is_addressed()).then(|| format!("{}-42", module.aggregate));
    let data = Arc::clone(&command.data);
    let schema = data(&mut Schemas::default());
    if id.is_some() || schema.get("properties").is_some() {
        let name = format!("{}{with_id}Request", pascal(&command.command_type));
        operation = operation.body("application/json", schema.get("required").is_some(), move |schemas| {
            let mut schema = data(schemas).to_value();
            if let Some(id) = &id {
                allow_id(&mut schema, id);
            }
            schemas.named(&name, schema)
        });
    }
    door::described(operation, &[command.effect]).refuses(&command.failures)
}

/// What there is to know besides the summary: also what holds for all that make an aggregate.
fn description(command: &CommandRoute) -> String {
    const LEAVE_OUT: &str =
        "Leave `id` out and the server makes one; with one, an identical request is the same command.";
    let makes = command.effect == Effect::Creates && !command.is_addressed();
    let parts = [command.description.as_str(), if makes { LEAVE_OUT } else { "" }];
    parts.iter().copied().filter(|part| !part.is_empty()).collect::<Vec<_>>().join("\n\n")
}

/// The verb and what it is done to: `pet.create` is `createPet`.
fn operation_id(module: &Module, command: &CommandRoute) -> String {
    let verb = pascal(command.command_type.rsplit('.').next().unwrap_or_default());
    let mut id = verb + &pascal(module.aggregate);
    id[..1].make_ascii_lowercase();
    id
}

/// The command's data, and the aggregate's id beside it.
fn allow_id(schema: &mut Value, example: &str) {
    let id = json!({
        "type": "string",
        "minLength": 1,
        "maxLength": 128,
        "pattern": AGGREGATE_ID,
        "description": "The id of the resource; without it the server makes one.",
        "examples": [example],
    });
    if let Some(schema) = schema.as_object_mut() {
        let properties = schema.entry("properties").or_insert_with(|| json!({}));
        properties["id"] = id;
    }
}
