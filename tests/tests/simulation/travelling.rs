//! Travelling: the process of the simulation. It takes seats, which are in other partitions, has them paid for, notes the
//! trip, waits until it is over; and undoes all of it when a step is refused, takes too long, or somebody calls the trip
//! off.

use std::sync::{Mutex, PoisonError};

use chrono::TimeDelta;
use wilco_domain::kernel::{
    Activity, Held, Input, Problem, Process, Refused, Reply, Then, commands, state, value,
};

use super::seats::{Seat, SeatCommand, Trip, TripCommand, TripRefusal};

/// Charge the traveller
#[value]
pub(super) struct Charge {
    /// For so many seats.
    pub(super) seats: u32,
}

impl Activity for Charge {
    const TYPE: &'static str = "trip.charge";
}

/// Give the traveller the money back
#[value]
pub(super) struct Refund {}

impl Activity for Refund {
    const TYPE: &'static str = "trip.refund";
}

/// Tell the conductor
///
/// It is named after the seats, so that it is done in another partition than the trip's.
#[value]
pub(super) struct Announce {}

impl Activity for Announce {
    const TYPE: &'static str = "seat.announce";
}

/// What a trip knows.
#[state]
pub(super) struct Travelling {
    stage: Stage,
    seats: Vec<String>,
    /// Replies that the present step waits for.
    left: u32,
    stay: i64,
    patience: Option<i64>,
    why: Option<Problem>,
    /// Who booked it.
    asked: Option<Held>,
    /// Who calls it off.
    calling_off: Option<Held>,
}

/// The step under way.
#[value]
pub(super) enum Stage {
    /// Nothing was asked yet.
    #[default]
    New,
    /// Seats are being taken.
    Taking,
    /// They are being paid for.
    Charging,
    /// That takes too long: whatever comes of it, it is given back.
    Impatient,
    /// It is being noted.
    Noting,
    /// It lasts.
    Staying,
    /// It is over, which is being noted.
    Closing,
    /// The money is being given back.
    Refunding,
    /// Seats are being left.
    Freeing,
    /// It was called off, which is being noted.
    CallingOff,
    /// Nothing more is to come.
    Ended,
}

#[commands]
pub(super) enum TravellingCommand {
    /// Book it
    #[creates]
    Book {
        /// The seats.
        seats: Vec<String>,
        /// How long it lasts, in milliseconds.
        stay: i64,
        /// How long the payment may take, in milliseconds.
        patience: Option<i64>,
    },
    /// Call it off
    CallOff,
}

impl Process for Travelling {
    const NAME: &'static str = "travelling";
    const HOME: &'static str = "trip";
    type Command = TravellingCommand;

    fn react(&mut self, input: Input<TravellingCommand>, then: &mut Then) -> Result<(), Box<Problem>> {
        match input {
            Input::Command(asked, command) => self.take(asked, command, then)?,
            Input::Reply(label, reply) => {
                stumble(then.id(), &label)?;
                self.hear_of(label.split_once(' ').map_or(&*label, |(kind, _)| kind), reply, then);
            }
            Input::Timer(name) => {
                stumble(then.id(), &name)?;
                self.wake(&name, then);
            }
            // Whatever else there may be to observe is not observed here.
            #[allow(unreachable_patterns)]
            Input::Event(_) => {}
        }
        Ok(())
    }

    fn still_wants(&self, label: &str) -> bool {
        label != "charge" || self.stage == Stage::Charging
    }
}

impl Travelling {
    fn take(&mut self, asked: Held, command: TravellingCommand, then: &mut Then) -> Result<(), Box<Problem>> {
        match (command, &self.stage) {
            (TravellingCommand::Book { seats, stay, patience }, Stage::New) => {
                for (number, seat) in seats.iter().enumerate() {
                    let take = SeatCommand::Take { trip: then.id().to_owned() };
                    then.issue::<Seat>(&format!("take {number}"), seat, &take);
                }
                let (left, asked) = (seats.len() as u32, Some(asked));
                *self = Self { stage: Stage::Taking, seats, left, stay, patience, asked, ..Self::default() };
                then.progress(0, 3, "take seats");
                Ok(())
            }
            (TravellingCommand::CallOff, Stage::Staying) => {
                self.calling_off = Some(asked);
                then.stop("leave");
                self.refund(then);
                Ok(())
            }
            _ => Err(Problem::of(&Refused::<Trip>(TripRefusal::NotNow)).into()),
        }
    }

