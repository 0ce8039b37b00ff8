//! The feed: every event and every settled command, per partition in commit order, gapless.
//!
//! The store is the feed; this module adds what makes reading it cheap. Each partition has a [`tail`] of entries
//! that this process has committed itself. A reader whose position lies in the tail is served from memory; any
//! other is served by the store. Both give the same entries, so nothing depends on the tail.
//!
//! Whoever is to see every entry, across restarts and replicas, reads it as a [`durable`] reader; whoever asks for it from
//! outside brings the position along, as a [`cursor`].

mod cursor;
mod durable;
mod filter;
mod hub;
mod tail;

pub use cursor::{Cursor, CursorError};
pub(crate) use durable::{Behind, DurableReader, SAVE_EVERY};
pub use filter::{FilterError, SubjectFilter};
pub use hub::FeedHub;
