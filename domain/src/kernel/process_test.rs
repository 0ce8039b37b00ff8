use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::Value;
use uuid::Uuid;

use super::{Concern, Decider, Effects, Held, Input, Observed, Problem, Process, Reply, Success, Then};

/// An instance of a process that is told what happens, one thing after the other, and asked what it does about it; under a
/// clock that goes when it is told to.
///
/// Each `expect` is about what it did since the last thing that happened; a panic says what it did instead.
#[derive(Clone, Debug)]
pub struct ProcessTest<P> {
    process: P,
    id: String,
    now: DateTime<Utc>,
    timers: BTreeMap<String, DateTime<Utc>>,
    awaited: Vec<String>,
    heard: Vec<Heard>,
    commands: u128,
    events: i64,
    last: Effects,
    settled: Vec<(Held, Result<Option<i64>, Problem>)>,
    ended: bool,
}

/// What it did not ask to be told, and may be told again.
#[derive(Clone, Debug)]
enum Heard {
    Reply(String, Reply),
    Event(Observed),
}

/// What becomes of something that was asked for.
#[derive(Clone, Debug)]
pub struct Replied(Reply);

/// It was done; with the version of its aggregate after it.
pub fn done(version: impl Into<Option<i64>>) -> Replied {
    Replied(Reply::Succeeded(Success { version: version.into(), result: Value::Null }))
}

/// It was refused, or given up.
pub fn failed(slug: &str, status: u16) -> Replied {
    Replied(Reply::Failed(Problem::new(slug, status, slug)))
}

impl Replied {
    /// And this has come of it.
    #[must_use]
    pub fn bringing(self, result: Value) -> Self {
        match self.0 {
            Reply::Succeeded(done) => Self(Reply::Succeeded(Success { result, ..done })),
            failed @ Reply::Failed(_) => Self(failed),
        }
    }
}

impl<P: Process> ProcessTest<P> {
    /// A new instance of that id.
    pub fn of(id: &str) -> Self {
        Self {
            process: P::default(),
            id: id.to_owned(),
            now: DateTime::UNIX_EPOCH,
            timers: BTreeMap::new(),
            awaited: Vec::new(),
            heard: Vec::new(),
            commands: 0,
            events: 0,
            last: Effects::default(),
            settled: Vec::new(),
            ended: false,
        }
    }

    /// It is given a command, which it takes.
    #[must_use]
    pub fn command(self, command: P::Command) -> Self {
        self.given(command).unwrap_or_else(|problem| panic!("it refuses that: {problem:?}"))
    }

    /// It is given a command, and may refuse it.
    #[must_use]
    pub fn try_command(self, command: P::Command) -> Self {
        let before = self.clone();
        self.given(command).unwrap_or(before)
    }

    /// It refuses a command with this slug.
    #[must_use]
    pub fn refuses(self, command: P::Command, slug: &str) -> Self {
        let before = self.clone();
        match self.given(command) {
            Err(problem) => assert_eq!(problem.slug(), slug),
            Ok(after) => panic!("it was taken: {:?}", after.last),
        }
        before
    }

    fn given(mut self, command: P::Command) -> Result<Self, Box<Problem>> {
        self.commands += 1;
        let held = Held(Uuid::from_u128(self.commands));
        self.react(Input::Command(held, command))?;
        Ok(self)
    }

    /// Something happens to an aggregate that it observes, and it is the instance that this concerns.
    ///
    /// A version of the aggregate is made up: each time a greater one.
    #[must_use]
    pub fn event<T: Decider>(mut self, aggregate_id: &str, event: &T::Event) -> Self {
        assert!(P::OBSERVES.contains(&T::TYPE), "it does not observe {}", T::TYPE);
        self.events += 1;
        let observed = Observed {
            aggregate_type: T::TYPE.to_owned(),
            aggregate_id: aggregate_id.to_owned(),
            version: self.events,
            event: serde_json::to_value(event).unwrap_or_default(),
        };
        let concern = P::concerns(&observed);
        assert_eq!(concern.instance(), Some(&*self.id), "{event:?} does not concern it");
        let has_begun = self.commands > 0 || self.events > 1;
        assert!(has_begun || matches!(concern, Concern::Starts(_)), "{event:?} does not begin it");
        self.heard.push(Heard::Event(observed.clone()));
        let reacted = self.react(Input::Event(observed));
        reacted.unwrap_or_else(|problem| panic!("{event:?} is a defect: {problem:?}"));
        self
    }

