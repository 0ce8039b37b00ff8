//! A pet: made, changed, reserved for one order at a time, released or sold, deleted.

use cqrs_es::event_sink::EventSink;
use cqrs_es::{Aggregate, DomainEvent};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::money::Money;
use crate::command_kinds;
use crate::kernel::{Rejection, RejectionKind, Rule};

/// Where a pet is in its life.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum PetStatus {
    /// No such pet yet.
    #[default]
    #[schemars(skip)]
    Absent,
    /// May be reserved, sold or deleted.
    Available,
    /// Held for one order.
    Reserved,
    /// Gone to its new owner.
    Sold,
    /// Taken out of the store: nobody is shown one.
    #[schemars(skip)]
    Deleted,
}

impl PetStatus {
    /// As it is written in JSON and in `?status=`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Absent => "absent",
            Self::Available => "available",
            Self::Reserved => "reserved",
            Self::Sold => "sold",
            Self::Deleted => "deleted",
        }
    }
}

/// What the rules of a pet depend on; the description of the pet lives in its view.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pet {
    status: PetStatus,
    reserved_for: Option<String>,
}

/// What describes a pet.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
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

/// Takes a pet into the store.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct CreatePet(pub PetDetails);

/// Describes a pet anew, whole.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct UpdatePet(pub PetDetails);

/// Holds a pet for an order.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ReservePet {
    /// The order it is held for.
    #[schemars(length(min = 1, max = 128), example = &"order-1")]
    pub order_id: String,
}

/// Gives a held pet free again.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ReleasePet {
    /// The order it was held for.
    #[schemars(length(min = 1, max = 128), example = &"order-1")]
    pub order_id: String,
}

/// Sells a pet: the reserved one to its order, an available one over the counter.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SellPet {
    /// The order it is sold to; where given, a reservation must be for that order.
    #[serde(default)]
    #[schemars(length(min = 1, max = 128), example = &"order-1")]
    pub order_id: Option<String>,
}

/// Takes a pet out of the store.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DeletePet {}

/// Everything a pet can be asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PetCommand {
    /// See [`CreatePet`].
    Create(CreatePet),
    /// See [`UpdatePet`].
    Update(UpdatePet),
    /// See [`ReservePet`].
    Reserve(ReservePet),
    /// See [`ReleasePet`].
    Release(ReleasePet),
    /// See [`SellPet`].
    Sell(SellPet),
    /// See [`DeletePet`].
    Delete(DeletePet),
}

command_kinds! { Pet, PetCommand:
    CreatePet => Create, "create", Creates;
    UpdatePet => Update, "update", Changes;
    ReservePet => Reserve, "reserve", Changes;
    ReleasePet => Release, "release", Changes;
    SellPet => Sell, "sell", Changes;
    DeletePet => Delete, "delete", Removes;
}

/// What happened to a pet.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "type", rename_all = "snake_case")]
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
    Deleted {},
}

impl DomainEvent for PetEvent {
    fn event_type(&self) -> String {
        match self {
            Self::Created(_) => "pet.created",
            Self::Updated(_) => "pet.updated",
            Self::Reserved { .. } => "pet.reserved",
            Self::Released { .. } => "pet.released",
            Self::Sold { .. } => "pet.sold",
            Self::Deleted {} => "pet.deleted",
        }
        .to_owned()
    }

    fn event_version(&self) -> String {
        "1.0".to_owned()
    }
}

const RESERVED: Rule = Rule::new(
    "pet-reserved",
    "The pet is held for an order: it can only be released or sold to that order.",
    "Wait until it is released, or name that order.",
);
const NOT_RESERVED: Rule = Rule::new(
    "pet-not-reserved",
    "The pet is not held for an order, so that there is nothing to release.",
    "Nothing is to be done.",
);
const SOLD: Rule = Rule::new("pet-sold", "The pet is sold; it stays as it is.", "Choose another one.");

/// Why a pet says no.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PetError {
    /// The id is taken.
    #[error("there is a pet with this id already")]
    AlreadyExists,
    /// No such pet.
    #[error("there is no pet with this id")]
    NotFound,
    /// It was deleted.
    #[error("the pet has been deleted")]
    Gone,
    /// It is held for an order.
    #[error("the pet is reserved for order {0}")]
    Reserved(String),
    /// It is not held at all.
    #[error("the pet is not reserved")]
    NotReserved,
    /// It was sold.
    #[error("the pet is sold")]
    Sold,
}

