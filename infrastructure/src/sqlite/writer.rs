//! The one writer. It takes all the jobs that wait, does them in one transaction and answers when that is on disk:
//! while one group is being written the next gathers.
//!
//! What must hold:
//!
//! - No answer before the commit; when the commit fails nobody hears of success.
//! - A job that is refused harms no other: each has a savepoint, unless it is alone.
//! - Only this connection writes and checkpoints. SQLite 3.46 may corrupt a file whose log is reset by one connection
//!   while another writes.
//! - After an error of the disk the connection is dropped and opened anew, so that the store comes back by itself.
//! - When the data file or its log has lost its name nothing is written, and the connection is kept: a new one would
//!   not have the log of the others.
//! - When nothing was written for a while the log is empty, and the data file alone is the whole store (but for the
//!   heartbeats since).

use std::panic::AssertUnwindSafe;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use futures::FutureExt;
use futures::future::BoxFuture;
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use sqlx::{ConnectOptions, Connection};
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;
use wilco_application::ports::StoreError;

use super::errors::classify;
use super::file::DataFile;

/// Jobs that may wait; whoever comes later waits for its turn to wait.
const QUEUE: usize = 256;
/// Jobs in one transaction at most.
const GROUP: usize = 64;
/// The log is emptied when it has grown beyond this. SQLite writes it back every few MiB by itself, but starts it
/// over only when no reader is in it.
const LOG_BYTES: u64 = 64 << 20;
/// How long to leave the log alone after readers kept it from being emptied: the first time, and at most. It grows
/// meanwhile, and each attempt keeps writes waiting, by [`BUSY`] at most.
const FORBEARANCE: Duration = Duration::from_millis(250);
const MOST_FORBEARANCE: Duration = Duration::from_secs(10);
/// The log is also emptied when nothing was written for so long.
const IDLE: Duration = Duration::from_secs(1);

/// Gives jobs to the writer.
pub(super) struct Writer {
    /// None once it was told to end.
    jobs: Mutex<Option<mpsc::Sender<Box<dyn Job>>>>,
    running: Mutex<Option<JoinHandle<()>>>,
}

trait Job: Send {
    /// Does the work, and keeps what it comes to: whether it is to be kept, or was refused and is to be undone. An
    /// error is the store's: it ends the group.
    fn run<'c>(&'c mut self, connection: &'c mut SqliteConnection)
    -> BoxFuture<'c, Result<bool, StoreError>>;
    /// Whether a server that does nothing else is idle.
    fn is_idle(&self) -> bool;
    /// Answers: the work's outcome is on disk, or nothing is known of it.
    fn answer(self: Box<Self>, group: Result<(), &str>);
}

struct Task<T, W> {
    work: Option<W>,
    outcome: Option<Result<T, StoreError>>,
    idle: bool,
    reply: oneshot::Sender<Result<T, StoreError>>,
}

impl<T, W> Job for Task<T, W>
where
    T: Send,
    W: for<'c> FnOnce(&'c mut SqliteConnection) -> BoxFuture<'c, Result<T, StoreError>> + Send,
{
    fn run<'c>(
        &'c mut self,
        connection: &'c mut SqliteConnection,
    ) -> BoxFuture<'c, Result<bool, StoreError>> {
        Box::pin(async move {
            let Some(work) = self.work.take() else { return Ok(false) };
            let outcome = match work(connection).await {
                Err(error @ StoreError::Unavailable(_)) => return Err(error),
                outcome => outcome,
            };
            let kept = outcome.is_ok();
            self.outcome = Some(outcome);
            Ok(kept)
        })
    }

    fn is_idle(&self) -> bool {
        self.idle
    }

    fn answer(self: Box<Self>, group: Result<(), &str>) {
        let unknown = |why: &str| Err(StoreError::Unavailable(why.into()));
        let outcome = match group {
            Ok(()) => self.outcome.unwrap_or_else(|| unknown("the write was not done")),
            Err(why) => unknown(why),
        };
        // A caller that has gone does not mind.
        drop(self.reply.send(outcome));
    }
}

impl Writer {
    /// Starts the writer. It ends when this is closed or dropped; `file` is held until then.
    pub(super) fn start(
        options: SqliteConnectOptions,
        connection: SqliteConnection,
        file: Arc<DataFile>,
    ) -> Self {
        let (jobs, waiting) = mpsc::channel(QUEUE);
        file.note_log();
        let now = Instant::now();
        let running =
            Running { options, connection: Some(connection), file, spare: None, written: Some(now) };
        let running = tokio::spawn(running.run(waiting));
        Self { jobs: Mutex::new(Some(jobs)), running: Mutex::new(Some(running)) }
    }

    /// Has the work done. Once it waits in the queue it is done even when the caller is dropped.
    pub(super) async fn write<T, W>(&self, work: W) -> Result<T, StoreError>
    where
        T: Send + 'static,
        W: for<'c> FnOnce(&'c mut SqliteConnection) -> BoxFuture<'c, Result<T, StoreError>> + Send + 'static,
    {
        self.send(work, false).await
    }

    /// The same for work that an idle server does.
    pub(super) async fn write_idly<T, W>(&self, work: W) -> Result<T, StoreError>
    where
        T: Send + 'static,
        W: for<'c> FnOnce(&'c mut SqliteConnection) -> BoxFuture<'c, Result<T, StoreError>> + Send + 'static,
    {
        self.send(work, true).await
    }

    async fn send<T, W>(&self, work: W, idle: bool) -> Result<T, StoreError>
    where
        T: Send + 'static,
        W: for<'c> FnOnce(&'c mut SqliteConnection) -> BoxFuture<'c, Result<T, StoreError>> + Send + 'static,
    {
        let (reply, answer) = oneshot::channel();
        let task = Task { work: Some(work), outcome: None, idle, reply };
        let closed = || StoreError::Unavailable("the store is closed".into());
        let jobs = lock(&self.jobs).clone().ok_or_else(closed)?;
        jobs.send(Box::new(task)).await.map_err(|_| closed())?;
        drop(jobs);
        answer.await.map_err(|_| closed())?
    }

    /// Does what waits, takes no more, and returns when the file is closed and its lock free.
    pub(super) async fn close(&self) {
        lock(&self.jobs).take();
        let running = lock(&self.running).take();
        if let Some(running) = running {
            drop(running.await);
        }
    }
}

