//! What an error of PostgreSQL means for the caller: decided here and nowhere else.

use sqlx::error::{DatabaseError, ErrorKind};
use wilco_application::ports::StoreError;

/// Raised by `wilco_commit_4`: a partition is not owned.
const FENCED: &str = "WF001";
/// Raised by `wilco_commit_4`: a command is not open.
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
        Some(NOT_OPEN) => conflict(database.as_ref()),
        _ if database.kind() == ErrorKind::UniqueViolation => conflict(database.as_ref()),
        // 22: the values themselves; 23: other constraints; 54: too large, too complex.
        Some(code) if ["22", "23", "54"].iter().any(|class| code.starts_with(class)) => {
            StoreError::Data(Box::new(error))
        }
        // 08 connection, 40 rolled back, 53 resources, 55P03 lock time-out, 57 shut down or cancelled; and what
        // nobody foresaw, which must not be blamed on a command.
        _ => StoreError::Unavailable(Box::new(error)),
    }
}

/// Ordinary where it is met once; what it was about tells why when it is met again and again.
fn conflict(error: &dyn DatabaseError) -> StoreError {
    tracing::debug!(why = error.message(), constraint = error.constraint(), "a conflict");
    StoreError::Conflict
}

/// Whether the statement was certainly rolled back for the sake of another, so that it may be repeated.
pub(super) fn may_be_repeated(error: &sqlx::Error) -> bool {
    matches!(error, sqlx::Error::Database(database)
        if matches!(database.code().as_deref(), Some("40001" | "40P01")))
}

/// Whether the error is of the server rather than of the statement: the connections to it are not to be used again.
/// 25006 it is read-only now, 57P01 to 57P05 it shuts down, has crashed, is starting, or ends this session; 08 the
/// connection failed.
pub(super) fn is_of_server(error: &sqlx::Error) -> bool {
    match error {
        sqlx::Error::Io(_) | sqlx::Error::Tls(_) | sqlx::Error::Protocol(_) => true,
        sqlx::Error::Database(database) => database
            .code()
            .is_some_and(|code| code == "25006" || code.starts_with("57P") || code.starts_with("08")),
        _ => false,
    }
}
