//! Cars: a small aggregate whose ids the clients choose.

pub mod car;
