//! Those who observe.

use std::sync::Mutex;

use wilco_domain::kernel::{Concern, Decider as _, Input, Observed, Problem, Process, Then, commands, state};

use crate::parcels::{Parcel, ParcelCommand, ParcelEvent, Shelf, ShelfEvent};

/// Stamps a parcel for each time that it is touched.
#[state]
pub struct Stamping {
    seen: Vec<i64>,
}

#[commands]
pub enum StampingCommand {
    /// Close
    Close,
}

/// The parcels that it stumbles over.
static STUMBLED_OVER: Mutex<Vec<String>> = Mutex::new(Vec::new());

fn is_stumbled_over(id: &str) -> bool {
    STUMBLED_OVER.lock().unwrap().iter().any(|one| one == id)
}

/// The id of a parcel that it stumbles over.
pub fn be_clumsy() -> String {
    let id = format!("clumsy-{}", wilco_tests::conformance::uuid());
    STUMBLED_OVER.lock().unwrap().push(id.clone());
    id
}

/// It stumbles no more over this one.
pub fn be_steady(id: &str) {
    STUMBLED_OVER.lock().unwrap().retain(|one| one != id);
}

impl Process for Stamping {
    const NAME: &'static str = "stamping";
    const HOME: &'static str = "desk";
    const OBSERVES: &'static [&'static str] = &[Parcel::TYPE];
    type Command = StampingCommand;

    fn concerns(event: &Observed) -> Concern {
        match event.of::<Parcel>() {
            Some(ParcelEvent::Touched) => Concern::Starts(event.aggregate_id.clone()),
            _ => Concern::Nothing,
        }
    }

    fn react(&mut self, input: Input<StampingCommand>, then: &mut Then) -> Result<(), Box<Problem>> {
        match input {
            Input::Event(event) => {
                assert!(!is_stumbled_over(then.id()), "it stumbles");
                self.seen.push(event.version);
                then.issue::<Parcel>(
                    &format!("stamp {}", event.version),
                    event.aggregate_id,
                    &ParcelCommand::Stamp,
                );
            }
            Input::Command(asked, StampingCommand::Close) => {
                then.settle(asked, Ok(None)).end();
            }
            Input::Reply(..) | Input::Timer(_) => {}
        }
        Ok(())
    }
}

/// What a newer build makes of [`Stamping`]: it stamps what is on a new shelf as well.
#[state]
pub struct StampingMore {
    seen: Vec<i64>,
}

impl Process for StampingMore {
    const NAME: &'static str = Stamping::NAME;
    const HOME: &'static str = Stamping::HOME;
    const OBSERVES: &'static [&'static str] = &[Parcel::TYPE, Shelf::TYPE];
    type Command = StampingCommand;

    fn concerns(event: &Observed) -> Concern {
        match event.of::<Shelf>() {
            Some(ShelfEvent::Noted) => Concern::Starts(event.aggregate_id.clone()),
            None => Stamping::concerns(event),
        }
    }

    fn react(&mut self, input: Input<StampingCommand>, then: &mut Then) -> Result<(), Box<Problem>> {
        if let Input::Event(event) = input {
            self.seen.push(event.version);
            let label = format!("stamp {}", self.seen.len());
            then.issue::<Parcel>(&label, event.aggregate_id, &ParcelCommand::Stamp);
        }
        Ok(())
    }
}

/// One instance that is shown all parcels there are; but only once it was opened.
#[state]
pub struct Counting {
    touched: u32,
}

#[commands]
pub enum CountingCommand {
    /// Open
    #[creates]
    Open,
}

impl Process for Counting {
    const NAME: &'static str = "counting";
    const HOME: &'static str = "shelf";
    const OBSERVES: &'static [&'static str] = &[Parcel::TYPE];
    type Command = CountingCommand;

    fn concerns(event: &Observed) -> Concern {
        match event.of::<Parcel>() {
            Some(ParcelEvent::Touched) => Concern::Continues("all".to_owned()),
            _ => Concern::Nothing,
        }
    }

    fn react(&mut self, input: Input<CountingCommand>, then: &mut Then) -> Result<(), Box<Problem>> {
        match input {
            Input::Event(_) => self.touched += 1,
            Input::Command(asked, CountingCommand::Open) => {
                then.settle(asked, Ok(None));
            }
            Input::Reply(..) | Input::Timer(_) => {}
        }
        Ok(())
    }
}

/// Touches whatever is stamped, which is then stamped.
#[state]
pub struct Echoing {}

impl Process for Echoing {
    const NAME: &'static str = "echoing";
    const HOME: &'static str = "shelf";
    const OBSERVES: &'static [&'static str] = &[Parcel::TYPE];
    type Command = CountingCommand;

    fn concerns(event: &Observed) -> Concern {
        match event.of::<Parcel>() {
            Some(ParcelEvent::Stamped) => Concern::Starts(event.aggregate_id.clone()),
            _ => Concern::Nothing,
        }
    }

    fn react(&mut self, input: Input<CountingCommand>, then: &mut Then) -> Result<(), Box<Problem>> {
        if let Input::Event(event) = input {
            then.issue::<Parcel>("touch", event.aggregate_id, &ParcelCommand::Touch);
        }
        Ok(())
    }
}
