//! The registry of commands.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, LazyLock, PoisonError};

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use sqlx::{PgPool, Postgres, QueryBuilder};
use uuid::Uuid;
use wilco_application::callbacks;
use wilco_application::ports::{
    Accepted, CancelOutcome, Command, CommandFilter, CommandKey, Page, Registry, State, StoreError, Waiting,
};
use wilco_domain::kernel::{Problem, Tenant};

use super::PostgresStore;
use super::errors::{classify, may_be_repeated};
use super::rows::{bind_given, command, unreadable, with_columns};

/// How often a batch is tried that the server rolled back to resolve a deadlock.
const TRIES: u32 = 5;

static ACCEPT: LazyLock<String> = LazyLock::new(|| with_columns(include_str!("sql/accept.sql")));
static DUE: LazyLock<String> = LazyLock::new(|| with_columns(include_str!("sql/due.sql")));
static UNFINISHED: LazyLock<String> = LazyLock::new(|| with_columns(include_str!("sql/unfinished.sql")));
static LED_TO: LazyLock<String> = LazyLock::new(|| with_columns(include_str!("sql/led_to.sql")));
static EXISTING: LazyLock<String> = LazyLock::new(|| with_columns(include_str!("sql/existing.sql")));
static BY_ID: LazyLock<String> =
    LazyLock::new(|| with_columns("SELECT {command} FROM commands c WHERE c.id = $1 AND c.tenant = $2"));
static BY_IDS: LazyLock<String> =
    LazyLock::new(|| with_columns("SELECT {command} FROM commands c WHERE c.id = ANY ($1)"));
static CANCEL: LazyLock<String> = LazyLock::new(|| with_columns(include_str!("sql/cancel.sql")));
static ALL: LazyLock<String> = LazyLock::new(|| with_columns("SELECT {command} FROM commands c WHERE "));

#[async_trait]
impl Registry for PostgresStore {
    async fn accept(&self, commands: Vec<Arc<Command>>) -> Result<Vec<Accepted>, StoreError> {
        if commands.is_empty() {
            return Ok(Vec::new());
        }
        let for_others = self.are_others(commands.iter().map(|command| command.partition));
        let pool = self.writes().clone();
        let accepted = self.outlive(async move { accept(&pool, &commands).await }).await?;
        if for_others {
            self.inner.hints.send();
        }
        Ok(accepted)
    }

    async fn command(&self, key: &CommandKey) -> Result<Option<Command>, StoreError> {
        let row = sqlx::query(&BY_ID)
            .bind(key.id)
            .bind(key.tenant.stored())
            .fetch_optional(self.reads())
            .await
            .map_err(classify)?;
        row.as_ref().map(command).transpose()
    }

    async fn commands(&self, keys: &[CommandKey]) -> Result<Vec<Command>, StoreError> {
        let ids: Vec<Uuid> = keys.iter().map(|key| key.id).collect();
        let rows = sqlx::query(&BY_IDS).bind(&ids).fetch_all(self.reads()).await.map_err(classify)?;
        let mut found = rows.iter().map(command).collect::<Result<Vec<_>, _>>()?;
        CommandKey::retain(&mut found, keys);
        Ok(found)
    }

    async fn list(&self, filter: &CommandFilter) -> Result<Page<Command>, StoreError> {
        let rows = listing(filter).build().fetch_all(self.reads()).await.map_err(classify)?;
        let items = rows.iter().map(command).collect::<Result<Vec<_>, _>>()?;
        Ok(Page::cut(items, filter.limit))
    }

    async fn unfinished(
        &self,
        tenant: &Tenant,
        target: &str,
        command_type: &str,
    ) -> Result<Option<Command>, StoreError> {
        let row = sqlx::query(&UNFINISHED)
            .bind(tenant.stored())
            .bind(target)
            .bind(command_type)
            .fetch_optional(self.reads())
            .await
            .map_err(classify)?;
        row.as_ref().map(command).transpose()
    }

    async fn led_to(&self, tenant: &Tenant, ids: &[Uuid], limit: u32) -> Result<Vec<Command>, StoreError> {
        let rows = sqlx::query(&LED_TO)
            .bind(ids)
            .bind(tenant.stored())
            .bind(i64::from(limit))
            .fetch_all(self.reads())
            .await
            .map_err(classify)?;
        rows.iter().map(command).collect()
    }

    async fn due(
        &self,
        partitions: &[u16],
        now: DateTime<Utc>,
        limit: u32,
    ) -> Result<Vec<Command>, StoreError> {
        let rows = sqlx::query(&DUE)
            .bind(partitions.iter().map(|partition| *partition as i16).collect::<Vec<_>>())
            .bind(now)
            .bind(i64::from(limit))
            .fetch_all(self.reads())
            .await
            .map_err(classify)?;
        rows.iter().map(command).collect()
    }

