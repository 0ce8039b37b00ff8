//! The store in one SQLite file: one process, nothing to set up, every promise kept.
//!
//! | module | holds |
//! | --- | --- |
//! | `registry` | accepting, finding, listing, cancelling commands |
//! | `journal` | loading, committing, the feed |
//! | `commit` | writing a unit of work |
//! | `checkpoints` | where the feed's durable readers stand |
//! | `views` | landing views |
//! | `leases` | heartbeats |
//! | `writer` | the one connection that writes, many jobs to a transaction |
//! | `bulk` | statements over many rows |
//! | `rows`, `errors` | between the database's values and ours |
//!
//! What must hold:
//!
//! - One process: a lock on a file beside the data is held as long as the store is open.
//! - One writer; all other connections are opened read-only.
//! - What is acknowledged is on disk: the log is written with `synchronous=FULL`.
//!
//! Statements that look for many keys, and the few rows of checkpoints, take them as one JSON array (`json_each`), so
//! that their text, and with it the prepared statement, is always the same. What is written for each command is bound
//! (`bulk`), which costs less.

mod bulk;
mod checkpoints;
mod commit;
mod errors;
mod journal;
mod leases;
mod registry;
mod rows;
mod views;
mod writer;

use std::fs::{File, TryLockError};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

use sqlx::sqlite::{
    SqliteConnectOptions, SqliteConnection, SqliteJournalMode, SqlitePool, SqlitePoolOptions,
    SqliteSynchronous,
};
use sqlx::{ConnectOptions, Connection};

use crate::OpenError;
use crate::open_error::check_partitions;
use writer::Writer;

/// Connections that read.
const READERS: u32 = 4;
/// Pages that each of them keeps: 8 MiB. The system keeps the file as well.
const READER_CACHE: &str = "-8192";

/// The store in one SQLite file. Clones share the same connections.
#[derive(Clone)]
pub struct SqliteStore {
    inner: Arc<Inner>,
}

struct Inner {
    reads: SqlitePool,
    writer: Writer,
    /// Checkpoints saved, to prune their history now and then.
    saves: AtomicU64,
}

impl SqliteStore {
    /// Opens the file, or makes it, and brings its schema up to date. A new store gets so many partitions; one that
    /// exists keeps what it has. No other process may have it open.
    pub async fn open(path: &Path, partitions: u16) -> Result<Self, OpenError> {
        let partitions = check_partitions(partitions)?;
        // SQLite takes a relative name that begins with `file:` for a URI.
        let path = &std::path::absolute(path).map_err(|error| OpenError::File(path.to_owned(), error))?;
        let lock = lock(path)?;
        let options = options(path);
        let mut connection = options.connect().await.map_err(OpenError::Connect)?;
        wilco_migrations::SQLITE.run_direct(&mut connection).await?;
        prepare(&mut connection, partitions).await.map_err(OpenError::Connect)?;
        let reads = SqlitePoolOptions::new()
            .max_connections(READERS)
            .acquire_timeout(Duration::from_secs(3))
            .test_before_acquire(false)
            .connect_lazy_with(
                options.clone().pragma("cache_size", READER_CACHE).read_only(true).create_if_missing(false),
            );
        let writer = Writer::start(options, connection, lock);
        Ok(Self { inner: Arc::new(Inner { reads, writer, saves: AtomicU64::new(0) }) })
    }

    /// Says how many partitions the store has; its schema is up to date since it was opened.
    pub async fn migrate(&self) -> Result<u16, OpenError> {
        let count = sqlx::query_scalar::<_, u16>("SELECT count(*) FROM partitions");
        count.fetch_one(self.reads()).await.map_err(OpenError::Connect)
    }

    /// Does what waits, closes the file and frees it for another process.
    pub async fn close(&self) {
        self.inner.reads.close().await;
        self.inner.writer.close().await;
    }

    fn reads(&self) -> &SqlitePool {
        &self.inner.reads
    }

    fn writer(&self) -> &Writer {
        &self.inner.writer
    }
}

fn options(path: &Path) -> SqliteConnectOptions {
    SqliteConnectOptions::new()
        .filename(path)
        .create_if_missing(true)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Full)
        .busy_timeout(writer::BUSY)
        .foreign_keys(false)
        // 64 MiB for pages. The log is written back every 4 MiB, as SQLite does by itself: twice that settles a little
        // more under full load, but then nobody is answered for 10 ms now and again.
        .pragma("cache_size", "-65536")
        .pragma("temp_store", "MEMORY")
        .disable_statement_logging()
}

/// The lock beside the data file: SQLite's own locks do not keep a second process out.
fn lock(path: &Path) -> Result<File, OpenError> {
    let beside = PathBuf::from(format!("{}.lock", path.display()));
    let failed = |error| OpenError::File(beside.clone(), error);
    let file = File::options().create(true).truncate(false).write(true).open(&beside).map_err(failed)?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(OpenError::InUse(path.to_owned())),
        Err(TryLockError::Error(error)) => Err(failed(error)),
    }
}

/// Makes the partitions of a new store, and frees those that a process which is no more has owned.
async fn prepare(connection: &mut SqliteConnection, partitions: u16) -> Result<(), sqlx::Error> {
    let mut transaction = connection.begin_with("BEGIN IMMEDIATE").await?;
    sqlx::query(include_str!("sql/make_partitions.sql")).bind(partitions).execute(&mut *transaction).await?;
    sqlx::query("UPDATE partitions SET owner = NULL, epoch = epoch + 1 WHERE owner IS NOT NULL")
        .execute(&mut *transaction)
        .await?;
    sqlx::query("DELETE FROM replicas").execute(&mut *transaction).await?;
    transaction.commit().await
}
