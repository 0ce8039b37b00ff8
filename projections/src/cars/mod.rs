//! Views of cars.

mod car;

pub use car::CarView;
