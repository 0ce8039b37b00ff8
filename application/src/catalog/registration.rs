use std::marker::PhantomData;
use std::sync::Arc;

use cqrs_es::Aggregate;
use cqrs_es::persist::EventUpcaster;
use schemars::JsonSchema;
use serde::de::DeserializeOwned;
use wilco_domain::kernel::{
    Activity, Asked, Commands, Context, Decided, Decider, Effect, Landing, Process, Rejection, Rule, Shown,
};

use super::activity::ActivityType;
use super::bounds::{EventSourced, ViewOf};
use super::codec::{Codec, Read};
use super::command_type::Unchecked;
use super::event_kind::{self, EventKind};
use super::fingerprint::Fingerprints;
use super::hook::Hook;
use super::process::TypedProcess;
use super::typed::TypedAggregate;
use super::variants::variants;
use super::work::{Checked, Work};
use super::{AggregateType, CommandType, Indexed, ProcessType, RegistrationError, names, schema, tagged};
use crate::ports::Command;

/// An aggregate on its way into the catalog.
pub struct Registration {
    pub(super) aggregate: Arc<dyn AggregateType>,
    pub(super) process: Option<Arc<dyn ProcessType>>,
    pub(super) activities: Vec<ActivityType>,
    pub(super) hooks: Vec<(Hook, Arc<CommandType>)>,
    pub(super) commands: Vec<Arc<CommandType>>,
    pub(super) events: Vec<EventKind>,
    rules: Vec<Rule>,
}

impl Registration {
    /// Its command types.
    pub fn commands(&self) -> &[Arc<CommandType>] {
        &self.commands
    }

    /// The kinds of its events.
    pub fn events(&self) -> &[EventKind] {
        &self.events
    }

    /// What lists of it can be filtered by.
    pub fn indexed(&self) -> &[Indexed] {
        self.aggregate.indexed()
    }

    /// The rules that its commands may break.
    pub fn rules(&self) -> &[Rule] {
        &self.rules
    }
}

/// A [`Registration`] in the making, of aggregate `A` with landing view `V`.
pub struct AggregateRegistration<A: Aggregate, V> {
    collection: &'static str,
    services: A::Services,
    codec: Codec<A>,
    commands: Result<Vec<Unchecked>, RegistrationError>,
    indexed: Vec<&'static str>,
    revision: u32,
    work: Work,
    view: PhantomData<fn() -> V>,
}

impl<T: Decider<Event: JsonSchema>, V: Landing<T>> AggregateRegistration<Decided<T>, Shown<T, V>> {
    /// Begins the registration of a decider, whose resources live at `/v1/{collection}` and show `V`.
    pub fn decider(collection: &'static str) -> Self {
        let read = |name: &str, command: &Command| {
            let context = Context {
                at: command.not_before.unwrap_or(command.accepted_at),
                command_id: command.id,
                tenant: command.tenant.clone(),
                actor: command.actor.clone(),
            };
            Ok(Asked { command: read_text(name, &command.data)?, context })
        };
        let mut registration = Self::reading::<T::Command>(collection, (), read);
        registration = registration.revision(T::REVISION).indexed(T::INDEXED);
        for shape in T::Command::ALL {
            registration = registration.command(shape.verb, |command| {
                command.effect = shape.effect;
                command.fails = shape.fails;
            });
        }
        registration
    }
}

impl<A: EventSourced<Command: DeserializeOwned + JsonSchema>, V: ViewOf<A>> AggregateRegistration<A, V> {
    /// Begins the registration of `A`, whose resources live at `/v1/{collection}`. Its command type is an enumeration
    /// with a variant for each command.
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
        Self::reading::<A::Command>(collection, services, |name, command| read_text(name, &command.data))
    }
}

