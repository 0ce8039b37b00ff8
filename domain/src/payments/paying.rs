//! Paying: the process that records a transaction, has it made at the provider, learns what has become of it, and tells the
//! client.
//!
//! What is heard first counts: the provider's answer, its message, what it says when asked, the deadline, or that the
//! client takes it back. What comes later changes nothing, but for one thing: what was timed out is completed when the
//! provider says so late.

use std::time::Duration;

use chrono::TimeDelta;

use super::provider::{AskProvider, MakeAtProvider, NotifyClient, ProviderStatus, Said, Told};
use super::transaction::{
    Step, Steps, Transaction, TransactionCommand, TransactionRefusal, TransactionStatus,
};
use crate::kernel::{
    Held, Input, Pause, Problem, Process, Race, Refused, Reply, Success, Then, commands, state, value,
};
use crate::money::Currency;

/// How long the end of a transaction that was timed out is waited for all the same.
const REMEMBERED: TimeDelta = TimeDelta::days(30);

/// Where a transaction is on its way, and who waits for what.
#[state]
pub struct Paying {
    amount: i64,
    currency: String,
    client_url: Option<String>,
    stage: Stage,
    status: TransactionStatus,
    steps: Steps,
    /// What has decided about its end.
    #[serde(default)]
    end: Race<Decisive>,
    /// Why it failed.
    why: Option<Problem>,
    /// The command that began it, until it is settled.
    asked: Option<Held>,
    /// The one that takes it back.
    cancelling: Option<Held>,
    /// A note is under way.
    noting: bool,
    /// What the record says, or will say after that.
    noted: (TransactionStatus, Steps),
    /// How often the provider was asked.
    questions: u32,
    /// How often the client was told, or is to be.
    messages: u32,
    /// What it was told last.
    told: Option<TransactionStatus>,
    /// So much time has passed that it is told that the transaction is pending.
    is_late: bool,
    /// The version of the record.
    version: Option<i64>,
}

/// The step under way.
#[value]
pub enum Stage {
    /// Nothing was asked yet.
    #[default]
    New,
    /// It is being recorded.
    Recording,
    /// It is being made at the provider.
    Making,
    /// The provider has it; what becomes of it is waited for.
    Waiting,
    /// The same, and the provider is asked.
    Asking,
    /// What has become of it is known.
    Ended,
}

/// What can decide about the end of a transaction.
#[value]
pub enum Decisive {
    /// What the provider said when it was asked to make it.
    Answer,
    /// What it said when it was asked about it.
    Question,
    /// Its message.
    Message,
    /// Time.
    Deadline,
    /// The client.
    Cancellation,
}

/// How the provider is asked.
#[derive(Clone, Debug, PartialEq)]
pub struct Polling {
    /// How long an answer is waited for until it is pending, and asking begins.
    pub first: Duration,
    /// The pauses between two questions.
    pub pause: Pause,
    /// When so much has passed since it was recorded, it is timed out.
    pub deadline: Duration,
}

impl Default for Polling {
    fn default() -> Self {
        let pause = Pause {
            first: Duration::from_millis(10),
            factor: 2.0,
            most: Duration::from_secs(60),
            jitter: 0.1,
        };
        Self { first: Duration::from_millis(200), pause, deadline: Duration::from_secs(3600) }
    }
}

/// What can be asked of a transaction.
#[commands]
pub enum PayingCommand {
    /// Make a transaction
    ///
    /// It is `running` until it is known what has become of it. The transaction's id is its key: the same request again
    /// is the same transaction.
    #[creates]
    #[fails("undeliverable", "declined", "timed-out")]
    Create {
        /// In minor units: cents, say.
        #[schemars(range(min = 1, max = 9_007_199_254_740_991_i64), example = 1250)]
        amount: i64,
        /// ISO 4217.
        #[schemars(example = &"EUR")]
        currency: Currency,
        /// Who is told what becomes of it, by PUT.
        #[schemars(length(max = 2048), regex(pattern = "^https?://[^\\s]+$"), example = &"https://shop.example/t-1")]
        client_url: Option<String>,
    },
    /// Take a transaction back before its end
    ///
    /// The provider is not asked for it any more, and what it says of it later changes nothing.
    #[fails("transaction-ended")]
    Cancel,
    /// Take down what the provider says of it
    #[fails()]
    Hear {
        /// What has become of it.
        status: ProviderStatus,
    },
}

impl Process for Paying {
    const NAME: &'static str = "paying";
    const HOME: &'static str = "transaction";
    type Command = PayingCommand;

    fn react(&mut self, input: Input<PayingCommand>, then: &mut Then) -> Result<(), Box<Problem>> {
        match input {
            Input::Command(asked, command) => self.take(asked, command, then)?,
            Input::Timer(name) => self.wake(&name, then),
            Input::Reply(label, reply) => self.hear_of(&label, reply, then)?,
            Input::Event(_) => {}
        }
        self.note(then);
        self.show_progress(then);
        Ok(())
    }

