//! The interface over a real SQLite store: every row of the contract's tables, every kind of bad input.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod bad_input;
mod base_path;
mod callbacks;
mod coding;
mod commands;
mod connections;
mod document;
mod doors;
mod feed;
mod hooks;
mod openapi;
mod operations;
mod orders;
mod preconditions;
mod promises;
mod resources;
mod support;
mod tenants;
mod transactions;
mod visitors;
