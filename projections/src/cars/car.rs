use cqrs_es::{EventEnvelope, View};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use wilco_application::catalog::LandingView;
use wilco_domain::cars::car::{Car, CarEvent, CarStatus};

/// A car as `GET /v1/cars/{id}` shows it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CarView {
    /// The car's id.
    #[schemars(example = &"car-42")]
    pub id: String,
    /// Who built it.
    #[schemars(example = &"Volkswagen")]
    pub make: String,
    /// Which of its models.
    #[schemars(example = &"Beetle")]
    pub model: String,
    /// Its colour.
    #[schemars(example = &"red")]
    pub colour: String,
    /// Its vehicle identification number.
    #[schemars(example = &"WVWZZZ1JZXW000001")]
    pub vin: String,
    /// Where it is in its life.
    pub status: CarStatus,
    /// The number of its latest event; also the `ETag`.
    #[schemars(example = 1)]
    pub version: u64,
}

impl View<Car> for CarView {
    fn update(&mut self, event: &EventEnvelope<Car>) {
        self.version = event.sequence as u64;
        match &event.payload {
            CarEvent::Created(details) => {
                self.id.clone_from(&event.aggregate_id);
                self.make.clone_from(&details.make);
                self.model.clone_from(&details.model);
                self.colour.clone_from(&details.colour);
                self.vin.clone_from(&details.vin);
                self.status = CarStatus::Active;
            }
            CarEvent::Repainted { colour } => self.colour.clone_from(colour),
            CarEvent::Retired {} => self.status = CarStatus::Retired,
        }
    }
}

impl LandingView for CarView {
    fn status(&self) -> &str {
        self.status.as_str()
    }

    fn is_gone(&self) -> bool {
        false
    }
}
