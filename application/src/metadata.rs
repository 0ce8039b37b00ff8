//! What goes onto events besides what happened.

/// The names in an event's metadata that the server sets, now or as soon as it knows more of its callers: a client's
/// own metadata has none of them.
pub const OWN_METADATA: &[&str] =
    &["actor", "at", "causation_id", "command_id", "correlation_id", "tenant", "traceparent", "tracestate"];
