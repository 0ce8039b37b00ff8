//! The pet store.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use wilco_application::catalog::RegistrationError;
use wilco_domain::petstore::Reserving;
use wilco_domain::petstore::order::Order;
use wilco_domain::petstore::ordering::Ordering;
use wilco_domain::petstore::pet::Pet;
use wilco_projections::petstore::PetView;

use crate::config::{ModuleSettings, Span};
use crate::modules::{At, Module};

/// What can be set of the pet store.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct PetStore {
    /// How long a pet is held for an order that nobody approves.
    pub reservation: Span,
}

impl Default for PetStore {
    fn default() -> Self {
        Self { reservation: Span(Reserving::default().reservation) }
    }
}

impl ModuleSettings for PetStore {
    const SECTION: &'static str = "petstore";
}

pub(super) fn pets() -> Result<Module, RegistrationError> {
    let pets = Module::shown_as::<Pet, PetView>("pets");
    pets.at("update", [At::put("/{id}")]).at("delete", [At::delete("/{id}")]).finish()
}

pub(super) fn orders() -> Result<Module, RegistrationError> {
    let orders = Module::of::<Order>("orders").process::<Ordering>().settings::<PetStore>();
    let orders = orders.wired(|means, wiring| {
        let PetStore { reservation } = means.settings();
        wiring.tell::<Ordering>(Reserving { reservation: reservation.0 });
    });
    orders.finish()
}
