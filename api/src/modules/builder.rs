use std::collections::HashMap;
use std::sync::Arc;

use axum::http::Method;
use cqrs_es::Aggregate;
use cqrs_es::persist::EventUpcaster;
use schemars::JsonSchema;
use serde::de::DeserializeOwned;
use wilco_application::catalog::{
    AggregateRegistration, CommandType, EventSourced, Hook, RegistrationError, ViewOf, schema,
};
use wilco_application::ports::Runner;
use wilco_domain::kernel::{
    Activity, Decided, Decider, Effect, Landing, Process, Refusals as _, Rule, Shown, title,
};

use super::means::{Means, Wire, Wiring};
use super::module::{At, CommandRoute, Module};
use crate::config::{ModuleSettings, Section};
use crate::openapi::Schemas;
use crate::problems::Slug;

/// A [`Module`] in the making, for aggregate `A` with landing view `V`.
///
/// Each command is made at a route of its own: one that creates by POST to the collection, any other by POST to
/// `/{id}/{verb}`, unless [`at`](Builder::at) says otherwise. What is said of it comes from its description.
pub struct Builder<A: Aggregate, V> {
    registration: AggregateRegistration<A, V>,
    collection: &'static str,
    description: String,
    validates: bool,
    routes: HashMap<String, Vec<At>>,
    data: fn(&mut Schemas, &str) -> schemars::Schema,
    process: Option<fn(&mut Schemas, &str) -> schemars::Schema>,
    sections: Vec<Section>,
    wires: Vec<Wire>,
}

impl Module {
    /// Begins the module of a decider, whose resources live at `/v1/{collection}` and show its state.
    pub fn of<T: Decider<Event: JsonSchema> + JsonSchema>(
        collection: &'static str,
    ) -> Builder<Decided<T>, Shown<T, T>> {
        Self::shown_as::<T, T>(collection)
    }

    /// Begins the module of a decider, whose resources live at `/v1/{collection}` and show a `V`.
    pub fn shown_as<T: Decider<Event: JsonSchema> + JsonSchema, V: Landing<T>>(
        collection: &'static str,
    ) -> Builder<Decided<T>, Shown<T, V>> {
        Builder {
            registration: AggregateRegistration::decider(collection),
            collection,
            description: description_of::<T>(),
            validates: T::Refusal::VALIDATES,
            routes: HashMap::new(),
            data: Schemas::sent_command::<T::Command>,
            process: None,
            sections: Vec::new(),
            wires: Vec::new(),
        }
    }

