//! What is observed, and what those who observe it live beside.

#![expect(dead_code, reason = "nothing is refused here, and yet aggregates have refusals")]

use wilco_domain::kernel::{Context, Decider, commands, events, refusals, state};

/// Something that is touched, and gets a stamp for that.
#[state]
pub struct Parcel {
    touched: u32,
    stamped: u32,
}

#[commands]
pub enum ParcelCommand {
    /// Touch it
    #[either]
    Touch,
    /// Stamp it
    #[either]
    Stamp,
}

#[events]
pub enum ParcelEvent {
    /// It was touched.
    Touched,
    /// It was stamped.
    Stamped,
}

#[refusals]
pub enum ParcelRefusal {
    /// Never.
    ///
    /// Nothing is to be done.
    #[rule("never")]
    Never,
}

impl Decider for Parcel {
    const TYPE: &'static str = "parcel";
    type Command = ParcelCommand;
    type Event = ParcelEvent;
    type Refusal = ParcelRefusal;

    fn decide(&self, command: ParcelCommand, _: &Context) -> Result<Vec<ParcelEvent>, ParcelRefusal> {
        Ok(vec![match command {
            ParcelCommand::Touch => ParcelEvent::Touched,
            ParcelCommand::Stamp => ParcelEvent::Stamped,
        }])
    }

    fn apply(&mut self, event: ParcelEvent) {
        match event {
            ParcelEvent::Touched => self.touched += 1,
            ParcelEvent::Stamped => self.stamped += 1,
        }
    }
}

/// What processes live beside, one of each type.
macro_rules! desk {
    ($desk:ident, $command:ident, $event:ident, $refusal:ident, $type:literal) => {
        #[doc = "Nothing but a place."]
        #[state]
        pub struct $desk {}

        #[commands]
        pub enum $command {
            /// Note it
            #[creates]
            Note,
        }

        #[events]
        pub enum $event {
            /// It was noted.
            Noted,
        }

        #[refusals]
        pub enum $refusal {
            /// Never.
            ///
            /// Nothing is to be done.
            #[rule("never")]
            Never,
        }

        impl Decider for $desk {
            const TYPE: &'static str = $type;
            type Command = $command;
            type Event = $event;
            type Refusal = $refusal;

            fn decide(&self, $command::Note: $command, _: &Context) -> Result<Vec<$event>, $refusal> {
                Ok(vec![$event::Noted])
            }

            fn apply(&mut self, $event::Noted: $event) {}
        }
    };
}
desk!(Desk, DeskCommand, DeskEvent, DeskRefusal, "desk");
desk!(Shelf, ShelfCommand, ShelfEvent, ShelfRefusal, "shelf");
