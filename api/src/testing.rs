//! For the tests of programs: feature `testing`, as a dev-dependency.
//!
//! - What an aggregate decides: [`given`].
//! - What clients see: a [`Server`] in the test's process, on a store of its own.
//! - What must hold whatever happens: [`crash_run`], which kills the built program again and again.

#![expect(clippy::missing_panics_doc, clippy::unwrap_used, reason = "a test ends where it panics")]

mod crash;
mod reply;
mod server;

pub use crash::{CrashRun, Sent, crash_run};
pub use reply::Reply;
pub use server::{Server, Setup};
pub use wilco_domain::kernel::given;

/// How long anything may take in a test.
const PATIENCE: std::time::Duration = std::time::Duration::from_secs(10);
