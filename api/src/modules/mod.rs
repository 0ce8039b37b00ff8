//! How aggregates become routes: a module each, made by a builder, and those that ship.

mod builder;
mod means;
mod module;
mod shipped;

use std::collections::{BTreeSet, HashSet};
use std::sync::Arc;

use wilco_application::catalog::{Catalog, RegistrationError};

use crate::Name;
use crate::config::{self, Section};
use crate::problems::{Catalogue, Slug};

pub use crate::config::{InvalidSetting, ModuleSettings, Secret, Span};
pub use builder::Builder;
pub use means::{Means, Wiring};
pub use module::{At, CommandRoute, Module};
pub(crate) use shipped::Payments;
pub use shipped::shipped;

/// The modules of a program, its name, and what they register.
pub struct Modules {
    name: Name,
    all: Vec<Module>,
    catalog: Arc<Catalog>,
    problems: Arc<Catalogue>,
    failures: Vec<Slug>,
}

impl Modules {
    /// Registers them.
    ///
    /// # Errors
    /// When two of them clash, or one breaks a convention.
    pub fn new(name: Name, all: Vec<Module>) -> Result<Self, RegistrationError> {
        let catalog = Catalog::new(all.iter().map(|module| &module.registration))?;
        let problems = Catalogue::new(all.iter().flat_map(|module| module.registration.rules()));
        if let Some(slug) = problems.twice() {
            return Err(RegistrationError::Twice(slug.to_owned()));
        }
        let mut sections = config::outermost(&[]);
        let own = || all.iter().flat_map(|module| &module.sections);
        if let Some(twin) = own().find(|own| !sections.insert(own.name.to_owned())) {
            return Err(RegistrationError::Twice(format!("[{}]", twin.name)));
        }
        let mut routes = HashSet::new();
        for command in all.iter().flat_map(|module| &module.commands) {
            if !routes.insert((&command.method, &command.path)) {
                return Err(RegistrationError::Twice(format!("{} {}", command.method, command.path)));
            }
            if let Some(slug) = command.failures.iter().find(|slug| problems.find(slug).is_none()) {
                let (slug, command) = (slug.clone().into_owned(), command.command_type.clone());
                return Err(RegistrationError::Unexplained { slug, command });
            }
        }
        let commands = all.iter().flat_map(|module| &module.commands);
        let failures: BTreeSet<_> = commands.flat_map(|command| command.failures.clone()).collect();
        let failures = failures.into_iter().collect();
        Ok(Self { name, catalog: Arc::new(catalog), problems: Arc::new(problems), failures, all })
    }

    /// The program they are of.
    pub const fn name(&self) -> Name {
        self.name
    }

    /// All of them.
    pub fn iter(&self) -> impl Iterator<Item = &Module> {
        self.all.iter()
    }

    /// The sections of the settings that are theirs.
    pub(crate) fn sections(&self) -> Vec<Section> {
        self.all.iter().flat_map(|module| module.sections.iter().copied()).collect()
    }

    /// Everything that is registered.
    pub fn catalog(&self) -> &Arc<Catalog> {
        &self.catalog
    }

    /// Every problem, explained.
    pub fn problems(&self) -> &Arc<Catalogue> {
        &self.problems
    }

    /// The slugs of all problems that commands may fail with by the rules of their aggregates.
    pub(crate) fn failures(&self) -> &[Slug] {
        &self.failures
    }
}

#[cfg(test)]
mod tests {
    use wilco_domain::cars::Car;

    use super::*;

    fn named(collection: &str) -> Module {
        shipped().unwrap().into_iter().find(|module| module.collection == collection).unwrap()
    }

    fn pets() -> Module {
        named("pets")
    }

    fn cars() -> Module {
        named("cars")
    }

    fn refused(modules: Vec<Module>) -> String {
        Modules::new(Name::WILCO, modules).err().unwrap().to_string()
    }

    #[test]
    fn the_modules_do_not_clash_and_every_command_has_a_route() {
        let modules = Modules::new(Name::WILCO, shipped().unwrap()).unwrap();
        let routes = modules.iter().flat_map(|module| &module.commands);
        let reached: HashSet<_> = routes.map(|route| route.command_type.as_str()).collect();
        for command in modules.catalog().commands() {
            assert!(reached.contains(command.name()), "{}", command.name());
        }
    }

