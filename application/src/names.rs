//! The names of metrics, in one place.

/// Commands accepted (counter).
pub const ACCEPTED: &str = "wilco_commands_accepted_total";
/// Commands settled, by `state` (counter).
pub const SETTLED: &str = "wilco_commands_settled_total";
/// Commands accepted and not settled, as this replica counts (gauge).
pub const BACKLOG: &str = "wilco_commands_backlog";
/// Commands stored by one insert (histogram).
pub const ACCEPT_BATCH: &str = "wilco_accept_batch_size";
/// Seconds of one insert (histogram).
pub const ACCEPT_SECONDS: &str = "wilco_accept_seconds";
/// Commands settled by one commit (histogram).
pub const COMMIT_BATCH: &str = "wilco_commit_batch_size";
/// Seconds of one commit (histogram).
pub const COMMIT_SECONDS: &str = "wilco_commit_seconds";
/// Commits refused, by `reason` (counter).
pub const COMMIT_REFUSED: &str = "wilco_commits_refused_total";
/// Partitions this replica owns (gauge).
pub const OWNED_PARTITIONS: &str = "wilco_owned_partitions";
/// Commands that failed through a defect of a handler or of stored data (counter).
pub const DEFECTS: &str = "wilco_defects_total";
/// Messages acknowledged by the broker (counter).
pub const PUBLISHED: &str = "wilco_published_total";
/// Entries not yet published (gauge).
pub const RELAY_LAG: &str = "wilco_relay_lag";
/// Seconds since the oldest entry that is not yet published was committed (gauge).
pub const RELAY_LAG_SECONDS: &str = "wilco_relay_lag_seconds";
/// Messages too large for the broker, which only say where their data can be read (counter).
pub const REFERRING: &str = "wilco_published_without_data_total";
/// Entries of the feed that the relay has passed over and kept for somebody to look at (gauge).
pub const PARKED: &str = "wilco_relay_parked";
/// Entries of the feed that can be told to nobody, as this process met them (counter).
pub const UNTELLABLE: &str = "wilco_feed_untellable_total";
/// Times the broker had lost messages it had acknowledged (counter).
pub const RELAY_REWINDS: &str = "wilco_relay_rewinds_total";
