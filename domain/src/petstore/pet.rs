//! A pet: made, changed, reserved for one order at a time, released or sold, deleted.

use crate::kernel::{Context, Decider, commands, events, refusals, state, value};
use crate::money::Money;

/// What the rules of a pet depend on; what describes it lives in its view.
#[state]
pub struct Pet {
    status: PetStatus,
    reserved_for: Option<String>,
}

/// Where a pet is in its life.
#[value]
pub enum PetStatus {
    /// May be reserved, sold or deleted.
    #[default]
    Available,
    /// Held for one order.
    Reserved,
    /// Gone to its new owner.
    Sold,
    /// Taken out of the store: nobody is shown one.
    #[schemars(skip)]
    Deleted,
}

/// What describes a pet.
#[value]
#[derive(Default)]
pub struct PetDetails {
    /// The pet's name.
    #[schemars(length(min = 1, max = 200), example = &"Rex")]
    pub name: String,
    /// The kind of animal.
    #[schemars(length(min = 1, max = 200), example = &"dog")]
    pub category: String,
    /// Free words to find it by.
    #[serde(default)]
    #[schemars(length(max = 50), inner(length(min = 1, max = 200)), example = ["friendly"])]
    pub tags: Vec<String>,
    /// Addresses of photos.
    #[serde(default)]
    #[schemars(length(max = 50), inner(length(min = 1, max = 2000)), example = ["https://photos.example/rex.jpg"])]
    pub photo_urls: Vec<String>,
    /// What it costs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub price: Option<Money>,
}

/// Everything a pet can be asked.
#[commands]
pub enum PetCommand {
    /// Take a pet into the store
    #[creates]
    #[fails()]
    Create(PetDetails),
    /// Describe a pet anew
    ///
    /// The description is replaced whole; the pet's status stays as it is.
    #[fails()]
    Update(PetDetails),
    /// Hold a pet for an order
    ///
    /// There is one reservation at a time.
    #[fails("pet-reserved", "pet-sold")]
    Reserve {
        /// The order it is held for.
        #[schemars(length(min = 1, max = 128), example = &"order-1")]
        order_id: String,
    },
    /// Give a held pet free again
    ///
    /// Only the order it is held for can give it free.
    Release {
        /// The order it was held for.
        #[schemars(length(min = 1, max = 128), example = &"order-1")]
        order_id: String,
    },
    /// Sell a pet
    ///
    /// A reserved pet is sold to its order, an available one over the counter.
    #[fails("pet-reserved", "pet-sold")]
    Sell {
        /// The order it is sold to; where given, a reservation must be for that order.
        #[serde(default)]
        #[schemars(length(min = 1, max = 128), example = &"order-1")]
        order_id: Option<String>,
    },
    /// Take a pet out of the store
    ///
    /// A reserved or sold pet stays. What was taken out is gone (410); its history remains.
    #[removes]
    #[fails("pet-reserved", "pet-sold")]
    Delete,
}

/// What happened to a pet.
#[events]
pub enum PetEvent {
    /// It came into the store.
    Created(PetDetails),
    /// It was described anew.
    Updated(PetDetails),
    /// It is held for an order.
    Reserved {
        /// The order.
        #[schemars(example = &"order-1")]
        order_id: String,
    },
    /// It is held no longer.
    Released {
        /// The order it was held for.
        #[schemars(example = &"order-1")]
        order_id: String,
    },
    /// It was sold.
    Sold {
        /// The order, where there was one.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[schemars(example = &"order-1")]
        order_id: Option<String>,
    },
    /// It left the store.
    Deleted,
}

/// Why a pet says no.
#[refusals]
pub enum PetRefusal {
    /// The pet is held for an order: it can only be released or sold to that order.
    ///
    /// Wait until it is released, or name that order.
    #[rule("the pet is reserved for order {0}")]
    Reserved(String),
    /// The pet is not held for an order, so that there is nothing to release.
    ///
    /// Nothing is to be done.
    #[rule("the pet is not reserved")]
    NotReserved,
    /// The pet is sold; it stays as it is.
    ///
    /// Choose another one.
    #[rule("the pet is sold")]
    Sold,
}

impl Decider for Pet {
    const TYPE: &'static str = "pet";
    type Command = PetCommand;
    type Event = PetEvent;
    type Refusal = PetRefusal;

    fn decide(&self, command: PetCommand, _: &Context) -> Result<Vec<PetEvent>, PetRefusal> {
        Ok(vec![match command {
            PetCommand::Create(details) => PetEvent::Created(details),
            PetCommand::Update(details) => PetEvent::Updated(details),
            PetCommand::Reserve { order_id } => {
                self.is_free()?;
                PetEvent::Reserved { order_id }
            }
            PetCommand::Release { order_id } => {
                self.is_reserved_for(&order_id)?;
                PetEvent::Released { order_id }
            }
            PetCommand::Sell { order_id } => self.sell(order_id)?,
            PetCommand::Delete => {
                self.is_free()?;
                PetEvent::Deleted
            }
        }])
    }

    fn apply(&mut self, event: PetEvent) {
        (self.status, self.reserved_for) = match event {
            PetEvent::Updated(_) => return,
            PetEvent::Created(_) | PetEvent::Released { .. } => (PetStatus::Available, None),
            PetEvent::Reserved { order_id } => (PetStatus::Reserved, Some(order_id)),
            PetEvent::Sold { .. } => (PetStatus::Sold, None),
            PetEvent::Deleted => (PetStatus::Deleted, None),
        };
    }