    #[test]
    fn modules_that_clash_are_refused_by_name() {
        let twice = || vec![cars(), cars()];
        assert_eq!(refused(twice()), "/v1/cars is registered twice");
        let mut elsewhere = Module::of::<Car>("vehicles").finish().unwrap();
        assert_eq!(refused(vec![cars(), elsewhere]), "car is registered twice");
        elsewhere = Module::of::<Car>("cars").at("repaint", [At::post("/{id}/retire")]).finish().unwrap();
        assert_eq!(refused(vec![elsewhere]), "POST /v1/cars/{id}/retire is registered twice");
    }

    #[test]
    fn what_can_be_set_of_the_modules_says_what_it_is_for_and_what_it_counts() {
        let sections = Modules::new(Name::WILCO, shipped().unwrap()).unwrap().sections();
        let flags = config::Flags { sections, ..config::Flags::default() };
        let all = config::settings(&config::load(&flags).unwrap());
        let own: Vec<_> =
            all.iter().filter(|one| one.name.starts_with("pay") || one.name.starts_with("pet")).collect();
        assert_eq!(own.len(), 8, "{own:?}");
        for setting in own {
            assert!(!setting.meaning.is_empty() && !setting.default.is_empty(), "{setting:?}");
            assert_eq!(setting.unit.is_some(), setting.value.is_number(), "{setting:?}");
        }
    }

    #[test]
    fn a_section_of_the_settings_belongs_to_one_module() {
        #[derive(Clone, Default, serde::Serialize, serde::Deserialize, schemars::JsonSchema)]
        struct Engine {}
        impl ModuleSettings for Engine {
            const SECTION: &'static str = "engine";
        }
        let cars = Module::of::<Car>("cars").settings::<Engine>().finish().unwrap();
        assert_eq!(refused(vec![cars]), "[engine] is registered twice");
    }

    #[test]
    fn a_route_for_a_command_that_there_is_not_is_refused_by_name() {
        let module = Module::of::<Car>("cars").at("steal", [At::post("/{id}/steal")]).finish();
        assert_eq!(module.err().unwrap().to_string(), "there is no command car.steal");
    }

    #[test]
    fn an_id_of_ones_own_is_put_and_told_of() {
        let cars = cars();
        let put = cars.commands.iter().find(|route| route.method == "PUT").unwrap();
        assert_eq!((put.path.as_str(), put.command_type.as_str()), ("/v1/cars/{id}", "car.create"));
        assert_eq!(put.summary, "Register a car under an id of your own");
        assert!(put.description.contains("`already-exists`"), "{}", put.description);
    }

    #[test]
    fn the_kinds_of_events_are_read_from_their_schema() {
        let names = |module: Module| module.events().iter().map(|kind| kind.name.clone()).collect::<Vec<_>>();
        assert_eq!(names(cars()), ["car.created", "car.repainted", "car.retired"]);
        assert_eq!(names(pets()).len(), 6);
    }

    #[test]
    fn the_statuses_of_a_view_are_read_from_its_schema() {
        assert_eq!(pets().statuses, ["available", "reserved", "sold"]);
        assert_eq!(cars().statuses, ["active", "retired"]);
    }

    #[test]
    fn commands_are_described_and_may_fail_as_their_aggregate_says() {
        let pets = pets();
        let of = |verb: &str| {
            let wanted = |route: &&CommandRoute| route.command_type == format!("pet.{verb}");
            pets.commands.iter().find(wanted).unwrap()
        };
        assert_eq!(of("create").failures, ["already-exists", "gone"]);
        assert_eq!(of("delete").failures, ["not-found", "gone", "pet-reserved", "pet-sold"]);
        assert_eq!(of("release").failures.len(), 5);
        assert_eq!(
            (of("sell").path.as_str(), of("sell").summary.as_str()),
            ("/v1/pets/{id}/sell", "Sell a pet")
        );
        assert_eq!(of("update").method, "PUT");
        assert_eq!(
            pets.description,
            "What the rules of a pet depend on; what describes it lives in its view."
        );
    }
}
