use cqrs_es::{EventEnvelope, View};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use wilco_application::catalog::LandingView;
use wilco_domain::petstore::money::Money;
use wilco_domain::petstore::pet::{Pet, PetDetails, PetEvent, PetStatus};

/// A pet as `GET /v1/pets/{id}` shows it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PetView {
    /// The pet's id.
    #[schemars(example = &"pet-42")]
    pub id: String,
    /// The pet's name.
    #[schemars(example = &"Rex")]
    pub name: String,
    /// The kind of animal.
    #[schemars(example = &"dog")]
    pub category: String,
    /// Free words to find it by.
    #[schemars(example = ["friendly"])]
    pub tags: Vec<String>,
    /// Addresses of photos.
    #[schemars(example = ["https://photos.example/rex.jpg"])]
    pub photo_urls: Vec<String>,
    /// What it costs.
    pub price: Option<Money>,
    /// Where it is in its life.
    pub status: PetStatus,
    /// The order it is reserved for or sold to.
    pub order_id: Option<String>,
    /// The number of its latest event; also the `ETag`.
    #[schemars(example = 1)]
    pub version: u64,
}

impl View<Pet> for PetView {
    fn update(&mut self, event: &EventEnvelope<Pet>) {
        self.version = event.sequence as u64;
        match &event.payload {
            PetEvent::Created(details) => {
                self.id.clone_from(&event.aggregate_id);
                self.describe(details);
                self.status = PetStatus::Available;
            }
            PetEvent::Updated(details) => self.describe(details),
            PetEvent::Reserved { order_id } => {
                self.status = PetStatus::Reserved;
                self.order_id = Some(order_id.clone());
            }
            PetEvent::Released { .. } => {
                self.status = PetStatus::Available;
                self.order_id = None;
            }
            PetEvent::Sold { order_id } => {
                self.status = PetStatus::Sold;
                self.order_id.clone_from(order_id);
            }
            PetEvent::Deleted {} => self.status = PetStatus::Deleted,
        }
    }
}

impl PetView {
    fn describe(&mut self, details: &PetDetails) {
        self.name.clone_from(&details.name);
        self.category.clone_from(&details.category);
        self.tags.clone_from(&details.tags);
        self.photo_urls.clone_from(&details.photo_urls);
        self.price.clone_from(&details.price);
    }
}

impl LandingView for PetView {
    fn status(&self) -> &str {
        self.status.as_str()
    }

    fn is_gone(&self) -> bool {
        self.status == PetStatus::Deleted
    }
}