    fn hear_of(&mut self, label: &str, reply: Reply, then: &mut Then) {
        match (label, &self.stage) {
            ("take", _) => self.one_is_taken(reply, then),
            ("charge", Stage::Impatient) => self.refund(then),
            ("charge", _) => self.is_charged(reply, then),
            ("note", _) => {
                let version = version_of(&reply);
                self.settle(Ok(version), then);
                self.stage = Stage::Staying;
                then.after(TimeDelta::milliseconds(self.stay), "leave");
            }
            ("refund", _) => self.free(then),
            ("free", _) => self.one_is_free(then),
            ("close", _) => self.end(then),
            ("note-end", _) => {
                if let Some(asked) = self.calling_off.take() {
                    then.settle(asked, Ok(version_of(&reply)));
                }
                self.end(then);
            }
            _ => {}
        }
    }

    fn wake(&mut self, timer: &str, then: &mut Then) {
        match (timer, &self.stage) {
            ("patience", Stage::Charging) => {
                self.why = Some(Problem::new("impatient", 504, "it took too long"));
                self.stage = Stage::Impatient;
            }
            ("leave", Stage::Staying) => {
                then.issue::<Trip>("close", then.id().to_owned(), &TripCommand::Close);
                self.stage = Stage::Closing;
            }
            _ => {}
        }
    }

    fn one_is_taken(&mut self, reply: Reply, then: &mut Then) {
        self.left -= 1;
        if let Reply::Failed(problem) = reply {
            self.why = Some(problem);
        }
        if self.left > 0 {
            return;
        }
        if self.why.is_some() {
            return self.free(then);
        }
        then.call("charge", &Charge { seats: self.seats.len() as u32 }).progress(1, 3, "charge");
        if let Some(patience) = self.patience {
            then.after(TimeDelta::milliseconds(patience), "patience");
        }
        self.stage = Stage::Charging;
    }

    fn is_charged(&mut self, reply: Reply, then: &mut Then) {
        then.stop("patience");
        if let Reply::Failed(problem) = reply {
            self.why = Some(problem);
            return self.free(then);
        }
        then.issue::<Trip>("note", then.id().to_owned(), &TripCommand::Note);
        then.call("announce", &Announce {}).progress(2, 3, "note");
        self.stage = Stage::Noting;
    }

    fn refund(&mut self, then: &mut Then) {
        then.call("refund", &Refund {});
        self.stage = Stage::Refunding;
    }

    /// Leaves all seats, also those that it was refused.
    fn free(&mut self, then: &mut Then) {
        let free = SeatCommand::Free { trip: then.id().to_owned() };
        for (number, seat) in self.seats.iter().enumerate() {
            then.must::<Seat>(&format!("free {number}"), seat, &free, &["seat-free"]);
        }
        (self.stage, self.left) = (Stage::Freeing, self.seats.len() as u32);
    }

    fn one_is_free(&mut self, then: &mut Then) {
        self.left -= 1;
        if self.left > 0 {
            return;
        }
        if self.calling_off.is_some() {
            then.issue::<Trip>("note-end", then.id().to_owned(), &TripCommand::NoteEnd);
            self.stage = Stage::CallingOff;
            return;
        }
        let why = self.why.clone().unwrap_or_else(|| Problem::new("internal", 500, "it was undone"));
        self.settle(Err(why), then);
        self.end(then);
    }

    fn settle(&mut self, outcome: Result<Option<i64>, Problem>, then: &mut Then) {
        if let Some(asked) = self.asked.take() {
            then.progress(3, 3, "done").settle(asked, outcome);
        }
    }

    fn end(&mut self, then: &mut Then) {
        self.stage = Stage::Ended;
        then.end();
    }
}

fn version_of(reply: &Reply) -> Option<i64> {
    match reply {
        Reply::Succeeded(done) => done.version,
        Reply::Failed(_) => None,
    }
}

/// Trips that stumble over an input, until somebody has seen to them. A process is given nothing but what is stored, so
/// whoever is to spoil it has to do so behind its back; the ids are those of one simulation.
static CLUMSY: Mutex<Vec<(String, &'static str)>> = Mutex::new(Vec::new());

/// Lets a trip stumble over a reply or a timer of this name.
pub(super) fn be_clumsy(trip: &str, about: &'static str) {
    CLUMSY.lock().unwrap_or_else(PoisonError::into_inner).push((trip.to_owned(), about));
}

/// It does not any more.
pub(super) fn be_steady(trip: &str) {
    CLUMSY.lock().unwrap_or_else(PoisonError::into_inner).retain(|(clumsy, _)| clumsy != trip);
}

/// A reply or a timer cannot be refused: to say no to one is a defect.
fn stumble(trip: &str, about: &str) -> Result<(), Box<Problem>> {
    let clumsy = CLUMSY.lock().unwrap_or_else(PoisonError::into_inner);
    if clumsy.iter().any(|(id, name)| id == trip && *name == about) {
        return Err(Problem::new("stumbled", 500, "it stumbles").into());
    }
    Ok(())
}
