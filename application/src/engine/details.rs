//! What there is to know of commands that are not settled, beside what the registry has of them.

use std::collections::HashMap;

use chrono::{DateTime, TimeDelta, Utc};
use wilco_domain::kernel::{Problem, Progress};

use super::Engine;
use crate::ports::{Command, CommandKey, ProcessKey, State, StoreError};
use crate::status::CommandStatus;

/// Of a command that is not settled.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Details {
    /// Why it cannot be applied.
    pub blocked: Option<Problem>,
    /// How far the process is that works on it.
    pub progress: Option<Progress>,
    /// If it is an activity: how often it was tried, and when it is next.
    pub attempts: Option<(u32, DateTime<Utc>)>,
}

impl CommandStatus<'_> {
    /// With these details.
    #[must_use]
    pub fn detailed(mut self, details: Option<Details>) -> Self {
        let Details { blocked, progress, attempts } = details.unwrap_or_default();
        (self.blocked, self.progress) = (blocked, progress);
        if let Some((attempts, due)) = attempts {
            self.attempts = attempts;
            self.eta = self.eta.max(Some(due));
        }
        self
    }
}

impl Engine {
    /// The details of these commands, as far as there are any. The store is only asked where one of them is running, or has
    /// been pending for some time.
    pub async fn details(&self, commands: &[Command]) -> Result<HashMap<CommandKey, Details>, StoreError> {
        let mut details: HashMap<CommandKey, Details> = HashMap::new();
        for (key, blocked) in self.blocked(commands).await? {
            details.entry(key).or_default().blocked = Some(blocked);
        }
        for (key, progress) in self.progress(commands).await? {
            details.entry(key).or_default().progress = Some(progress);
        }
        for (key, attempts) in self.attempts(commands).await? {
            details.entry(key).or_default().attempts = Some(attempts);
        }
        Ok(details)
    }

    /// The details of one command.
    pub async fn details_of(&self, command: &Command) -> Result<Option<Details>, StoreError> {
        Ok(self.details(std::slice::from_ref(command)).await?.remove(&command.key()))
    }

    /// How far those are that processes work on.
    async fn progress(&self, commands: &[Command]) -> Result<Vec<(CommandKey, Progress)>, StoreError> {
        let instance = |command: &Command| {
            let process = self.parts.catalog.process_of(command)?;
            Some((command.key(), command.process(process)))
        };
        let instances: Vec<(CommandKey, ProcessKey)> = running(commands).filter_map(instance).collect();
        if instances.is_empty() {
            return Ok(Vec::new());
        }
        let keys: Vec<ProcessKey> = instances.iter().map(|(_, process)| process.clone()).collect();
        let found = self.parts.store.processes(&keys).await?.into_iter();
        let found: HashMap<ProcessKey, Progress> =
            found.filter_map(|row| Some((row.key, row.progress?))).collect();
        let of = |(command, process)| Some((command, found.get(&process)?.clone()));
        Ok(instances.into_iter().filter_map(of).collect())
    }

    /// How often those were tried that are activities, and when they are next, or have been answered.
    async fn attempts(
        &self,
        commands: &[Command],
    ) -> Result<Vec<(CommandKey, (u32, DateTime<Utc>))>, StoreError> {
        let is_activity = |command: &&Command| self.parts.catalog.activity(&command.command_type).is_some();
        let activities: Vec<CommandKey> = running(commands).filter(is_activity).map(Command::key).collect();
        if activities.is_empty() {
            return Ok(Vec::new());
        }
        let rows = self.parts.store.attempts(&activities).await?;
        Ok(rows.into_iter().map(|(key, row)| (key, (row.attempt, row.due_at))).collect())
    }

    /// Why those cannot be applied that are blocked.
    async fn blocked(&self, commands: &[Command]) -> Result<Vec<(CommandKey, Problem)>, StoreError> {
        const SOME_TIME: TimeDelta = TimeDelta::seconds(1);
        let now = self.now();
        let waits = |command: &&Command| {
            let since = command.not_before.map_or(command.accepted_at, |due| due.max(command.accepted_at));
            command.state() == State::Open && now - since > SOME_TIME
        };
        let waiting: Vec<CommandKey> = commands.iter().filter(waits).map(Command::key).collect();
        if waiting.is_empty() { Ok(Vec::new()) } else { self.parts.store.blocked(&waiting).await }
    }
}

fn running(commands: &[Command]) -> impl Iterator<Item = &Command> {
    commands.iter().filter(|command| command.state() == State::Running)
}
