use wilco_application::catalog::RegistrationError;
use wilco_domain::cars::Car;
use wilco_domain::petstore::order::Order;
use wilco_domain::petstore::ordering::Ordering;
use wilco_domain::petstore::pet::Pet;
use wilco_projections::petstore::PetView;

use super::{At, Module};

/// The modules of the program that ships, in the order of its document.
///
/// # Errors
/// When one of them breaks a convention.
pub fn shipped() -> Result<Vec<Module>, RegistrationError> {
    let pets = Module::shown_as::<Pet, PetView>("pets")
        .at("update", [At::put("/{id}")])
        .at("delete", [At::delete("/{id}")]);
    let orders = Module::of::<Order>("orders").process::<Ordering>();
    let cars = Module::of::<Car>("cars").at("create", [At::post(""), At::put("/{id}")]);
    Ok(vec![pets.finish()?, orders.finish()?, cars.finish()?])
}
