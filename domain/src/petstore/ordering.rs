//! Ordering: the process that holds a pet for an order, notes the order, and sees it through to its end.

use std::time::Duration;

use chrono::TimeDelta;

use super::order::{Order, OrderCommand, OrderRefusal};
use super::pet::{Pet, PetCommand};
use crate::kernel::{Held, Input, Problem, Process, Refused, Reply, Then, commands, state, value};

/// The timer of a pet that is held.
const RESERVED: &str = "reserved";

/// How pets are held for orders.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reserving {
    /// For how long, if nobody approves the order.
    pub reservation: Duration,
}

impl Default for Reserving {
    fn default() -> Self {
        Self { reservation: Duration::from_secs(86400) }
    }
}

/// Where an order is on its way, and who waits for what.
#[state]
pub struct Ordering {
    stage: Stage,
    pet_id: String,
    /// The command that the present step is for.
    asked: Option<Held>,
}

/// The step under way.
#[value]
pub enum Stage {
    /// Nothing was asked yet.
    #[default]
    New,
    /// The pet is asked for.
    Reserving,
    /// The pet is held, and the order is to be noted.
    Creating,
    /// It was not to be: the pet is given free again.
    GivingUp(Refusal),
    /// Everything stands still until somebody approves, cancels, or the time is over.
    Placed,
    /// The pet is to be sold.
    Selling,
    /// The pet is sold, and that is to be noted.
    Approving,
    /// The pet is sold to the order.
    Approved,
    /// The end is to be noted.
    Completing,
    /// The pet is given free again.
    Releasing,
    /// The pet is free again, and that is to be noted.
    Cancelling,
    /// Nothing more is to come.
    Ended(End),
}

/// How it ended.
#[value]
pub enum End {
    /// There never was an order.
    Refused,
    /// The pet was handed over.
    Completed,
    /// The pet is free again.
    Cancelled,
}

/// What stood in the way of an order.
#[value]
pub struct Refusal {
    /// The slug of the problem.
    pub slug: String,
    /// The status that it corresponds to.
    pub status: u16,
    /// What went wrong.
    pub detail: String,
}

/// What can be asked of an order.
#[commands]
pub enum OrderingCommand {
    /// Order a pet
    ///
    /// The pet is held for the order, for a day if nobody approves it.
    #[creates]
    #[fails("pet-reserved", "pet-sold", "not-found")]
    Place {
        /// The pet.
        #[schemars(length(min = 1, max = 128), example = &"pet-42")]
        pet_id: String,
    },
    /// Approve an order
    ///
    /// The pet is sold to it.
    Approve,
    /// Complete an approved order
    ///
    /// The pet is handed over.
    Complete,
    /// Cancel an order that is not approved yet
    ///
    /// The pet is free again.
    Cancel,
}

impl Process for Ordering {
    const NAME: &'static str = "ordering";
    const HOME: &'static str = "order";
    type Command = OrderingCommand;

    fn react(&mut self, input: Input<OrderingCommand>, then: &mut Then) -> Result<(), Box<Problem>> {
        match input {
            Input::Command(asked, command) => self.take(asked, command, then),
            Input::Reply(step, _) if Some(&*step) != self.step() => Ok(()),
            Input::Reply(_, Reply::Succeeded(done)) => {
                self.go_on(done.version, then);
                Ok(())
            }
            Input::Reply(_, Reply::Failed(problem)) => {
                self.turn_back(problem, then);
                Ok(())
            }
            Input::Timer(_) => {
                if self.stage == Stage::Placed {
                    self.release(None, then);
                }
                Ok(())
            }
            Input::Event(_) => Ok(()),
        }
    }
}

impl Ordering {
    fn take(&mut self, asked: Held, command: OrderingCommand, then: &mut Then) -> Result<(), Box<Problem>> {
        let order_id = then.id().to_owned();
        match (command, &self.stage) {
            (OrderingCommand::Place { pet_id }, Stage::New) => {
                then.issue::<Pet>("reserve", &pet_id, &PetCommand::Reserve { order_id });
                then.progress(0, 2, "reserve pet");
                *self = Self { stage: Stage::Reserving, pet_id, asked: Some(asked) };
            }
            (OrderingCommand::Approve, Stage::Placed) => {
                let sale = PetCommand::Sell { order_id: Some(order_id) };
                then.issue::<Pet>("sell", &self.pet_id, &sale).stop(RESERVED).progress(0, 2, "sell pet");
                (self.stage, self.asked) = (Stage::Selling, Some(asked));
            }
            (OrderingCommand::Complete, Stage::Approved) => {
                then.issue::<Order>("complete", order_id, &OrderCommand::MarkCompleted);
                (self.stage, self.asked) = (Stage::Completing, Some(asked));
            }
            (OrderingCommand::Cancel, Stage::Placed) => self.release(Some(asked), then),
            (command, _) => return Err(self.refusal(&command).into()),
        }
        Ok(())
    }

