//! What every way in has in common, whatever it speaks: how a command is asked for, and why it may be refused.

mod envelope;
mod refused;

pub use envelope::{Envelope, LONGEST_NAME, LONGEST_VALUE, MOST_METADATA, PATH};
pub use refused::{Refused, invalid};
