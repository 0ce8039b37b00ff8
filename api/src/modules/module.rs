use std::marker::PhantomData;

use axum::http::Method;
use cqrs_es::{Aggregate, View};
use schemars::{JsonSchema, Schema};
use serde_json::Value;
use wilco_application::catalog::{
    AggregateRegistration, CatalogBuilder, LandingView, RegistrationError, schema,
};
use wilco_domain::kernel::{CommandKind, Effect, Rejection, Rule};

use crate::openapi::Schemas;

type Register = Box<dyn FnOnce(CatalogBuilder) -> Result<CatalogBuilder, RegistrationError>>;

/// An aggregate as the interface shows it: its collection, and the routes that make its commands. The GET routes
/// are the same for every aggregate and follow from this.
pub struct Module {
    /// `pet`
    pub aggregate: &'static str,
    /// `pets`
    pub collection: &'static str,
    /// What its routes are listed under: `Pets`.
    pub title: &'static str,
    /// What they are, in a sentence.
    pub description: &'static str,
    /// The routes that make its commands.
    pub commands: Vec<CommandRoute>,
    /// What `?status=` may be.
    pub statuses: Vec<String>,
    /// What may happen to it.
    pub events: Vec<EventKind>,
    /// The rules of its own that a command may break.
    pub rules: &'static [Rule],
    pub(crate) view: fn(&mut Schemas) -> Value,
    pub(crate) status: fn(&mut Schemas) -> Value,
    /// Until it is registered.
    register: Option<Register>,
}

/// A kind of event.
pub struct EventKind {
    /// `pet.reserved`
    pub name: String,
    /// What it means.
    pub text: String,
    /// The JSON Schema (2020-12) of its data.
    pub schema: Value,
}

/// A route that makes a command.
#[derive(Clone)]
pub struct CommandRoute {
    /// Its method.
    pub method: Method,
    /// `/v1/pets/{id}/reserve`
    pub path: String,
    /// `pet.reserve`
    pub command_type: String,
    /// What the command does to the aggregate's existence.
    pub effect: Effect,
    /// What it is for, in a line.
    pub summary: &'static str,
    /// What else there is to know.
    pub description: &'static str,
    /// The slugs of the problems it may fail with by the rules of its aggregate.
    pub failures: &'static [&'static str],
    pub(crate) data: fn(&mut Schemas) -> Schema,
}

impl CommandRoute {
    /// Whether the path names the aggregate.
    pub fn is_addressed(&self) -> bool {
        self.path.contains("{id}")
    }
}

/// Where a command is made: method, path below the collection, and what is said of it.
pub struct At {
    method: Method,
    below: &'static str,
    summary: &'static str,
    description: &'static str,
    failures: &'static [&'static str],
}

impl At {
    const fn new(method: Method, below: &'static str, summary: &'static str) -> Self {
        Self { method, below, summary, description: "", failures: &[] }
    }

    /// A POST.
    pub const fn post(below: &'static str, summary: &'static str) -> Self {
        Self::new(Method::POST, below, summary)
    }

    /// A PUT.
    pub const fn put(below: &'static str, summary: &'static str) -> Self {
        Self::new(Method::PUT, below, summary)
    }

    /// A DELETE.
    pub const fn delete(below: &'static str, summary: &'static str) -> Self {
        Self::new(Method::DELETE, below, summary)
    }

    /// More than the summary says.
    #[must_use]
    pub const fn describe(mut self, description: &'static str) -> Self {
        self.description = description;
        self
    }

    /// By the rules of its aggregate the command may fail with these problems, named by their slugs.
    #[must_use]
    pub const fn fails(mut self, slugs: &'static [&'static str]) -> Self {
        self.failures = slugs;
        self
    }
}

/// A [`Module`] in the making, for aggregate `A` with landing view `V`.
pub struct Builder<A: Aggregate, V> {
    registration: AggregateRegistration<A, V>,
    collection: &'static str,
    title: &'static str,
    description: &'static str,
    commands: Vec<CommandRoute>,
    view: PhantomData<V>,
}

impl<A, V> Builder<A, V>
where
    A: Aggregate<Command: Send, Event: JsonSchema + Send, Error: Rejection + Send, Services: Clone>
        + Clone
        + 'static,
    V: View<A> + LandingView + JsonSchema + Clone + 'static,
{
    /// Begins the module of `A`, whose resources live at `/v1/{collection}`.
    pub fn new(collection: &'static str, title: &'static str, description: &'static str) -> Self
    where
        A: Aggregate<Services = ()>,
    {
        Self::with_pure_services(collection, title, description, ())
    }

    /// The same for an aggregate whose handler uses services. They must be pure: see
    /// [`AggregateRegistration::with_pure_services`].
    pub fn with_pure_services(
        collection: &'static str,
        title: &'static str,
        description: &'static str,
        services: A::Services,
    ) -> Self {
        let registration = AggregateRegistration::with_pure_services(collection, services);
        Self { registration, collection, title, description, commands: Vec::new(), view: PhantomData }
    }

    /// Adds a command and the routes that make it; without any it can still be made at the generic door.
    #[must_use]
    pub fn command<C: CommandKind<A>>(mut self, routes: impl IntoIterator<Item = At>) -> Self {
        self.registration = self.registration.command::<C>();
        self.commands.extend(routes.into_iter().map(|at| CommandRoute {
            method: at.method,
            path: format!("/v1/{}{}", self.collection, at.below),
            command_type: format!("{}.{}", A::TYPE, C::VERB),
            effect: C::EFFECT,
            summary: at.summary,
            description: at.description,
            failures: at.failures,
            data: Schemas::sent_whole::<C>,
        }));
        self
    }

    /// The module.
    pub fn finish(self) -> Module {
        let registration = self.registration;
        Module {
            aggregate: A::TYPE,
            collection: self.collection,
            title: self.title,
            description: self.description,
            commands: self.commands,
            statuses: statuses::<V>(),
            events: events::<A>(),
            rules: A::Error::rules(),
            view: Schemas::answered::<V>,
            status: |schemas| schemas.answered_member::<V>("status"),
            register: Some(Box::new(move |catalog| catalog.aggregate(registration))),
        }
    }
}

impl Module {
    pub(super) fn register(&mut self, catalog: CatalogBuilder) -> Result<CatalogBuilder, RegistrationError> {
        match self.register.take() {
            Some(register) => register(catalog),
            None => Ok(catalog),
        }
    }
}

/// The values of the view's `status`, as its schema has them; none if it is free text.
fn statuses<V: JsonSchema>() -> Vec<String> {
    let settings = schema::answered().with(|settings| settings.inline_subschemas = true);
    let schema = settings.into_generator().into_root_schema_for::<V>().to_value();
    let listed = schema["properties"]["status"]["enum"].as_array().into_iter().flatten();
    listed.filter_map(|value| value.as_str().map(ToOwned::to_owned)).collect()
}

/// The kinds of an aggregate's events, as the schema of its enumeration has them.
fn events<A: Aggregate<Event: JsonSchema>>() -> Vec<EventKind> {
    let settings = schema::answered().with(|settings| settings.inline_subschemas = true);
    let schema = settings.into_generator().into_root_schema_for::<A::Event>().to_value();
    let kind = |schema: &Value| {
        let name = schema["properties"]["type"]["const"].as_str()?;
        let text = schema["description"].as_str().unwrap_or_default().to_owned();
        Some(EventKind { name: format!("{}.{name}", A::TYPE), text, schema: schema.clone() })
    };
    schema["oneOf"].as_array().into_iter().flatten().filter_map(kind).collect()
}
