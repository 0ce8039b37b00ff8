//! What is registered: aggregates with their landing views, and their command types with their schemas.
//!
//! Typed on the way in ([`AggregateRegistration`]), type-erased for everything else in the engine.

mod activity;
mod bounds;
mod builtin;
mod codec;
mod command_type;
mod event_kind;
mod executor;
mod fingerprint;
mod fold;
mod hook;
mod indexed;
mod names;
mod panics;
mod plain;
mod process;
mod registration;
pub mod schema;
mod slot;
mod tagged;
mod typed;
mod variants;
mod work;

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

pub use activity::ActivityType;
pub use bounds::{EventSourced, ViewOf};
pub use builtin::DeliverCallback;
pub use command_type::CommandType;
pub use event_kind::EventKind;
pub use executor::{Defect, Executed, Executor};
pub use fold::Fold;
pub use hook::{Hook, NotUnderstood};
pub use indexed::{Indexed, MemberKind};
pub use plain::whole;
pub use process::{Failure, ProcessType, Reacted, Stimulus};
pub use registration::{AggregateRegistration, Registration};
pub use variants::{Variant, variants};

use wilco_domain::kernel::Observed;

pub use crate::ports::Undecodable;
use crate::ports::{AggregateKey, Command, EventRow};

/// A registered aggregate, without its types.
pub trait AggregateType: Send + Sync {
    /// `pet`
    fn name(&self) -> &'static str;
    /// `pets`: the segment of its resources' paths.
    fn collection(&self) -> &'static str;
    /// What lists of it can be filtered by.
    fn indexed(&self) -> &[Indexed];
    /// Something that applies commands to it, with a cache of its own of at most `cache` aggregates.
    fn executor(&self, cache: usize, snapshot_every: i64) -> Box<dyn Executor>;
    /// Something that folds its events into its landing view.
    fn fold(&self, key: &AggregateKey) -> Box<dyn Fold>;
    /// Of the code that makes its landing views.
    fn view_fingerprint(&self) -> &str;
    /// Whether it has upcasters.
    fn has_upcasters(&self) -> bool;
    /// An event of it as its upcasters make it.
    fn upcast(&self, event: EventRow) -> Result<EventRow, Undecodable>;
    /// Whether a stored event of it can be read.
    fn reads_event(&self, event: &EventRow) -> Result<(), Undecodable>;
    /// Whether a stored command for it is known, and its data can be read.
    fn reads_command(&self, command: &Command) -> Result<(), Undecodable>;
}

/// Everything registered.
pub struct Catalog {
    aggregates: BTreeMap<&'static str, Arc<dyn AggregateType>>,
    processes: BTreeMap<&'static str, Arc<dyn ProcessType>>,
    activities: BTreeMap<&'static str, ActivityType>,
    hooks: BTreeMap<&'static str, (Hook, Arc<CommandType>)>,
    commands: BTreeMap<String, Arc<CommandType>>,
    events: Vec<EventKind>,
}

/// What is registered clashes, or breaks a convention.
#[derive(Debug, thiserror::Error)]
pub enum RegistrationError {
    /// Something of that name is there already.
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
    /// Lists cannot be filtered by it.
    #[error(
        "{aggregate} cannot be listed by {member}: it shows no text, whole number or yes-or-no of that name"
    )]
    Indexed {
        /// The member.
        member: &'static str,
        /// Of what.
        aggregate: String,
    },
    /// A rule has no explanation.
    #[error("the rule {0} is not explained: say what it means to whoever breaks it")]
    NoText(String),
    /// Names are lower snake case.
    #[error("{0:?} is not lower snake case")]
    Name(String),
    /// Commands ask for something.
    #[error("{0} is not imperative: a command asks for what is to happen, such as `reserve`")]
    NotImperative(String),
    /// Events tell what happened.
    #[error("{0} is not in the past tense: an event tells what has happened, such as `reserved`")]
    NotPast(String),
    /// A collection is a segment of a path.
    #[error("the collection {0:?} is not a segment of a path: lower case letters, digits and hyphens")]
    Collection(String),
    /// A process and the aggregate that it lives beside have different names in their commands.
    #[error("the commands of {process} are those of {home}, and cannot stand beside {aggregate}")]
    Home {
        /// The process.
        process: &'static str,
        /// What its commands are named after.
        home: &'static str,
        /// What it was registered with.
        aggregate: &'static str,
    },
    /// A process observes what there is not.
    #[error("{process} observes {aggregate}, which there is not")]
    Observes {
        /// The process.
        process: &'static str,
        /// What it observes.
        aggregate: &'static str,
    },
    /// There is no such command.
    #[error("there is no command {0}")]
    NoCommand(String),
    /// The commands are no enumeration.
    #[error(
        "the commands of {0} are not an enumeration with a variant for each command, as serde writes it without \
         `tag` or `untagged`"
    )]
    Commands(&'static str),
    /// The schema is not a valid JSON Schema.
    #[error("the schema of {0} is not valid: {1}")]
    Schema(String, String),
}

