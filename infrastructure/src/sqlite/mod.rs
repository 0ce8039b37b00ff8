//! The store in one SQLite file: one process, nothing to set up, every promise kept.
//!
//! | module | holds |
//! | --- | --- |
//! | `registry` | accepting, finding, listing, cancelling commands |
//! | `journal` | loading and committing |
//! | `feed` | reading entries, and how far they go |
//! | `commit` | writing a unit of work |
//! | `checkpoints` | where the feed's durable readers stand |
//! | `views` | landing views |
//! | `deploying` | what one build of the program leaves to the next |
//! | `leases` | heartbeats |
//! | `file` | the data file: that it is this process's alone, and still there |
//! | `writer` | the one connection that writes, many jobs to a transaction |
//! | [`backup`] | copies of a store, and a store made of one |
//! | `bulk` | statements over many rows |
//! | `rows`, `errors` | between the database's values and ours |
//!
//! What must hold:
//!
//! - One process: a lock on the data file is held as long as the store is open.
//! - One writer; all other connections are opened read-only.
//! - What is acknowledged is on disk: the log is written with `synchronous=FULL`.
//!
//! Statements that look for many keys, and the few rows of checkpoints, take them as one JSON array (`json_each`), so
//! that their text, and with it the prepared statement, is always the same. What is written for each command is bound
//! (`bulk`), which costs less.

mod attempts;
pub mod backup;
mod bulk;
mod checkpoints;
mod commit;
mod deploying;
mod errors;
mod feed;
mod file;
mod journal;
mod leases;
mod processes;
mod registry;
mod rows;
mod steps;
mod values;
mod views;
mod writer;

use std::path::Path;
use std::sync::{Arc, Weak};
use std::time::Duration;

use sqlx::sqlite::{
    SqliteConnectOptions, SqliteConnection, SqliteJournalMode, SqlitePool, SqlitePoolOptions,
    SqliteSynchronous,
};
use sqlx::{ConnectOptions, Connection};

use crate::OpenError;
use crate::open_error::check_partitions;
use file::DataFile;
use writer::Writer;

/// Partitions of a new store, unless others are wanted. One writer serves them all, so more only help to spread
/// consumers.
pub const DEFAULT_PARTITIONS: u16 = 1;

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
    /// The writer's, which lets go of it when the store is closed.
    file: Weak<DataFile>,
}

impl SqliteStore {
    /// Opens the file, or makes it, and brings its schema up to date. A new store gets so many partitions; one that
    /// exists keeps what it has. No other process may have it open.
    pub async fn open(path: &Path, partitions: u16) -> Result<Self, OpenError> {
        let partitions = check_partitions(partitions)?;
        // SQLite takes a relative name that begins with `file:` for a URI.
        let path = &std::path::absolute(path).map_err(|error| OpenError::File(path.to_owned(), error))?;
        let file = Arc::new(DataFile::take(path)?);
        let options = options(path);
        let mut connection = options.connect().await.map_err(OpenError::Connect)?;
        wilco_migrations::SQLITE.run_direct(&mut connection).await?;
        prepare(&mut connection, partitions).await.map_err(OpenError::Connect)?;
        let reads = SqlitePoolOptions::new()
            .max_connections(READERS)
            .acquire_timeout(Duration::from_secs(3))
            .test_before_acquire(false)
            .connect_lazy_with(options.clone().pragma("cache_size", READER_CACHE).read_only(true));
        let weak = Arc::downgrade(&file);
        let writer = Writer::start(options, connection, file);
        Ok(Self { inner: Arc::new(Inner { reads, writer, file: weak }) })
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
        .create_if_missing(false)
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
