//! The handlers, each beside its description.
//!
//! | module | holds |
//! | --- | --- |
//! | `door` | what all ways to make a command have in common: headers in, submission, the 202 and the waited-for answer |
//! | `resource_commands` | the one handler behind every module's command routes |
//! | `generic_door`, `envelope`, `batch`, `command_types` | commands by envelope |
//! | `command_status`, `command_stream`, `command_list`, `command_actions` | `/v1/commands` |
//! | `resources` | the read models, the same for every aggregate |
//! | `feed` | the feed over HTTP |
//! | `operations` | probes and metrics |

mod batch;
mod command_actions;
mod command_list;
mod command_status;
mod command_stream;
mod command_types;
mod cursor;
mod door;
mod envelope;
mod feed;
mod generic_door;
mod history;
mod operations;
mod resource_commands;
mod resources;

use crate::modules::{self, Module};
use crate::openapi::{self, Route};

/// Whose commands there are as long as there are no API keys.
const TENANT: &str = "";

/// Every route there is: what is served, and what is documented.
pub fn routes() -> Vec<Route> {
    let mut routes: Vec<Route> = modules::all().iter().flat_map(of_module).collect();
    routes.extend([generic_door::route(), batch::route(), command_types::route()]);
    routes.extend(command_list::routes());
    routes.extend([command_status::route(), command_actions::cancel_route(), command_actions::retry_route()]);
    routes.push(feed::route());
    routes.extend(operations::routes());
    routes.extend(openapi::routes());
    routes
}

fn of_module(module: &Module) -> Vec<Route> {
    let commands = module.commands.iter().map(|command| resource_commands::route(module, command));
    commands.chain(resources::routes(module)).collect()
}
