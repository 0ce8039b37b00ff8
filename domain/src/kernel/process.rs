use std::any::Any;
use std::fmt::Debug;
use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use schemars::JsonSchema;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use uuid::Uuid;

use super::{Activity, Commands, Concern, Decider, Observed, Problem};

/// Work of several steps: it is begun by a command, issues others, hears what became of them, waits, and at last settles
/// what it was begun by.
///
/// An instance has one writer. What it does on one input (its new state, what it issues, its timers, what it settles) is
/// stored in one commit or not at all, and each input is handled once. Like an aggregate it decides from what it is
/// given alone: no I/O, no clock, no randomness.
pub trait Process:
    Clone + Debug + Default + PartialEq + Serialize + DeserializeOwned + Send + Sync + 'static
{
    /// What it is called, snake case: `ordering`.
    const NAME: &'static str;
    /// The part before the dot in the names of its commands: `order` makes `order.place`. An instance has the id that
    /// its commands are for, and lives beside the aggregate of this type and id, if there is one.
    const HOME: &'static str;
    /// Of the layout of its state. Raise it with [`upgrade`](Self::upgrade) when what is stored cannot be read any more.
    const VERSION: u16 = 1;
    /// The aggregates whose events it [observes](Self::concerns), by type: `&[Pet::TYPE]`.
    const OBSERVES: &'static [&'static str] = &[];
    /// What it is asked.
    type Command: Commands;

    /// What it does about an input. An error refuses the command at hand, and nothing of this input remains; of anything
    /// else there is nothing to refuse, so that an error is a defect.
    fn react(&mut self, input: Input<Self::Command>, then: &mut Then) -> Result<(), Box<Problem>>;

    /// The instance that an event of what it [observes](Self::OBSERVES) concerns. It follows from the event alone: the same
    /// event concerns the same instance whenever this is asked. It may be asked of one event several times.
    fn concerns(event: &Observed) -> Concern {
        let _ = event;
        Concern::Nothing
    }

    /// Whether an activity that it has called under this label is still to be tried. Asked before each attempt but the
    /// first: what nobody wants any more is cancelled.
    fn still_wants(&self, label: &str) -> bool {
        let _ = label;
        true
    }

    /// State of an earlier layout as one of the next; `None`: it cannot be read.
    fn upgrade(from: u16, state: Value) -> Option<Value> {
        let _ = (from, state);
        None
    }
}

/// What comes to an instance.
#[derive(Clone, Debug, PartialEq)]
pub enum Input<C> {
    /// A command. Unless it is settled with this input, it is *running* until the instance [settles](Then::settle) it.
    Command(Held, C),
    /// What became of a command that it has issued, by the label that it was issued with.
    Reply(String, Reply),
    /// The timer of that name has fired.
    Timer(String),
    /// Something has happened that [concerns](Process::concerns) it.
    Event(Observed),
}

/// A command that waits for an instance: to be kept in its state, and settled by it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct Held(pub Uuid);

/// What became of an issued command.
#[derive(Clone, Debug, PartialEq)]
pub enum Reply {
    /// It was done.
    Succeeded(Success),
    /// It was refused, given up or cancelled.
    Failed(Problem),
}

/// What came of a command that was done.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Success {
    /// The version of its aggregate after it, if it was for one.
    pub version: Option<i64>,
    /// What an activity has brought back, as JSON.
    pub result: Value,
}

impl Success {
    /// What an activity has brought back; `None`: it is not of this type.
    pub fn read<T: DeserializeOwned>(&self) -> Option<T> {
        T::deserialize(&self.result).ok()
    }
}

/// What an instance wants to be done, collected while it [reacts](Process::react).
#[derive(Clone, Debug)]
pub struct Then {
    id: String,
    at: DateTime<Utc>,
    settings: Option<Arc<dyn Any + Send + Sync>>,
    effects: Effects,
}

/// What was collected.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Effects {
    /// Commands, in order.
    pub issued: Vec<Issued>,
    /// Timers to set, or to set anew, and when they fire.
    pub set: Vec<(String, DateTime<Utc>)>,
    /// Timers that are not to fire any more.
    pub stopped: Vec<String>,
    /// Commands that are done: with the version of the instance's own resource after it, or why not.
    pub settled: Vec<(Held, Result<Option<i64>, Problem>)>,
    /// How far it is.
    pub progress: Option<Progress>,
    /// It comes to its end with this.
    pub ended: bool,
}

/// A command that an instance issues.
#[derive(Clone, Debug, PartialEq)]
pub struct Issued {
    /// Names it among those of the instance; the reply bears it.
    pub label: String,
    /// Its type: aggregate and verb.
    pub command_type: String,
    /// The id of what it is for.
    pub target: String,
    /// Its own members, a JSON object.
    pub data: Value,
    /// It has to be done in the end: one that fails is tried again until it succeeds or is refused with one of these
    /// slugs, which say that there is nothing to do.
    pub unless: Option<Vec<&'static str>>,
}

