//! The statement that writes a unit of work.

use std::collections::HashMap;
use std::sync::LazyLock;

use wilco_application::ports::{
    BlockedCommand, Command, NewEvent, Outcome, PartitionSlice, Seat, SnapshotRow, State, StoreError,
    StoredKind, UnitOfWork, ViewRow,
};

use super::attempts::bind_attempts;
use super::processes::bind_steps;
use super::registry::lock_order;
use super::rows::{Scalar, bind_commands, bind_given, bind_origin, unreadable, with_columns_after};

type Statement<'q> = Scalar<'q, Vec<i64>>;

const COMMIT: &str = include_str!("sql/commit.sql");
/// How many parameters that has.
const PARAMETERS: usize = 68;
/// With what comes of it: commands that it issues, what instances of processes did, and attempts at activities.
static COMMIT_AND_GO_ON: LazyLock<String> = LazyLock::new(|| {
    with_columns_after(include_str!("sql/issue.sql"), PARAMETERS) + COMMIT + include_str!("sql/step.sql")
});

fn column<'r, R, T>(rows: &'r [R], value: impl FnMut(&'r R) -> T) -> Vec<T> {
    rows.iter().map(value).collect()
}

/// The statement that writes a unit of work.
pub(super) fn statement(work: &UnitOfWork) -> Result<Statement<'_>, StoreError> {
    let slots: HashMap<u16, i32> =
        (1..).zip(&work.partitions).map(|(slot, part)| (part.partition, slot)).collect();
    let seats = |seats: Vec<Seat>| -> Result<(Vec<i32>, Vec<i32>), StoreError> {
        let slot = |seat: &Seat| slots.get(&seat.partition).copied();
        let taken = seats.iter().map(slot).collect::<Option<Vec<_>>>();
        let taken = taken.ok_or_else(|| unreadable("an entry's partition is not of the unit of work"))?;
        Ok((taken, column(&seats, |seat| seat.index as i32)))
    };
    let event_seats = seats(column(&work.events, |event| event.seat))?;
    let (mut fresh, stored): (Vec<&Outcome>, Vec<&Outcome>) =
        work.outcomes.iter().partition(|outcome| outcome.fresh);
    fresh.sort_by_key(|outcome| lock_order(&outcome.command));
    let stored_seats = seats(column(&stored, |outcome| outcome.seat))?;
    let fresh_seats = seats(column(&fresh, |outcome| outcome.seat))?;
    let is_plain = work.is_plain();
    let text = if is_plain { COMMIT } else { &COMMIT_AND_GO_ON };
    let query = sqlx::query_scalar(text).bind(work.owner);
    let query = bind_partitions(query, &work.partitions);
    let query = bind_events(query, event_seats, &work.events);
    let query = bind_outcomes(query, stored_seats, &stored)?;
    let query = query.bind(column(&stored, |outcome| outcome.command.tenant.stored()));
    let commands = column(&fresh, |outcome| &*outcome.command);
    let query = bind_commands(bind_outcomes(query, fresh_seats, &fresh)?, &commands);
    let query = bind_snapshots(bind_views(query, &work.views), &work.snapshots);
    let query = bind_blocked(bind_kinds(query, &work.kinds), &work.blocked)?;
    if is_plain {
        return Ok(query);
    }
    let mut stored: Vec<(&Command, State)> = work.stored_as().collect();
    stored.sort_by_key(|(command, _)| lock_order(command));
    let commands = column(&stored, |(command, _)| *command);
    let query = bind_origin(bind_given(query, &commands), &commands);
    let query = bind_steps(query.bind(column(&stored, |(_, state)| *state as i16)), &work.steps)?;
    Ok(bind_attempts(query, work))
}

fn bind_partitions<'q>(query: Statement<'q>, slices: &'q [PartitionSlice]) -> Statement<'q> {
    query
        .bind(column(slices, |slice| slice.partition as i16))
        .bind(column(slices, |slice| slice.epoch))
        .bind(column(slices, |slice| slice.entries as i32))
}

