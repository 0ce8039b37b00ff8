//! The pet store.

pub mod order;
pub mod ordering;
pub mod pet;

pub use ordering::{Ordering, Reserving};