    async fn backlog(&self, now: DateTime<Utc>, limit: u64) -> Result<u64, StoreError> {
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        let counted: i64 = sqlx::query_scalar(include_str!("sql/backlog.sql"))
            .bind(now)
            .bind(limit)
            .fetch_one(self.reads())
            .await
            .map_err(classify)?;
        Ok(counted.min(limit) as u64)
    }

    async fn waiting(&self, now: DateTime<Utc>, limit: u64) -> Result<Waiting, StoreError> {
        type Row = (i64, Option<DateTime<Utc>>, i64, Option<DateTime<Utc>>);
        let row: Row = sqlx::query_as(include_str!("sql/waiting.sql"))
            .bind(now)
            .bind(i64::try_from(limit).unwrap_or(i64::MAX))
            .fetch_one(self.reads())
            .await
            .map_err(classify)?;
        let (scheduled, oldest, parked, oldest_timer) = row;
        Ok(Waiting { scheduled: scheduled as u64, oldest, parked: parked as u64, oldest_timer })
    }

    async fn cancel(
        &self,
        key: &CommandKey,
        at: DateTime<Utc>,
        error: &Problem,
    ) -> Result<CancelOutcome, StoreError> {
        let (id, tenant) = (key.id, key.tenant.clone());
        let error = serde_json::to_string(error).map_err(unreadable)?;
        let pool = self.writes().clone();
        // Where to call back is said once and for all.
        let delivery = self.command(key).await?.and_then(|command| callbacks::of_settled(&command, at));
        let cancelled = self
            .outlive(async move {
                let deliveries: Vec<&Command> = delivery.iter().collect();
                bind_given(sqlx::query_scalar::<_, Option<bool>>(&CANCEL), &deliveries)
                    .bind(id)
                    .bind(tenant.stored())
                    .bind(at)
                    .bind(error)
                    .fetch_one(&pool)
                    .await
                    .map_err(classify)
            })
            .await?;
        let Some(cancelled) = cancelled else { return Ok(CancelOutcome::Unknown) };
        let command = self.command(key).await?.ok_or_else(|| unreadable("a command has vanished"))?;
        if !cancelled {
            let running = command.state() == State::Running;
            let outcome = if running { CancelOutcome::Running } else { CancelOutcome::Settled };
            return Ok(outcome(Box::new(command)));
        }
        self.hint_of_entries();
        Ok(CancelOutcome::Cancelled(Box::new(command)))
    }
}

impl PostgresStore {
    /// Whether another replica may own one of these partitions.
    pub(super) fn are_others(&self, mut partitions: impl Iterator<Item = u16>) -> bool {
        let owned = self.inner.owned.lock().unwrap_or_else(PoisonError::into_inner);
        partitions.any(|partition| !owned.contains(&partition))
    }
}

async fn accept(pool: &PgPool, commands: &[Arc<Command>]) -> Result<Vec<Accepted>, StoreError> {
    let ordered = in_lock_order(commands);
    let mut tries = 0;
    let stored = loop {
        match insert(pool, &ordered).await {
            Err(error) if may_be_repeated(&error) && tries < TRIES => tries += 1,
            outcome => break outcome.map_err(classify)?,
        }
    };
    if stored.is_none() && ordered.len() == commands.len() {
        return Ok(commands.iter().map(|_| Accepted::New).collect());
    }
    let stored = stored.unwrap_or_else(|| ordered.iter().map(|command| named(command)).collect());
    // Of commands with the same id only the first can be the stored one.
    let mut stored: HashSet<String> = stored.into_iter().collect();
    let missing: Vec<bool> = commands.iter().map(|command| !stored.remove(&named(command))).collect();
    read_back(pool, commands, &missing).await
}

/// Batches that store commands in this order do not wait for each other in a circle: by key, or else by id.
pub(super) fn lock_order(command: &Command) -> impl Ord + use<'_> {
    let key = key_of(command);
    (key, key.is_none().then_some((command.id, command.tenant.stored())))
}

/// The first of each id, in lock order. Of those with the same key the first stays the first.
fn in_lock_order(commands: &[Arc<Command>]) -> Vec<&Command> {
    let mut seen = HashSet::with_capacity(commands.len());
    let mut ordered: Vec<&Command> =
        commands.iter().map(Arc::as_ref).filter(|command| seen.insert(command.key())).collect();
    ordered.sort_by_key(|command| lock_order(command));
    ordered
}

fn key_of(command: &Command) -> Option<(&str, &str)> {
    Some((command.tenant.stored(), command.idempotency.as_ref()?.key.as_deref()?))
}

/// A command as the accepting statement names it.
fn named(command: &Command) -> String {
    format!("{}/{}", command.tenant.stored(), command.id)
}

/// `None`: all were new. Otherwise those that were.
async fn insert(pool: &PgPool, commands: &[&Command]) -> Result<Option<Vec<String>>, sqlx::Error> {
    bind_given(sqlx::query_scalar(&ACCEPT), commands).fetch_one(pool).await
}

