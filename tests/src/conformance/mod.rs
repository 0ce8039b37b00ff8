//! What every store must hold, as facts: the definition of the port.
//!
//! # How to add a store
//!
//! Implement [`Fixture`] for it and call [`conformance!`](crate::conformance!) with it in a test file.

#![allow(clippy::unwrap_used, reason = "these are tests, though they stand in a library")]

mod attempts;
mod callbacks;
mod commits;
mod deploying;
mod feed;
mod fresh;
mod issued;
mod leases;
mod making;
mod observing;
mod processes;
mod readers;
mod registry;
mod tenants;
mod views;

use std::sync::Arc;

use wilco_application::ports::Store;

pub use making::{Owner, at, command, create, event_row, key, outcome, submit, uuid};

/// A kind of store under test.
pub trait Fixture {
    /// An empty store with so many partitions.
    fn new(partitions: u16) -> impl Future<Output = Self>;

    /// The store as one process sees it.
    fn store(&self) -> Arc<dyn Store>;

    /// The same store as another process sees it; where only one process can, as the first does.
    fn elsewhere(&self) -> Arc<dyn Store>;
}

macro_rules! facts {
    ($($module:ident: $($fact:ident),+;)+) => {
        $($(
            #[doc = concat!("See the name; in `", stringify!($module), "`.")]
            pub async fn $fact<F: Fixture>() {
                $module::$fact::<F>().await;
            }
        )+)+

        /// Makes a test of each fact, for the given [`Fixture`].
        #[macro_export]
        macro_rules! conformance {
            ($fixture:ty) => {
                $($(
                    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                    async fn $fact() {
                        $crate::conformance::$fact::<$fixture>().await;
                    }
                )+)+
            };
        }
    };
}

