//! The adapters of the ports.

pub mod nats;
