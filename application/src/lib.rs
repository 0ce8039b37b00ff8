//! The engine.
pub mod ports;
pub mod catalog {
    //! Registered aggregates.
    /// placeholder
    pub trait LandingView {
        /// status
        fn status(&self) -> &str;
        /// gone
        fn is_gone(&self) -> bool;
    }
}
