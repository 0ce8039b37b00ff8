use std::sync::Arc;

use wilco_application::cloud_event::{Notifier, belongs_to, target_of};
use wilco_application::feed::{Cursor, SubjectFilter};
use wilco_application::ports::{AggregateKey, FeedEntry, Message, StoreError};
use wilco_domain::kernel::{AggregateId, Tenant};

use crate::http::{AppState, Query};
use crate::problems::Refusal;

/// Which entries a client wants.
#[derive(Debug)]
pub(super) struct Wanted {
    tenant: Tenant,
    subject: Option<SubjectFilter>,
    target: Option<AggregateKey>,
}

impl Wanted {
    pub(super) fn of(query: &Query, tenant: &Tenant) -> Result<Self, Refusal> {
        let subject = query.get("subject").map(|text| {
            text.parse::<SubjectFilter>().map_err(|error| Refusal::parameter("subject", error.to_string()))
        });
        let target = query.get("target").map(|text| target(text, tenant)).transpose()?;
        Ok(Self { tenant: tenant.clone(), subject: subject.transpose()?, target })
    }

    /// What cannot be read is wanted by all: whom it concerns is not known.
    fn has(&self, entry: &FeedEntry, notifier: &Notifier) -> bool {
        let is_target = |target: &AggregateKey| target_of(entry).is_none_or(|its| its == *target);
        let matches = |wanted: &SubjectFilter| notifier.is_meant(entry, wanted);
        belongs_to(entry, &self.tenant)
            && self.target.as_ref().is_none_or(is_target)
            && self.subject.as_ref().is_none_or(matches)
    }
}

fn target(text: &str, tenant: &Tenant) -> Result<AggregateKey, Refusal> {
    let wrong = || Refusal::parameter("target", "not a type and an id with a slash between them");
    let (aggregate_type, id) = text.split_once('/').ok_or_else(wrong)?;
    let id = AggregateId::parse(id).map_err(|_| wrong())?;
    if aggregate_type.is_empty() {
        return Err(wrong());
    }
    Ok(AggregateKey::new(tenant, aggregate_type, id))
}

/// Entries that are looked at together.
pub(super) const CHUNK: usize = 256;

/// Reads the feed on from a cursor.
pub(super) struct Reader {
    pub(super) state: AppState,
    pub(super) cursor: Cursor,
    wanted: Wanted,
    /// The partitions to look into: only its own for a single aggregate.
    partitions: Vec<u16>,
    /// Where to look first next time, so that a busy partition does not keep the others waiting.
    turn: usize,
}

/// What one look gave.
#[derive(Default)]
pub(super) struct Look {
    /// The wanted entries, each with the cursor behind it.
    pub(super) found: Vec<(Message, Cursor)>,
    /// How many entries were looked at.
    pub(super) seen: usize,
}

impl Reader {
    pub(super) fn new(state: AppState, wanted: Wanted, cursor: Cursor) -> Self {
        let count = state.engine().feed().partitions();
        let partitions = match &wanted.target {
            Some(target) => vec![target.partition(count)],
            None => (0..count).collect(),
        };
        Self { state, cursor, wanted, partitions, turn: 0 }
    }

    /// Looks at the next entries, no more than [`CHUNK`], until `most` wanted ones are found, and moves the cursor
    /// past them. Sees nothing only when there is nothing.
    pub(super) async fn look(&mut self, most: usize) -> Result<Look, StoreError> {
        let mut look = Look::default();
        let hub = Arc::clone(self.state.engine().feed());
        for turn in 0..self.partitions.len() {
            let partition = self.partitions[(self.turn + turn) % self.partitions.len()];
            let entries = hub.read(partition, self.cursor.offset(partition), CHUNK - look.seen).await?;
            for entry in &entries {
                if look.found.len() >= most {
                    break;
                }
                self.take(entry, &mut look);
            }
            if look.seen >= CHUNK || look.found.len() >= most {
                break;
            }
        }
        self.turn = (self.turn + 1) % self.partitions.len().max(1);
        Ok(look)
    }

    fn take(&mut self, entry: &FeedEntry, look: &mut Look) {
        look.seen += 1;
        self.cursor.advance(entry.partition, entry.offset);
        let engine = self.state.engine();
        if !self.wanted.has(entry, engine.notifier()) {
            return;
        }
        match engine.notifier().message(entry, self.cursor.generation(), usize::MAX) {
            Ok(message) => look.found.push((message, self.cursor.clone())),
            Err(untellable) => engine.feed().complain(entry, &untellable),
        }
    }
}
