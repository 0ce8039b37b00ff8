//! What a command set off.

use std::collections::HashMap;
use std::sync::Arc;

use futures::{StreamExt as _, TryStreamExt as _, stream};
use uuid::Uuid;
use wilco_domain::kernel::Caller;

use super::{Details, Engine};
use crate::cloud_event::EventMetadata;
use crate::ports::{Command, EventRow};
use crate::queries::QueryError;

/// Most commands in a tree.
const MOST: usize = 1000;
/// Most generations in it: what reads nested JSON bounds its depth, and so must what writes it.
const DEEPEST: usize = 50;
/// Commands whose events are read at the same time.
const AT_ONCE: usize = 8;

/// A command, its events, and what it led to.
#[derive(Debug)]
pub struct Tree {
    /// The command.
    pub command: Arc<Command>,
    /// What else there is to know of it.
    pub details: Option<Details>,
    /// Its events, in order.
    pub events: Vec<EventRow>,
    /// What it led to, in order of acceptance.
    pub children: Vec<Tree>,
}

impl Engine {
    /// Everything that a command of the caller's tenant set off, and whether there is more of it than a thousand commands.
    pub async fn tree(&self, caller: &Caller, root: Arc<Command>) -> Result<(Tree, bool), QueryError> {
        let (family, truncated) = self.family(caller, root).await?;
        let unsettled: Vec<Command> = family
            .iter()
            .filter(|command| command.settlement.is_none())
            .map(|command| (**command).clone())
            .collect();
        let details = self.details(&unsettled).await?;
        let with_events = async |command: Arc<Command>| {
            let events = self.events_of(&command).await?;
            let details = details.get(&command.key()).cloned();
            Ok::<_, QueryError>(Tree { command, details, events, children: Vec::new() })
        };
        let nodes = stream::iter(family.into_iter().map(with_events)).buffered(AT_ONCE);
        let nodes: Vec<Tree> = nodes.try_collect().await?;
        Ok((assembled(nodes), truncated))
    }

    /// The command and what it led to, generation after generation.
    async fn family(
        &self,
        caller: &Caller,
        root: Arc<Command>,
    ) -> Result<(Vec<Arc<Command>>, bool), QueryError> {
        let mut parents = vec![root.id];
        let mut family = vec![root];
        for generation in 1.. {
            if parents.is_empty() {
                break;
            }
            let most = if generation < DEEPEST { MOST - family.len() } else { 0 };
            let limit = u32::try_from(most + 1).unwrap_or(u32::MAX);
            let mut children = self.parts.store.led_to(&caller.tenant, &parents, limit).await?;
            let more = children.len() > most;
            children.truncate(most);
            parents = children.iter().map(|child| child.id).collect();
            family.extend(children.into_iter().map(Arc::new));
            if more {
                return Ok((family, true));
            }
        }
        Ok((family, false))
    }

    /// The events of a command stand together and end at the version it left behind, so that a long history is not
    /// read whole.
    pub async fn events_of(&self, command: &Command) -> Result<Vec<EventRow>, QueryError> {
        const STEP: i64 = 64;
        let Some(version) = command.settlement.as_ref().and_then(|settlement| settlement.version) else {
            return Ok(Vec::new());
        };
        let (queries, key) = (self.queries(), command.aggregate());
        let mut reach = STEP;
        loop {
            let after = (version - reach).max(0);
            let count = u32::try_from(version - after).unwrap_or(u32::MAX);
            let mut rows = queries.history(&key, after, count).await?.items;
            let length = rows.len();
            rows.retain(|row| command_of(row) == Some(command.id));
            if after == 0 || rows.len() < length {
                return Ok(rows);
            }
            reach *= 4;
        }
    }
}

/// The command that led to an event.
fn command_of(row: &EventRow) -> Option<Uuid> {
    EventMetadata::of(row).command_id?.parse().ok()
}

/// Puts each below what led to it; the first is the root, and every other comes after what led to it.
fn assembled(mut nodes: Vec<Tree>) -> Tree {
    let mut orphans: HashMap<Option<Uuid>, Vec<Tree>> = HashMap::new();
    while nodes.len() > 1 {
        let Some(mut last) = nodes.pop() else { break };
        last.children = adopted(&mut orphans, &last);
        orphans.entry(last.command.caused_by).or_default().push(last);
    }
    let mut root = nodes.remove(0);
    root.children = adopted(&mut orphans, &root);
    root
}

/// They were found from the last to the first.
fn adopted(orphans: &mut HashMap<Option<Uuid>, Vec<Tree>>, node: &Tree) -> Vec<Tree> {
    let mut children = orphans.remove(&Some(node.command.id)).unwrap_or_default();
    children.reverse();
    children
}
