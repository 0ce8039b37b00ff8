//! Writing a unit of work.

use std::collections::HashMap;
use std::sync::Arc;

use sqlx::sqlite::SqliteConnection;
use wilco_application::ports::{
    BlockedCommand, Command, Committed, NewEvent, Outcome, PartitionSlice, Seat, SnapshotRow, State,
    StoreError, StoredKind, UnitOfWork,
};

use super::attempts;
use super::bulk::Bulk;
use super::errors::{classify, unreadable};
use super::rows::{GIVEN, ORIGIN, SETTLED, bind_command, bind_origin};
use super::steps;
use super::values::Values;
use super::views::bind_view;

static EVENTS: Bulk = Bulk::new(include_str!("sql/commit_2_events.sql"), 9);
static OUTCOMES: Bulk = Bulk::new(include_str!("sql/commit_3_outcomes.sql"), 2 + SETTLED.len());
static FRESH: Bulk = Bulk::new(include_str!("sql/commit_4_fresh.sql"), GIVEN.len() + SETTLED.len());
static VIEWS: Bulk = Bulk::new(include_str!("sql/commit_5_views.sql"), 6);
static VIEWS_OF_NEW_STATUS: Bulk = Bulk::new(include_str!("sql/commit_6_views_of_new_status.sql"), 6);
static SNAPSHOTS: Bulk = Bulk::new(include_str!("sql/commit_7_snapshots.sql"), 5);
static KINDS: Bulk = Bulk::new(include_str!("sql/commit_8_kinds.sql"), 5);
static BLOCKED: Bulk = Bulk::new(include_str!("sql/commit_9_blocked.sql"), 7);
static ISSUED: Bulk = Bulk::new(include_str!("sql/commit_10_issued.sql"), GIVEN.len() + ORIGIN.len() + 1);

/// An outcome with what is stored of it.
struct Settled<'w> {
    outcome: &'w Outcome,
    error: Option<String>,
    offset: i64,
}

/// Writes it; the caller's transaction makes it all or nothing.
pub(super) async fn write(
    connection: &mut SqliteConnection,
    work: Arc<UnitOfWork>,
) -> Result<Committed, StoreError> {
    let bases = take_offsets(connection, &work).await?;
    let offset = |seat: Seat| {
        let base = bases.get(&seat.partition).copied();
        base.map(|base| base + i64::from(seat.index))
            .ok_or_else(|| unreadable("an entry's partition is not of the unit of work"))
    };
    let events = work.events.iter().map(|event| Ok((event, offset(event.seat)?)));
    let events = events.collect::<Result<Vec<_>, StoreError>>()?;
    EVENTS.execute(connection, &events, bind_event).await?;

    let settled = work.outcomes.iter().map(|outcome| {
        let error = outcome.settlement.error.as_ref().map(serde_json::to_string).transpose();
        Ok(Settled { outcome, error: error.map_err(unreadable)?, offset: offset(outcome.seat)? })
    });
    let settled = settled.collect::<Result<Vec<_>, StoreError>>()?;
    let (fresh, stored): (Vec<Settled<'_>>, Vec<Settled<'_>>) =
        settled.into_iter().partition(|settled| settled.outcome.fresh);
    if OUTCOMES.execute(connection, &stored, bind_stored).await? != stored.len() as u64 {
        return Err(StoreError::Conflict);
    }
    FRESH.execute(connection, &fresh, bind_fresh).await?;

    let written = VIEWS.execute(connection, &work.views, bind_view).await?;
    if written < work.views.len() as u64 {
        VIEWS_OF_NEW_STATUS.execute(connection, &work.views, bind_view).await?;
    }
    SNAPSHOTS.execute(connection, &work.snapshots, bind_snapshot).await?;
    KINDS.execute(connection, &work.kinds, bind_kind).await?;
    write_blocked(connection, &work.blocked).await?;
    let issued: Vec<(&Command, State)> = work.stored_as().collect();
    ISSUED.execute(connection, &issued, bind_issued).await?;
    steps::write(connection, &work.steps).await?;
    attempts::write(connection, &work).await?;
    let base = |slice: &PartitionSlice| bases.get(&slice.partition).copied();
    Ok(Committed { bases: work.partitions.iter().filter_map(base).collect() })
}

