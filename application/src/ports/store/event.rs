/// An event as stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EventRow {
    /// `pet`
    pub aggregate_type: String,
    /// `pet-42`, or `acme/pet-42`: as it is stored, see [`AggregateKey::stored_id`](super::AggregateKey::stored_id).
    pub aggregate_id: String,
    /// 1, 2, 3 … within the aggregate.
    pub sequence: i64,
    /// `pet.reserved`
    pub event_type: String,
    /// `1.0`
    pub event_version: String,
    /// The event as JSON.
    pub payload: String,
    /// A JSON object of strings: `command_id`, `correlation_id`, `at`, `actor`, `traceparent`, and what the
    /// client gave.
    pub metadata: String,
}
