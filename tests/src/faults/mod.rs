//! Load that knows what it was promised, and the audit of what came of it.

pub mod audit;
mod load;

pub use load::{Load, Promises};

/// The seed of a run: `WILCO_SEED`, or one of the clock's making; printed, so that a failure can be repeated.
pub fn seed() -> u64 {
    let chosen = std::env::var("WILCO_SEED").ok().and_then(|text| text.parse().ok());
    let seed = chosen.unwrap_or_else(|| {
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
        now.map_or(0, |now| u64::from(now.subsec_nanos()))
    });
    println!("WILCO_SEED={seed}");
    seed
}
