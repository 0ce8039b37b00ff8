use chrono::{DateTime, Utc};

use crate::ports::{Command, ProcessKey, ProcessRow, id_of};

/// What tells of an instance that stands still: nobody gives it.
const PARK: &str = "process.park";

/// The instance that a command tells of, if it is such an alert.
pub(crate) fn told_of(command: &Command) -> Option<ProcessKey> {
    if command.command_type != PARK {
        return None;
    }
    let data: serde_json::Value = serde_json::from_str(&command.data).ok()?;
    let process_type = data["type"].as_str()?.to_owned();
    Some(ProcessKey { process_type, tenant: command.tenant.clone(), id: command.target.clone() })
}

/// The command that tells of an instance that stands still: it has failed from the first.
pub(super) fn alert_of(row: &ProcessRow, now: DateTime<Utc>) -> Command {
    let ProcessKey { process_type, tenant, id } = &row.key;
    let named = format!("park {}/{process_type}/{id}/{}", tenant.stored(), row.version);
    Command {
        id: id_of(named.as_bytes()),
        tenant: tenant.clone(),
        partition: row.partition,
        command_type: PARK.to_owned(),
        target: id.clone(),
        data: serde_json::json!({ "type": process_type }).to_string(),
        expected_version: None,
        not_before: None,
        accepted_at: now,
        actor: row.actor.clone(),
        callback_url: None,
        metadata: None,
        idempotency: None,
        correlation_id: row.correlation_id,
        caused_by: row.caused_by,
        traceparent: row.traceparent.clone(),
        reply_to: None,
        depth: row.depth,
        running: false,
        settlement: None,
    }
}