/// How far a command of several steps is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Progress {
    /// Steps done.
    #[schemars(example = 1)]
    pub done: u32,
    /// Steps in all.
    #[schemars(example = 3)]
    pub total: u32,
    /// The step under way.
    #[schemars(example = &"reserve pet")]
    pub step: String,
}

impl Then {
    /// For the instance of that id, at the time of the input.
    pub fn new(id: impl Into<String>, at: DateTime<Utc>) -> Self {
        Self { id: id.into(), at, settings: None, effects: Effects::default() }
    }

    /// With what the program was told about processes of this type.
    #[must_use]
    pub fn with_settings(self, settings: Option<Arc<dyn Any + Send + Sync>>) -> Self {
        Self { settings, ..self }
    }

    /// What the program was told about processes of this type; the default, if that is nothing of the kind.
    pub fn settings<S: Clone + Default + 'static>(&self) -> S {
        let settings = self.settings.as_ref().and_then(|settings| settings.downcast_ref::<S>());
        settings.cloned().unwrap_or_default()
    }

    /// What is to be left to chance, 0 to 1: another for each input, and the same when it is handled again.
    pub fn chance(&self) -> f64 {
        let bytes = self.id.bytes().chain(self.at.timestamp_micros().to_le_bytes());
        // FNV-1a.
        let hash = bytes.fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
        });
        (hash >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// The instance's id.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// When the input came: a command's acceptance, a reply's settlement, the time a timer was set for, when an event
    /// happened.
    pub const fn at(&self) -> DateTime<Utc> {
        self.at
    }

    /// Issues a command to an aggregate; its [reply](Input::Reply) bears the label.
    pub fn issue<T: Decider>(
        &mut self,
        label: &str,
        target: impl Into<String>,
        command: &T::Command,
    ) -> &mut Self {
        let (verb, data) = verb_and_data(command);
        self.push(label, format!("{}.{verb}", T::TYPE), target.into(), data)
    }

    /// Has an activity done; its [reply](Input::Reply) bears the label. It is for the instance's own id, and thereby in
    /// its partition if it is named after its home.
    pub fn call<A: Activity>(&mut self, label: &str, activity: &A) -> &mut Self {
        let data = serde_json::to_value(activity).unwrap_or_default();
        let target = self.id.clone();
        self.push(label, A::TYPE.to_owned(), target, data)
    }

    fn push(&mut self, label: &str, command_type: String, target: String, data: Value) -> &mut Self {
        let label = label.to_owned();
        self.effects.issued.push(Issued { label, command_type, target, data, unless: None });
        self
    }

    /// The same for one that has to be done in the end: what undoes something. It replies when it has succeeded, or was
    /// refused with one of the slugs of `unless`, which then counts as done.
    pub fn must<T: Decider>(
        &mut self,
        label: &str,
        target: impl Into<String>,
        command: &T::Command,
        unless: &[&'static str],
    ) -> &mut Self {
        self.issue::<T>(label, target, command);
        if let Some(issued) = self.effects.issued.last_mut() {
            issued.unless = Some(unless.to_vec());
        }
        self
    }

    /// Sets a timer, or sets it anew: it fires so long after the present input.
    pub fn after(&mut self, pause: TimeDelta, name: &str) -> &mut Self {
        let due = self.at.checked_add_signed(pause).unwrap_or(DateTime::<Utc>::MAX_UTC);
        self.effects.stopped.retain(|stopped| stopped != name);
        self.effects.set.retain(|(set, _)| set != name);
        self.effects.set.push((name.to_owned(), due));
        self
    }

    /// A timer is not to fire any more; one that is not set is none.
    pub fn stop(&mut self, name: &str) -> &mut Self {
        self.effects.set.retain(|(set, _)| set != name);
        self.effects.stopped.push(name.to_owned());
        self
    }

    /// Says how far it is.
    pub fn progress(&mut self, done: u32, total: u32, step: &str) -> &mut Self {
        self.effects.progress = Some(Progress { done, total, step: step.to_owned() });
        self
    }

    /// Settles a command: as succeeded, with the version of the instance's own resource after it, or as failed.
    pub fn settle(&mut self, held: Held, outcome: Result<Option<i64>, Problem>) -> &mut Self {
        self.effects.settled.push((held, outcome));
        self
    }

    /// Comes to its end: its timers are gone, and replies that come later are not looked at. Everything that it holds
    /// must have been settled.
    pub fn end(&mut self) -> &mut Self {
        self.effects.ended = true;
        self
    }

    /// What was collected.
    pub fn into_effects(self) -> Effects {
        self.effects
    }
}

/// A command as an enumeration's variant is written: a plain one, or one with members.
fn verb_and_data<C: Serialize>(command: &C) -> (String, Value) {
    match serde_json::to_value(command) {
        Ok(Value::String(verb)) => (verb, Value::Object(Map::new())),
        Ok(Value::Object(members)) if members.len() == 1 => members.into_iter().next().unwrap_or_default(),
        // An enumeration that `#[commands]` stands on is written so; another is refused as an unknown verb.
        _ => (String::new(), Value::Null),
    }
}
