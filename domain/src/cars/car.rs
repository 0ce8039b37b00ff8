//! A car: registered under its client's id, repainted, retired.

use cqrs_es::event_sink::EventSink;
use cqrs_es::{Aggregate, DomainEvent};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::command_kinds;
use crate::kernel::{Rejection, RejectionKind, Rule};

/// Where a car is in its life.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum CarStatus {
    /// No such car yet.
    #[default]
    #[schemars(skip)]
    Absent,
    /// On the road.
    Active,
    /// Off the road for good; it can still be read.
    Retired,
}

impl CarStatus {
    /// As it is written in JSON and in `?status=`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Absent => "absent",
            Self::Active => "active",
            Self::Retired => "retired",
        }
    }
}

/// What the rules of a car depend on.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Car {
    status: CarStatus,
    colour: String,
}

/// What describes a car.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
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
    /// The vehicle identification number (ISO 3779): 17 characters without I, O and Q. The check digit is a
    /// North American rule and not demanded.
    #[schemars(regex(pattern = r"^[A-HJ-NPR-Z0-9]{17}$"), example = &"WVWZZZ1JZXW000001")]
    pub vin: String,
}

/// Registers a car.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct CreateCar(pub CarDetails);

/// Gives a car another colour.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RepaintCar {
    /// The new colour.
    #[schemars(length(min = 1, max = 100), example = &"blue")]
    pub colour: String,
}

/// Takes a car off the road.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RetireCar {}

/// Everything a car can be asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CarCommand {
    /// See [`CreateCar`].
    Create(CreateCar),
    /// See [`RepaintCar`].
    Repaint(RepaintCar),
    /// See [`RetireCar`].
    Retire(RetireCar),
}

command_kinds! { Car, CarCommand:
    CreateCar => Create, "create", Creates;
    RepaintCar => Repaint, "repaint", Changes;
    RetireCar => Retire, "retire", Changes;
}

/// What happened to a car.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum CarEvent {
    /// It was registered.
    Created(CarDetails),
    /// It has another colour.
    Repainted {
        /// The new colour.
        #[schemars(example = &"blue")]
        colour: String,
    },
    /// It is off the road.
    Retired {},
}

impl DomainEvent for CarEvent {
    fn event_type(&self) -> String {
        match self {
            Self::Created(_) => "car.created",
            Self::Repainted { .. } => "car.repainted",
            Self::Retired {} => "car.retired",
        }
        .to_owned()
    }

    fn event_version(&self) -> String {
        "1.0".to_owned()
    }
}

const RETIRED: Rule =
    Rule::new("car-retired", "The car is off the road for good; it stays as it is.", "Choose another one.");

/// Why a car says no.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CarError {
    /// The id is taken.
    #[error("there is a car with this id already")]
    AlreadyExists,
    /// No such car.
    #[error("there is no car with this id")]
    NotFound,
    /// It is off the road.
    #[error("the car is retired")]
    Retired,
    /// It has that colour.
    #[error("the car is {0} already")]
    SameColour(String),
}

impl Rejection for CarError {
    fn kind(&self) -> RejectionKind {
        match self {
            Self::AlreadyExists => RejectionKind::AlreadyExists,
            Self::NotFound => RejectionKind::NotFound,
            Self::Retired => RejectionKind::RuleViolated,
            Self::SameColour(_) => RejectionKind::Validation,
        }
    }

    fn slug(&self) -> &'static str {
        match self {
            Self::Retired => RETIRED.slug,
            Self::AlreadyExists | Self::NotFound | Self::SameColour(_) => self.kind().slug(),
        }
    }

    fn rules() -> &'static [Rule] {
        &[RETIRED]
    }
}

impl Aggregate for Car {
    const TYPE: &'static str = "car";
    type Command = CarCommand;
    type Event = CarEvent;
    type Error = CarError;
    type Services = ();

    async fn handle(
        &mut self,
        command: CarCommand,
        (): &Self::Services,
        sink: &EventSink<Self>,
    ) -> Result<(), CarError> {
        let event = self.decide(command)?;
        sink.write(event, self).await;
        Ok(())
    }

    fn apply(&mut self, event: CarEvent) {
        match event {
            CarEvent::Created(details) => {
                self.status = CarStatus::Active;
                self.colour = details.colour;
            }
            CarEvent::Repainted { colour } => self.colour = colour,
            CarEvent::Retired {} => self.status = CarStatus::Retired,
        }
    }
}

impl Car {
    fn decide(&self, command: CarCommand) -> Result<CarEvent, CarError> {
        match (command, self.status) {
            (CarCommand::Create(CreateCar(details)), CarStatus::Absent) => Ok(CarEvent::Created(details)),
            (CarCommand::Create(_), _) => Err(CarError::AlreadyExists),
            (_, CarStatus::Absent) => Err(CarError::NotFound),
            (_, CarStatus::Retired) => Err(CarError::Retired),
            (CarCommand::Repaint(RepaintCar { colour }), CarStatus::Active) if colour == self.colour => {
                Err(CarError::SameColour(colour))
            }
            (CarCommand::Repaint(RepaintCar { colour }), CarStatus::Active) => {
                Ok(CarEvent::Repainted { colour })
            }
            (CarCommand::Retire(RetireCar {}), CarStatus::Active) => Ok(CarEvent::Retired {}),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use cqrs_es::test::TestFramework;

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
        CarCommand::Repaint(RepaintCar { colour: colour.into() })
    }

    fn accepts(given: Vec<CarEvent>, when: CarCommand, then: CarEvent) {
        TestFramework::<Car>::with(()).given(given).when(when).then_expect_events(vec![then]);
    }

    fn refuses(given: Vec<CarEvent>, when: CarCommand, error: &CarError) {
        let result = TestFramework::<Car>::with(()).given(given).when(when).inspect_result();
        assert_eq!(result.as_ref().unwrap_err(), error);
    }

    #[test]
    fn a_new_car_is_created() {
        accepts(vec![], CarCommand::Create(CreateCar(beetle())), created());
    }

    #[test]
    fn an_id_is_used_once() {
        refuses(vec![created()], CarCommand::Create(CreateCar(beetle())), &CarError::AlreadyExists);
    }

    #[test]
    fn an_absent_car_is_not_found() {
        for command in [repaint("blue"), CarCommand::Retire(RetireCar {})] {
            refuses(vec![], command, &CarError::NotFound);
        }
    }

    #[test]
    fn a_car_is_repainted_in_another_colour() {
        accepts(vec![created()], repaint("blue"), CarEvent::Repainted { colour: "blue".into() });
        refuses(vec![created()], repaint("red"), &CarError::SameColour("red".into()));
    }

    #[test]
    fn a_retired_car_stays_as_it_is() {
        for command in [repaint("blue"), CarCommand::Retire(RetireCar {})] {
            refuses(vec![created(), CarEvent::Retired {}], command, &CarError::Retired);
        }
    }
}
