//! The read models that show something else than the state of the aggregate they are of. A landing view is written in
//! the same transaction as its events, so that a redirect to a resource never meets a 404.
//!
//! # How to add a landing view
//!
//! 1. A struct that serialises to what the resource answers, but for `id` and `version`, with `impl Landing<X>`.
//! 2. Name it in the module that registers the aggregate: `Module::shown_as::<X, XView>("xs")`.

// The attributes name what they need by the crate that aggregates are usually written with.
extern crate wilco_domain as wilco;

pub mod petstore;
