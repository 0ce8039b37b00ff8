use wilco_application::catalog::{Hook, RegistrationError};
use wilco_domain::cars::Car;
use wilco_domain::payments::provider::{AskProvider, MakeAtProvider, NotifyClient};
use wilco_domain::payments::{Paying, Transaction};
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
    let transactions = Module::of::<Transaction>("transactions")
        .process::<Paying>()
        .activity::<MakeAtProvider>()
        .activity::<AskProvider>()
        .activity::<NotifyClient>()
        .keyed_by_target("create")
        .hook(Hook { source: "payment-provider", verb: "hear", target: "transaction_id", data: &["status"] });
    let cars = Module::of::<Car>("cars").at("create", [At::post(""), At::put("/{id}")]);
    Ok(vec![pets.finish()?, orders.finish()?, transactions.finish()?, cars.finish()?])
}
