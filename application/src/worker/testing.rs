//! What tests of lanes are made of.

use std::sync::Arc;

use chrono::DateTime;
use uuid::Uuid;
use wilco_domain::kernel::Tenant;

use crate::ports::Command;

/// One of partition 0, by what it is known by: its id, and when it was accepted.
pub(super) fn command(number: u128) -> Arc<Command> {
    Arc::new(Command {
        id: Uuid::from_u128(number),
        tenant: Tenant::default(),
        partition: 0,
        command_type: "pet.update".into(),
        target: "1".into(),
        data: "{}".into(),
        expected_version: None,
        not_before: None,
        accepted_at: DateTime::from_timestamp_micros(number as i64).unwrap(),
        actor: None,
        callback_url: None,
        metadata: None,
        idempotency: None,
        correlation_id: Uuid::from_u128(number),
        caused_by: None,
        traceparent: None,
        reply_to: None,
        depth: 0,
        running: false,
        settlement: None,
    })
}
