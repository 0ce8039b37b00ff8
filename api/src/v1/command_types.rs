use axum::response::Response;
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value;
use wilco_application::catalog::CommandType;
use wilco_domain::kernel::Effect;

use crate::http::Call;
use crate::http::answer::{self, Page};
use crate::openapi::{Answer, Operation, Route};
use crate::problems::Refusal;

/// A type of command that can be made.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "CommandType")]
struct Described<'a> {
    /// `aggregate.verb`
    #[schemars(example = &"pet.reserve")]
    name: &'a str,
    /// The aggregate it is for.
    #[schemars(example = &"pet")]
    aggregate: &'a str,
    /// What it does to the aggregate's existence.
    effect: EffectName,
    /// The JSON Schema (2020-12) of its data.
    #[schemars(with = "serde_json::Map<String, Value>", example = serde_json::json!({ "type": "object" }))]
    schema: &'a Value,
}

#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(rename = "CommandEffect")]
enum EffectName {
    /// It makes one.
    Creates,
    /// It changes one that is there.
    Changes,
    /// It ends one.
    Removes,
    /// It does not matter to it whether there is one.
    Either,
}

impl<'a> From<&'a CommandType> for Described<'a> {
    fn from(command_type: &'a CommandType) -> Self {
        Self {
            name: command_type.name(),
            aggregate: command_type.aggregate(),
            effect: match command_type.effect() {
                Effect::Creates => EffectName::Creates,
                Effect::Changes => EffectName::Changes,
                Effect::Removes => EffectName::Removes,
                Effect::Either => EffectName::Either,
            },
            schema: command_type.schema(),
        }
    }
}

pub(super) fn route() -> Route {
    let operation =
        Operation::new("Commands", "listCommandTypes", "List the types of commands, with their schemas")
            .describe("What can be sent to `/v1/commands`, on one page.")
            .answers(Answer::new(200, "All of them, by name.").page::<Described<'static>>("CommandTypePage"))
            .reads(&[]);
    Route::get("/v1/command-types", list, operation)
}

async fn list(call: Call) -> Result<Response, Refusal> {
    call.accepts_json()?;
    call.query(&[])?;
    let catalog = call.engine().catalog();
    let items = catalog.commands().map(|command_type| Described::from(&**command_type)).collect();
    answer::json(&Page { items, next_cursor: None })
}
