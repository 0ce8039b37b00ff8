//! Seats, and the trips that they are taken for: what the process of the simulation asks of aggregates.
//!
//! Whatever they are asked twice they do twice, so that it is seen.

use wilco_domain::kernel::{Context, Decider, commands, events, refusals, state};

/// A seat that one trip can have at a time.
#[state]
pub(super) struct Seat {
    /// The trip that has it.
    by: Option<String>,
    /// Nobody gets up from it.
    jammed: bool,
}

#[commands]
pub(super) enum SeatCommand {
    /// Take it
    #[either]
    Take {
        /// For whom.
        trip: String,
    },
    /// Get up from it
    #[either]
    Free {
        /// For whom it was taken.
        trip: String,
    },
    /// Jam it
    #[either]
    Jam,
    /// Put it right
    #[either]
    Repair,
}

#[events]
pub(super) enum SeatEvent {
    /// It was taken.
    Taken {
        /// For whom.
        trip: String,
    },
    /// It is free.
    Freed {
        /// For whom it had been taken.
        trip: String,
    },
    /// Nobody gets up from it any more.
    Jammed,
    /// It was put right.
    Repaired,
}

#[refusals]
pub(super) enum SeatRefusal {
    /// Another trip has it.
    ///
    /// Take another one.
    #[rule("the seat is taken")]
    Taken,
    /// It was not taken for this trip.
    ///
    /// Nothing is to be done.
    #[rule("the seat is free")]
    Free,
    /// Nobody gets up from it.
    ///
    /// Try again.
    #[rule("the seat is jammed")]
    Jammed,
}

impl Decider for Seat {
    const TYPE: &'static str = "seat";
    type Command = SeatCommand;
    type Event = SeatEvent;
    type Refusal = SeatRefusal;

    fn decide(&self, command: SeatCommand, _: &Context) -> Result<Vec<SeatEvent>, SeatRefusal> {
        match command {
            SeatCommand::Take { trip } if self.by.as_ref().is_none_or(|by| *by == trip) => {
                Ok(vec![SeatEvent::Taken { trip }])
            }
            SeatCommand::Take { .. } => Err(SeatRefusal::Taken),
            SeatCommand::Free { .. } if self.jammed => Err(SeatRefusal::Jammed),
            SeatCommand::Free { trip } if self.by.as_ref() == Some(&trip) => {
                Ok(vec![SeatEvent::Freed { trip }])
            }
            SeatCommand::Free { .. } => Err(SeatRefusal::Free),
            SeatCommand::Jam => Ok(vec![SeatEvent::Jammed]),
            SeatCommand::Repair => Ok(vec![SeatEvent::Repaired]),
        }
    }

    fn apply(&mut self, event: SeatEvent) {
        match event {
            SeatEvent::Taken { trip } => self.by = Some(trip),
            SeatEvent::Freed { .. } => self.by = None,
            SeatEvent::Jammed => self.jammed = true,
            SeatEvent::Repaired => self.jammed = false,
        }
    }
}

/// What is noted of a trip.
#[state]
pub(super) struct Trip {
    notes: u32,
}

#[commands]
pub(super) enum TripCommand {
    /// Note that it was booked
    #[either]
    Note,
    /// Note that it is over
    #[either]
    Close,
    /// Note that it was called off
    #[either]
    NoteEnd,
}

#[events]
pub(super) enum TripEvent {
    /// It was booked.
    Noted,
    /// It is over.
    Closed,
    /// It was called off.
    CalledOff,
}

#[refusals]
pub(super) enum TripRefusal {
    /// It is not at a point where it can be called off.
    ///
    /// Nothing is to be done.
    #[rule("the trip cannot be called off")]
    NotNow,
}

impl Decider for Trip {
    const TYPE: &'static str = "trip";
    type Command = TripCommand;
    type Event = TripEvent;
    type Refusal = TripRefusal;

    fn decide(&self, command: TripCommand, _: &Context) -> Result<Vec<TripEvent>, TripRefusal> {
        Ok(vec![match command {
            TripCommand::Note => TripEvent::Noted,
            TripCommand::Close => TripEvent::Closed,
            TripCommand::NoteEnd => TripEvent::CalledOff,
        }])
    }

    fn apply(&mut self, _: TripEvent) {
        self.notes += 1;
    }
}
