//! The instances of processes: how they stand, and what is done about those that stand still.

use std::sync::Arc;

use wilco_domain::kernel::{Caller, Problem};

use super::Engine;
use crate::ports::{Command, CommandKey, Page, ProcessFilter, ProcessKey, ProcessRow, StoreError, Timer};

/// An instance with all that belongs to it.
#[derive(Debug)]
pub struct Instance {
    /// As it is stored.
    pub row: ProcessRow,
    /// Its timers, in order.
    pub timers: Vec<Timer>,
    /// The commands that it has issued and that are not settled.
    pub awaited: Vec<Command>,
}

/// Nothing was done about an instance.
#[derive(Debug, thiserror::Error)]
pub enum ParkedError {
    /// There is no such instance.
    #[error("there is no such process")]
    Unknown,
    /// It goes on, or has ended.
    #[error("the process does not stand still")]
    NotParked,
    /// The store did not answer.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Engine {
    /// The instances of processes that match.
    pub async fn processes(&self, filter: &ProcessFilter) -> Result<Page<ProcessRow>, StoreError> {
        self.parts.store.process_list(filter).await
    }

    /// An instance of the caller's tenant.
    pub async fn process(&self, key: &ProcessKey) -> Result<Option<Instance>, StoreError> {
        let Some(row) = self.parts.store.processes(std::slice::from_ref(key)).await?.pop() else {
            return Ok(None);
        };
        let (timers, awaited) =
            (self.parts.store.timers_of(key).await?, self.parts.store.awaited_by(key).await?);
        Ok(Some(Instance { row, timers, awaited }))
    }

    /// Lets an instance that stands still go on: it is given what it met a defect with once more.
    pub async fn resume(&self, key: &ProcessKey) -> Result<(), ParkedError> {
        let home = self.home_of(key)?;
        if !self.parts.store.resume(key, home).await? {
            return Err(self.why_not(key).await?);
        }
        self.router.look();
        Ok(())
    }

    /// Ends an instance that stands still: what it holds has failed.
    pub async fn give_up(&self, caller: &Caller, key: &ProcessKey) -> Result<(), ParkedError> {
        let home = self.home_of(key)?;
        let Some(row) = self.parts.store.processes(std::slice::from_ref(key)).await?.pop() else {
            return Err(ParkedError::Unknown);
        };
        let problem =
            Problem::new("internal", 500, "the process that worked on it met a defect, and was given up");
        if !self.parts.store.give_up(key, home, self.now(), &problem).await? {
            return Err(self.why_not(key).await?);
        }
        let held: Vec<CommandKey> = row.holds.iter().map(|id| CommandKey::new(&caller.tenant, *id)).collect();
        for command in self.parts.store.commands(&held).await? {
            let command = Arc::new(command);
            self.router.signal(std::slice::from_ref(&command));
            self.parts.waiters.settled(&command);
        }
        self.router.look();
        self.parts.hub.catch_up().await;
        Ok(())
    }

    fn home_of(&self, key: &ProcessKey) -> Result<&'static str, ParkedError> {
        self.parts.catalog.process(&key.process_type).map(|kind| kind.home()).ok_or(ParkedError::Unknown)
    }

    async fn why_not(&self, key: &ProcessKey) -> Result<ParkedError, StoreError> {
        let found = self.parts.store.processes(std::slice::from_ref(key)).await?;
        Ok(if found.is_empty() { ParkedError::Unknown } else { ParkedError::NotParked })
    }
}
