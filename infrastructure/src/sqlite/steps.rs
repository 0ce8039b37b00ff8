//! What instances of processes did, as part of a unit of work.

use sqlx::sqlite::SqliteConnection;
use wilco_application::ports::{Begun, CommandKey, ProcessKey, ProcessRow, Signal, Steps, StoreError, Timer};

use super::bulk::Bulk;
use super::errors::unreadable;
use super::values::Values;

static BEGIN: Bulk = Bulk::new(include_str!("sql/process_begin.sql"), 19);
static STEP: Bulk = Bulk::new(include_str!("sql/process_step.sql"), 14);
static HEARD: Bulk = Bulk::new(include_str!("sql/process_heard.sql"), 3);
static TOLD: Bulk = Bulk::new(include_str!("sql/process_told.sql"), 2);
static FIRED: Bulk = Bulk::new(include_str!("sql/process_fired.sql"), 5);
static STAND_STILL: Bulk = Bulk::new(include_str!("sql/process_stand_still.sql"), 3);
static PARKED: Bulk = Bulk::new(include_str!("sql/process_parked.sql"), 3);
static PARKED_TIMERS: Bulk = Bulk::new(include_str!("sql/process_parked_timers.sql"), 3);
static STOPPED: Bulk = Bulk::new(include_str!("sql/process_stopped.sql"), 4);
static ENDED: Bulk = Bulk::new(include_str!("sql/process_ended.sql"), 3);
static SET: Bulk = Bulk::new(include_str!("sql/process_set.sql"), 6);
static BEGUN: Bulk = Bulk::new(include_str!("sql/process_begun.sql"), 2);

/// Writes what instances did; the caller's transaction makes it all or nothing.
pub(super) async fn write(connection: &mut SqliteConnection, steps: &Steps) -> Result<(), StoreError> {
    if steps.is_empty() {
        return Ok(());
    }
    let rows = steps.rows.iter().map(|(before, row)| Ok((*before, Texts::of(row)?, row)));
    let rows = rows.collect::<Result<Vec<_>, StoreError>>()?;
    let (new, others): (Vec<_>, Vec<_>) = rows.into_iter().partition(|(before, ..)| *before == 0);
    let mut done = BEGIN.execute(connection, &new, bind_new).await?;
    done += STEP.execute(connection, &others, bind_step).await?;
    done += HEARD.execute(connection, &steps.heard, bind_heard).await?;
    done += TOLD.execute(connection, &steps.told, bind_command_key).await?;
    done += FIRED.execute(connection, &steps.fired, bind_fired).await?;
    done += STAND_STILL.execute(connection, &steps.parked, bind_key).await?;
    let stored: Vec<&Begun> = steps.begun.iter().filter(|begun| !begun.fresh).collect();
    done += BEGUN.execute(connection, &stored, |values, begun| bind_begun(values, begun)).await?;
    let instances = new.len() + others.len() + steps.parked.len();
    let inputs = steps.heard.len() + steps.told.len() + steps.fired.len() + stored.len();
    if done != (instances + inputs) as u64 {
        return Err(StoreError::Conflict);
    }
    STOPPED.execute(connection, &steps.stopped, bind_stopped).await?;
    let ended = steps.rows.iter().filter(|(_, row)| row.ended_at.is_some()).map(|(_, row)| &row.key);
    let ended: Vec<&ProcessKey> = ended.collect();
    ENDED.execute(connection, &ended, |values, key| bind_key(values, key)).await?;
    SET.execute(connection, &steps.set, bind_timer).await?;
    PARKED_TIMERS.execute(connection, &steps.parked, bind_key).await?;
    PARKED.execute(connection, &steps.parked, bind_key).await.map(drop)
}

/// What is stored as JSON of an instance.
struct Texts {
    holds: String,
    progress: Option<String>,
    parked: Option<String>,
    seen: Option<String>,
}

impl Texts {
    fn of(row: &ProcessRow) -> Result<Self, StoreError> {
        let holds = serde_json::to_string(&row.holds).map_err(unreadable)?;
        let progress = row.progress.as_ref().map(serde_json::to_string).transpose().map_err(unreadable)?;
        let parked = row.parked.as_ref().map(serde_json::to_string).transpose().map_err(unreadable)?;
        let seen = (!row.seen.is_empty()).then(|| serde_json::to_string(&row.seen));
        Ok(Self { holds, progress, parked, seen: seen.transpose().map_err(unreadable)? })
    }
}

fn bind_key<'q>(values: &mut Values<'q>, key: &'q ProcessKey) {
    values.text(&key.process_type).text(key.tenant.stored()).text(&key.id);
}

fn bind_state<'q>(values: &mut Values<'q>, texts: &'q Texts, row: &'q ProcessRow) {
    values
        .put(row.version)
        .put(row.state_version)
        .text(&row.state)
        .text(&texts.holds)
        .put(row.awaits)
        .optional_text(texts.progress.as_deref())
        .put(row.ended_at.map(|at| at.timestamp_micros()))
        .optional_text(texts.parked.as_deref());
}

fn bind_new<'q>(values: &mut Values<'q>, (_, texts, row): &'q (i64, Texts, &ProcessRow)) {
    bind_key(values, &row.key);
    bind_state(values, texts, row);
    values
        .put(row.partition)
        .put(row.depth)
        .put(row.correlation_id)
        .put(row.caused_by)
        .optional_text(row.actor.as_deref())
        .optional_text(row.traceparent.as_deref())
        .put(row.begun_at.timestamp_micros())
        .optional_text(texts.seen.as_deref());
}

fn bind_step<'q>(values: &mut Values<'q>, (before, texts, row): &'q (i64, Texts, &ProcessRow)) {
    bind_key(values, &row.key);
    bind_state(values, texts, row);
    values.optional_text(texts.seen.as_deref()).put(row.resumed).put(*before);
}

fn bind_heard<'q>(values: &mut Values<'q>, signal: &'q Signal) {
    let (source, offset) = signal.place();
    values.put(source).put(offset).put(signal.to.address());
}

fn bind_command_key<'q>(values: &mut Values<'q>, key: &'q CommandKey) {
    values.put(key.id).text(key.tenant.stored());
}

fn bind_begun<'q>(values: &mut Values<'q>, begun: &'q Begun) {
    values.put(begun.command.id).text(begun.command.tenant.stored());
}

fn bind_stopped<'q>(values: &mut Values<'q>, (key, name): &'q (ProcessKey, String)) {
    bind_key(values, key);
    values.text(name);
}

fn bind_fired<'q>(values: &mut Values<'q>, timer: &'q Timer) {
    bind_key(values, &timer.process);
    values.text(&timer.name).put(timer.due_at.timestamp_micros());
}

fn bind_timer<'q>(values: &mut Values<'q>, timer: &'q Timer) {
    bind_key(values, &timer.process);
    values.text(&timer.name).put(timer.partition).put(timer.due_at.timestamp_micros());
}
