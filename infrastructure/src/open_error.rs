use std::path::PathBuf;

/// Why a store could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Another process has the data file open.
    #[error("{0} is in use by another process; a SQLite store has one process, PostgreSQL allows many")]
    InUse(PathBuf),
    /// The file or its lock cannot be opened or made.
    #[error("{0} cannot be opened")]
    File(PathBuf, #[source] std::io::Error),
    /// The URL does not name a PostgreSQL database.
    #[error("the store's URL is not valid")]
    Url(#[source] sqlx::Error),
    /// The database does not answer, or refuses.
    #[error("the store cannot be reached")]
    Connect(#[source] sqlx::Error),
    /// The schema cannot be brought up to date.
    #[error("the store's schema cannot be brought up to date")]
    Migrate(#[from] sqlx::migrate::MigrateError),
    /// The number of partitions asked for is not possible.
    #[error("a store has 1 to 1024 partitions, not {0}")]
    Partitions(u16),
}

/// The number of partitions, if it is possible.
pub(crate) fn check_partitions(count: u16) -> Result<u16, OpenError> {
    if (1..=1024).contains(&count) { Ok(count) } else { Err(OpenError::Partitions(count)) }
}
