use std::collections::HashMap;
use std::sync::Arc;

use crate::ports::{Command, ProcessKey};

/// Instances whose commands are remembered at most.
const MOST: usize = 10_000;

/// Commands that have come before what they are for and wait until it is time to look again: when it begins, they need not
/// wait any longer. A hint: those that are forgotten are tried at their time.
#[derive(Default)]
pub(super) struct Early(HashMap<ProcessKey, Vec<Arc<Command>>>);

impl Early {
    /// This one waits.
    pub(super) fn note(&mut self, instance: ProcessKey, command: &Arc<Command>) {
        if self.0.len() >= MOST {
            self.0.clear();
        }
        let waiting = self.0.entry(instance).or_default();
        if waiting.iter().all(|other| other.id != command.id) {
            waiting.push(Arc::clone(command));
        }
    }

    /// The instance has begun: what waits for it.
    pub(super) fn take(&mut self, instance: &ProcessKey) -> Vec<Arc<Command>> {
        if self.0.is_empty() { Vec::new() } else { self.0.remove(instance).unwrap_or_default() }
    }
}
