use wilco_application::catalog::RegistrationError;
use wilco_domain::petstore::pet::Pet;
use wilco_projections::petstore::PetView;

use super::{At, Module};

/// The pets of the store.
pub(super) fn pets() -> Result<Module, RegistrationError> {
    Module::shown_as::<Pet, PetView>("pets")
        .at("update", [At::put("/{id}")])
        .at("delete", [At::delete("/{id}")])
        .finish()
}
