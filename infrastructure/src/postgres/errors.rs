//! What an error of PostgreSQL means for the caller: decided here and nowhere else.

use sqlx::error::ErrorKind;
use wilco_application::ports::StoreError;

/// Raised by `wilco_commit`: a partition is not owned.
const FENCED: &str = "WF001";
/// Raised by `wilco_commit`: a command is not open.
const NOT_OPEN: &str = "WF002";

/// The meaning of an error. Errors of the data are the caller's fault and stay; all others may pass.
pub(super) fn classify(error: sqlx::Error) -> StoreError {
    let sqlx::Error::Database(database) = &error else {
        return match error {
            sqlx::Error::ColumnDecode { .. }
            | sqlx::Error::Decode(_)
            | sqlx::Error::Encode(_)
            | sqlx::Error::ColumnNotFound(_)
            | sqlx::Error::ColumnIndexOutOfBounds { .. }
            | sqlx::Error::TypeNotFound { .. } => StoreError::Data(Box::new(error)),
            // I/O, TLS, protocol, a full or closed pool: the outcome is unknown.
            _ => StoreError::Unavailable(Box::new(error)),
        };
    };
    match database.code().as_deref() {
        Some(FENCED) => StoreError::Fenced,
        Some(NOT_OPEN) => StoreError::Conflict,
        _ if database.kind() == ErrorKind::UniqueViolation => StoreError::Conflict,
        // 22: the values themselves; 23: other constraints; 54: too large, too complex.
        Some(code) if ["22", "23", "54"].iter().any(|class| code.starts_with(class)) => {
            StoreError::Data(Box::new(error))
        }
        // 08 connection, 40 rolled back, 53 resources, 55P03 lock time-out, 57 shut down or cancelled; and what
        // nobody foresaw, which must not be blamed on a command.
        _ => StoreError::Unavailable(Box::new(error)),
    }
}

/// Whether the statement was certainly rolled back for the sake of another, so that it may be repeated.
pub(super) fn may_be_repeated(error: &sqlx::Error) -> bool {
    matches!(error, sqlx::Error::Database(database)
        if matches!(database.code().as_deref(), Some("40001" | "40P01")))
}