    /// The step that is under way.
    const fn step(&self) -> Option<&'static str> {
        match &self.stage {
            Stage::Reserving => Some("reserve"),
            Stage::Creating => Some("create"),
            Stage::GivingUp(_) | Stage::Releasing => Some("release"),
            Stage::Selling => Some("sell"),
            Stage::Approving => Some("approve"),
            Stage::Completing => Some("complete"),
            Stage::Cancelling => Some("cancel"),
            Stage::New | Stage::Placed | Stage::Approved | Stage::Ended(_) => None,
        }
    }

    /// A step has succeeded.
    fn go_on(&mut self, version: Option<i64>, then: &mut Then) {
        let order_id = then.id().to_owned();
        self.stage = match &self.stage {
            Stage::Reserving => {
                let create = OrderCommand::Create { pet_id: self.pet_id.clone() };
                then.issue::<Order>("create", order_id, &create).progress(1, 2, "create order");
                Stage::Creating
            }
            Stage::Creating => {
                Self::hold(then);
                self.done(Ok(version), then);
                Stage::Placed
            }
            Stage::GivingUp(Refusal { slug, status, detail }) => {
                let problem = Problem::new(slug, *status, detail.clone());
                self.done(Err(problem), then);
                then.end();
                Stage::Ended(End::Refused)
            }
            Stage::Selling => {
                then.issue::<Order>("approve", order_id, &OrderCommand::MarkApproved).progress(
                    1,
                    2,
                    "approve order",
                );
                Stage::Approving
            }
            Stage::Approving => {
                self.done(Ok(version), then);
                Stage::Approved
            }
            Stage::Completing => {
                self.done(Ok(version), then);
                then.end();
                Stage::Ended(End::Completed)
            }
            Stage::Releasing => {
                then.issue::<Order>("cancel", order_id, &OrderCommand::MarkCancelled).progress(
                    1,
                    2,
                    "cancel order",
                );
                Stage::Cancelling
            }
            Stage::Cancelling => {
                self.done(Ok(version), then);
                then.end();
                Stage::Ended(End::Cancelled)
            }
            other => other.clone(),
        };
    }

    /// A step was refused.
    fn turn_back(&mut self, problem: Problem, then: &mut Then) {
        match self.stage {
            Stage::Creating => {
                let release = PetCommand::Release { order_id: then.id().to_owned() };
                then.must::<Pet>(
                    "release",
                    &self.pet_id,
                    &release,
                    &["pet-not-reserved", "pet-sold", "not-found", "gone"],
                );
                let (slug, status) = (problem.slug().to_owned(), problem.status);
                self.stage = Stage::GivingUp(Refusal { slug, status, detail: problem.detail });
            }
            Stage::Reserving => {
                self.done(Err(problem), then);
                then.end();
                self.stage = Stage::Ended(End::Refused);
            }
            Stage::Selling => {
                self.done(Err(problem), then);
                Self::hold(then);
                self.stage = Stage::Placed;
            }
            _ => self.done(Err(problem), then),
        }
    }

    /// From now on it is placed, and for so long.
    fn hold(then: &mut Then) {
        let reservation = then.settings::<Reserving>().reservation;
        then.after(TimeDelta::from_std(reservation).unwrap_or(TimeDelta::MAX), RESERVED);
    }

    fn release(&mut self, asked: Option<Held>, then: &mut Then) {
        let release = PetCommand::Release { order_id: then.id().to_owned() };
        then.must::<Pet>("release", &self.pet_id, &release, &["pet-not-reserved", "not-found", "gone"]);
        then.stop(RESERVED).progress(0, 2, "release pet");
        (self.stage, self.asked) = (Stage::Releasing, asked);
    }

    fn done(&mut self, outcome: Result<Option<i64>, Problem>, then: &mut Then) {
        then.progress(2, 2, "done");
        if let Some(asked) = self.asked.take() {
            then.settle(asked, outcome);
        }
    }

    /// Why a command comes at the wrong time.
    fn refusal(&self, command: &OrderingCommand) -> Problem {
        let refusal = match (command, &self.stage) {
            (OrderingCommand::Place { .. }, _)
            | (_, Stage::New | Stage::Reserving | Stage::Creating | Stage::GivingUp(_)) => {
                let known = matches!(command, OrderingCommand::Place { .. });
                let (slug, status) = if known { ("already-exists", 409) } else { ("not-found", 404) };
                let detail = if known {
                    "there is an order with this id already"
                } else {
                    "there is no order with this id"
                };
                return Problem::new(slug, status, detail);
            }
            (_, Stage::Ended(End::Refused)) => {
                return Problem::new("not-found", 404, "there is no order with this id");
            }
            (OrderingCommand::Complete, Stage::Placed | Stage::Selling | Stage::Approving) => {
                OrderRefusal::NotApproved
            }
            (_, Stage::Ended(End::Completed) | Stage::Completing) => OrderRefusal::Completed,
            (_, Stage::Ended(End::Cancelled) | Stage::Releasing | Stage::Cancelling) => {
                OrderRefusal::Cancelled
            }
            _ => OrderRefusal::Approved,
        };
        Problem::of(&Refused::<Order>(refusal))
    }
}

