//! One file per bounded context: its aggregates, their commands and their routes.

use std::sync::Arc;

use wilco_application::catalog::{Catalog, RegistrationError};

/// Everything that is registered.
pub fn catalog() -> Result<Arc<Catalog>, RegistrationError> {
    Ok(Arc::new(Catalog::builder().build()))
}
