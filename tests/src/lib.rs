//! The harness: private servers on free loopback ports, and what the suites share.

pub mod conformance;
pub mod postgres;
mod wait;

pub use wait::wait_for;
