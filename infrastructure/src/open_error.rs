use std::path::PathBuf;

use crate::NotAUrl;

/// Why a store could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Another process has the data file open.
    #[error("{0} is in use by another process; a SQLite store has one process, PostgreSQL allows many")]
    InUse(PathBuf),
    /// The file or its lock cannot be opened or made.
    #[error("{0} cannot be opened")]
    File(PathBuf, #[source] std::io::Error),
    /// The URL cannot be read.
    #[error("the store's URL is not valid")]
    NotAUrl(#[from] NotAUrl),
    /// The URL does not name a PostgreSQL database.
    #[error("the store's URL is not valid")]
    Url(#[source] sqlx::Error),
    /// The URL's `options` cannot be read.
    #[error("the store's URL has options that are not of the form -c NAME=VALUE")]
    Options,
    /// The URL asks for a server that cannot be written to.
    #[error("a store needs a server that it can write to: target_session_attrs=read-write")]
    SessionAttributes,
    /// There is no server that can be written to.
    #[error("the store's server is read-only: a standby, or default_transaction_read_only is on")]
    ReadOnly,
    /// The database's encoding.
    #[error(
        "the database's encoding is {0}, and a store needs UTF8: CREATE DATABASE … ENCODING 'UTF8' TEMPLATE template0"
    )]
    Encoding(String),
    /// The sessions are not its own.
    #[error("{POOLED}")]
    Pooled,
    /// There are no transactions.
    #[error("{POOLED}")]
    Pooler(#[source] sqlx::Error),
    /// A session forgets what it was told.
    #[error(
        "the server, or a pooler before it, does not keep the session's setting {0}; a store counts on it"
    )]
    NotKept(String),
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

const POOLED: &str = "the store is reached through a pooler (PgBouncer, say) in transaction or statement mode, which gives \
                      each transaction another session; set pool_mode = session for this database, or connect to \
                      PostgreSQL itself";

/// The number of partitions, if it is possible.
pub(crate) fn check_partitions(count: u16) -> Result<u16, OpenError> {
    if (1..=1024).contains(&count) { Ok(count) } else { Err(OpenError::Partitions(count)) }
}