/// Finds what was there already, in a new statement: the inserting one does not see rows that others committed
/// while it ran.
async fn read_back(
    pool: &PgPool,
    commands: &[Arc<Command>],
    missing: &[bool],
) -> Result<Vec<Accepted>, StoreError> {
    let sought = || commands.iter().zip(missing).filter(|(_, missing)| **missing).map(|(command, _)| command);
    let keys: Vec<(&str, &str)> = sought().filter_map(|command| key_of(command)).collect();
    let rows = sqlx::query(&EXISTING)
        .bind(sought().map(|command| command.id).collect::<Vec<_>>())
        .bind(keys.iter().map(|(tenant, _)| *tenant).collect::<Vec<_>>())
        .bind(keys.iter().map(|(_, key)| *key).collect::<Vec<_>>())
        .fetch_all(pool)
        .await
        .map_err(classify)?;
    let existing = rows.iter().map(command).collect::<Result<Vec<_>, _>>()?;
    let by_key: HashMap<_, _> = existing.iter().filter_map(|found| Some((key_of(found)?, found))).collect();
    let by_id: HashMap<_, _> = existing.iter().map(|found| (found.key(), found)).collect();
    let answer = |(command, missing): (&Arc<Command>, &bool)| {
        if !*missing {
            return Ok(Accepted::New);
        }
        key_of(command)
            .and_then(|key| by_key.get(&key))
            .or_else(|| by_id.get(&command.key()))
            .map(|found| Accepted::Existing(Box::new((*found).clone())))
            .ok_or_else(|| StoreError::Unavailable("a command's earlier twin has vanished".into()))
    };
    commands.iter().zip(missing).map(answer).collect()
}

/// Lets a statement use the index of the list's order: see the migration.
macro_rules! by_acceptance {
    () => {
        "c.accepted_at > '-infinity' AND "
    };
}

/// The statement of a list. Of the open ones it takes the newest of each partition, by the indexes of open commands,
/// which hold no more than those; the others come by the index of the list's order.
fn listing(filter: &CommandFilter) -> QueryBuilder<'_, Postgres> {
    let mut query = QueryBuilder::new("");
    match filter.state {
        Some(State::Open) => {
            query.push("SELECT c.* FROM partitions p CROSS JOIN LATERAL ((");
            some(&mut query, "c.partition = p.id AND c.status = 0 AND c.not_before IS NULL AND ", filter);
            query.push(") UNION ALL (");
            some(&mut query, "c.partition = p.id AND c.status = 0 AND c.not_before IS NOT NULL AND ", filter);
            query.push(")) c ").push(NEWEST_FIRST).push_bind(i64::from(filter.limit) + 1);
        }
        Some(State::Succeeded) => some(&mut query, concat!(by_acceptance!(), "c.status = 1 AND "), filter),
        Some(State::Failed) => some(&mut query, concat!(by_acceptance!(), "c.status = 2 AND "), filter),
        Some(State::Cancelled) => some(&mut query, concat!(by_acceptance!(), "c.status = 3 AND "), filter),
        Some(State::Running) => some(&mut query, concat!(by_acceptance!(), "c.status = 4 AND "), filter),
        None => some(&mut query, by_acceptance!(), filter),
    }
    query
}

const NEWEST_FIRST: &str = "ORDER BY c.accepted_at DESC, c.id DESC LIMIT ";

/// The newest of those that match, and one more to see whether there are more.
fn some<'f>(query: &mut QueryBuilder<'f, Postgres>, which: &str, filter: &'f CommandFilter) {
    query.push(&*ALL).push(which);
    conditions(query, filter);
    query.push(" ").push(NEWEST_FIRST).push_bind(i64::from(filter.limit) + 1);
}

fn conditions<'f>(query: &mut QueryBuilder<'f, Postgres>, filter: &'f CommandFilter) {
    query.push("c.tenant = ").push_bind(filter.tenant.stored());
    if let (Some(scheduled), Some(now)) = (filter.scheduled, filter.now) {
        query.push(if scheduled {
            " AND c.not_before > "
        } else {
            " AND coalesce(c.not_before, '-infinity') <= "
        });
        query.push_bind(now);
    }
    if let Some(command_type) = &filter.command_type {
        query.push(" AND c.command_type = ").push_bind(command_type);
    }
    if let Some(target) = &filter.target {
        query.push(" AND c.target = ").push_bind(target);
    }
    if let Some(aggregate_type) = &filter.aggregate_type {
        query.push(" AND split_part(c.command_type, '.', 1) = ").push_bind(aggregate_type);
    }
    if let Some(correlation) = filter.correlation_id {
        query.push(" AND (c.correlation_id = ").push_bind(correlation);
        query.push(" OR (c.id = ").push_bind(correlation).push(" AND c.correlation_id IS NULL))");
    }
    if let Some((accepted_at, id)) = filter.before {
        query
            .push(" AND (c.accepted_at, c.id) < (")
            .push_bind(accepted_at)
            .push(", ")
            .push_bind(id)
            .push(")");
    }
}