struct Running {
    options: SqliteConnectOptions,
    /// None after an error, until the next group.
    connection: Option<SqliteConnection>,
    file: Arc<DataFile>,
    /// Since when the log is left alone, and for how long.
    spare: Option<(Instant, Duration)>,
    /// When something was written that is not known to be in the data file.
    written: Option<Instant>,
}

impl Running {
    async fn run(mut self, mut waiting: mpsc::Receiver<Box<dyn Job>>) {
        let mut group = Vec::with_capacity(GROUP);
        loop {
            match tokio::time::timeout(IDLE, waiting.recv_many(&mut group, GROUP)).await {
                Ok(0) => break,
                Ok(_) => self.work_off(&mut group).await,
                Err(_) => {}
            }
            if self.file.is_there() {
                self.tend_log().await;
            }
        }
        self.drop_connection().await;
    }

    async fn work_off(&mut self, group: &mut Vec<Box<dyn Job>>) {
        let idle = group.iter().all(|job| job.is_idle());
        let done = self.write_or_catch(group).await;
        let failure = done.as_ref().err().map(describe);
        for job in group.drain(..) {
            job.answer(failure.as_deref().map_or(Ok(()), Err));
        }
        if !idle {
            self.written = Some(Instant::now());
        }
        if done.is_err() && self.file.is_there() {
            self.drop_connection().await;
        }
    }

    /// A job that panics must not end the writer.
    async fn write_or_catch(&mut self, group: &mut [Box<dyn Job>]) -> Result<(), StoreError> {
        let gone = || Err(StoreError::Unavailable("the data file was removed or replaced".into()));
        if !self.file.is_there() {
            return gone();
        }
        let written = AssertUnwindSafe(self.write(group)).catch_unwind().await;
        match written {
            // What was written to a file without a name is as good as lost.
            Ok(Ok(())) if !self.file.is_there() => gone(),
            Ok(outcome) => outcome,
            Err(_) => Err(StoreError::Unavailable("a write panicked".into())),
        }
    }

    async fn write(&mut self, group: &mut [Box<dyn Job>]) -> Result<(), StoreError> {
        let connection = match &mut self.connection {
            Some(connection) => connection,
            none => none.insert(self.options.connect().await.map_err(classify)?),
        };
        execute(connection, "BEGIN IMMEDIATE").await?;
        self.file.note_log();
        if let [only] = group {
            let kept = only.run(connection).await?;
            return execute(connection, if kept { "COMMIT" } else { "ROLLBACK" }).await;
        }
        for job in group {
            execute(connection, "SAVEPOINT job").await?;
            if !job.run(connection).await? {
                execute(connection, "ROLLBACK TO job").await?;
            }
            execute(connection, "RELEASE job").await?;
        }
        execute(connection, "COMMIT").await
    }

    /// Closing rolls back what is open.
    async fn drop_connection(&mut self) {
        if let Some(connection) = self.connection.take()
            && let Err(error) = connection.close().await
        {
            tracing::warn!(%error, "the SQLite writer's connection did not close well");
        }
        // The last one takes the log away.
        self.file.forget_log();
    }

    /// Empties the log when it has become long, and when there is time.
    async fn tend_log(&mut self) {
        let now = Instant::now();
        let idle = self.written.is_some_and(|written| now >= written + IDLE);
        let long = || std::fs::metadata(self.file.log()).is_ok_and(|log| log.len() > LOG_BYTES);
        let spared = self.spare.is_some_and(|(since, forbearance)| now < since + forbearance);
        if spared || !(idle || long()) {
            return;
        }
        let Some(connection) = &mut self.connection else { return };
        // Says by its first column whether readers were in the way.
        let emptied =
            sqlx::query_scalar::<_, i64>("PRAGMA wal_checkpoint(TRUNCATE)").fetch_one(connection).await;
        if matches!(emptied, Ok(0)) {
            self.written = None;
            self.spare = None;
        } else {
            let forbearance = self.spare.map_or(FORBEARANCE, |(_, last)| (last * 2).min(MOST_FORBEARANCE));
            self.spare = Some((Instant::now(), forbearance));
            tracing::debug!(?emptied, "the SQLite log was not emptied; trying again later");
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn describe(error: &StoreError) -> String {
    std::error::Error::source(error).map_or_else(|| error.to_string(), ToString::to_string)
}

async fn execute(connection: &mut SqliteConnection, statement: &'static str) -> Result<(), StoreError> {
    sqlx::query(statement).execute(connection).await.map(drop).map_err(classify)
}

/// How long a statement waits for a lock. Nobody else writes; only emptying the log waits for readers.
pub(super) const BUSY: Duration = Duration::from_secs(1);

#[cfg(test)]
mod tests;
