//! What is asked of the outside.
//!
//! An activity is a command whose attempts are durable. The commit that makes its command *running* counts the first
//! attempt, every other one is counted by a commit of its own, and only then is it made: one that ends the program has
//! been counted. It runs in a task that writes nothing; its answer comes to the lane of the command as an input, and what
//! becomes of it is that lane's commit, which names the attempt: an answer that comes late meets no row, and is dropped.
//!
//! | module | holds |
//! | --- | --- |
//! | `outside` | who does them, and when they are tried again |
//! | `destinations` | whom they ask: so many at once, and none while it is ill |
//! | `task` | one attempt: looking first where it may have been done, one deadline over all of it |
//!
//! What must hold:
//! - No attempt begins that was not counted, and no two of a command are under way in the same epoch.
//! - While an attempt is under way its row says until when that can be. Whoever owns the partition later leaves it alone
//!   until then, and then looks whether it was done.
//! - A destination that does not answer takes its own slots and no others, and its commands are not even read while it
//!   has none: they neither hold up others nor fill a memory.
//!
//! The slots and the illness of a destination are the memory of a replica: a hint, of which nothing depends but when
//! something is tried.

mod destinations;
mod outside;
mod task;
mod under_way;

pub use destinations::DestinationSettings;
pub(crate) use destinations::{Destinations, Slot};
pub(crate) use outside::Reach;
pub use outside::{Missing, Outside};
pub(crate) use task::{Answered, Attempting, Ended, ends_by};
pub(crate) use under_way::{UnderWay, UnderWayGuard};
