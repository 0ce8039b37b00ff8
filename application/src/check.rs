//! Whether this build of the program can go on with what is stored: asked before a server starts, so that it is a
//! person who hears of what is missing, and not the clients.

use std::collections::BTreeSet;
use std::fmt;

use chrono::{DateTime, Utc};
use wilco_domain::kernel::AggregateId;

use crate::catalog::Catalog;
use crate::ports::{AggregateKey, Command, OpenType, Store, StoreError, StoredKind};
use crate::status::rfc3339;

/// Open commands of either kind that are looked at.
const MOST_OPEN: u32 = 100_000;
/// Of them, of each type, so many are read.
const SAMPLES: u32 = 20;
/// Ids looked at at once.
const PAGE: u32 = 1000;
/// Ids that are named.
const MOST_NAMED: usize = 5;

/// What this build cannot do with what is stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Finding {
    /// Events of this kind cannot be read.
    Event {
        /// The kind, with the event that was tried.
        kind: StoredKind,
        /// What is wrong.
        why: String,
    },
    /// Open commands of this type are unknown, or cannot be read.
    Command {
        /// `pet.reserve`
        command_type: String,
        /// How many are open, among those that were looked at.
        count: u64,
        /// When the first is due.
        first_due: DateTime<Utc>,
        /// What is wrong.
        why: String,
    },
}

/// What is odd, and stops nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Oddity {
    /// Nobody serves the aggregates of this type.
    Unserved(String),
    /// Ids that no path can have, so that their resources cannot be reached.
    Ids {
        /// `pet`
        aggregate_type: String,
        /// How many there are, among those that were looked at.
        count: u64,
        /// Some of them.
        some: Vec<String>,
    },
}

/// What a look at a store gave.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// What has to be mended, or be known to whoever starts the server.
    pub findings: Vec<Finding>,
    /// What is only said.
    pub oddities: Vec<Oddity>,
}

/// How many ids are looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ids {
    /// The first thousand of each type.
    Some,
    /// All of them.
    All,
}

/// Tries one stored event of each kind, and the open commands of each type.
pub async fn check(store: &dyn Store, catalog: &Catalog, ids: Ids) -> Result<Report, StoreError> {
    let mut report = Report::default();
    let mut unserved = BTreeSet::new();
    for kind in store.event_kinds().await? {
        if catalog.aggregate(&kind.aggregate_type).is_none() {
            unserved.insert(kind.aggregate_type);
        } else if let Some(why) = fault_of_event(store, catalog, &kind).await? {
            report.findings.push(Finding::Event { kind, why });
        }
    }
    for open in store.open_types(MOST_OPEN, SAMPLES).await? {
        if let Some(why) = fault_of_command(store, catalog, &open).await? {
            let OpenType { command_type, count, first_due, .. } = open;
            report.findings.push(Finding::Command { command_type, count, first_due, why });
        }
    }
    report.oddities.extend(unserved.into_iter().map(Oddity::Unserved));
    for kind in catalog.aggregates() {
        report.oddities.extend(odd_ids(store, kind.name(), ids).await?);
    }
    Ok(report)
}

async fn fault_of_event(
    store: &dyn Store,
    catalog: &Catalog,
    kind: &StoredKind,
) -> Result<Option<String>, StoreError> {
    let Some(aggregate) = catalog.aggregate(&kind.aggregate_type) else { return Ok(None) };
    let key = AggregateKey::from_stored(kind.aggregate_type.as_str(), &kind.aggregate_id);
    let events = store.events(&key, kind.sequence - 1, 1).await?;
    // Events are kept for good; but somebody may have deleted the sample by hand.
    let sample = events.first().filter(|event| event.sequence == kind.sequence);
    Ok(sample.and_then(|event| aggregate.reads_event(event).err()).map(|error| error.to_string()))
}

async fn fault_of_command(
    store: &dyn Store,
    catalog: &Catalog,
    open: &OpenType,
) -> Result<Option<String>, StoreError> {
    let kind = catalog.command(&open.command_type);
    let Some(kind) = kind else { return Ok(Some("the type is unknown".to_owned())) };
    let reads = |command: &Command| match kind.process() {
        Some(process) => catalog.process(process).map(|process| process.reads_command(command)),
        None if catalog.activity(&open.command_type).is_some() => {
            catalog.activity(&open.command_type).map(|activity| activity.reads_command(command))
        }
        None => catalog.aggregate(kind.aggregate()).map(|aggregate| aggregate.reads_command(command)),
    };
    let samples = store.commands(&open.samples).await?;
    let fault = |error| format!("its data cannot be read: {error}");
    Ok(samples.iter().find_map(|command| reads(command)?.err()).map(fault))
}

async fn odd_ids(store: &dyn Store, aggregate_type: &str, ids: Ids) -> Result<Option<Oddity>, StoreError> {
    let (mut count, mut some, mut after) = (0, Vec::new(), None::<String>);
    loop {
        let page = store.aggregates(aggregate_type, after.as_deref(), PAGE).await?;
        let last = page.last().cloned();
        for id in page {
            let (_, bare) = AggregateKey::taken_apart(&id);
            if AggregateId::parse(bare).is_err() {
                count += 1;
                if some.len() < MOST_NAMED {
                    some.push(id);
                }
            }
        }
        if last.is_none() || ids == Ids::Some {
            let aggregate_type = aggregate_type.to_owned();
            return Ok((count > 0).then_some(Oddity::Ids { aggregate_type, count, some }));
        }
        after = last;
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Event { kind, why } => {
                let StoredKind { event_type, event_version, aggregate_type, aggregate_id, sequence } = kind;
                write!(
                    f,
                    "events {event_type} {event_version} cannot be read, such as number {sequence} of \
                     {aggregate_type}/{aggregate_id}: {why}"
                )
            }
            Self::Command { command_type, count, first_due, why } => {
                let due = rfc3339(first_due);
                write!(f, "{count} open {command_type}, first due {due}: {why}")
            }
        }
    }
}

impl fmt::Display for Oddity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unserved(aggregate_type) => {
                write!(
                    f,
                    "there are events of {aggregate_type}, which is not registered: nobody is shown them"
                )
            }
            Self::Ids { aggregate_type, count, some } => {
                write!(f, "{count} ids of {aggregate_type} are none that a path can have, such as {some:?}")
            }
        }
    }
}
