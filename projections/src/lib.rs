//! The read models: one landing view per aggregate, written in the same transaction as its events, so that a
//! redirect to a resource never meets a 404.
//!
//! # How to add a view
//!
//! 1. A struct that serialises to what the resource answers, with `impl View<YourAggregate>` that folds events.
//! 2. `impl LandingView`: its indexed status, and whether the resource is gone.
//! 3. Name it in the module that registers the aggregate.

pub mod cars;
pub mod petstore;
