//! The harness: private servers on free loopback ports, and what the suites share.
//!
//! | module | holds |
//! | --- | --- |
//! | [`conformance`] | what a store must do: run over both |
//! | [`e2e`] | what the program must do: run over both stores |
//! | [`faults`] | load that knows what it was promised, and the audit after a fault |
//! | [`wilco`], [`sandbox`] | the built program as a process, and its sandbox |
//! | [`postgres`], [`pgbouncer`], [`nats`] | private servers |
//! | [`bare`] | the loop that Wilco is compared with |
//! | [`plot`] | draws what was measured |
//! | [`trial`] | an engine in this process, with an aggregate that misbehaves |
//! | [`client`] | an HTTP client that takes no refusal for an error |

pub mod bare;
pub mod client;
pub mod conformance;
pub mod cpu;
pub mod e2e;
pub mod faults;
pub mod nats;
pub mod pgbouncer;
pub mod plot;
pub mod postgres;
pub mod sandbox;
pub mod trial;
mod wait;
pub mod wilco;

pub use wait::wait_for;

/// Makes encryption go through ring in this process, as in the program; before the first client.
pub fn use_ring() {
    // Somebody may have been first.
    let _ = rustls::crypto::ring::default_provider().install_default();
}
