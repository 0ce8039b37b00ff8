//! Who asks.
//!
//! What must hold: a caller comes from a credential and from nowhere else; there is no header, parameter or member of a
//! body by which a client could choose whose data it sees. Every handler gets a [`Call`](super::Call), which cannot be made
//! without a caller, and whatever it asks of the engine is asked in that one's name.

use axum::http::request::Parts;
use wilco_domain::kernel::{Caller, Tenant};

/// Who sent the request with this head. As long as there are no API keys, that is always somebody of the default tenant of
/// whom no more is known.
pub(super) fn of(_head: &Parts) -> Caller {
    Caller::from(Tenant::default())
}