impl<A: EventSourced, V: ViewOf<A>> AggregateRegistration<A, V> {
    fn reading<C: DeserializeOwned + JsonSchema>(
        collection: &'static str,
        services: A::Services,
        read: Read<A>,
    ) -> Self {
        let commands = variants(&schema::whole::<C>())
            .map(|all| all.into_iter().map(|variant| Unchecked::of::<C>(A::TYPE, variant)).collect())
            .ok_or(RegistrationError::Commands(A::TYPE));
        let codec = Codec::new(read);
        Self {
            collection,
            services,
            codec,
            commands,
            indexed: Vec::new(),
            revision: 0,
            work: Work::default(),
            view: PhantomData,
        }
    }

    /// Says what the commands of these verbs do to the existence of the aggregate: without that, it does not matter to
    /// them whether there is one.
    #[must_use]
    pub fn effect(mut self, effect: Effect, verbs: &[&str]) -> Self {
        for verb in verbs {
            self = self.command(verb, |command| command.effect = effect);
        }
        self
    }

    /// Lists can be filtered by these members of what the resource shows, besides `status`.
    #[must_use]
    pub fn indexed(mut self, members: &[&'static str]) -> Self {
        self.indexed.extend(members);
        self
    }

    /// Says that `apply`, or the view's `update`, means something else than before over the same types: with another
    /// number, snapshots and views made before are not used any more, and views are written anew. It begins at 0, a
    /// decider's at [`Decider::REVISION`]; raise it by one. Not needed when the view's schema, or the JSON of the
    /// aggregate's default, has changed: that is seen.
    #[must_use]
    pub fn revision(mut self, revision: u32) -> Self {
        self.revision = revision;
        self
    }

    /// Adds an upcaster: it is shown every event that is read, and makes of an old layout a newer one. Those that can
    /// take an event are asked in the order in which they were added, until none of them can take what came out.
    #[must_use]
    pub fn upcaster(mut self, upcaster: impl EventUpcaster + 'static) -> Self {
        self.codec.upcast_with(upcaster);
        self
    }

    /// A process asks it from now on, and takes the commands that people make: what the aggregate can be asked is no
    /// business of theirs any more.
    #[must_use]
    pub fn process<P: Process>(mut self) -> Self {
        let home = (P::HOME == A::TYPE).then_some(());
        let clash = RegistrationError::Home { process: P::NAME, home: P::HOME, aggregate: A::TYPE };
        match home.ok_or(clash).and_then(|()| TypedProcess::<P>::new()) {
            Ok((process, commands)) => self.work.process = Some((Arc::new(process), commands)),
            Err(error) => self.commands = Err(error),
        }
        self
    }

    /// Its process has this done outside.
    #[must_use]
    pub fn activity<T: Activity>(mut self) -> Self {
        self.work.activities.push(ActivityType::of::<T>());
        self
    }

    /// Messages of a third party become commands of its process.
    #[must_use]
    pub fn hook(mut self, hook: Hook) -> Self {
        self.work.hooks.push(hook);
        self
    }

    /// Of creating commands of this verb the target alone says which one it is: the same request is the same command, and
    /// another one for the same target is refused at the door.
    #[must_use]
    pub fn keyed_by_target(mut self, verb: &'static str) -> Self {
        self.work.keyed_by_target.push(verb);
        self
    }

    fn command(mut self, verb: &str, change: impl FnOnce(&mut Unchecked)) -> Self {
        if let Ok(commands) = &mut self.commands {
            match commands.iter_mut().find(|command| command.verb() == verb) {
                Some(command) => change(command),
                None => {
                    self.commands = Err(RegistrationError::NoCommand(format!("{}.{verb}", A::TYPE)));
                }
            }
        }
        self
    }

    /// Checks it all.
    ///
    /// # Errors
    /// When names break the conventions, schemas cannot be made, or a rule is not explained.
    pub fn finish(self) -> Result<Registration, RegistrationError> {
        let Self { collection, services, mut codec, commands, indexed, revision, work, view } = self;
        if !names::is_snake_case(A::TYPE) {
            return Err(RegistrationError::Name(A::TYPE.to_owned()));
        }
        if !is_segment(collection) {
            return Err(RegistrationError::Collection(collection.to_owned()));
        }
        let rules = A::Error::rules();
        if let Some(rule) = rules.iter().find(|rule| rule.text.is_empty()) {
            return Err(RegistrationError::NoText(rule.slug.clone().into_owned()));
        }
        let events = event_kind::of::<A>()?;
        let indexed = indexed.iter().map(|name| Indexed::of::<V>(A::TYPE, name));
        let indexed = indexed.collect::<Result<_, _>>()?;
        let mut commands = commands?;
        for command in &mut commands {
            codec.takes(command);
        }
        let Checked { process, activities, hooks, commands } = work.check(A::TYPE, commands)?;
        let (codec, fingerprints) = (Arc::new(codec), Arc::new(Fingerprints::of::<A, V>(revision)));
        let aggregate = TypedAggregate { collection, services, codec, indexed, fingerprints, view };
        Ok(Registration {
            aggregate: Arc::new(aggregate),
            process,
            activities,
            hooks,
            commands,
            events,
            rules,
        })
    }
}

/// Whether it can be the segment of a path, and be read in one.
fn is_segment(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_lowercase())
        && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-' || b == b'_')
}