    /// It hears what became of what it asked for under this label.
    #[must_use]
    pub fn reply(mut self, label: &str, reply: Replied) -> Self {
        let at = self.awaited.iter().position(|awaited| awaited == label);
        let at = at.unwrap_or_else(|| panic!("nothing is awaited as {label:?}, but {:?}", self.awaited));
        self.awaited.remove(at);
        self.heard.push(Heard::Reply(label.to_owned(), reply.0.clone()));
        let reacted = self.react(Input::Reply(label.to_owned(), reply.0));
        reacted.unwrap_or_else(|problem| panic!("the reply {label} is a defect: {problem:?}"));
        self
    }

    /// Whatever it asks for under this label is done, until it asks for no more.
    #[must_use]
    pub fn reply_to_all(mut self, label: &str) -> Self {
        let mut version = 100;
        while self.awaited.iter().any(|awaited| awaited == label) {
            version += 1;
            assert!(version < 200, "it asks for {label} again and again");
            self = self.reply(label, done(version));
        }
        self
    }

    /// So much time passes; timers fire at their time.
    #[must_use]
    pub fn after(mut self, pause: Duration) -> Self {
        let until = self.now + TimeDelta::from_std(pause).unwrap_or(TimeDelta::MAX);
        self.last = Effects::default();
        while let Some((due, name)) =
            self.timers.iter().map(|(name, due)| (*due, name.clone())).min().filter(|(due, _)| *due <= until)
        {
            self.timers.remove(&name);
            self.now = due;
            let reacted = self.react(Input::Timer(name.clone()));
            reacted.unwrap_or_else(|problem| panic!("the timer {name} is a defect: {problem:?}"));
        }
        self.now = until;
        self
    }

    /// It is told everything once more, all replies and events in their order, and does nothing about it.
    ///
    /// The server tells an instance each of them once. Yet one that stands this test does not depend on it, nor on nothing
    /// coming late.
    #[must_use]
    pub fn redelivered(mut self) -> Self {
        for heard in self.heard.clone() {
            let told = format!("{heard:?}");
            let input = match heard {
                Heard::Reply(label, reply) => Input::Reply(label, reply),
                Heard::Event(event) => Input::Event(event),
            };
            let reacted = self.react(input);
            reacted.unwrap_or_else(|problem| panic!("told again, it is a defect: {told}: {problem:?}"));
            let Effects { issued, set, settled, .. } = &self.last;
            assert!(
                issued.is_empty() && set.is_empty() && settled.is_empty(),
                "{told}, told again, makes it ask for {issued:?}, wait for {set:?} and settle {settled:?}"
            );
        }
        self
    }

    fn react(&mut self, input: Input<P::Command>) -> Result<(), Box<Problem>> {
        if self.ended && !matches!(input, Input::Command(..)) {
            self.last = Effects::default();
            return Ok(());
        }
        let mut then = Then::new(self.id.clone(), self.now);
        let mut process = self.process.clone();
        process.react(input, &mut then)?;
        self.process = process;
        let effects = then.into_effects();
        for (held, _) in &effects.settled {
            assert!(self.settled.iter().all(|(settled, _)| settled != held), "{held:?} is settled twice");
        }
        self.timers.retain(|name, _| !effects.stopped.contains(name));
        self.timers.extend(effects.set.iter().cloned());
        self.awaited.extend(effects.issued.iter().map(|issued| issued.label.clone()));
        self.settled.extend(effects.settled.iter().cloned());
        self.ended |= effects.ended;
        if self.ended {
            self.timers.clear();
        }
        self.last = effects;
        Ok(())
    }

    /// It asks for this under that label.
    #[must_use]
    pub fn issues(self, label: &str, command_type: &str) -> Self {
        let issued =
            self.last.issued.iter().any(|one| one.label == label && one.command_type == command_type);
        assert!(issued, "it asks for {:?}", self.last.issued);
        self
    }

