//! Wilco as a library: a program with aggregates of your own in one file.
//!
//! ```no_run
//! # use wilco::modules::shipped;
//! fn main() -> std::process::ExitCode {
//!     wilco::program("gym").modules(shipped()).run()
//! }
//! ```
//!
//! | module | holds |
//! | --- | --- |
//! | [`prelude`] | what an aggregate is written with |
//! | [`Program`] | aggregates and a name made a program: its routes, its command line, its settings |
//! | [`testing`] | a server in the test's process, and runs that kill one again and again |
//! | [`modules`] | how aggregates become routes, and those of the program that ships |
//! | [`Interface`] | what a program's modules make of it: the routes, the document, the router |
//! | [`http`] | the server: connections, limits, what every answer has in common |
//! | [`v1`] | the handlers, each beside its description |
//! | [`problems`] | every refusal, and the page that explains it |
//! | [`sandbox`] | a third party to play with and to test against |
//! | [`openapi`] | the document made of the routes |
//! | `cli`, `config`, `telemetry` | the subcommands, the settings, logs and metrics |
//! | `bootstrap` | which adapters the settings stand for; the only place that names them |
//!
//! # How to add an aggregate
//!
//! In a program of your own: `examples/gym.rs`, one file. In the program that ships:
//!
//! 1. `domain/src/x.rs`: the aggregate.
//! 2. `modules/x.rs`: a function that gives a [`modules::Module`], with the routes that are not the usual ones.
//! 3. One line in [`modules::shipped`].
//!
//! The generic door, the resource's GET routes, the OpenAPI document and the tests that walk it follow from that.

mod bootstrap;
mod cli;
mod config;
mod header_names;
pub mod http;
mod interface;
pub mod modules;
pub mod openapi;
pub mod prelude;
pub mod problems;
mod program;
mod router;
pub mod sandbox;
mod telemetry;
#[cfg(feature = "testing")]
pub mod testing;
pub mod v1;

pub use interface::Interface;
pub use program::{Name, Program, program};
#[doc(hidden)]
pub use wilco_domain::__made_with;
pub use wilco_domain::kernel;
