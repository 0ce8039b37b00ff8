//! Calls to others over HTTP, and which addresses may be called.
//!
//! An address is looked at twice: as it stands in the URL, and as a connection is made to it, since a name may lead
//! elsewhere than a moment ago. Neither redirects nor proxies lead around that: the ones are not followed, the
//! others not used.

mod asking;
mod client;
mod egress;
mod resolver;

pub use asking::{Understood, understood};
pub use client::{ClientError, HttpClient};
pub use egress::{Egress, Refused};
