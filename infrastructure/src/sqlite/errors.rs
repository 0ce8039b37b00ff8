//! What an error of SQLite means for the caller: decided here and nowhere else.

use sqlx::error::ErrorKind;
use wilco_application::ports::StoreError;

/// Primary result codes that pass: busy, locked, out of memory, interrupted, I/O, full, cannot open. Extended codes
/// carry them in their low byte (517, a stale snapshot, is a kind of busy).
const PASSING: [i32; 7] = [5, 6, 7, 9, 10, 13, 14];
/// The values themselves: too big, a constraint, a type that does not fit, out of range.
const DATA: [i32; 4] = [18, 19, 20, 25];

/// The meaning of an error.
pub(super) fn classify(error: sqlx::Error) -> StoreError {
    let sqlx::Error::Database(database) = &error else {
        return match error {
            sqlx::Error::ColumnDecode { .. }
            | sqlx::Error::Decode(_)
            | sqlx::Error::Encode(_)
            | sqlx::Error::ColumnNotFound(_)
            | sqlx::Error::ColumnIndexOutOfBounds { .. } => StoreError::Data(Box::new(error)),
            _ => StoreError::Unavailable(Box::new(error)),
        };
    };
    if database.kind() == ErrorKind::UniqueViolation {
        return StoreError::Conflict;
    }
    let code = database.code().and_then(|code| code.parse::<i32>().ok()).map_or(0, |code| code & 0xff);
    match code {
        code if PASSING.contains(&code) => StoreError::Unavailable(Box::new(error)),
        code if DATA.contains(&code) => StoreError::Data(Box::new(error)),
        // 1, the general one, is malformed JSON when it comes from our statements.
        1 if database.message().contains("malformed JSON") => StoreError::Data(Box::new(error)),
        _ => StoreError::Unavailable(Box::new(error)),
    }
}

/// What is stored or given makes no sense.
pub(super) fn unreadable(error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> StoreError {
    StoreError::Data(error.into())
}
