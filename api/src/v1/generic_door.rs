use axum::response::Response;
use wilco_application::asking::PATH;
use wilco_domain::kernel::Effect;

use super::door::{self, Wishes};
use super::envelope::{self, Described};
use crate::http::Call;
use crate::modules::Modules;
use crate::openapi::{Operation, Route, Schemas};
use crate::problems::Refusal;

pub(super) fn route(modules: &Modules) -> Route {
    let operation = Operation::new("Commands", "submitCommand", "Make a command of any registered type")
        .describe(
            "The same as the routes of the resources do, in an envelope. `/v1/command-types` lists the types, each \
             with the schema of its `data`; all but those that make an aggregate need a `target`.",
        )
        .body("application/json", true, Schemas::sent::<Described>)
        .such_as(envelope::examples(modules.catalog()));
    let operation = door::described(operation, &[Effect::Creates, Effect::Changes])
        .refuses(&["unknown-command-type", "command-expired"])
        .refuses(modules.failures());
    Route::post(PATH, submit, operation)
}

async fn submit(call: Call) -> Result<Response, Refusal> {
    call.accepts_json()?;
    call.query(&[])?;
    let mut wishes = Wishes::of(&call)?;
    let (base, state) = (call.base(), call.state.clone());
    let body = call.json().await?;
    let mut submission = envelope::submission(state.engine().catalog(), body, &mut wishes)?;
    wishes.demand(state.engine(), &mut submission).await?;
    let submitted = state.engine().submit(submission).await;
    let submitted = submitted.map_err(|error| Refusal::of_submission(error, "/data"))?;
    door::answer(state.engine(), &base, submitted, wishes.wait).await
}
