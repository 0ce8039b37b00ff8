//! What Wilco is installed on, and how it is told: settings, servers that fail over, poolers, files.

#![allow(clippy::unwrap_used, reason = "all of this is tests")]

mod failover;
mod files;
mod log;
mod postgres;
mod process;
mod settings;