facts! {
    registry:
        what_was_accepted_is_found_as_it_was,
        a_reused_key_returns_the_first_command,
        a_key_belongs_to_its_tenant,
        an_id_is_accepted_once,
        of_twins_in_one_batch_the_first_wins,
        the_same_key_sent_many_times_at_once_is_accepted_once,
        overlapping_batches_in_opposite_order_are_all_answered,
        an_accepted_command_stays_when_its_caller_hangs_up,
        callers_that_hang_up_leave_later_writes_intact,
        due_commands_come_in_order_of_acceptance,
        a_scheduled_command_is_due_from_its_time_on,
        the_backlog_counts_what_is_due_up_to_a_limit,
        what_waits_is_known_by_its_oldest_and_by_what_is_scheduled,
        lists_come_newest_first_in_pages,
        lists_are_filtered,
        a_correlation_lists_its_root_too,
        what_was_asked_of_an_aggregate_and_has_not_succeeded_is_found,
        what_commands_led_to_comes_in_order_of_acceptance,
        an_open_command_is_cancelled_once,
        an_unknown_command_is_not_cancelled,
        a_text_with_nul_is_refused_as_data_and_leaves_nothing;
    commits:
        a_commit_writes_all_its_parts,
        a_refused_unit_of_work_leaves_nothing,
        a_taken_event_number_is_a_conflict,
        a_command_is_settled_once,
        an_unknown_command_is_a_conflict,
        a_foreign_seat_is_refused_as_data,
        malformed_payloads_are_refused_as_data_and_harm_no_neighbour,
        a_commit_goes_on_when_its_caller_hangs_up,
        numbers_beyond_32_bits_are_kept,
        a_snapshot_never_goes_back,
        load_gives_the_events_after_the_older_of_snapshot_and_view,
        load_answers_in_the_order_asked,
        a_cancelled_command_is_not_settled_and_no_offset_is_lost,
        commits_and_cancels_at_once_settle_each_command_once,
        odd_texts_come_back_as_they_were;
    fresh:
        a_fresh_command_is_stored_as_it_was_with_its_outcome,
        a_commit_settles_stored_and_fresh_commands_alike,
        a_fresh_command_that_is_there_already_is_a_conflict_and_changes_nothing,
        fresh_twins_in_one_unit_of_work_are_a_conflict,
        a_fresh_command_of_a_replica_without_the_lease_is_not_stored,
        a_key_that_is_accepted_and_committed_at_once_is_there_once,
        fresh_commands_in_opposite_order_do_not_lock_each_other_out;
    issued:
        an_issued_command_is_stored_as_it_is_and_due,
        an_issued_command_that_is_there_already_is_a_conflict_and_changes_nothing,
        a_replica_without_the_lease_issues_nothing;
    processes:
        an_instance_is_found_as_it_was_written,
        an_instance_that_is_not_where_it_was_is_a_conflict_and_leaves_nothing,
        a_replica_without_the_lease_steps_nowhere,
        whoever_settles_an_issued_command_leaves_a_signal,
        a_signal_is_heard_once,
        timers_fire_in_order_and_once_as_they_were_set,
        a_command_in_the_hands_of_a_process_is_neither_due_nor_cancelled,
        what_comes_to_an_instance_that_stands_still_waits,
        an_instance_that_is_resumed_hears_what_waited,
        an_instance_that_is_given_up_has_failed_what_it_held,
        of_what_an_instance_was_told_with_it_no_signal_is_left,
        nothing_is_left_waiting_for_an_instance_that_goes_on,
        instances_are_listed_in_order_with_what_they_wait_for;
    observing:
        who_observes_begins_at_the_heads_and_stays_where_it_is,
        an_event_is_left_for_an_instance_as_the_reader_moves,
        a_reader_that_stands_elsewhere_leaves_nothing,
        an_event_that_is_left_twice_is_there_once,
        what_an_instance_has_seen_is_kept;
    attempts:
        an_attempt_is_counted_with_its_command_running,
        another_number_of_attempts_is_a_conflict_and_leaves_nothing,
        a_replica_without_the_lease_counts_no_attempt,
        one_that_has_ended_is_gone,
        due_attempts_are_found_by_time_and_so_many_of_each_destination,
        what_was_brought_back_is_found_with_the_outcome,
        a_postponed_command_is_due_from_its_new_time_on,
        one_that_is_not_open_is_not_postponed;
    callbacks:
        whoever_is_to_be_called_back_is_when_a_command_is_cancelled,
        a_cancel_that_comes_too_late_calls_nobody_back,
        commits_and_cancels_at_once_call_back_once,
        whoever_is_to_be_called_back_is_when_an_instance_is_given_up;
    feed:
        offsets_begin_at_one_and_go_by_the_seats,
        offsets_are_gapless_per_partition_under_concurrent_commits_and_cancels,
        a_reader_that_follows_the_feed_misses_nothing,
        the_feed_pages_through_events_and_outcomes_in_order,
        an_aggregates_events_come_in_pages;
    readers:
        a_reader_finds_its_checkpoints_again,
        a_replica_that_was_replaced_moves_no_reader,
        a_new_generation_is_later_and_stops_the_readers_of_the_old_one,
        an_entry_is_parked_once;
    leases:
        a_lone_replica_owns_everything,
        two_replicas_share_fairly,
        a_replica_that_lost_its_lease_commits_nothing,
        a_replica_that_resigned_commits_nothing,
        a_dead_replicas_partitions_go_to_the_living,
        an_epoch_of_the_past_commits_nothing,
        a_renewed_lease_keeps_its_epochs,
        partitions_are_counted_in_order,
        a_store_that_works_answers_a_ping;
    views:
        a_view_is_replaced_by_a_newer_one_only,
        views_are_listed_in_pages_by_id,
        gone_views_are_found_but_not_listed,
        views_are_listed_by_status,
        views_are_listed_by_members_that_are_indexed,
        types_with_a_common_prefix_are_kept_apart,
        rebuilt_views_replace_those_of_the_same_version,
        aggregates_are_listed_once_in_order;
    tenants:
        an_id_is_accepted_once_for_each_tenant,
        of_twins_of_two_tenants_in_one_batch_both_are_told_what_became_of_theirs,
        a_command_is_settled_or_cancelled_for_its_tenant_only,
        a_fresh_command_does_not_meet_another_tenants_twin,
        one_commit_settles_twins_of_two_tenants,
        two_tenants_aggregates_of_one_id_are_two,
        a_list_holds_one_tenants_views,
        a_list_holds_one_tenants_commands;
    deploying:
        fingerprints_are_kept_beside_views,
        a_kind_of_event_is_noted_once,
        a_blocked_command_is_open_and_not_due_and_says_why,
        a_replica_without_the_lease_blocks_nothing,
        what_waits_behind_a_cancelled_command_is_let_go,
        twins_of_two_tenants_are_blocked_apart,
        open_commands_are_counted_by_type;
}
