//! The engine of Wilco, generic over aggregates: it names none of them.
//!
//! | module | holds |
//! | --- | --- |
//! | [`catalog`] | the registered aggregates and their command types, type-erased |
//! | [`asking`] | what every way in has in common: the envelope, and why something is refused |
//! | [`engine`] | the one thing the outside talks to: submit, look up, wait, cancel, list, read |
//! | `intake`, `acceptance` | accepts commands in group-committed batches |
//! | [`worker`] | applies what is accepted: load, handle, commit, tell |
//! | `ownership` | which partitions this replica owns |
//! | [`outage`] | what the log hears of a store or a broker that is lost |
//! | [`feed`] | the ordered, gapless stream of events and outcomes, and its cursors |
//! | [`relay`] | carries the feed to the broker |
//! | [`observing`] | shows processes the events that they observe |
//! | [`status`], [`cloud_event`] | what clients and subscribers get to see |
//! | [`trace_context`] | what is carried of traces |
//! | `refresh` | writes anew the views that other code has made |
//! | [`check`] | whether this build can go on with what is stored |
//! | [`queries`] | resources, histories, states as of a version |
//! | [`webhook`] | what goes to others and comes from them over HTTP, signed |
//! | [`ports`] | what the engine needs of the outside |
//!
//! A command's way: [`engine::Engine::submit`] → `intake` → (durable: 202) → [`worker`] → one commit →
//! [`feed`] → waiters, relay, streams.

// The attributes name what they need by the crate that aggregates are usually written with.
#[cfg(test)]
extern crate wilco_domain as wilco;

mod acceptance;
pub mod activities;
pub mod asking;
pub mod callbacks;
pub mod catalog;
pub mod check;
pub mod cloud_event;
pub mod engine;
pub mod feed;
mod intake;
mod kinds;
pub mod metadata;
mod meters;
pub mod names;
pub mod observing;
pub mod outage;
mod ownership;
pub mod pace;
pub mod partition;
mod parts;
pub mod ports;
pub mod queries;
mod refresh;
pub mod relay;
mod settings;
pub mod status;
pub mod trace_context;
mod vital;
mod waiters;
pub mod webhook;
pub mod worker;