impl Rejection for PetError {
    fn kind(&self) -> RejectionKind {
        match self {
            Self::AlreadyExists => RejectionKind::AlreadyExists,
            Self::NotFound => RejectionKind::NotFound,
            Self::Gone => RejectionKind::Gone,
            Self::Reserved(_) | Self::NotReserved | Self::Sold => RejectionKind::RuleViolated,
        }
    }

    fn slug(&self) -> &'static str {
        match self {
            Self::Reserved(_) => RESERVED.slug,
            Self::NotReserved => NOT_RESERVED.slug,
            Self::Sold => SOLD.slug,
            Self::AlreadyExists | Self::NotFound | Self::Gone => self.kind().slug(),
        }
    }

    fn rules() -> &'static [Rule] {
        &[RESERVED, NOT_RESERVED, SOLD]
    }
}

impl Aggregate for Pet {
    const TYPE: &'static str = "pet";
    type Command = PetCommand;
    type Event = PetEvent;
    type Error = PetError;
    type Services = ();

    async fn handle(
        &mut self,
        command: PetCommand,
        (): &Self::Services,
        sink: &EventSink<Self>,
    ) -> Result<(), PetError> {
        let event = self.decide(command)?;
        sink.write(event, self).await;
        Ok(())
    }

    fn apply(&mut self, event: PetEvent) {
        match event {
            PetEvent::Created(_) => self.status = PetStatus::Available,
            PetEvent::Updated(_) => {}
            PetEvent::Reserved { order_id } => {
                self.status = PetStatus::Reserved;
                self.reserved_for = Some(order_id);
            }
            PetEvent::Released { .. } => {
                self.status = PetStatus::Available;
                self.reserved_for = None;
            }
            PetEvent::Sold { .. } => {
                self.status = PetStatus::Sold;
                self.reserved_for = None;
            }
            PetEvent::Deleted {} => self.status = PetStatus::Deleted,
        }
    }
}

impl Pet {
    fn decide(&self, command: PetCommand) -> Result<PetEvent, PetError> {
        match command {
            PetCommand::Create(CreatePet(details)) => match self.status {
                PetStatus::Absent => Ok(PetEvent::Created(details)),
                PetStatus::Deleted => Err(PetError::Gone),
                _ => Err(PetError::AlreadyExists),
            },
            PetCommand::Update(UpdatePet(details)) => {
                self.present()?;
                Ok(PetEvent::Updated(details))
            }
            PetCommand::Reserve(ReservePet { order_id }) => {
                self.available()?;
                Ok(PetEvent::Reserved { order_id })
            }
            PetCommand::Release(ReleasePet { order_id }) => {
                self.reserved_for(&order_id)?;
                Ok(PetEvent::Released { order_id })
            }
            PetCommand::Sell(SellPet { order_id }) => self.sell(order_id),
            PetCommand::Delete(DeletePet {}) => {
                self.available()?;
                Ok(PetEvent::Deleted {})
            }
        }
    }

    fn sell(&self, order_id: Option<String>) -> Result<PetEvent, PetError> {
        if self.status != PetStatus::Reserved {
            self.available()?;
        } else if let Some(order_id) = &order_id {
            self.reserved_for(order_id)?;
        }
        Ok(PetEvent::Sold { order_id: order_id.or_else(|| self.reserved_for.clone()) })
    }

    fn present(&self) -> Result<(), PetError> {
        match self.status {
            PetStatus::Absent => Err(PetError::NotFound),
            PetStatus::Deleted => Err(PetError::Gone),
            PetStatus::Available | PetStatus::Reserved | PetStatus::Sold => Ok(()),
        }
    }

    fn available(&self) -> Result<(), PetError> {
        self.present()?;
        match (self.status, &self.reserved_for) {
            (PetStatus::Sold, _) => Err(PetError::Sold),
            (PetStatus::Reserved, holder) => Err(PetError::Reserved(holder.clone().unwrap_or_default())),
            _ => Ok(()),
        }
    }

