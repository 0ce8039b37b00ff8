//! One file per bounded context: its aggregates, their commands and their routes.

mod cars;
mod module;
mod petstore;

use std::collections::BTreeSet;
use std::sync::{Arc, LazyLock};

use wilco_application::catalog::{Catalog, RegistrationError};

pub use module::{At, Builder, CommandRoute, EventKind, Module};

/// Every module, a line each.
pub fn all() -> Vec<Module> {
    vec![
        petstore::pets(), //
        cars::cars(),
    ]
}

/// The slugs of all problems that commands may fail with by the rules of their aggregates.
pub(crate) fn failures() -> &'static [&'static str] {
    static FAILURES: LazyLock<Vec<&'static str>> = LazyLock::new(|| {
        let commands = all().into_iter().flat_map(|module| module.commands);
        let slugs: BTreeSet<_> = commands.flat_map(|command| command.failures).copied().collect();
        slugs.into_iter().collect()
    });
    &FAILURES
}

/// Everything that is registered.
pub fn catalog() -> Result<Arc<Catalog>, RegistrationError> {
    let catalog =
        all().into_iter().try_fold(Catalog::builder(), |catalog, module| module.register(catalog))?;
    Ok(Arc::new(catalog.build()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_modules_do_not_clash_and_every_route_makes_a_registered_command() {
        let catalog = catalog().unwrap();
        for route in all().into_iter().flat_map(|module| module.commands) {
            assert!(catalog.command(&route.command_type).is_some(), "{} {}", route.method, route.path);
        }
    }

    #[test]
    fn the_kinds_of_events_are_read_from_their_schema() {
        let names = |module: Module| module.events.into_iter().map(|kind| kind.name).collect::<Vec<_>>();
        assert_eq!(names(cars::cars()), ["car.created", "car.repainted", "car.retired"]);
        assert_eq!(names(petstore::pets()).len(), 6);
    }

    #[test]
    fn the_statuses_of_a_view_are_read_from_its_schema() {
        assert_eq!(petstore::pets().statuses, ["available", "reserved", "sold"]);
        assert_eq!(cars::cars().statuses, ["active", "retired"]);
    }
}
