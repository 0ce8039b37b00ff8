//! Letters, which are stamped by themselves, and posted by a process that has a postman deliver them.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use wilco_application::catalog::{AggregateRegistration, Catalog};
use wilco_domain::kernel::{
    Activity, Context, Decider, Held, Input, Problem, Process, Reply, Shown, Then, commands, events,
    refusals, state,
};

/// What an aggregate knows of a letter.
#[state]
struct Letter {
    stamps: u32,
}

#[commands]
enum LetterCommand {
    /// Stamp it
    #[either]
    Stamp,
}

#[events]
enum LetterEvent {
    /// It was stamped.
    Stamped,
}

#[refusals]
enum LetterRefusal {
    /// There is no room for another stamp.
    ///
    /// Nothing is to be done.
    #[rule("full")]
    Full,
}

impl Decider for Letter {
    const TYPE: &'static str = "letter";
    type Command = LetterCommand;
    type Event = LetterEvent;
    type Refusal = LetterRefusal;

    fn decide(
        &self,
        LetterCommand::Stamp: LetterCommand,
        _: &Context,
    ) -> Result<Vec<LetterEvent>, LetterRefusal> {
        if self.stamps < 9 { Ok(vec![LetterEvent::Stamped]) } else { Err(LetterRefusal::Full) }
    }

    fn apply(&mut self, _: LetterEvent) {
        self.stamps += 1;
    }
}

/// Deliver a letter
#[derive(Serialize, Deserialize, JsonSchema)]
pub(crate) struct Deliver {
    /// To whom.
    pub(crate) to: String,
}

impl Activity for Deliver {
    const TYPE: &'static str = "letter.deliver";
}

/// Has a letter delivered, and keeps all that it hears of it.
#[state]
struct Posting {
    asked: Option<Held>,
    heard: Vec<String>,
    recalled: bool,
}

#[commands]
enum PostingCommand {
    /// Post it
    #[creates]
    Post {
        /// To whom.
        to: String,
    },
    /// Take it back
    Recall,
}

impl Process for Posting {
    const NAME: &'static str = "posting";
    const HOME: &'static str = "letter";
    type Command = PostingCommand;

    fn react(&mut self, input: Input<PostingCommand>, then: &mut Then) -> Result<(), Box<Problem>> {
        match input {
            Input::Command(asked, PostingCommand::Post { to }) => {
                self.asked = Some(asked);
                then.call("deliver", &Deliver { to });
            }
            Input::Command(asked, PostingCommand::Recall) => {
                self.recalled = true;
                then.settle(asked, Ok(None));
            }
            Input::Reply(_, reply) => {
                let (heard, outcome) = match reply {
                    Reply::Succeeded(done) => (done.result.to_string(), Ok(None)),
                    Reply::Failed(problem) => (problem.slug().to_owned(), Err(problem)),
                };
                self.heard.push(heard);
                if let Some(asked) = self.asked.take() {
                    then.settle(asked, outcome);
                }
            }
            Input::Timer(_) | Input::Event(_) => {}
        }
        Ok(())
    }

    fn still_wants(&self, _: &str) -> bool {
        !self.recalled
    }
}

/// A program that knows nothing else.
pub(crate) fn catalog() -> Catalog {
    let letters = AggregateRegistration::<_, Shown<Letter, Letter>>::decider("letters");
    Catalog::new([&letters.process::<Posting>().activity::<Deliver>().finish().unwrap()]).unwrap()
}
