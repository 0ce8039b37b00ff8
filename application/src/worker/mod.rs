//! Applies what is accepted.
//!
//! The partitions a replica owns are shared out among *lanes*; a lane works through its [`inbox`] in batches: load what
//! is not cached, execute every [`input`] in order, commit all of it in one transaction, tell. Commands that come to a
//! lane *fresh* are stored by that same commit; whenever something is out of the ordinary they are stored first, and then
//! applied like the others.
//!
//! | module | holds |
//! | --- | --- |
//! | `input` | what can come to a lane: commands, and what processes are to hear of |
//! | `router` | brings it there |
//! | `inbox` | what a lane has before it |
//! | `lane`, `expected`, `reading` | takes it batch by batch, looks for what falls due, and follows which partitions are owned |
//! | `attempt`, `manner`, `batch` | one attempt at a batch, how it is made, and the unit of work that it writes |
//! | `instances`, `sighting`, `planning` | the processes that a batch is about, what they observe, and what they want |
//! | `turns` | what comes first when somebody has let one of them go on |
//! | `early` | what has come before what it is for |
//! | `following` | applies at once what processes issue, where that is at hand |
//! | `alert` | tells of processes that stand still |
//! | `trying` | the activities that it is about: attempts are counted here, and made once that is committed |
//! | `waiting_attempts` | those that wait for a slot of their destination |
//! | `blocked` | what this build of the program cannot apply |
//! | `recovery`, `setback` | what is done when it fails, and why it may |
//!
//! What must hold:
//! - Nothing is told before the commit is known to have happened.
//! - A batch that was not committed leaves no trace in the caches.
//! - After a commit of unknown outcome the registry is asked which commands are still open; the rest is done.
//! - A command that meets a defect is tried once more, then fails as `internal`; its neighbours are unharmed.
//! - One that only another build of the program can apply waits for it, and holds up its own aggregate alone.
//! - Nobody waits for a 202 while a handler takes its time or the store is being tried again.
//! - Failures of the store are not counted against a command: the lane waits and tries again.

mod alert;
mod attempt;
mod backoff;
mod batch;
mod blocked;
mod early;
mod expected;
mod following;
mod inbox;
mod input;
mod instances;
mod lane;
mod manner;
mod planning;
mod reading;
mod recovery;
mod router;
mod setback;
mod sighting;
#[cfg(test)]
mod testing;
mod trying;
mod turns;
mod waiting_attempts;

use tokio_util::sync::CancellationToken;

pub(crate) use alert::told_of;
pub(crate) use backoff::Backoff;
use lane::Lane;
pub(crate) use router::Router;

use crate::activities::Ended;
use crate::parts::Parts;
pub use crate::settings::WorkerSettings;

/// Starts the lanes; each ends when `stop` is set and its inbox is empty.
pub(crate) fn start(
    router: &Router,
    parts: &Parts,
    stop: &CancellationToken,
) -> Vec<tokio::task::JoinHandle<()>> {
    for activity in parts.catalog.activities() {
        Ended::describe(activity.name);
    }
    let lane = |index| {
        let lane = Lane::new(index, router, parts.clone());
        crate::vital::spawn("lane", lane.run(stop.clone()))
    };
    (0..router.inboxes().len()).map(lane).collect()
}
