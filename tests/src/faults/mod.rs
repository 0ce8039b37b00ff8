//! Load that knows what it was promised, faults under it, and the audit of what came of it.
//!
//! | module | holds |
//! | --- | --- |
//! | [`Load`], [`Promises`] | clients that write down what they sent and what they were answered |
//! | `wishes` | what they ask for: pets, orders, payments |
//! | `listener` | clients that follow the feed all the while |
//! | [`Proxy`] | a line that delays, stalls, loses, resets |
//! | [`FarLine`] | a line to something far away |
//! | `postgres_talk` | what such a line to PostgreSQL understands of it |
//! | [`Outside`] | a provider of payments and its clients, which go wrong now and then |
//! | `doorway` | where they find a server |
//! | [`World`] | Wilco, its store, NATS and the outside, with such lines between them |
//! | [`Fault`] | what can go wrong |
//! | [`campaign`] | one fault after the other, from a seed |
//! | `takeover` | how soon another replica serves what one cannot |
//! | `entries` | what is read of an entry of the feed |
//! | [`audit`] | what must hold afterwards |
//! | `orders` | what of it is about orders |
//! | [`payments`] | what of it is about a single payment |
//! | `noticed` | what a check says that is to fail |
//! | `resting` | when there is nothing left to do |

pub mod audit;
pub mod campaign;
mod doorway;
mod entries;
mod far;
mod fault;
mod listener;
mod load;
mod noticed;
mod orders;
mod outside;
pub mod payments;
mod postgres_talk;
mod proxy;
mod resting;
mod takeover;
mod wishes;
mod world;

pub use far::FarLine;
pub use fault::{Fault, LineFault};
pub use load::{Load, Promises};
pub use noticed::failure;
pub use outside::Outside;
pub use proxy::{Proxy, Trouble};
pub use world::{Base, HEALED_WITHIN, LEASE, World};

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