    fn reserved_for(&self, order_id: &str) -> Result<(), PetError> {
        self.present()?;
        match (self.status, &self.reserved_for) {
            (PetStatus::Sold, _) => Err(PetError::Sold),
            (PetStatus::Reserved, Some(holder)) if holder == order_id => Ok(()),
            (PetStatus::Reserved, Some(holder)) => Err(PetError::Reserved(holder.clone())),
            _ => Err(PetError::NotReserved),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use cqrs_es::test::TestFramework;

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
        PetCommand::Reserve(ReservePet { order_id: order.into() })
    }

    fn release(order: &str) -> PetCommand {
        PetCommand::Release(ReleasePet { order_id: order.into() })
    }

    fn sell(order: Option<&str>) -> PetCommand {
        PetCommand::Sell(SellPet { order_id: order.map(Into::into) })
    }

    fn delete() -> PetCommand {
        PetCommand::Delete(DeletePet {})
    }

    fn accepts(given: Vec<PetEvent>, when: PetCommand, then: PetEvent) {
        TestFramework::<Pet>::with(()).given(given).when(when).then_expect_events(vec![then]);
    }

    fn refuses(given: Vec<PetEvent>, when: PetCommand, error: &PetError) {
        let result = TestFramework::<Pet>::with(()).given(given).when(when).inspect_result();
        assert_eq!(result.as_ref().unwrap_err(), error);
    }

    #[test]
    fn a_new_pet_is_created() {
        accepts(vec![], PetCommand::Create(CreatePet(rex())), created());
    }

    #[test]
    fn an_id_is_used_once() {
        refuses(vec![created()], PetCommand::Create(CreatePet(rex())), &PetError::AlreadyExists);
    }

    #[test]
    fn an_update_replaces_the_description() {
        let details = PetDetails { name: "Max".into(), ..rex() };
        accepts(vec![created()], PetCommand::Update(UpdatePet(details.clone())), PetEvent::Updated(details));
    }

    #[test]
    fn an_absent_pet_is_not_found_whatever_is_asked() {
        for command in
            [PetCommand::Update(UpdatePet(rex())), reserve("o1"), release("o1"), sell(None), delete()]
        {
            refuses(vec![], command, &PetError::NotFound);
        }
    }

    #[test]
    fn a_deleted_pet_is_gone_whatever_is_asked() {
        let (create, update) = (PetCommand::Create(CreatePet(rex())), PetCommand::Update(UpdatePet(rex())));
        for command in [create, update, reserve("o1"), release("o1"), sell(None), delete()] {
            refuses(vec![created(), PetEvent::Deleted {}], command, &PetError::Gone);
        }
    }

    #[test]
    fn an_available_pet_is_reserved() {
        accepts(vec![created()], reserve("o1"), reserved("o1"));
    }

    #[test]
    fn there_is_one_reservation_at_a_time() {
        for order in ["o1", "o2"] {
            refuses(vec![created(), reserved("o1")], reserve(order), &PetError::Reserved("o1".into()));
        }
    }

    #[test]
    fn only_the_holder_releases() {
        let held = vec![created(), reserved("o1")];
        refuses(held.clone(), release("o2"), &PetError::Reserved("o1".into()));
        accepts(held, release("o1"), PetEvent::Released { order_id: "o1".into() });
    }

    #[test]
    fn a_pet_that_is_not_reserved_cannot_be_released() {
        refuses(vec![created()], release("o1"), &PetError::NotReserved);
    }

    #[test]
    fn a_released_pet_can_be_reserved_by_another() {
        let released = PetEvent::Released { order_id: "o1".into() };
        accepts(vec![created(), reserved("o1"), released], reserve("o2"), reserved("o2"));
    }

    #[test]
    fn a_reserved_pet_is_sold_to_its_order() {
        let held = vec![created(), reserved("o1")];
        refuses(held.clone(), sell(Some("o2")), &PetError::Reserved("o1".into()));
        accepts(held, sell(Some("o1")), PetEvent::Sold { order_id: Some("o1".into()) });
    }

    #[test]
    fn an_available_pet_is_sold_over_the_counter() {
        accepts(vec![created()], sell(None), PetEvent::Sold { order_id: None });
    }

    #[test]
    fn a_sold_pet_is_neither_reserved_nor_released_nor_sold_again() {
        for command in [reserve("o1"), release("o1"), sell(None)] {
            refuses(vec![created(), PetEvent::Sold { order_id: None }], command, &PetError::Sold);
        }
    }

    #[test]
    fn a_reserved_or_sold_pet_cannot_be_deleted() {
        refuses(vec![created(), reserved("o1")], delete(), &PetError::Reserved("o1".into()));
        refuses(vec![created(), PetEvent::Sold { order_id: None }], delete(), &PetError::Sold);
    }

    #[test]
    fn an_available_pet_is_deleted() {
        accepts(vec![created()], delete(), PetEvent::Deleted {});
    }
}
