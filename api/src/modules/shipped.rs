mod payments;
mod petstore;

use wilco_application::catalog::RegistrationError;
use wilco_domain::cars::Car;

use super::{At, Module};

pub use payments::Payments;

/// The modules of the program that ships, in the order of its document.
///
/// # Errors
/// When one of them breaks a convention.
pub fn shipped() -> Result<Vec<Module>, RegistrationError> {
    let cars = Module::of::<Car>("cars").at("create", [At::post(""), At::put("/{id}")]);
    Ok(vec![petstore::pets()?, petstore::orders()?, payments::transactions()?, cars.finish()?])
}
