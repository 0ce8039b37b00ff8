//! Views of the pet store.

mod pet;

pub use pet::PetView;