fn bind_issued<'q>(values: &mut Values<'q>, (command, state): &(&'q Command, State)) {
    bind_command(values, command);
    bind_origin(values, command);
    values.put(*state as i16);
}

fn bind_event<'q>(values: &mut Values<'q>, (event, offset): &'q (&NewEvent, i64)) {
    let row = &event.row;
    values
        .text(&row.aggregate_type)
        .text(&row.aggregate_id)
        .put(row.sequence)
        .text(&row.event_type)
        .text(&row.event_version)
        .text(&row.payload)
        .text(&row.metadata)
        .put(event.seat.partition)
        .put(*offset);
}

fn bind_stored<'q>(values: &mut Values<'q>, settled: &'q Settled<'_>) {
    values.put(settled.outcome.command.id).text(settled.outcome.command.tenant.stored());
    bind_settlement(values, settled);
}

fn bind_fresh<'q>(values: &mut Values<'q>, settled: &'q Settled<'_>) {
    bind_command(values, &settled.outcome.command);
    bind_settlement(values, settled);
}

fn bind_settlement<'q>(values: &mut Values<'q>, settled: &'q Settled<'_>) {
    let settlement = &settled.outcome.settlement;
    values
        .put(settlement.state as i16)
        .put(settlement.at.timestamp_micros())
        .put(settlement.attempts)
        .put(settlement.version)
        .optional_text(settled.error.as_deref())
        .put(settled.offset);
}

fn bind_snapshot<'q>(values: &mut Values<'q>, snapshot: &'q SnapshotRow) {
    values.text(&snapshot.key.aggregate_type).put(snapshot.key.stored_id());
    values.put(snapshot.version).text(&snapshot.payload).optional_text(snapshot.fingerprint.as_deref());
}

fn bind_kind<'q>(values: &mut Values<'q>, kind: &'q StoredKind) {
    values.text(&kind.aggregate_type).text(&kind.event_type).text(&kind.event_version);
    values.text(&kind.aggregate_id).put(kind.sequence);
}

async fn write_blocked(
    connection: &mut SqliteConnection,
    blocked: &[BlockedCommand],
) -> Result<(), StoreError> {
    let rows = blocked.iter().map(|command| {
        let reason = serde_json::to_string(&command.reason).map_err(unreadable)?;
        Ok((command, reason))
    });
    let rows = rows.collect::<Result<Vec<_>, StoreError>>()?;
    BLOCKED.execute(connection, &rows, bind_blocked).await.map(drop)
}

fn bind_blocked<'q>(values: &mut Values<'q>, (command, reason): &'q (&BlockedCommand, String)) {
    let target = &command.target;
    values.put(command.id).text(target.tenant.stored()).put(command.partition).text(&target.aggregate_type);
    values.put(target.stored_id()).put(command.behind).text(reason);
}

/// The fence: the offset of the entry with index 0 of each partition, if the caller owns all of them. One by one: a
/// SQLite store has a partition or two.
async fn take_offsets(
    connection: &mut SqliteConnection,
    work: &UnitOfWork,
) -> Result<HashMap<u16, i64>, StoreError> {
    let mut bases = HashMap::with_capacity(work.partitions.len());
    for slice in &work.partitions {
        let head: Option<i64> = sqlx::query_scalar(include_str!("sql/commit_1_fence.sql"))
            .bind(slice.entries)
            .bind(slice.partition)
            .bind(work.owner)
            .bind(slice.epoch)
            .fetch_optional(&mut *connection)
            .await
            .map_err(classify)?;
        let head = head.ok_or(StoreError::Fenced)?;
        bases.insert(slice.partition, head - i64::from(slice.entries) + 1);
    }
    Ok(bases)
}
