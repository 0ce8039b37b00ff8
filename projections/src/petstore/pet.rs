use wilco_domain::kernel::{Landing, state};
use wilco_domain::petstore::pet::{Pet, PetDetails, PetEvent, PetStatus};

/// A pet as `GET /v1/pets/{id}` shows it.
#[state]
pub struct PetView {
    #[serde(flatten)]
    details: PetDetails,
    /// Where it is in its life.
    status: PetStatus,
    /// The order it is reserved for or sold to.
    order_id: Option<String>,
}

impl Landing<Pet> for PetView {
    fn apply(&mut self, event: PetEvent) {
        match event {
            PetEvent::Created(details) | PetEvent::Updated(details) => self.details = details,
            PetEvent::Reserved { order_id } => {
                (self.status, self.order_id) = (PetStatus::Reserved, Some(order_id));
            }
            PetEvent::Released { .. } => (self.status, self.order_id) = (PetStatus::Available, None),
            PetEvent::Sold { order_id } => (self.status, self.order_id) = (PetStatus::Sold, order_id),
            PetEvent::Deleted => self.status = PetStatus::Deleted,
        }
    }

    fn is_gone(&self) -> bool {
        self.status == PetStatus::Deleted
    }
}
