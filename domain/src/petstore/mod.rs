//! The pet store.

pub mod money;
pub mod pet;
