//! The HTTP interface of Wilco.
//!
//! | module | holds |
//! | --- | --- |
//! | [`modules`] | one file per bounded context: its aggregates, their commands and their routes |
//! | [`Interface`] | what a program's modules make of it: the routes, the document, the router |
//! | [`http`] | the server: connections, limits, what every answer has in common |
//! | [`v1`] | the handlers, each beside its description |
//! | [`problems`] | every refusal, and the page that explains it |
//! | [`openapi`] | the document made of the routes |
//!
//! # How to add an aggregate's routes
//!
//! 1. `modules/x.rs`: a function that gives an [`modules::Module`]: the aggregate, its landing view, and for each
//!    command the routes that make it, with the slugs it may fail with.
//! 2. One line in [`modules::shipped`].
//!
//! The generic door, the resource's GET routes, the OpenAPI document and the tests that walk it follow from that.

mod header_names;
pub mod http;
mod interface;
pub mod modules;
pub mod openapi;
pub mod problems;
mod router;
pub mod v1;

pub use interface::Interface;
