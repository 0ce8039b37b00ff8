//! The handlers, each beside its description.
//!
//! | module | holds |
//! | --- | --- |
//! | `door` | what all ways to make a command have in common: headers in, submission, the 202 and the waited-for answer |
//! | `resource_commands` | the one handler behind every module's command routes |
//! | `generic_door`, `envelope`, `batch`, `command_types` | commands by envelope |
//! | `command_status`, `command_stream`, `command_list`, `command_tree`, `command_actions` | `/v1/commands` |
//! | `resources` | the read models, the same for every aggregate |
//! | `processes` | the instances of processes |
//! | `hooks` | messages of third parties |
//! | `feed` | the feed over HTTP |
//! | `operations` | probes and metrics |
//! | `documentation`, `browser`, `problem_page` | the interface's description of itself |

mod batch;
mod browser;
mod command_actions;
mod command_list;
mod command_status;
mod command_stream;
mod command_tree;
mod command_types;
mod cursor;
mod documentation;
mod door;
mod envelope;
mod feed;
mod generic_door;
mod history;
mod hooks;
mod operations;
mod problem_page;
mod processes;
mod resource_commands;
mod resources;

use crate::modules::{Module, Modules};
use crate::openapi::{Route, Schemas};

pub(crate) use browser::pages;

/// Every route there is: what is served, and what is documented.
pub(crate) fn routes(modules: &Modules) -> Vec<Route> {
    let mut routes: Vec<Route> = modules.iter().flat_map(of_module).collect();
    routes.extend([generic_door::route(modules), batch::route(), command_types::route()]);
    routes.extend(command_list::routes());
    routes.extend([command_status::route(), command_tree::route(), command_actions::cancel_route()]);
    routes.push(command_actions::retry_route(modules));
    routes.extend(processes::routes());
    routes.extend([hooks::route(modules), feed::route()]);
    routes.extend(operations::routes());
    routes.extend([documentation::route(), problem_page::route()]);
    routes
}

/// The schemas that say more than their types, since they depend on the modules.
pub(crate) fn schemas(modules: &Modules) -> Schemas {
    let mut schemas = Schemas::default();
    envelope::list_types(&mut schemas, modules.catalog());
    history::list_kinds(&mut schemas, modules);
    schemas
}

fn of_module(module: &Module) -> Vec<Route> {
    let commands = module.commands.iter().map(|command| resource_commands::route(module, command));
    commands.chain(resources::routes(module)).collect()
}
