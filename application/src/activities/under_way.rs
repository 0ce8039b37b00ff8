use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};

use crate::ports::CommandKey;

/// Attempts that are under way here.
#[derive(Clone, Debug, Default)]
pub(crate) struct UnderWay(Arc<Mutex<HashSet<CommandKey>>>);

/// While it lives, an attempt is under way, or its answer is.
#[derive(Debug)]
pub(crate) struct UnderWayGuard {
    all: UnderWay,
    key: CommandKey,
}

impl UnderWay {
    /// Takes one down.
    pub(crate) fn begin(&self, key: CommandKey) -> UnderWayGuard {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(key.clone());
        UnderWayGuard { all: self.clone(), key }
    }

    /// Whether none is.
    pub(crate) fn is_empty(&self) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).is_empty()
    }

    /// Whether an attempt of this command is.
    pub(crate) fn has(&self, key: &CommandKey) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).contains(key)
    }
}

impl Drop for UnderWayGuard {
    fn drop(&mut self) {
        self.all.0.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.key);
    }
}
