use std::marker::PhantomData;

use serde::de::DeserializeOwned;
use wilco_domain::kernel::{
    CommandShape, Commands, Concern, Effects, Held, Input, Observed, Problem, Process, Reply, Then,
};

use super::command_type::Unchecked;
use super::panics::caught;
use super::variants::variants;
use super::{Defect, RegistrationError, Undecodable, names, schema, tagged};
use crate::ports::Command;

/// A registered process, without its types.
pub trait ProcessType: Send + Sync {
    /// `ordering`
    fn name(&self) -> &'static str;
    /// `order`: the part before the dot in the names of its commands.
    fn home(&self) -> &'static str;
    /// The layout of its state today.
    fn state_version(&self) -> u16;
    /// Has an instance react, from the state it had (with its layout), or from none at all.
    fn react(
        &self,
        before: Option<(&str, u16)>,
        stimulus: Stimulus<'_>,
        then: Then,
    ) -> Result<Reacted, Failure>;
    /// The aggregates whose events it observes, by type.
    fn observes(&self) -> &'static [&'static str];
    /// The instance that an event of one of those concerns.
    fn concerns(&self, event: &Observed) -> Result<Concern, Defect>;
    /// Whether an instance of this state (with its layout) still wants what it has called under this label. One that
    /// cannot be read may.
    fn still_wants(&self, state: (&str, u16), label: &str) -> bool;
    /// Whether a stored command for it is known, and its data can be read.
    fn reads_command(&self, command: &Command) -> Result<(), Undecodable>;
}

/// What comes to an instance.
#[derive(Clone, Debug)]
pub enum Stimulus<'a> {
    /// A command.
    Command(&'a Command),
    /// What became of a command that it issued under this label.
    Reply(&'a str, Reply),
    /// The timer of this name has fired.
    Timer(&'a str),
    /// Something that it observes has happened.
    Event(&'a Observed),
}

/// What an instance did.
#[derive(Clone, Debug, PartialEq)]
pub struct Reacted {
    /// Its state now, as JSON.
    pub state: String,
    /// What it wants to be done.
    pub effects: Effects,
}

/// Why an instance did nothing.
#[derive(Debug)]
pub enum Failure {
    /// It refuses the command.
    Refused(Box<Problem>),
    /// This build cannot read its state, or the command.
    Unreadable(Undecodable),
    /// Its state was written by a newer build: it is left to that one.
    Newer,
    /// It is defective.
    Defect(Defect),
}

pub(super) struct TypedProcess<P> {
    /// Each command's name after the dot, with what serde calls it.
    variants: Vec<(String, String)>,
    process: PhantomData<fn() -> P>,
}

impl<P: Process> TypedProcess<P> {
    /// With its command types.
    pub(super) fn new() -> Result<(Self, Vec<Unchecked>), RegistrationError> {
        for name in [P::NAME, P::HOME] {
            if !names::is_snake_case(name) {
                return Err(RegistrationError::Name(name.to_owned()));
            }
        }
        let all = variants(&schema::whole::<P::Command>()).ok_or(RegistrationError::Commands(P::NAME))?;
        let mut commands: Vec<Unchecked> =
            all.into_iter().map(|variant| Unchecked::of::<P::Command>(P::HOME, variant)).collect();
        for CommandShape { verb, effect, fails } in P::Command::ALL {
            if let Some(command) = commands.iter_mut().find(|command| command.verb() == *verb) {
                (command.effect, command.fails) = (*effect, *fails);
            }
        }
        let variants =
            commands.iter().map(|command| (command.verb().to_owned(), command.name().to_owned())).collect();
        Ok((Self { variants, process: PhantomData }, commands))
    }

    fn command(&self, command: &Command) -> Result<P::Command, Undecodable> {
        let known = self.variants.iter().find(|(verb, _)| verb == command.verb());
        let (_, variant) =
            known.ok_or_else(|| Undecodable(format!("there is no command {}", command.command_type)))?;
        read(variant, &command.data)
    }

    fn state(before: Option<(&str, u16)>) -> Result<P, Undecodable> {
        let unreadable = |error: serde_json::Error| Undecodable(format!("its state: {error}"));
        let Some((text, mut layout)) = before else { return Ok(P::default()) };
        if layout == P::VERSION {
            return serde_json::from_str(text).map_err(unreadable);
        }
        let mut state = serde_json::from_str(text).map_err(unreadable)?;
        while layout < P::VERSION {
            state = P::upgrade(layout, state)
                .ok_or_else(|| Undecodable(format!("nothing reads its state of layout {layout}")))?;
            layout += 1;
        }
        serde_json::from_value(state).map_err(unreadable)
    }

    fn input(&self, stimulus: Stimulus<'_>) -> Result<Input<P::Command>, Undecodable> {
        Ok(match stimulus {
            Stimulus::Command(command) => Input::Command(Held(command.id), self.command(command)?),
            Stimulus::Reply(label, reply) => Input::Reply(label.to_owned(), reply),
            Stimulus::Timer(name) => Input::Timer(name.to_owned()),
            Stimulus::Event(event) => Input::Event(event.clone()),
        })
    }
}

impl<P: Process> ProcessType for TypedProcess<P> {
    fn name(&self) -> &'static str {
        P::NAME
    }

    fn home(&self) -> &'static str {
        P::HOME
    }

    fn state_version(&self) -> u16 {
        P::VERSION
    }

    fn react(
        &self,
        before: Option<(&str, u16)>,
        stimulus: Stimulus<'_>,
        mut then: Then,
    ) -> Result<Reacted, Failure> {
        if before.is_some_and(|(_, layout)| layout > P::VERSION) {
            return Err(Failure::Newer);
        }
        let mut state = Self::state(before).map_err(Failure::Unreadable)?;
        let input = self.input(stimulus).map_err(Failure::Unreadable)?;
        let reacted = caught(P::NAME, || state.react(input, &mut then));
        let reacted = reacted.map_err(|panicked| Failure::Defect(Defect(panicked.0)))?;
        reacted.map_err(Failure::Refused)?;
        let state =
            serde_json::to_string(&state).map_err(|error| Failure::Defect(Defect(error.to_string())))?;
        Ok(Reacted { state, effects: then.into_effects() })
    }

    fn observes(&self) -> &'static [&'static str] {
        P::OBSERVES
    }

    fn concerns(&self, event: &Observed) -> Result<Concern, Defect> {
        caught(P::NAME, || P::concerns(event)).map_err(|panicked| Defect(panicked.0))
    }

    fn still_wants(&self, state: (&str, u16), label: &str) -> bool {
        state.1 > P::VERSION || Self::state(Some(state)).map_or(true, |process| process.still_wants(label))
    }

    fn reads_command(&self, command: &Command) -> Result<(), Undecodable> {
        self.command(command).map(drop)
    }
}

fn read<C: DeserializeOwned>(variant: &str, data: &str) -> Result<C, Undecodable> {
    let read = tagged::read(variant, &mut serde_json::Deserializer::from_str(data));
    read.map_err(|error| Undecodable(error.to_string()))
}
