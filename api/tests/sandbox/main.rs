//! The sandbox as its callers see it: over sockets, with a client of its own.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod client;
mod faults;
mod hooks;
mod program;
mod provider;
mod received;
mod support;
