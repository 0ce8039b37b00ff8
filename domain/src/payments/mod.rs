//! Payments: transactions that are made at a third party, which may answer late, twice, or not at all.

pub mod paying;
pub mod provider;
pub mod transaction;

pub use paying::{Paying, PayingCommand, Polling};
pub use transaction::Transaction;
