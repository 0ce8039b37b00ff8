//! The pure part of Wilco: what the business decides, and nothing else.
//!
//! | module | holds |
//! | --- | --- |
//! | [`kernel`] | what every aggregate names: ids, command kinds, problems |
//! | [`petstore`] | pets (later photos, orders, inventory, users) |
//! | [`cars`] | cars, the worked example of client-chosen ids |
//!
//! # How to add an aggregate
//!
//! 1. Here, in `x.rs`: the state with `impl Aggregate`, an event enum (`#[serde(tag = "type")]`, past tense,
//!    `event_type()` of the form `x.happened`), one struct per command with `impl CommandKind`, and an error
//!    enum with `impl Rejection`, its own rules each with an explanation (`Rule`). Handlers decide from the state and the command alone. Commands and events are
//!    documented by their `JsonSchema`: give each text an example.
//! 2. In `projections/src/x.rs`: the landing view, what `GET /v1/xs/{id}` answers.
//! 3. In `api/src/modules/x.rs`: the routes; then one line in `api/src/modules/mod.rs`.
//!
//! No I/O, no clock, no randomness in this crate: a handler may run again after a crash or a conflict, and
//! must decide the same. Whatever comes after a command waits for its handler, so it must not wait for anything either.

pub mod cars;
pub mod kernel;
pub mod petstore;
