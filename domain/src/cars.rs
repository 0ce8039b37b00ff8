//! Cars: registered under ids of their clients' choice, repainted, retired.

use crate::kernel::{Context, Decider, commands, events, refusals, state, value};

/// Cars, under ids of their clients' choice.
#[state]
pub struct Car {
    #[serde(flatten)]
    details: CarDetails,
    /// Where it is in its life.
    status: CarStatus,
}

/// Where a car is in its life.
#[value]
pub enum CarStatus {
    /// On the road.
    #[default]
    Active,
    /// Off the road for good; it can still be read.
    Retired,
}

/// What describes a car.
#[value]
#[derive(Default)]
pub struct CarDetails {
    /// Who built it.
    #[schemars(length(min = 1, max = 200), example = &"Volkswagen")]
    pub make: String,
    /// Which of its models.
    #[schemars(length(min = 1, max = 200), example = &"Beetle")]
    pub model: String,
    /// Its colour.
    #[schemars(length(min = 1, max = 100), example = &"red")]
    pub colour: String,
    /// The vehicle identification number (ISO 3779, without the North American rule of a check digit).
    #[schemars(regex(pattern = r"^[A-HJ-NPR-Z0-9]{17}$"), example = &"WVWZZZ1JZXW000001")]
    pub vin: String,
}

/// Everything a car can be asked.
#[commands]
pub enum CarCommand {
    /// Register a car
    #[creates]
    #[fails()]
    Create(CarDetails),
    /// Give a car another colour
    ///
    /// The colour it has already is refused with `validation`.
    Repaint {
        /// The new colour.
        #[schemars(length(min = 1, max = 100), example = &"blue")]
        colour: String,
    },
    /// Take a car off the road for good
    ///
    /// It can still be read, and not be changed any more.
    #[fails("car-retired")]
    Retire,
}

/// What happened to a car.
#[events]
pub enum CarEvent {
    Created(CarDetails),
    Repainted {
        #[schemars(example = &"blue")]
        colour: String,
    },
    Retired,
}

/// Why a car says no.
#[refusals]
pub enum CarRefusal {
    /// The car is off the road for good; it stays as it is.
    ///
    /// Choose another one.
    #[rule("the car is retired")]
    Retired,
    /// It has that colour.
    #[invalid("the car is {0} already")]
    SameColour(String),
}

impl Decider for Car {
    const TYPE: &'static str = "car";
    type Command = CarCommand;
    type Event = CarEvent;
    type Refusal = CarRefusal;

    fn decide(&self, command: CarCommand, _: &Context) -> Result<Vec<CarEvent>, CarRefusal> {
        Ok(vec![match command {
            CarCommand::Create(details) => CarEvent::Created(details),
            _ if self.status == CarStatus::Retired => return Err(CarRefusal::Retired),
            CarCommand::Repaint { colour } if colour == self.details.colour => {
                return Err(CarRefusal::SameColour(colour));
            }
            CarCommand::Repaint { colour } => CarEvent::Repainted { colour },
            CarCommand::Retire => CarEvent::Retired,
        }])
    }

    fn apply(&mut self, event: CarEvent) {
        match event {
            CarEvent::Created(details) => self.details = details,
            CarEvent::Repainted { colour } => self.details.colour = colour,
            CarEvent::Retired => self.status = CarStatus::Retired,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::given;

    fn beetle() -> CarDetails {
        CarDetails {
            make: "Volkswagen".into(),
            model: "Beetle".into(),
            colour: "red".into(),
            vin: "WVWZZZ1JZXW000001".into(),
        }
    }

    fn created() -> CarEvent {
        CarEvent::Created(beetle())
    }

    fn repaint(colour: &str) -> CarCommand {
        CarCommand::Repaint { colour: colour.into() }
    }

    #[test]
    fn a_new_car_is_created() {
        given::<Car>([]).when(CarCommand::Create(beetle())).then([created()]);
    }

    #[test]
    fn a_car_is_repainted_in_another_colour() {
        let car = given::<Car>([created()]);
        car.when(repaint("blue")).then([CarEvent::Repainted { colour: "blue".into() }]);
        car.when(repaint("red")).refused(&CarRefusal::SameColour("red".into()));
    }

    #[test]
    fn a_retired_car_stays_as_it_is() {
        for command in [repaint("blue"), CarCommand::Retire] {
            given::<Car>([created(), CarEvent::Retired]).when(command).refused(&CarRefusal::Retired);
        }
    }
}