fn read_text<C: DeserializeOwned>(name: &str, data: &str) -> Result<C, serde_json::Error> {
    tagged::read(name, &mut serde_json::Deserializer::from_str(data))
}

#[cfg(test)]
mod tests {
    use wilco_domain::kernel::{Refusals, commands, events, refusals, state};

    use super::*;

    #[state]
    struct Thing {
        tags: Vec<String>,
    }

    #[commands]
    enum Command {
        #[creates]
        Make,
        Made,
    }

    #[commands]
    enum Good {
        Make,
    }

    #[events]
    enum Event {
        Made,
    }

    #[events]
    enum Wish {
        Make,
    }

    #[refusals]
    enum No {
        #[invalid("no")]
        No,
    }

    /// A thing of these commands and events.
    macro_rules! thing {
        ($name:ident, $kind:literal, $commands:ty, $events:ty, $indexed:expr) => {
            #[derive(Clone, Debug, Default, serde::Serialize, serde::Deserialize, JsonSchema)]
            struct $name(Thing);

            impl Decider for $name {
                const TYPE: &'static str = $kind;
                const INDEXED: &'static [&'static str] = $indexed;
                type Command = $commands;
                type Event = $events;
                type Refusal = No;

                fn decide(&self, _: $commands, _: &Context) -> Result<Vec<$events>, No> {
                    Err(No::No)
                }

                fn apply(&mut self, _: $events) {}
            }
        };
    }

    thing!(NotImperative, "thing", Command, Event, &[]);
    thing!(NotPast, "thing", Good, Wish, &[]);
    thing!(NotScalar, "thing", Good, Event, &["tags"]);
    thing!(NotSnake, "Thing", Good, Event, &[]);
    thing!(Sound, "thing", Good, Event, &[]);

    fn of<T: Decider<Event: JsonSchema> + JsonSchema>(collection: &'static str) -> String {
        let registration = AggregateRegistration::<Decided<T>, Shown<T, T>>::decider(collection).finish();
        registration.err().map(|error| error.to_string()).unwrap_or_default()
    }

    #[test]
    fn what_breaks_a_convention_is_refused_by_name() {
        assert_eq!(of::<Sound>("things"), "");
        assert!(of::<NotImperative>("things").starts_with("thing.made is not imperative"));
        assert!(of::<NotPast>("things").starts_with("thing.make is not in the past tense"));
        assert!(of::<NotScalar>("things").starts_with("thing cannot be listed by tags"));
        assert!(of::<NotSnake>("things").contains("\"Thing\" is not lower snake case"));
        assert!(of::<Sound>("all things").contains("the collection \"all things\""));
        assert_eq!(No::RULES, []);
    }
}