#[cfg(test)]
mod tests {
    use chrono::DateTime;
    use uuid::Uuid;

    use super::*;
    use crate::kernel::{Effects, ProcessTest, Success, done as was_done};

    const ASKED: Held = Held(Uuid::nil());

    /// An instance that has handled these inputs, and what it did about the last one.
    fn after(inputs: impl IntoIterator<Item = Input<OrderingCommand>>) -> (Ordering, Effects) {
        let mut ordering = Ordering::default();
        let mut effects = Effects::default();
        for input in inputs {
            let mut then = Then::new("o-1", DateTime::UNIX_EPOCH);
            ordering.react(input, &mut then).unwrap();
            effects = then.into_effects();
        }
        (ordering, effects)
    }

    fn place() -> Input<OrderingCommand> {
        Input::Command(ASKED, OrderingCommand::Place { pet_id: "p-7".into() })
    }

    fn done(label: &str) -> Input<OrderingCommand> {
        Input::Reply(label.into(), Reply::Succeeded(Success { version: Some(1), ..Success::default() }))
    }

    fn refused(label: &str, slug: &str) -> Input<OrderingCommand> {
        Input::Reply(label.into(), Reply::Failed(Problem::new(slug, 409, slug)))
    }

    fn issues(effects: &Effects) -> Vec<(&str, String)> {
        effects
            .issued
            .iter()
            .map(|one| (one.label.as_str(), format!("{} {}", one.command_type, one.target)))
            .collect()
    }

    #[test]
    fn a_pet_is_held_before_there_is_an_order() {
        assert_eq!(issues(&after([place()]).1), [("reserve", "pet.reserve p-7".to_owned())]);
        let (_, created) = after([place(), done("reserve")]);
        assert_eq!(issues(&created), [("create", "order.create o-1".to_owned())]);
        let (placed, effects) = after([place(), done("reserve"), done("create")]);
        assert_eq!((placed.stage, effects.settled), (Stage::Placed, vec![(ASKED, Ok(Some(1)))]));
        assert_eq!(effects.set.len(), 1);
    }

    #[test]
    fn what_was_done_is_undone_when_the_order_cannot_be_noted() {
        let (_, effects) = after([place(), done("reserve"), refused("create", "already-exists")]);
        assert_eq!(issues(&effects), [("release", "pet.release p-7".to_owned())]);
        assert!(effects.issued[0].unless.is_some() && effects.settled.is_empty());
        let (_, effects) =
            after([place(), done("reserve"), refused("create", "already-exists"), done("release")]);
        let (_, outcome) = &effects.settled[0];
        assert_eq!(outcome.as_ref().unwrap_err().slug(), "already-exists");
        assert!(effects.ended);
    }

    #[test]
    fn an_order_that_nobody_approves_is_cancelled() {
        let timer = || Input::Timer(RESERVED.into());
        let placed = || [place(), done("reserve"), done("create")];
        let (_, effects) = after(placed().into_iter().chain([timer()]));
        assert_eq!(issues(&effects), [("release", "pet.release p-7".to_owned())]);
        let approve = Input::Command(ASKED, OrderingCommand::Approve);
        let (ordering, effects) = after(placed().into_iter().chain([approve, timer()]));
        assert_eq!((ordering.stage, issues(&effects)), (Stage::Selling, vec![]), "too late");
    }

    #[test]
    fn whichever_step_is_refused_the_command_fails_with_it_and_nothing_is_left() {
        let place = || OrderingCommand::Place { pet_id: "p-7".into() };
        let begin = || ProcessTest::<Ordering>::of("o-1").command(place());
        ProcessTest::every_step_refused(
            |label| label != "release",
            begin,
            |test| test.began_and_settled(Err("refused")).ended(),
        );
    }

    #[test]
    fn what_is_told_again_changes_nothing() {
        let placed = || {
            let place = OrderingCommand::Place { pet_id: "p-7".into() };
            let test = ProcessTest::<Ordering>::of("o-1").command(place);
            test.reply("reserve", was_done(2)).reply("create", was_done(1)).redelivered()
        };
        let approved = placed().command(OrderingCommand::Approve).reply("sell", was_done(3)).redelivered();
        drop(approved.reply("approve", was_done(2)).redelivered());
        let cancelled = placed().command(OrderingCommand::Cancel).reply("release", was_done(3)).redelivered();
        drop(cancelled.reply("cancel", was_done(2)).redelivered());
    }

    #[test]
    fn a_command_at_the_wrong_time_is_refused_with_the_reason() {
        let approved = [place(), done("reserve"), done("create")].into_iter().chain([
            Input::Command(ASKED, OrderingCommand::Approve),
            done("sell"),
            done("approve"),
        ]);
        let (mut ordering, _) = after(approved);
        let mut then = Then::new("o-1", DateTime::UNIX_EPOCH);
        let refused = ordering.react(Input::Command(ASKED, OrderingCommand::Cancel), &mut then);
        assert_eq!(refused.unwrap_err().slug(), "order-approved");
    }
}
