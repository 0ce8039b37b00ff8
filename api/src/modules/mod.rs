//! One file per bounded context: its aggregates, their commands and their routes.

mod cars;
mod module;
mod petstore;

use std::collections::BTreeSet;
use std::sync::Arc;

use wilco_application::catalog::{Catalog, RegistrationError};

use crate::problems::Catalogue;

pub use module::{At, Builder, CommandRoute, EventKind, Module};

/// The modules of the program that ships, a line each.
pub fn shipped() -> Vec<Module> {
    vec![
        petstore::pets(), //
        cars::cars(),
    ]
}

/// The modules of a program, and what they register.
pub struct Modules {
    all: Vec<Module>,
    catalog: Arc<Catalog>,
    problems: Arc<Catalogue>,
    failures: Vec<&'static str>,
}

impl Modules {
    /// Registers them.
    ///
    /// # Errors
    /// When two of them clash, or one breaks a convention.
    pub fn new(mut all: Vec<Module>) -> Result<Self, RegistrationError> {
        let catalog =
            all.iter_mut().try_fold(Catalog::builder(), |catalog, module| module.register(catalog))?;
        let problems = Catalogue::new(all.iter().flat_map(|module| module.rules));
        if let Some(slug) = problems.twice() {
            return Err(RegistrationError::Twice(slug.to_owned()));
        }
        let commands = || all.iter().flat_map(|module| &module.commands);
        for command in commands() {
            let unexplained = command.failures.iter().find(|slug| problems.find(slug).is_none());
            if let Some(slug) = unexplained {
                let (slug, command) = ((*slug).to_owned(), command.command_type.clone());
                return Err(RegistrationError::Unexplained { slug, command });
            }
        }
        let commands = commands();
        let failures: BTreeSet<_> = commands.flat_map(|command| command.failures).copied().collect();
        let failures = failures.into_iter().collect();
        Ok(Self { catalog: Arc::new(catalog.build()), problems: Arc::new(problems), failures, all })
    }

    /// All of them.
    pub fn iter(&self) -> impl Iterator<Item = &Module> {
        self.all.iter()
    }

    /// Everything that is registered.
    pub fn catalog(&self) -> &Arc<Catalog> {
        &self.catalog
    }

    /// The kinds of events of all of them.
    pub fn events(&self) -> impl Iterator<Item = &EventKind> {
        self.iter().flat_map(|module| &module.events)
    }

    /// Every problem, explained.
    pub fn problems(&self) -> &Arc<Catalogue> {
        &self.problems
    }

    /// The slugs of all problems that commands may fail with by the rules of their aggregates.
    pub(crate) fn failures(&self) -> &[&'static str] {
        &self.failures
    }
}

#[cfg(test)]
mod tests {
    use wilco_domain::cars::car::{Car, CreateCar};
    use wilco_projections::cars::CarView;

    use super::*;

    #[test]
    fn the_modules_do_not_clash_and_every_route_makes_a_registered_command() {
        let modules = Modules::new(shipped()).unwrap();
        for route in modules.iter().flat_map(|module| &module.commands) {
            assert!(
                modules.catalog().command(&route.command_type).is_some(),
                "{} {}",
                route.method,
                route.path
            );
        }
    }

    #[test]
    fn modules_that_clash_are_refused_by_name() {
        let twice = Modules::new(vec![cars::cars(), cars::cars()]).err().unwrap();
        assert!(twice.to_string().contains("is registered twice"), "{twice}");
    }

    #[test]
    fn a_problem_that_nothing_explains_is_refused_by_name() {
        let stolen = At::post("", "Register a car").fails(&["car-stolen"]);
        let module =
            Builder::<Car, CarView>::new("cars", "Cars", "Cars.").command::<CreateCar>([stolen]).finish();
        let refused = Modules::new(vec![module]).err().unwrap().to_string();
        assert!(refused.contains("car-stolen") && refused.contains("car.create"), "{refused}");
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
