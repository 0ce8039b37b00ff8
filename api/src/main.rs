//! The wilco program.
fn main() {}
