use std::collections::{BTreeMap, HashSet};
use std::sync::{PoisonError, RwLock};

use crate::ports::{EventRow, NewEvent, StoredKind};

/// The kinds of events that the store has noted, as far as this process knows. One that it does not know goes with the
/// commit of its first event; to note it twice changes nothing.
#[derive(Default)]
pub(crate) struct KnownKinds {
    names: RwLock<HashSet<String>>,
}

impl KnownKinds {
    /// Those that are noted by now.
    pub(crate) fn of(kinds: &[StoredKind]) -> Self {
        let known = Self::default();
        known.add(kinds);
        known
    }

    /// The kinds among these events that are not known yet, in ascending order, each with its first event.
    pub(crate) fn unknown(&self, events: &[NewEvent]) -> Vec<StoredKind> {
        let names = self.names.read().unwrap_or_else(PoisonError::into_inner);
        let mut name = String::new();
        let mut found = BTreeMap::new();
        for NewEvent { row, .. } in events {
            name.clear();
            write(&mut name, &row.aggregate_type, &row.event_type, &row.event_version);
            if !names.contains(&name) {
                found.entry((&row.aggregate_type, &row.event_type, &row.event_version)).or_insert(row);
            }
        }
        found.into_values().map(kind_of).collect()
    }

    /// These are noted now.
    pub(crate) fn add(&self, kinds: &[StoredKind]) {
        if kinds.is_empty() {
            return;
        }
        let mut names = self.names.write().unwrap_or_else(PoisonError::into_inner);
        for kind in kinds {
            let mut name = String::new();
            write(&mut name, &kind.aggregate_type, &kind.event_type, &kind.event_version);
            names.insert(name);
        }
    }
}

fn kind_of(row: &EventRow) -> StoredKind {
    StoredKind {
        aggregate_type: row.aggregate_type.clone(),
        event_type: row.event_type.clone(),
        event_version: row.event_version.clone(),
        aggregate_id: row.aggregate_id.clone(),
        sequence: row.sequence,
    }
}

/// No text in the store has a NUL.
fn write(name: &mut String, aggregate_type: &str, event_type: &str, event_version: &str) {
    for part in [aggregate_type, event_type, event_version] {
        name.push_str(part);
        name.push('\0');
    }
}
