//! What is registered: aggregates with their landing views, and their command types with their schemas.
//!
//! Typed on the way in ([`CatalogBuilder::aggregate`]), type-erased for everything else in the engine.

mod codec;
mod command_type;
mod executor;
mod fold;
mod plain;
pub mod schema;
mod slot;
mod typed;

use std::collections::BTreeMap;
use std::sync::Arc;

use cqrs_es::persist::EventUpcaster;
use cqrs_es::{Aggregate, View};
use wilco_domain::kernel::{CommandKind, Rejection};

pub use codec::Undecodable;
pub use command_type::CommandType;
pub use executor::{Defect, Executed, Executor};
pub use fold::Fold;
pub use plain::whole;
use typed::TypedAggregate;

/// An aggregate's own read model: what `GET /v1/{collection}/{id}` answers, written with its events.
pub trait LandingView {
    /// The value that `?status=` filters by.
    fn status(&self) -> &str;
    /// Whether the resource is gone (410).
    fn is_gone(&self) -> bool;
}

/// A registered aggregate, without its types.
pub trait AggregateType: Send + Sync {
    /// `pet`
    fn name(&self) -> &'static str;
    /// `pets`: the segment of its resources' paths.
    fn collection(&self) -> &'static str;
    /// Something that applies commands to it, with a cache of its own of at most `cache` aggregates.
    fn executor(&self, cache: usize, snapshot_every: i64) -> Box<dyn Executor>;
    /// Something that folds its events into its landing view.
    fn fold(&self, id: &str) -> Box<dyn Fold>;
}

/// Everything registered.
pub struct Catalog {
    aggregates: BTreeMap<&'static str, Arc<dyn AggregateType>>,
    commands: BTreeMap<String, Arc<CommandType>>,
}

/// Two registrations clash, or a name breaks the convention.
#[derive(Debug, thiserror::Error)]
pub enum RegistrationError {
    /// An aggregate or command type of that name is there already.
    #[error("{0} is registered twice")]
    Twice(String),
    /// A command may fail with a problem that nothing explains.
    #[error(
        "nothing explains {slug}, which {command} may fail with: list it among the rules of its refusals"
    )]
    Unexplained {
        /// Of the problem.
        slug: String,
        /// Its type.
        command: String,
    },
    /// Names are lower snake case.
    #[error("{0:?} is not lower snake case")]
    Name(String),
    /// The schema is not a valid JSON Schema.
    #[error("the schema of {0} is not valid: {1}")]
    Schema(String, String),
}

impl Catalog {
    /// An empty catalog to register into.
    pub fn builder() -> CatalogBuilder {
        CatalogBuilder { catalog: Self { aggregates: BTreeMap::new(), commands: BTreeMap::new() } }
    }

    /// The aggregate type of that name.
    pub fn aggregate(&self, name: &str) -> Option<&Arc<dyn AggregateType>> {
        self.aggregates.get(name)
    }

    /// All aggregate types, by name.
    pub fn aggregates(&self) -> impl Iterator<Item = &Arc<dyn AggregateType>> {
        self.aggregates.values()
    }

    /// The command type of that name (`pet.reserve`).
    pub fn command(&self, name: &str) -> Option<&Arc<CommandType>> {
        self.commands.get(name)
    }

    /// All command types, by name.
    pub fn commands(&self) -> impl Iterator<Item = &Arc<CommandType>> {
        self.commands.values()
    }

    /// The path of an aggregate's resource: `/v1/pets/pet-42`.
    pub fn resource_path(&self, aggregate_type: &str, id: &str) -> Option<String> {
        self.aggregate(aggregate_type).map(|aggregate| format!("/v1/{}/{id}", aggregate.collection()))
    }
}

/// Registers aggregates.
pub struct CatalogBuilder {
    catalog: Catalog,
}

impl CatalogBuilder {
    /// Registers aggregate `A` with its landing view `V` and its commands.
    pub fn aggregate<A, V>(
        mut self,
        registration: AggregateRegistration<A, V>,
    ) -> Result<Self, RegistrationError>
    where
        A: Aggregate<Command: Send, Event: Send, Error: Rejection + Send, Services: Clone> + Clone + 'static,
        V: View<A> + LandingView + Clone + 'static,
    {
        let AggregateRegistration { aggregate, commands } = registration;
        let name = A::TYPE;
        check_name(name)?;
        for command in commands {
            check_name(command.verb())?;
            let command_name = command.name().to_owned();
            let command = command.compile()?;
            if self.catalog.commands.insert(command_name.clone(), Arc::new(command)).is_some() {
                return Err(RegistrationError::Twice(command_name));
            }
        }
        if self.catalog.aggregates.insert(name, Arc::new(aggregate)).is_some() {
            return Err(RegistrationError::Twice(name.to_owned()));
        }
        Ok(self)
    }

    /// The finished catalog.
    pub fn build(self) -> Catalog {
        self.catalog
    }
}

fn check_name(name: &str) -> Result<(), RegistrationError> {
    let ok = name.starts_with(|c: char| c.is_ascii_lowercase())
        && name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_');
    if ok { Ok(()) } else { Err(RegistrationError::Name(name.to_owned())) }
}

/// An aggregate type on its way into the catalog.
pub struct AggregateRegistration<A: Aggregate, V> {
    aggregate: TypedAggregate<A, V>,
    commands: Vec<command_type::Unchecked>,
}

impl<A, V> AggregateRegistration<A, V>
where
    A: Aggregate,
    V: View<A> + LandingView,
{
    /// Begins the registration of `A`, whose resources live at `/v1/{collection}`.
    pub fn new(collection: &'static str) -> Self
    where
        A: Aggregate<Services = ()>,
    {
        Self::with_pure_services(collection, ())
    }

    /// The same for an aggregate whose handler uses services. They must be *pure*: ask nobody, and answer the same
    /// whenever they are asked the same. A handler may be asked several times for one command, and all that comes after
    /// it waits until it has answered, so one that calls another system would do so twice, and hold up everybody.
    pub fn with_pure_services(collection: &'static str, services: A::Services) -> Self {
        Self { aggregate: TypedAggregate::new(collection, services), commands: Vec::new() }
    }

    /// Adds a command type.
    #[must_use]
    pub fn command<C: CommandKind<A>>(mut self) -> Self {
        self.aggregate.decodes::<C>();
        self.commands.push(command_type::Unchecked::of::<A, C>());
        self
    }

    /// Adds an upcaster: it is shown every event that is loaded.
    #[must_use]
    pub fn upcaster(mut self, upcaster: impl EventUpcaster + 'static) -> Self {
        self.aggregate.upcasts(upcaster);
        self
    }
}
