//! The data file itself: that nobody else has it, and that it is still there.
//!
//! What must hold:
//!
//! - The lock is on the data file, whatever name leads to it: `flock`, which knows files and not names, and which
//!   SQLite's own locks (`fcntl`) neither see nor end.
//! - Whoever closes *any* descriptor of a file ends all `fcntl` locks that its process has on it. So the data file is
//!   opened once in this process, before SQLite opens it, and closed after SQLite has closed it; whether this process
//!   has it already is asked without opening it.
//! - What is written to a file that has lost its name is lost with the process: nothing more is accepted then.

use std::collections::BTreeSet;
use std::fs::{self, File, Metadata, TryLockError};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::OpenError;

/// Device and number of a file: what it is, whatever it is called.
type Id = (u64, u64);

/// The data files that this process has open. A fact about the process, so it is kept for all of it.
static OPEN: Mutex<BTreeSet<Id>> = Mutex::new(BTreeSet::new());

/// A data file that is this process's alone, as long as this value lasts.
pub(super) struct DataFile {
    path: PathBuf,
    log: PathBuf,
    id: Id,
    /// The log that the connections have open.
    log_id: Mutex<Option<Id>>,
    /// Whether the log was told that it is gone.
    told: AtomicBool,
    /// Held for its lock.
    _locked: File,
}

impl DataFile {
    /// Takes the file, or makes it.
    pub(super) fn take(path: &Path) -> Result<Self, OpenError> {
        let failed = |error| OpenError::File(path.to_owned(), error);
        let in_use = || OpenError::InUse(path.to_owned());
        let mut open = lock(&OPEN);
        if fs::metadata(path).is_ok_and(|found| open.contains(&id(&found))) {
            return Err(in_use());
        }
        let file = File::options().create(true).truncate(false).read(true).write(true).open(path);
        let file = file.map_err(failed)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(in_use()),
            Err(TryLockError::Error(error)) => return Err(failed(error)),
        }
        let found = file.metadata().map_err(failed)?;
        if found.nlink() > 1 {
            tracing::warn!(
                file = %path.display(),
                "the data file has several names; always use this one, beside which its log lies"
            );
        }
        open.insert(id(&found));
        let log = PathBuf::from(format!("{}-wal", real(path).display()));
        let (log_id, told) = (Mutex::new(None), AtomicBool::new(false));
        Ok(Self { path: path.to_owned(), log, id: id(&found), log_id, told, _locked: file })
    }

    /// Where the log is.
    pub(super) fn log(&self) -> &Path {
        &self.log
    }

    /// Notes which log the connections have, the first time there is one.
    pub(super) fn note_log(&self) {
        let mut noted = lock(&self.log_id);
        if noted.is_none() {
            *noted = named(&self.log);
        }
    }

    /// Forgets the log: the last connection has ended, and the next one makes another.
    pub(super) fn forget_log(&self) {
        *lock(&self.log_id) = None;
    }

    /// Whether file and log are where they were; tells the log when that changes.
    pub(super) fn is_there(&self) -> bool {
        let log = *lock(&self.log_id);
        let there = named(&self.path) == Some(self.id) && (log.is_none() || named(&self.log) == log);
        let file = self.path.display();
        match (there, self.told.swap(!there, Ordering::Relaxed)) {
            (false, false) => tracing::error!(
                %file,
                "the data file or its log was removed or replaced; nothing is accepted until it is back or the server \
                 is started again"
            ),
            (true, true) => tracing::info!(%file, "the data file is back"),
            _ => {}
        }
        there
    }
}

impl Drop for DataFile {
    fn drop(&mut self) {
        lock(&OPEN).remove(&self.id);
    }
}

/// The name that symbolic links lead to: SQLite puts the log beside that.
fn real(path: &Path) -> PathBuf {
    fs::canonicalize(path).unwrap_or_else(|_| path.to_owned())
}

/// What this name leads to.
fn named(path: &Path) -> Option<Id> {
    fs::metadata(path).ok().map(|found| id(&found))
}

fn id(file: &Metadata) -> Id {
    (file.dev(), file.ino())
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