    fn is_gone(&self) -> bool {
        self.status == PetStatus::Deleted
    }
}

impl Pet {
    fn sell(&self, order_id: Option<String>) -> Result<PetEvent, PetRefusal> {
        match (self.status, &order_id) {
            (PetStatus::Reserved, Some(order_id)) => self.is_reserved_for(order_id)?,
            (PetStatus::Reserved, None) => {}
            _ => self.is_free()?,
        }
        Ok(PetEvent::Sold { order_id: order_id.or_else(|| self.reserved_for.clone()) })
    }

    fn is_free(&self) -> Result<(), PetRefusal> {
        match (self.status, &self.reserved_for) {
            (PetStatus::Sold, _) => Err(PetRefusal::Sold),
            (PetStatus::Reserved, holder) => Err(PetRefusal::Reserved(holder.clone().unwrap_or_default())),
            _ => Ok(()),
        }
    }

    fn is_reserved_for(&self, order_id: &str) -> Result<(), PetRefusal> {
        match (self.status, &self.reserved_for) {
            (PetStatus::Sold, _) => Err(PetRefusal::Sold),
            (PetStatus::Reserved, Some(holder)) if holder == order_id => Ok(()),
            (PetStatus::Reserved, Some(holder)) => Err(PetRefusal::Reserved(holder.clone())),
            _ => Err(PetRefusal::NotReserved),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::given;

    fn rex() -> PetDetails {
        PetDetails { name: "Rex".into(), category: "dog".into(), ..PetDetails::default() }
    }

    fn created() -> PetEvent {
        PetEvent::Created(rex())
    }

    fn reserved(order: &str) -> PetEvent {
        PetEvent::Reserved { order_id: order.into() }
    }

    fn reserve(order: &str) -> PetCommand {
        PetCommand::Reserve { order_id: order.into() }
    }

    fn release(order: &str) -> PetCommand {
        PetCommand::Release { order_id: order.into() }
    }

    fn sell(order: Option<&str>) -> PetCommand {
        PetCommand::Sell { order_id: order.map(Into::into) }
    }

    fn accepts(past: Vec<PetEvent>, when: PetCommand, then: PetEvent) {
        given::<Pet>(past).when(when).then([then]);
    }

    fn refuses(past: Vec<PetEvent>, when: PetCommand, refusal: &PetRefusal) {
        given::<Pet>(past).when(when).refused(refusal);
    }

    #[test]
    fn a_new_pet_is_created() {
        accepts(vec![], PetCommand::Create(rex()), created());
    }

    #[test]
    fn an_update_replaces_the_description() {
        let details = PetDetails { name: "Max".into(), ..rex() };
        accepts(vec![created()], PetCommand::Update(details.clone()), PetEvent::Updated(details));
    }

    #[test]
    fn an_available_pet_is_reserved() {
        accepts(vec![created()], reserve("o1"), reserved("o1"));
    }

    #[test]
    fn there_is_one_reservation_at_a_time() {
        for order in ["o1", "o2"] {
            refuses(vec![created(), reserved("o1")], reserve(order), &PetRefusal::Reserved("o1".into()));
        }
    }

    #[test]
    fn only_the_holder_releases() {
        let held = vec![created(), reserved("o1")];
        refuses(held.clone(), release("o2"), &PetRefusal::Reserved("o1".into()));
        accepts(held, release("o1"), PetEvent::Released { order_id: "o1".into() });
    }

    #[test]
    fn a_pet_that_is_not_reserved_cannot_be_released() {
        refuses(vec![created()], release("o1"), &PetRefusal::NotReserved);
    }

    #[test]
    fn a_released_pet_can_be_reserved_by_another() {
        let released = PetEvent::Released { order_id: "o1".into() };
        accepts(vec![created(), reserved("o1"), released], reserve("o2"), reserved("o2"));
    }

    #[test]
    fn a_reserved_pet_is_sold_to_its_order() {
        let held = vec![created(), reserved("o1")];
        refuses(held.clone(), sell(Some("o2")), &PetRefusal::Reserved("o1".into()));
        accepts(held, sell(Some("o1")), PetEvent::Sold { order_id: Some("o1".into()) });
    }

    #[test]
    fn an_available_pet_is_sold_over_the_counter() {
        accepts(vec![created()], sell(None), PetEvent::Sold { order_id: None });
    }

    #[test]
    fn a_sold_pet_is_neither_reserved_nor_released_nor_sold_again() {
        for command in [reserve("o1"), release("o1"), sell(None)] {
            refuses(vec![created(), PetEvent::Sold { order_id: None }], command, &PetRefusal::Sold);
        }
    }

    #[test]
    fn a_reserved_or_sold_pet_cannot_be_deleted() {
        refuses(vec![created(), reserved("o1")], PetCommand::Delete, &PetRefusal::Reserved("o1".into()));
        refuses(vec![created(), PetEvent::Sold { order_id: None }], PetCommand::Delete, &PetRefusal::Sold);
    }

    #[test]
    fn an_available_pet_is_deleted() {
        accepts(vec![created()], PetCommand::Delete, PetEvent::Deleted);
    }
}