impl Catalog {
    /// A catalog of these.
    ///
    /// # Errors
    /// When two of them have a name in common.
    pub fn new<'r>(
        registrations: impl IntoIterator<Item = &'r Registration>,
    ) -> Result<Self, RegistrationError> {
        let mut catalog = Self {
            aggregates: BTreeMap::new(),
            processes: BTreeMap::new(),
            activities: BTreeMap::new(),
            hooks: BTreeMap::new(),
            commands: BTreeMap::new(),
            events: Vec::new(),
        };
        catalog.add_activity(ActivityType::of::<DeliverCallback>()?)?;
        for Registration { aggregate, process, activities, hooks, commands, events, .. } in registrations {
            let collection = aggregate.collection();
            if catalog.aggregates.values().any(|other| other.collection() == collection) {
                return Err(RegistrationError::Twice(format!("/v1/{collection}")));
            }
            let name = aggregate.name();
            if catalog.aggregates.insert(name, Arc::clone(aggregate)).is_some() {
                return Err(RegistrationError::Twice(name.to_owned()));
            }
            if let Some(process) = process
                && catalog.processes.insert(process.name(), Arc::clone(process)).is_some()
            {
                return Err(RegistrationError::Twice(process.name().to_owned()));
            }
            for (hook, command) in hooks {
                if catalog.hooks.insert(hook.source, (*hook, Arc::clone(command))).is_some() {
                    return Err(RegistrationError::Twice(format!("/v1/hooks/{}", hook.source)));
                }
            }
            catalog.activities.extend(activities.iter().map(|activity| (activity.name, activity.clone())));
            for command in commands {
                if catalog.commands.insert(command.name().to_owned(), Arc::clone(command)).is_some() {
                    return Err(RegistrationError::Twice(command.name().to_owned()));
                }
            }
            catalog.events.extend(events.iter().cloned());
        }
        catalog.check_observers()?;
        Ok(catalog)
    }

    fn check_observers(&self) -> Result<(), RegistrationError> {
        for process in self.observers() {
            let missing =
                process.observes().iter().find(|aggregate| !self.aggregates.contains_key(**aggregate));
            if let Some(aggregate) = missing {
                return Err(RegistrationError::Observes { process: process.name(), aggregate });
            }
        }
        Ok(())
    }

    /// One of the engine's own.
    fn add_activity(
        &mut self,
        (activity, command): (ActivityType, CommandType),
    ) -> Result<(), RegistrationError> {
        self.activities.insert(activity.name, activity);
        match self.commands.insert(command.name().to_owned(), Arc::new(command)) {
            None => Ok(()),
            Some(twin) => Err(RegistrationError::Twice(twin.name().to_owned())),
        }
    }

    /// The aggregate type of that name.
    pub fn aggregate(&self, name: &str) -> Option<&Arc<dyn AggregateType>> {
        self.aggregates.get(name)
    }

    /// All aggregate types, by name.
    pub fn aggregates(&self) -> impl Iterator<Item = &Arc<dyn AggregateType>> {
        self.aggregates.values()
    }

    /// The process type of that name.
    pub fn process(&self, name: &str) -> Option<&Arc<dyn ProcessType>> {
        self.processes.get(name)
    }

    /// All process types, by name.
    pub fn processes(&self) -> impl Iterator<Item = &Arc<dyn ProcessType>> {
        self.processes.values()
    }

    /// The process types that observe events.
    pub fn observers(&self) -> impl Iterator<Item = &Arc<dyn ProcessType>> {
        self.processes.values().filter(|process| !process.observes().is_empty())
    }

    /// The process that handles a command, if it is not an aggregate's.
    pub fn process_of(&self, command: &Command) -> Option<&'static str> {
        // Most are of types that no process has.
        let home = command.aggregate_type();
        if !self.processes.values().any(|process| process.home() == home) {
            return None;
        }
        self.commands.get(&command.command_type)?.process()
    }

    /// How the messages of this source become commands, and of which type.
    pub fn hook(&self, source: &str) -> Option<&(Hook, Arc<CommandType>)> {
        self.hooks.get(source)
    }

    /// The sources of messages, by name.
    pub fn hooks(&self) -> impl Iterator<Item = &Hook> {
        self.hooks.values().map(|(hook, _)| hook)
    }

    /// The activity of that name.
    pub fn activity(&self, name: &str) -> Option<&ActivityType> {
        self.activities.get(name)
    }

    /// All activities, by name.
    pub fn activities(&self) -> impl Iterator<Item = &ActivityType> {
        self.activities.values()
    }

    /// Whether an aggregate applies a command, or nobody: neither a process nor an activity.
    pub fn is_of_an_aggregate(&self, command: &Command) -> bool {
        self.process_of(command).is_none() && self.activity(&command.command_type).is_none()
    }

    /// Whether there are processes.
    pub fn has_processes(&self) -> bool {
        !self.processes.is_empty()
    }

    /// The command type of that name (`pet.reserve`).
    pub fn command(&self, name: &str) -> Option<&Arc<CommandType>> {
        self.commands.get(name)
    }

    /// All command types, by name.
    pub fn all_commands(&self) -> impl Iterator<Item = &Arc<CommandType>> {
        self.commands.values()
    }

    /// All command types that anybody may ask for, by name.
    pub fn commands(&self) -> impl Iterator<Item = &Arc<CommandType>> {
        self.commands.values().filter(|command| !command.is_internal())
    }

    /// The kinds of events of all aggregates.
    pub fn events(&self) -> &[EventKind] {
        &self.events
    }

    /// The members that lists of one or another aggregate can be filtered by.
    pub fn indexed(&self) -> BTreeSet<&'static str> {
        self.aggregates().flat_map(|aggregate| aggregate.indexed()).map(|indexed| indexed.name).collect()
    }

    /// Whether a view of this type and version, with this fingerprint beside it, was made by other code. Of a type that
    /// is not registered nobody knows.
    pub fn is_stale(&self, aggregate_type: &str, version: i64, made_by: Option<&str>) -> bool {
        self.aggregate(aggregate_type)
            .is_some_and(|kind| !fingerprint::is_current(made_by, kind.view_fingerprint(), version))
    }

    /// An event as it is shown: in the layout of today. One that cannot be brought there is shown as it is stored, with
    /// the version of that layout; so is one of a type that is not registered.
    pub fn shown<'e>(&self, event: &'e EventRow) -> Cow<'e, EventRow> {
        let Some(kind) = self.aggregate(&event.aggregate_type).filter(|kind| kind.has_upcasters()) else {
            return Cow::Borrowed(event);
        };
        match kind.upcast(event.clone()) {
            Ok(upcast) => Cow::Owned(upcast),
            Err(error) => {
                tracing::error!(%error, kind = event.event_type, "an event is shown as it is stored");
                Cow::Borrowed(event)
            }
        }
    }

    /// An event as processes observe it; `None`: its aggregate is not registered.
    pub fn observed(&self, event: &EventRow) -> Option<Result<Observed, Undecodable>> {
        let kind = self.aggregate(&event.aggregate_type)?;
        let observed = |event: EventRow| {
            kind.reads_event(&event)?;
            Ok(Observed {
                aggregate_id: AggregateKey::taken_apart(&event.aggregate_id).1.to_owned(),
                aggregate_type: event.aggregate_type,
                version: event.sequence,
                event: serde_json::from_str(&event.payload)
                    .map_err(|error| Undecodable(error.to_string()))?,
            })
        };
        Some(kind.upcast(event.clone()).and_then(observed))
    }

    /// The path of an aggregate's resource: `/v1/pets/pet-42`.
    pub fn resource_path(&self, aggregate_type: &str, id: &str) -> Option<String> {
        self.aggregate(aggregate_type).map(|aggregate| format!("/v1/{}/{id}", aggregate.collection()))
    }
}
