//! Whom activities ask: does as it is told by a script, and keeps what was done, by the keys of the requests.
//!
//! What must hold of what it is asked:
//! - An attempt has been counted before it is made, and is made once.
//! - The same key comes with the same request.
//! - Where it says what it has done it is not asked to do that again.

use std::collections::{BTreeMap, HashMap, HashSet, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use serde_json::{Value, json};
use uuid::Uuid;
use wilco_application::catalog::Undecodable;
use wilco_application::ports::{Answer, Call, Command, Look, Runner, Setback};
use wilco_domain::kernel::Problem;

use super::auditor::Auditor;
use super::place::Place;

/// What it does with a request. When its script is at an end it does what it is asked, and says so.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Deed {
    /// It does not do it, and says so.
    Retry { is_ill: bool },
    /// Nobody hears what it says.
    Unknown { done: bool },
    /// It says nothing.
    Hang { done: bool },
    /// It takes so many milliseconds.
    Slow(u64),
    /// It says that it never will.
    Never,
}

/// What it says when it is asked whether something was done.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Sight {
    /// Whether it was.
    #[default]
    Sees,
    /// That it cannot tell: it knows a request by its key.
    Blind,
    /// Nothing.
    Mute,
}

/// What somebody is asked for: the type of the activity, and for whom.
pub(super) type Request = (&'static str, String);

/// How it goes about its requests.
#[derive(Clone, Debug, Default)]
pub(super) struct Script {
    pub(super) deeds: VecDeque<Deed>,
    pub(super) sight: Sight,
}

/// The types of what it can be asked.
pub(super) const KINDS: [&str; 6] = [
    "trip.charge",
    "trip.refund",
    "seat.announce",
    "transaction.make",
    "transaction.ask",
    "transaction.notify",
];

/// See the module's description.
pub(super) struct Provider {
    place: Arc<Place>,
    auditor: Arc<Auditor>,
    books: Mutex<Books>,
}

struct Books {
    scripts: HashMap<Request, Script>,
    /// After how many questions it knows what has become of a payment, and whether it has gone well.
    payments: HashMap<String, (usize, bool)>,
    asked: HashMap<Uuid, String>,
    /// The attempts that were made.
    made: HashSet<(Uuid, u32)>,
    /// What was done, and how often.
    done: BTreeMap<(String, String), BTreeMap<Uuid, u32>>,
}

impl Provider {
    /// One that does as these scripts say.
    pub(super) fn new(
        place: &Arc<Place>,
        auditor: &Arc<Auditor>,
        scripts: HashMap<Request, Script>,
        payments: HashMap<String, (usize, bool)>,
    ) -> Arc<Self> {
        let (asked, made, done) = (HashMap::new(), HashSet::new(), BTreeMap::new());
        let books = Mutex::new(Books { scripts, payments, asked, made, done });
        Arc::new(Self { place: Arc::clone(place), auditor: Arc::clone(auditor), books })
    }

    /// How often something was done for somebody.
    pub(super) fn times(&self, kind: &str, target: &str) -> u32 {
        let books = self.books();
        books.done.get(&(kind.to_owned(), target.to_owned())).map_or(0, |done| done.values().sum())
    }

    /// What is wrong with being asked this.
    fn objection(&self, call: &Call<'_>) -> Option<String> {
        let key = call.command.key();
        let stored = self.place.wait(self.place.store().attempts(&[key]));
        let row = stored.ok().and_then(|mut rows| rows.pop()).map(|(_, row)| row);
        if row.as_ref().is_none_or(|row| row.attempt != call.attempt || !row.in_doubt) {
            return Some(format!("attempt {} was not counted: {row:?}", call.attempt));
        }
        let mut books = self.books();
        if !books.made.insert((call.key(), call.attempt)) {
            return Some(format!("attempt {} was made before", call.attempt));
        }
        let before = books.asked.insert(call.key(), call.command.data.clone());
        before
            .filter(|data| *data != call.command.data)
            .map(|data| format!("it was asked with other data before: {data}"))
    }

    fn next(&self, call: &Call<'_>) -> Option<Deed> {
        self.books().script(call.command)?.deeds.pop_front()
    }

    fn sight(&self, call: &Call<'_>) -> Sight {
        self.books().script(call.command).map_or(Sight::Sees, |script| script.sight)
    }

    /// Does what it is asked.
    fn carry_out(&self, call: &Call<'_>) -> Value {
        let sight = self.sight(call);
        let mut books = self.books();
        let name = (call.command.command_type.clone(), call.command.target.clone());
        let times = books.done.entry(name).or_default().entry(call.key()).or_default();
        // Who cannot tell what it has done knows the request again.
        *times = if sight == Sight::Sees { *times + 1 } else { 1 };
        if *times > 1 {
            self.auditor
                .fail(format!("{}({}) was done twice", call.command.command_type, call.command.target));
        }
        books.result(call.command)
    }

    fn was_done(&self, call: &Call<'_>) -> Option<Value> {
        let books = self.books();
        let name = (call.command.command_type.clone(), call.command.target.clone());
        books.done.get(&name)?.get(&call.key()).map(|_| books.result(call.command))
    }

    fn tell(&self, call: &Call<'_>, what: &str) {
        let Command { command_type, target, .. } = call.command;
        self.auditor.tell(&format!("  {command_type}({target}), attempt {}: {what}", call.attempt));
    }

    fn books(&self) -> MutexGuard<'_, Books> {
        self.books.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Books {
    fn script(&mut self, command: &Command) -> Option<&mut Script> {
        let kind = KINDS.into_iter().find(|kind| *kind == command.command_type)?;
        self.scripts.get_mut(&(kind, command.target.clone()))
    }

    /// What comes of a request that was carried out.
    fn result(&self, command: &Command) -> Value {
        if command.command_type != "transaction.ask" {
            return json!({ "done": true });
        }
        let (questions, goes_well) = self.payments.get(&command.target).copied().unwrap_or_default();
        let asked = self.done.get(&("transaction.ask".to_owned(), command.target.clone()));
        let status = match (asked.is_some_and(|asked| asked.len() > questions), goes_well) {
            (false, _) => "pending",
            (true, true) => "completed",
            (true, false) => "declined",
        };
        json!({ "status": status })
    }
}

#[async_trait]
impl Runner for Provider {
    fn destination(&self, command: &Command) -> Result<String, Undecodable> {
        Ok(command.aggregate_type().to_owned())
    }

    async fn run(&self, call: &Call<'_>) -> Answer {
        if let Some(why) = self.objection(call) {
            self.auditor.fail(format!("{}({}): {why}", call.command.command_type, call.command.target));
        }
        let deed = self.next(call);
        self.tell(call, &format!("{deed:?}"));
        match deed {
            None => Answer::Done(self.carry_out(call)),
            Some(Deed::Retry { is_ill }) => Answer::Retry(Setback { is_ill, ..nobody() }),
            Some(Deed::Unknown { done }) => {
                done.then(|| self.carry_out(call));
                Answer::Unknown(nobody())
            }
            Some(Deed::Hang { done }) => {
                done.then(|| self.carry_out(call));
                std::future::pending().await
            }
            Some(Deed::Slow(milliseconds)) => {
                tokio::time::sleep(Duration::from_millis(milliseconds)).await;
                Answer::Done(self.carry_out(call))
            }
            Some(Deed::Never) => Answer::Final(Problem::new("declined", 409, "it says no")),
        }
    }

    async fn look(&self, call: &Call<'_>) -> Look {
        let found = self.was_done(call);
        self.tell(
            call,
            &format!("looked for, {}", if found.is_some() { "is there" } else { "is not there" }),
        );
        match (self.sight(call), found) {
            (Sight::Sees, Some(result)) => Look::There(result),
            (Sight::Sees, None) => Look::Absent,
            (Sight::Blind, _) => Look::CannotTell,
            (Sight::Mute, _) => Look::AskAgain(nobody()),
        }
    }
}

fn nobody() -> Setback {
    Setback { why: "nobody answers".into(), after: None, is_ill: false }
}
