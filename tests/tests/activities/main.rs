//! Activities on both stores: what is asked of the outside is tried as its policy says, counted before it is tried,
//! heard of once, and left alone where somebody else is at it.

#![allow(clippy::unwrap_used, reason = "all of this is tests")]

// The attributes name what they need by the crate that aggregates are usually written with.
extern crate wilco_domain as wilco;

mod answers;
mod crashes;
mod destinations;
mod doubt;
mod letters;
mod office;
mod postman;
mod takeover;
mod waiting;

pub(crate) use wilco_tests::facts_on_both_stores as on_both_stores;