    fn still_wants(&self, label: &str) -> bool {
        match label.split_once(' ') {
            Some(("tell", number)) => number.parse() == Ok(self.messages),
            Some(("ask", _)) => self.stage == Stage::Asking,
            _ => label != "make" || self.stage == Stage::Making,
        }
    }
}

impl Paying {
    fn take(&mut self, asked: Held, command: PayingCommand, then: &mut Then) -> Result<(), Box<Problem>> {
        match (command, &self.stage) {
            (PayingCommand::Create { amount, currency, client_url }, Stage::New) => {
                let currency = String::from(currency);
                let record = TransactionCommand::Record {
                    amount,
                    currency: currency.clone(),
                    client_url: client_url.clone(),
                };
                then.issue::<Transaction>("record", then.id().to_owned(), &record);
                let (stage, asked) = (Stage::Recording, Some(asked));
                *self = Self { amount, currency, client_url, stage, asked, ..Self::default() };
            }
            (PayingCommand::Create { .. }, _) => {
                let detail = "there is a transaction with this id already";
                return Err(Problem::new("already-exists", 409, detail).into());
            }
            (PayingCommand::Cancel, Stage::Ended) => {
                return Err(Problem::of(&Refused::<Transaction>(TransactionRefusal::Ended)).into());
            }
            (PayingCommand::Cancel, _) => {
                self.cancelling = Some(asked);
                self.end(TransactionStatus::Cancelled, Decisive::Cancellation, then);
            }
            (PayingCommand::Hear { status }, _) => {
                self.learn(status, Decisive::Message, then);
                then.settle(asked, Ok(None));
            }
        }
        Ok(())
    }

    fn wake(&mut self, timer: &str, then: &mut Then) {
        match (timer, &self.stage) {
            ("first", stage) if *stage != Stage::Ended => {
                self.is_late = true;
                if self.begins_to_ask() {
                    self.ask(then);
                }
                self.tell(then);
            }
            ("ask", Stage::Asking) => self.ask(then),
            ("deadline", _) => self.end(TransactionStatus::TimedOut, Decisive::Deadline, then),
            ("forget", _) => {
                then.end();
            }
            _ => {}
        }
    }

    /// What has become of what it asked others for.
    fn hear_of(&mut self, label: &str, reply: Reply, then: &mut Then) -> Result<(), Box<Problem>> {
        match (label.split_once(' ').map_or(label, |(kind, _)| kind), reply) {
            ("record", Reply::Succeeded(done)) if self.version.is_none() => {
                self.version = done.version;
                self.make(then);
            }
            ("record" | "note", Reply::Failed(problem)) => return Err(problem.into()),
            ("make", reply) => self.made(reply, then),
            ("ask", reply) if label == format!("ask {}", self.questions) => self.answered(&reply, then),
            ("note", Reply::Succeeded(Success { version, .. })) if self.noting => {
                self.is_noted(version, then);
            }
            ("tell", reply) if label == format!("tell {}", self.messages) => {
                let is_told = matches!(reply, Reply::Succeeded(_));
                self.steps.notify = if is_told { Step::Done } else { Step::Failed };
            }
            _ => {}
        }
        Ok(())
    }

    fn make(&mut self, then: &mut Then) {
        self.noted = (
            TransactionStatus::Pending,
            Steps { record: Step::Done, create: Step::Running, ..Steps::default() },
        );
        if self.stage == Stage::Recording {
            self.steps = self.noted.1;
            self.stage = Stage::Making;
            let make = MakeAtProvider { amount: self.amount, currency: self.currency.clone() };
            let Polling { first, deadline, .. } = then.settings();
            then.call("make", &make).after(delta(first), "first").after(delta(deadline), "deadline");
        }
    }

    fn made(&mut self, reply: Reply, then: &mut Then) {
        if self.stage != Stage::Making {
            return;
        }
        match reply {
            Reply::Succeeded(done) => {
                self.steps.create = Step::Done;
                self.stage = Stage::Waiting;
                if let Some(status) = done.read::<Said>().and_then(|said| said.status) {
                    self.learn(status, Decisive::Answer, then);
                }
                // It has just said so: to ask at once would be to ask the same again.
                if self.begins_to_ask() {
                    self.ask_later(then);
                }
            }
            Reply::Failed(problem) => {
                self.steps.create = Step::Failed;
                self.why = Some(problem);
                self.end(TransactionStatus::Failed, Decisive::Answer, then);
            }
        }
    }

    /// Once the provider has it and has taken its time.
    fn begins_to_ask(&mut self) -> bool {
        let begins = self.is_late && self.stage == Stage::Waiting;
        if begins {
            self.stage = Stage::Asking;
            self.steps.status = Step::Running;
        }
        begins
    }

    fn ask(&mut self, then: &mut Then) {
        self.questions += 1;
        then.call(&format!("ask {}", self.questions), &AskProvider {});
    }

    fn answered(&mut self, reply: &Reply, then: &mut Then) {
        if let Reply::Succeeded(done) = reply
            && let Some(status) = done.read::<Said>().and_then(|said| said.status)
        {
            self.learn(status, Decisive::Question, then);
        }
        if self.stage == Stage::Asking {
            self.ask_later(then);
        }
    }

