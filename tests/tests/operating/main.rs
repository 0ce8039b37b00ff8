//! What those who run it see: metrics, alerts, settings, the command line, traces.

#![allow(clippy::unwrap_used, reason = "all of this is tests")]

mod command_line;
mod metrics;
