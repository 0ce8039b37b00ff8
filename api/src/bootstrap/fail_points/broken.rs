//! A program that breaks its promises in what it commits, so that the suites can show that they notice.
//!
//! | place | breaks |
//! | --- | --- |
//! | `heard` | signals that a process has heard are left in the store, so that it hears them again |
//! | `counted` | an attempt is counted when its end is taken down, and not before it begins |

use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};

use wilco_application::ports::{AttemptStep, CommandKey, UnitOfWork};

use super::{Action, struck};

/// What is committed instead.
pub(super) fn commit(work: Arc<UnitOfWork>) -> Arc<UnitOfWork> {
    let heard = !work.steps.heard.is_empty() && struck("heard") == Some(Action::Break);
    let counted = !work.attempts.is_empty() && struck("counted") == Some(Action::Break);
    if !heard && !counted {
        return work;
    }
    let mut work = Arc::unwrap_or_clone(work);
    if heard {
        work.steps.heard.clear();
    }
    if counted {
        work.attempts.iter_mut().for_each(count_late);
    }
    Arc::new(work)
}

/// Takes back the count of an attempt that is about to begin, and adds it when the attempt has ended.
fn count_late(step: &mut AttemptStep) {
    static UNDER_WAY: Mutex<Option<HashSet<CommandKey>>> = Mutex::new(None);
    let mut under_way = UNDER_WAY.lock().unwrap_or_else(PoisonError::into_inner);
    let under_way = under_way.get_or_insert_default();
    let before = step.before.unwrap_or_default();
    match &mut step.after {
        Some(row) if row.attempt == before + 1 => {
            (row.attempt, row.in_doubt) = (before, false);
            under_way.insert(step.command.clone());
        }
        _ if under_way.remove(&step.command) => step.before = Some(before.saturating_sub(1)),
        _ => {}
    }
}
