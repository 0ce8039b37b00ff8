//! The adapters of the ports.
//!
//! | module | holds |
//! | --- | --- |
//! | [`http`] | calls to others, and which addresses may be called |
//! | [`nats`] | the broker |
//! | [`postgres`] | the store on PostgreSQL: many replicas share it |
//! | [`sqlite`] | the store in one SQLite file: one process, nothing to set up |
//!
//! The two stores have the same files for the same things, and hold the same: the conformance suite in `tests/`
//! runs over both.
//!
//! # How to add to the store
//!
//! 1. The port: `application/src/ports/store.rs`.
//! 2. The suite: `tests/src/conformance`, a fact per test.
//! 3. The schema: a migration of the same number in `migrations/postgres` and `migrations/sqlite`.
//! 4. Both adapters; a statement of more than a few lines goes into `sql/`, under the same name in both.

pub mod http;
pub mod nats;
mod open_error;
pub mod payments;
pub mod postgres;
mod server_url;
pub mod sqlite;

pub use open_error::OpenError;
pub use server_url::{NotAUrl, ServerUrl};
