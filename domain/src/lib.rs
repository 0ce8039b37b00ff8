//! The pure part of Wilco: what the business decides, and nothing else.
//!
//! | module | holds |
//! | --- | --- |
//! | [`kernel`] | what every aggregate is written with: deciders, commands, events, refusals, problems |
//! | [`petstore`] | pets, orders and the process of ordering (later photos, inventory, users) |
//! | [`money`] | amounts and currencies |
//! | [`payments`] | transactions, and the process of having one made at a provider |
//! | [`cars`] | cars, the worked example: an aggregate in one file |
//!
//! # How to add an aggregate
//!
//! 1. Here, in `x.rs`: the state with `impl Decider`, its commands, events and refusals, an enumeration each. What a
//!    comment says of a command or a rule is what clients read of it. [`cars`] is an example.
//! 2. A line in `api/src/modules`: its collection, and the routes that are not the usual ones.
//! 3. Where the resource is to show something else than the state: a [`Landing`](kernel::Landing) in `projections`.
//!
//! No I/O, no clock, no randomness in this crate: a decision may be asked for again after a crash or a conflict, and
//! must be the same. Whatever comes after a command waits for its decision, so it must not wait for anything either.

// The attributes name what they need by the crate that aggregates are usually written with.
extern crate self as wilco;

pub mod cars;
pub mod kernel;
pub mod money;
pub mod payments;
pub mod petstore;

/// What the attributes of [`kernel`] write code with.
#[doc(hidden)]
pub mod __made_with {
    pub use schemars::{self, JsonSchema};
    pub use serde::{self, Deserialize, Serialize};
}