    fn ask_later(&self, then: &mut Then) {
        let pause = then.settings::<Polling>().pause.after(self.questions.max(1), then.chance());
        then.after(delta(pause), "ask");
    }

    /// The provider says what has become of it, in whatever way.
    fn learn(&mut self, status: ProviderStatus, by: Decisive, then: &mut Then) {
        let status = match status {
            ProviderStatus::Pending => return,
            ProviderStatus::Completed => TransactionStatus::Completed,
            ProviderStatus::Declined => TransactionStatus::Declined,
        };
        if self.stage != Stage::Ended {
            self.steps.create = Step::Done;
        }
        let was = self.status;
        self.end(status, by, then);
        if (was, status) == (TransactionStatus::TimedOut, TransactionStatus::Completed) {
            (self.status, self.steps.status) = (status, Step::Done);
            then.stop("forget");
        }
    }

    /// It comes to this end, unless something else has decided before.
    fn end(&mut self, status: TransactionStatus, by: Decisive, then: &mut Then) {
        if !self.end.is_won_by(by) || self.stage == Stage::Ended {
            return;
        }
        (self.stage, self.status) = (Stage::Ended, status);
        self.steps.record = Step::Done;
        self.steps.status = match status {
            TransactionStatus::Completed | TransactionStatus::Declined => Step::Done,
            TransactionStatus::TimedOut => Step::Failed,
            _ => Step::Waiting,
        };
        if self.client_url.is_none() {
            self.steps.notify = Step::Done;
        }
        for timer in ["first", "ask", "deadline"] {
            then.stop(timer);
        }
    }

    /// Has noted what has changed, one note after the other; and comes to its end when there is nothing left to do.
    fn note(&mut self, then: &mut Then) {
        if matches!(self.stage, Stage::New | Stage::Recording) || self.noted.1.record != Step::Done {
            return;
        }
        if !self.noting && (self.status, self.steps) != self.noted {
            self.noted = (self.status, self.steps);
            self.noting = true;
            let note = TransactionCommand::Note { status: self.status, steps: self.steps };
            then.issue::<Transaction>("note", then.id().to_owned(), &note);
        }
        let is_told = self.steps.notify != Step::Running;
        if self.stage == Stage::Ended && !self.noting && is_told && self.asked.is_none() {
            if self.status == TransactionStatus::TimedOut {
                then.after(REMEMBERED, "forget");
            } else {
                then.end();
            }
        }
    }

    fn is_noted(&mut self, version: Option<i64>, then: &mut Then) {
        (self.noting, self.version) = (false, version);
        self.tell(then);
        if self.stage == Stage::Ended && self.noted.0 == self.status {
            self.settle(version, then);
        }
    }

    /// Tells the client what is recorded, if it was not told yet: the end, and before it that it takes its time.
    fn tell(&mut self, then: &mut Then) {
        let (status, _) = self.noted;
        let is_news = self.told != Some(status) && (self.is_late || self.stage == Stage::Ended);
        if let (true, Some(url)) = (is_news, &self.client_url) {
            self.messages += 1;
            self.told = Some(status);
            self.steps.notify = Step::Running;
            let (id, amount, currency) = (then.id().to_owned(), self.amount, self.currency.clone());
            let transaction = Told { id, amount, currency, status, version: self.version };
            then.call(&format!("tell {}", self.messages), &NotifyClient { url: url.clone(), transaction });
        }
    }

    fn settle(&mut self, version: Option<i64>, then: &mut Then) {
        if let Some(asked) = self.asked.take() {
            then.settle(asked, self.failure().map_or(Ok(version), Err));
        }
        if let Some(cancelling) = self.cancelling.take() {
            then.settle(cancelling, Ok(version));
        }
    }

    /// Why it is not completed.
    fn failure(&self) -> Option<Problem> {
        Some(match self.status {
            TransactionStatus::Completed => return None,
            TransactionStatus::Declined => {
                Problem::new("declined", 409, "the provider has declined the transaction")
            }
            TransactionStatus::TimedOut => {
                Problem::new("timed-out", 504, "the provider has not said in time what has become of it")
            }
            TransactionStatus::Cancelled => Problem::new("cancelled", 409, "the transaction was taken back"),
            TransactionStatus::Failed | TransactionStatus::Pending => {
                let unknown = || Problem::new("undeliverable", 502, "the provider could not be asked");
                self.why.clone().unwrap_or_else(unknown)
            }
        })
    }

    fn show_progress(&self, then: &mut Then) {
        let (done, step) = match self.stage {
            Stage::New | Stage::Recording => (0, "record"),
            Stage::Making => (1, "create"),
            Stage::Waiting | Stage::Asking => (2, "status"),
            Stage::Ended if self.asked.is_some() || self.steps.notify == Step::Running => (3, "notify"),
            Stage::Ended => (4, "notify"),
        };
        then.progress(done, 4, step);
    }
}

fn delta(span: Duration) -> TimeDelta {
    TimeDelta::from_std(span).unwrap_or(TimeDelta::MAX)
}

#[cfg(test)]
mod tests;
