//! Copies of the store the settings name.

use std::path::{Path, PathBuf};

use wilco_infrastructure::sqlite::backup::{self, BackupError};

use crate::config::{self, Config, StoreUrl};

/// The store was not copied, or not made.
#[derive(Debug, thiserror::Error)]
pub enum CopyError {
    /// The settings name no store.
    #[error(transparent)]
    Config(#[from] config::Error),
    /// PostgreSQL has its own tools for that.
    #[error(
        "the store is on PostgreSQL, which has its own tools: {0} (see docs/operations.md); this command is for \
         SQLite files"
    )]
    Postgres(&'static str),
    /// The store is in the way.
    #[error("there is a store at {0} already; with --force it is put aside")]
    InTheWay(PathBuf),
    /// The file cannot be copied.
    #[error(transparent)]
    Copy(BackupError),
}

/// Copies the store to a new file, whether a server uses it or not.
pub async fn back_up(config: &Config, to: &Path, progress: impl Fn(u64, u64)) -> Result<(), CopyError> {
    let store = file(config, "pg_dump, or pg_basebackup")?;
    backup::back_up(&store, to, progress).await.map_err(CopyError::Copy)
}

/// Makes the store of a copy; says where the one is that was there.
pub async fn restore(
    config: &Config,
    from: &Path,
    replace: bool,
    progress: impl Fn(u64, u64),
) -> Result<Option<PathBuf>, CopyError> {
    let store = file(config, "pg_restore, or point-in-time recovery, and wilco migrate --restored")?;
    backup::restore(from, &store, replace, progress).await.map_err(|error| match error {
        BackupError::Exists(store) => CopyError::InTheWay(store),
        error => CopyError::Copy(error),
    })
}

fn file(config: &Config, instead: &'static str) -> Result<PathBuf, CopyError> {
    match config.store.store()? {
        StoreUrl::Sqlite(path) => Ok(path),
        StoreUrl::Postgres(_) => Err(CopyError::Postgres(instead)),
    }
}