fn bind_events<'q>(
    query: Statement<'q>,
    seats: (Vec<i32>, Vec<i32>),
    events: &'q [NewEvent],
) -> Statement<'q> {
    query
        .bind(seats.0)
        .bind(seats.1)
        .bind(column(events, |event| event.row.aggregate_type.as_str()))
        .bind(column(events, |event| event.row.aggregate_id.as_str()))
        .bind(column(events, |event| event.row.sequence))
        .bind(column(events, |event| event.row.event_type.as_str()))
        .bind(column(events, |event| event.row.event_version.as_str()))
        .bind(column(events, |event| event.row.payload.as_str()))
        .bind(column(events, |event| event.row.metadata.as_str()))
}

fn bind_outcomes<'q>(
    query: Statement<'q>,
    seats: (Vec<i32>, Vec<i32>),
    outcomes: &[&'q Outcome],
) -> Result<Statement<'q>, StoreError> {
    let errors = outcomes
        .iter()
        .map(|outcome| outcome.settlement.error.as_ref().map(serde_json::to_string).transpose());
    let errors = errors.collect::<Result<Vec<_>, _>>().map_err(unreadable)?;
    Ok(query
        .bind(seats.0)
        .bind(seats.1)
        .bind(column(outcomes, |outcome| outcome.command.id))
        .bind(column(outcomes, |outcome| outcome.settlement.state as i16))
        .bind(column(outcomes, |outcome| outcome.settlement.at))
        .bind(column(outcomes, |outcome| outcome.settlement.attempts as i32))
        .bind(column(outcomes, |outcome| outcome.settlement.version))
        .bind(errors))
}

fn bind_views<'q>(query: Statement<'q>, views: &'q [ViewRow]) -> Statement<'q> {
    query
        .bind(column(views, |view| view.view_id.as_str()))
        .bind(column(views, |view| view.version))
        .bind(column(views, |view| view.payload.as_str()))
        .bind(column(views, |view| view.status.as_str()))
        .bind(column(views, |view| view.gone))
        .bind(column(views, |view| view.fingerprint.as_deref()))
}

fn bind_snapshots<'q>(query: Statement<'q>, snapshots: &'q [SnapshotRow]) -> Statement<'q> {
    query
        .bind(column(snapshots, |snapshot| snapshot.key.aggregate_type.as_str()))
        .bind(column(snapshots, |snapshot| snapshot.key.stored_id()))
        .bind(column(snapshots, |snapshot| snapshot.version))
        .bind(column(snapshots, |snapshot| snapshot.payload.as_str()))
        .bind(column(snapshots, |snapshot| snapshot.fingerprint.as_deref()))
}

fn bind_kinds<'q>(query: Statement<'q>, kinds: &'q [StoredKind]) -> Statement<'q> {
    query
        .bind(column(kinds, |kind| kind.aggregate_type.as_str()))
        .bind(column(kinds, |kind| kind.event_type.as_str()))
        .bind(column(kinds, |kind| kind.event_version.as_str()))
        .bind(column(kinds, |kind| kind.aggregate_id.as_str()))
        .bind(column(kinds, |kind| kind.sequence))
}

fn bind_blocked<'q>(
    query: Statement<'q>,
    blocked: &'q [BlockedCommand],
) -> Result<Statement<'q>, StoreError> {
    let reasons = blocked.iter().map(|command| serde_json::to_string(&command.reason));
    let reasons = reasons.collect::<Result<Vec<_>, _>>().map_err(unreadable)?;
    Ok(query
        .bind(column(blocked, |command| command.id))
        .bind(column(blocked, |command| command.target.tenant.stored()))
        .bind(column(blocked, |command| command.partition as i16))
        .bind(column(blocked, |command| command.target.aggregate_type.as_str()))
        .bind(column(blocked, |command| command.target.stored_id()))
        .bind(column(blocked, |command| command.behind))
        .bind(reasons))
}
