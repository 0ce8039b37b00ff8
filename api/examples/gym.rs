//! A program of its own: the memberships of a gym. `cargo run --example gym`

use wilco::prelude::*;

/// The memberships of a gym.
#[state]
struct Membership {
    plan: Plan,
    #[schemars(email)]
    member_email: String,
    price: Option<Money>,
    status: Status,
    paused_until: Option<NaiveDate>,
}

#[value]
enum Plan {
    #[default]
    Basic,
    Plus,
}

#[value]
enum Status {
    #[default]
    Active,
    Paused,
    Cancelled,
}

#[commands]
enum Command {
    #[creates]
    Start {
        plan: Plan,
        #[schemars(email)]
        member_email: String,
        price: Money,
    },
    ChangePlan {
        plan: Plan,
    },
    /// Pause a membership until a day to come
    Pause {
        until: NaiveDate,
    },
    Resume,
    Cancel {
        reason: Option<String>,
    },
}

#[events]
enum Event {
    Started { plan: Plan, member_email: String, price: Money },
    PlanChanged { plan: Plan },
    Paused { until: NaiveDate },
    Resumed,
    Cancelled { reason: Option<String> },
}

#[refusals]
enum Refusal {
    /// The membership has ended; it stays as it is.
    #[rule("the membership is cancelled")]
    Cancelled,
    /// The membership is paused already. Resume it first.
    #[rule("the membership is paused already")]
    Paused,
    /// The membership is not paused: there is nothing to resume.
    #[rule("the membership is not paused")]
    NotPaused,
    #[invalid("{0} is past")]
    Past(NaiveDate),
}

impl Decider for Membership {
    const TYPE: &'static str = "membership";
    const INDEXED: &'static [&'static str] = &["plan", "member_email"];
    type Command = Command;
    type Event = Event;
    type Refusal = Refusal;

    fn decide(&self, command: Command, context: &Context) -> Result<Vec<Event>, Refusal> {
        Ok(vec![match (command, self.status) {
            (Command::Start { plan, member_email, price }, _) => Event::Started { plan, member_email, price },
            (_, Status::Cancelled) => return Err(Refusal::Cancelled),
            (Command::ChangePlan { plan }, _) => Event::PlanChanged { plan },
            (Command::Pause { .. }, Status::Paused) => return Err(Refusal::Paused),
            (Command::Pause { until }, _) if until <= context.today() => return Err(Refusal::Past(until)),
            (Command::Pause { until }, _) => Event::Paused { until },
            (Command::Resume, Status::Active) => return Err(Refusal::NotPaused),
            (Command::Resume, _) => Event::Resumed,
            (Command::Cancel { reason }, _) => Event::Cancelled { reason },
        }])
    }

    fn apply(&mut self, event: Event) {
        match event {
            Event::Started { plan, member_email, price } => {
                *self = Self { plan, member_email, price: Some(price), ..Self::default() };
            }
            Event::PlanChanged { plan } => self.plan = plan,
            Event::Paused { until } => (self.status, self.paused_until) = (Status::Paused, Some(until)),
            Event::Resumed => (self.status, self.paused_until) = (Status::Active, None),
            Event::Cancelled { .. } => self.status = Status::Cancelled,
        }
    }
}

fn main() -> std::process::ExitCode {
    wilco::program("gym").aggregate::<Membership>("memberships").run()
}
