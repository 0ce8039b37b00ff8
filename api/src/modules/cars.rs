use wilco_application::catalog::RegistrationError;
use wilco_domain::cars::Car;

use super::{At, Module};

/// Cars, whose ids the clients may choose.
pub(super) fn cars() -> Result<Module, RegistrationError> {
    let with_id = At::put("/{id}").says(
        "Register a car under an id of your own",
        "An identical request is the same command; another body for a registered id fails with `already-exists`.",
    );
    Module::of::<Car>("cars").at("create", [At::post(""), with_id]).finish()
}
