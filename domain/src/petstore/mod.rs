//! The pet store.

pub mod money;
pub mod order;
pub mod ordering;
pub mod pet;