    /// Begins the module of an aggregate that was written for cqrs-es by hand; its resources live at
    /// `/v1/{collection}` and show a `V`.
    pub fn cqrs<A, V>(collection: &'static str) -> Builder<A, V>
    where
        A: EventSourced<Command: DeserializeOwned + JsonSchema> + Aggregate<Services = ()>,
        V: ViewOf<A>,
    {
        Self::with_pure_services(collection, ())
    }

    /// The same for an aggregate whose handler uses services. They must be pure: see
    /// [`AggregateRegistration::with_pure_services`].
    pub fn with_pure_services<A, V>(collection: &'static str, services: A::Services) -> Builder<A, V>
    where
        A: EventSourced<Command: DeserializeOwned + JsonSchema>,
        V: ViewOf<A>,
    {
        Builder {
            registration: AggregateRegistration::with_pure_services(collection, services),
            collection,
            description: description_of::<V>(),
            validates: true,
            routes: HashMap::new(),
            data: Schemas::sent_command::<A::Command>,
            process: None,
            sections: Vec::new(),
            wires: Vec::new(),
        }
    }
}

impl<A: EventSourced, V: ViewOf<A>> Builder<A, V> {
    /// A process takes the commands that people make, and asks the aggregate: see [`AggregateRegistration::process`].
    #[must_use]
    pub fn process<P: Process>(mut self) -> Self {
        self.registration = self.registration.process::<P>();
        self.process = Some(Schemas::sent_command::<P::Command>);
        self
    }

    /// Its process has this done outside: see [`AggregateRegistration::activity`].
    #[must_use]
    pub fn activity<T: Activity>(mut self) -> Self {
        self.registration = self.registration.activity::<T>();
        self
    }

    /// The same with who does it, made when the settings are known.
    #[must_use]
    pub fn activity_by<T: Activity>(
        self,
        make: impl Fn(&Means) -> Arc<dyn Runner> + Send + Sync + 'static,
    ) -> Self {
        self.activity::<T>().wired(move |means, wiring| wiring.runner::<T>(make(means)))
    }

    /// It has a section of the settings of its own: see [`ModuleSettings`].
    #[must_use]
    pub fn settings<S: ModuleSettings>(mut self) -> Self {
        self.sections.push(Section::of::<S>());
        self
    }

    /// How it is wired up with the outside, when the settings are known: who does its activities, what its processes are told,
    /// and what cannot be asked for.
    #[must_use]
    pub fn wired(mut self, wire: impl Fn(&Means, &mut Wiring<'_>) + Send + Sync + 'static) -> Self {
        self.wires.push(Arc::new(wire));
        self
    }

    /// Messages of a third party become commands of its process: see [`AggregateRegistration::hook`].
    #[must_use]
    pub fn hook(mut self, hook: Hook) -> Self {
        self.registration = self.registration.hook(hook);
        self
    }

    /// Of creating commands of this verb the target alone says which one it is: see
    /// [`AggregateRegistration::keyed_by_target`].
    #[must_use]
    pub fn keyed_by_target(mut self, verb: &'static str) -> Self {
        self.registration = self.registration.keyed_by_target(verb);
        self
    }

    /// Where the command of that verb is made, instead of where it usually is. Without any place it can still be made at
    /// the generic door.
    #[must_use]
    pub fn at(mut self, verb: &str, places: impl IntoIterator<Item = At>) -> Self {
        self.routes.insert(verb.to_owned(), places.into_iter().collect());
        self
    }

    /// The commands of these verbs make the aggregate, and are refused where there is one.
    #[must_use]
    pub fn creates(self, verbs: &[&str]) -> Self {
        self.effect(Effect::Creates, verbs)
    }

    /// The commands of these verbs change an aggregate that is there, and are refused where there is none.
    #[must_use]
    pub fn changes(self, verbs: &[&str]) -> Self {
        self.effect(Effect::Changes, verbs)
    }

    /// The commands of these verbs end the aggregate.
    #[must_use]
    pub fn removes(self, verbs: &[&str]) -> Self {
        self.effect(Effect::Removes, verbs)
    }

    fn effect(mut self, effect: Effect, verbs: &[&str]) -> Self {
        self.registration = self.registration.effect(effect, verbs);
        self
    }

    /// Lists can be filtered by these members of what the resource shows, besides `status`.
    #[must_use]
    pub fn indexed(mut self, members: &[&'static str]) -> Self {
        self.registration = self.registration.indexed(members);
        self
    }

    /// Says that the same types mean something else than before: see [`AggregateRegistration::revision`].
    #[must_use]
    pub fn revision(mut self, revision: u32) -> Self {
        self.registration = self.registration.revision(revision);
        self
    }

    /// Shows this upcaster every event that is read: see [`AggregateRegistration::upcaster`].
    #[must_use]
    pub fn upcaster(mut self, upcaster: impl EventUpcaster + 'static) -> Self {
        self.registration = self.registration.upcaster(upcaster);
        self
    }

    /// The module.
    ///
    /// # Errors
    /// When something of it breaks a convention, or a route is for a command that there is not.
    pub fn finish(mut self) -> Result<Module, RegistrationError> {
        let registration = self.registration.finish()?;
        let all = registration.commands();
        let removable = all.iter().any(|command| command.effect() == Effect::Removes);
        let data = self.process.unwrap_or(self.data);
        let mut commands = Vec::new();
        for command in all.iter().filter(|command| !command.is_internal()) {
            let places = self.routes.remove(command.verb()).unwrap_or_else(|| vec![usual(command)]);
            let failures = failures(command, removable, registration.rules(), self.validates);
            let route = |at| route(self.collection, command, at, failures.clone(), data);
            commands.extend(places.into_iter().map(route));
        }
        if let Some(verb) = self.routes.into_keys().next() {
            return Err(RegistrationError::NoCommand(format!("{}.{verb}", A::TYPE)));
        }
        Ok(Module {
            aggregate: A::TYPE,
            collection: self.collection,
            title: title(self.collection),
            description: self.description,
            commands,
            statuses: statuses::<V>(),
            view: Schemas::answered::<V>,
            status: |schemas| schemas.answered_member::<V>("status"),
            registration,
            sections: self.sections,
            wires: self.wires,
        })
    }
}

/// Where a command is made unless something else is said.
fn usual(command: &CommandType) -> At {
    if command.effect() == Effect::Creates {
        At::post("")
    } else {
        At::new(Method::POST, format!("/{{id}}/{}", command.verb().replace('_', "-")))
    }
}

/// What there is to know of a resource that is made by PUT.
const REPEATED: &str = "An identical request is the same command; another body for an id that there is fails with `already-exists`.";

fn route(
    collection: &str,
    command: &CommandType,
    at: At,
    failures: Vec<Slug>,
    data: fn(&mut Schemas, &str) -> schemars::Schema,
) -> CommandRoute {
    let (summary, description) = match said(command) {
        (summary, description) if at.method == Method::PUT && command.effect() == Effect::Creates => (
            format!("{summary} under an id of your own"),
            format!("{description}\n\n{REPEATED}").trim().to_owned(),
        ),
        said => said,
    };
    let verb = command.verb().to_owned();
    CommandRoute {
        method: at.method,
        path: format!("/v1/{collection}{}", at.below),
        command_type: command.name().to_owned(),
        effect: command.effect(),
        summary,
        description,
        failures,
        data: Arc::new(move |schemas| data(schemas, &verb)),
    }
}

/// The first paragraph of what is said of a command, and the rest; where nothing is, its verb.
fn said(command: &CommandType) -> (String, String) {
    let (summary, description) = command.text().split_once("\n\n").unwrap_or((command.text(), ""));
    let summary = match summary.trim().trim_end_matches('.') {
        "" => title(command.verb()),
        summary => summary.replace('\n', " "),
    };
    (summary, description.to_owned())
}

/// The slugs of all problems that a command may fail with by the rules of its aggregate.
fn failures(command: &CommandType, removable: bool, rules: &[Rule], validates: bool) -> Vec<Slug> {
    let of_existence = command.effect().problems().iter().filter(|slug| removable || **slug != "gone");
    let mut slugs: Vec<Slug> = of_existence.map(|slug| Slug::from(*slug)).collect();
    if let Some(narrowed) = command.fails() {
        slugs.extend(narrowed.iter().map(|slug| Slug::from(*slug)));
        return slugs;
    }
    slugs.extend(rules.iter().map(|rule| rule.slug.clone()));
    slugs.extend(validates.then_some(Slug::from("validation")));
    slugs
}

/// The first paragraph of a type's description.
fn description_of<T: JsonSchema>() -> String {
    let schema = schemars::schema_for!(T);
    let text = schema.get("description").and_then(serde_json::Value::as_str).unwrap_or_default();
    text.split("\n\n").next().unwrap_or_default().replace('\n', " ")
}

/// The values of the view's `status`, as its schema has them; none if it is free text.
fn statuses<V: JsonSchema>() -> Vec<String> {
    let schema = schema::whole_answered::<V>();
    let listed = schema["properties"]["status"]["enum"].as_array().into_iter().flatten();
    listed.filter_map(|value| value.as_str().map(ToOwned::to_owned)).collect()
}