    /// It asks for nothing.
    #[must_use]
    pub fn issues_nothing(self) -> Self {
        assert_eq!(self.last.issued, [], "it asks for something");
        self
    }

    /// It settles one command so: with a version, or the slug of a problem.
    #[must_use]
    pub fn settles(self, outcome: Result<Option<i64>, &str>) -> Self {
        let settled: Vec<Result<Option<i64>, &str>> = self
            .last
            .settled
            .iter()
            .map(|(_, settled)| settled.as_ref().copied().map_err(Problem::slug))
            .collect();
        assert_eq!(settled, [outcome]);
        self
    }

    /// Whether it still wants what it has called under this label.
    #[must_use]
    pub fn wants(self, label: &str, wanted: bool) -> Self {
        assert_eq!(self.process.still_wants(label), wanted, "{label}");
        self
    }

    /// It has come to its end.
    #[must_use]
    pub fn has_ended(self) -> Self {
        assert!(self.ended, "it goes on: {:?}", self.process);
        self
    }

    /// It has come to its end.
    pub fn ended(self) {
        drop(self.has_ended());
    }

    /// It has not come to its end.
    #[must_use]
    pub fn goes_on(self) -> Self {
        assert!(!self.ended, "it has ended: {:?}", self.process);
        self
    }

    /// How the command that began it was settled: done, or the slug of a problem.
    #[must_use]
    pub fn began_and_settled(self, outcome: Result<(), &str>) -> Self {
        let first = Held(Uuid::from_u128(1));
        let of_first = self.settled.iter().filter(|(held, _)| *held == first);
        let settled: Vec<Result<(), &str>> =
            of_first.map(|(_, settled)| settled.as_ref().map(drop).map_err(Problem::slug)).collect();
        assert_eq!(settled, [outcome]);
        self
    }

    /// How often the command that began it was settled.
    pub fn ends(&self) -> usize {
        let first = Held(Uuid::from_u128(1));
        self.settled.iter().filter(|(held, _)| *held == first).count()
    }

    /// Has everything done that it asks for, in the order in which it asks, until it asks for no more; but the one of that
    /// number, from 0, of those that may be refused is. `None`: it did not ask for so much.
    fn driven(mut self, refused: usize, may_be_refused: impl Fn(&str) -> bool) -> Option<Self> {
        const MOST: i64 = 1000;
        let (mut version, mut refusable) = (0, 0);
        while let Some(label) = self.awaited.first().cloned() {
            version += 1;
            assert!(version < MOST, "it asks for more and more, at last for {label}");
            let is_refused = may_be_refused(&label) && {
                refusable += 1;
                refusable == refused + 1
            };
            self = self.reply(&label, if is_refused { failed("refused", 409) } else { done(version) });
        }
        (refusable > refused).then_some(self)
    }

    /// Has each thing that it asks for under a label that may be refused refused in turn, each time from the beginning and
    /// with all others done, and looks at what has become of it.
    pub fn every_step_refused(
        may_be_refused: impl Fn(&str) -> bool,
        begin: impl Fn() -> Self,
        look: impl Fn(Self),
    ) {
        (0..).map_while(|refused| begin().driven(refused, &may_be_refused)).for_each(look);
    }

    /// Has these happen in every order, each to an instance of its own, and looks at what has become of it.
    pub fn every_order(steps: &[fn(Self) -> Self], begin: impl Fn() -> Self, look: impl Fn(Self)) {
        for order in orders(steps.len()) {
            look(order.into_iter().fold(begin(), |test, step| steps[step](test)));
        }
    }
}

/// Every order of so many.
fn orders(count: usize) -> Vec<Vec<usize>> {
    let mut all: Vec<Vec<usize>> = vec![Vec::new()];
    for _ in 0..count {
        let longer = |order: &Vec<usize>| {
            let taken: BTreeSet<usize> = order.iter().copied().collect();
            let rest = (0..count).filter(move |next| !taken.contains(next));
            let order = order.clone();
            rest.map(move |next| order.iter().copied().chain([next]).collect()).collect::<Vec<_>>()
        };
        all = all.iter().flat_map(longer).collect();
    }
    all
}
