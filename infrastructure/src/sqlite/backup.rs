//! Copies of a store that are whole, and a store made of one.
//!
//! A copy is made by SQLite in one reading transaction, beside a server that goes on: whoever only reads needs no
//! lock of the data file.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::time::Duration;

use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use sqlx::{ConnectOptions, Connection};

use super::file::DataFile;
use crate::OpenError;

/// How often progress is told of.
const TELLING: Duration = Duration::from_millis(200);

/// No copy was made, or no store of it.
#[derive(Debug, thiserror::Error)]
pub enum BackupError {
    /// There is nothing to copy.
    #[error("there is no store at {0}")]
    NoStore(PathBuf),
    /// The file is not to be overwritten.
    #[error("{0} is there already")]
    Exists(PathBuf),
    /// The store is used, or cannot be opened.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// The copy is no store.
    #[error("{0} is no store of Wilco")]
    NotAStore(PathBuf, #[source] sqlx::Error),
    /// The copy is not whole.
    #[error("{0} is damaged: {1}")]
    Damaged(PathBuf, String),
    /// The copy was made by a later version.
    #[error("{0} was written by a later version of Wilco")]
    TooNew(PathBuf),
    /// A file cannot be read or written.
    #[error("{0} cannot be read or written")]
    File(PathBuf, #[source] std::io::Error),
    /// SQLite cannot copy it.
    #[error("{0} cannot be copied")]
    Copy(PathBuf, #[source] sqlx::Error),
}

/// Copies the store at `path`, which a server may use, to a new file. `progress` is told how many bytes of about how
/// many are written.
pub async fn back_up(path: &Path, to: &Path, progress: impl Fn(u64, u64)) -> Result<(), BackupError> {
    if !path.is_file() {
        return Err(BackupError::NoStore(path.to_owned()));
    }
    if to.exists() {
        return Err(BackupError::Exists(to.to_owned()));
    }
    let part = beside(to, "part");
    copy(path, false, &part, progress).await?;
    put(&part, to)
}

/// Makes a store of a copy. One that is there is in the way, or is put aside under the name that is given back.
pub async fn restore(
    from: &Path,
    path: &Path,
    replace: bool,
    progress: impl Fn(u64, u64),
) -> Result<Option<PathBuf>, BackupError> {
    if !from.is_file() {
        return Err(BackupError::NoStore(from.to_owned()));
    }
    let there = fs::metadata(path).is_ok_and(|found| found.len() > 0);
    if there && !replace {
        return Err(BackupError::Exists(path.to_owned()));
    }
    let _alone = if path.exists() { Some(DataFile::take(path)?) } else { None };
    let part = beside(path, "restoring");
    // A bare file may lie where nothing can be written; one with a log needs what SQLite keeps beside it.
    copy(from, !beside_log(from).exists(), &part, progress).await?;
    let failed = |error| BackupError::Copy(part.clone(), error);
    let mut connection = SqliteConnectOptions::new().filename(&part).connect().await.map_err(failed)?;
    new_generation(&mut connection).await?;
    connection.close().await.map_err(failed)?;
    let aside = if there { Some(put_aside(path)?) } else { None };
    put(&part, path)?;
    Ok(aside)
}

/// A restored store is another one, though it looks like the one that was copied: what readers know of that one's
/// offsets does not hold for this one.
async fn new_generation(store: &mut SqliteConnection) -> Result<(), BackupError> {
    wilco_migrations::SQLITE.run_direct(&mut *store).await.map_err(OpenError::Migrate)?;
    let begin = sqlx::query(include_str!("sql/new_generation.sql")).execute(store).await;
    begin.map(drop).map_err(|error| OpenError::Connect(error).into())
}

/// Copies and checks the copy; leaves nothing behind when that fails.
async fn copy(from: &Path, bare: bool, to: &Path, progress: impl Fn(u64, u64)) -> Result<(), BackupError> {
    remove(to)?;
    let copied = async {
        vacuum(from, bare, to, progress).await?;
        check(to).await
    };
    let outcome = copied.await;
    if outcome.is_err() {
        remove(to)?;
    }
    outcome
}

async fn vacuum(from: &Path, bare: bool, to: &Path, progress: impl Fn(u64, u64)) -> Result<(), BackupError> {
    let failed = |error| BackupError::Copy(from.to_owned(), error);
    let mut connection = reading(from, bare).connect().await.map_err(failed)?;
    let total = fs::metadata(from).map_or(0, |found| found.len());
    let copied = {
        let vacuum = sqlx::query("VACUUM INTO ?1").bind(to.display().to_string());
        let mut copying = std::pin::pin!(vacuum.execute(&mut connection));
        loop {
            match tokio::time::timeout(TELLING, &mut copying).await {
                Ok(copied) => break copied,
                Err(_) => progress(fs::metadata(to).map_or(0, |found| found.len()), total),
            }
        }
    };
    copied.map_err(failed)?;
    progress(total, total);
    connection.close().await.map_err(failed)
}

/// Whether it is a whole store, of a version that is known here.
async fn check(file: &Path) -> Result<(), BackupError> {
    let foreign = |error| BackupError::NotAStore(file.to_owned(), error);
    let mut connection = reading(file, true).connect().await.map_err(foreign)?;
    let found: String =
        sqlx::query_scalar("PRAGMA integrity_check(1)").fetch_one(&mut connection).await.map_err(foreign)?;
    if found != "ok" {
        return Err(BackupError::Damaged(file.to_owned(), found));
    }
    let newest =
        sqlx::query_scalar::<_, i64>("SELECT max(version) FROM _sqlx_migrations, (SELECT 1 FROM partitions)");
    let newest = newest.fetch_one(&mut connection).await.map_err(foreign)?;
    if wilco_migrations::SQLITE.iter().all(|migration| migration.version < newest) {
        return Err(BackupError::TooNew(file.to_owned()));
    }
    connection.close().await.map_err(foreign)
}

fn reading(file: &Path, bare: bool) -> SqliteConnectOptions {
    SqliteConnectOptions::new()
        .filename(std::path::absolute(file).unwrap_or_else(|_| file.to_owned()))
        .read_only(true)
        .immutable(bare)
        .busy_timeout(Duration::from_secs(5))
        .disable_statement_logging()
}

/// Gives the copy its name, for good.
fn put(part: &Path, to: &Path) -> Result<(), BackupError> {
    let failed = |error| BackupError::File(to.to_owned(), error);
    File::open(part).and_then(|file| file.sync_all()).map_err(failed)?;
    fs::rename(part, to).map_err(failed)?;
    let folder = std::path::absolute(to).map_err(failed)?;
    let folder = folder.parent().unwrap_or(Path::new("/"));
    File::open(folder).and_then(|folder| folder.sync_all()).map_err(failed)
}

/// Puts a store and its log aside.
fn put_aside(path: &Path) -> Result<PathBuf, BackupError> {
    let mut names = (1..).map(|number| beside(path, &format!("replaced-{number}")));
    let aside = names.find(|name| !name.exists()).unwrap_or_else(|| beside(path, "replaced"));
    let failed = |error| BackupError::File(path.to_owned(), error);
    let log = beside_log(path);
    if log.exists() {
        fs::rename(&log, beside_log(&aside)).map_err(failed)?;
    }
    remove(&PathBuf::from(format!("{}-shm", path.display())))?;
    fs::rename(path, &aside).map_err(failed)?;
    Ok(aside)
}

fn beside(path: &Path, end: &str) -> PathBuf {
    PathBuf::from(format!("{}.{end}", path.display()))
}

fn beside_log(path: &Path) -> PathBuf {
    PathBuf::from(format!("{}-wal", path.display()))
}

fn remove(file: &Path) -> Result<(), BackupError> {
    match fs::remove_file(file) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(BackupError::File(file.to_owned(), error))
        }
        _ => Ok(()),
    }
}
