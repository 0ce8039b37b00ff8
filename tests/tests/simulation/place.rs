//! Where a store of the simulation is, and how it is asked without letting the simulated world go on meanwhile.
//!
//! The store is the real one. It works in threads of its own, by the real clock, so that how long it takes and which of
//! two questions it answers first would differ from run to run. Therefore whoever asks stands still until it has
//! answered: to the simulated world, which has one thread, each answer is there at once.
//!
//! It is a file and not in memory, since the store opens it several times (one connection writes, others read, this one
//! looks on), and a file by its path. Where there is a file system in memory it lies there: to make something durable
//! then costs nothing, and there is no crash of the machine to survive.

use std::path::Path;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};
use std::thread::Thread;

use sqlx::ConnectOptions as _;
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use tempfile::TempDir;
use tokio::runtime::Runtime;
use tokio::sync::Mutex;
use uuid::Uuid;
use wilco_application::ports::{Leases as _, Store};
use wilco_infrastructure::sqlite::SqliteStore;

use super::stored::Stored;

/// A file system in memory, on systems that have one.
const IN_MEMORY: &str = "/dev/shm";

/// See the module's description.
pub(super) struct Place {
    store: SqliteStore,
    /// Looks on.
    eye: Mutex<SqliteConnection>,
    runtime: Runtime,
    _folder: TempDir,
}

impl Place {
    /// A new store of so many partitions.
    pub(super) fn new(partitions: u16) -> Self {
        let folder = folder();
        let path = folder.path().join("wilco.db");
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let (store, eye) = runtime.block_on(async {
            let store = SqliteStore::open(&path, partitions).await.unwrap();
            let eye = SqliteConnectOptions::new().filename(&path).read_only(true).disable_statement_logging();
            (store, eye.connect().await.unwrap())
        });
        Self { store, eye: Mutex::new(eye), runtime, _folder: folder }
    }

    /// The store itself: what is asked of it this way is asked by nobody of the simulated world.
    pub(super) fn store(&self) -> &dyn Store {
        &self.store
    }

    /// Does what has to do with the store, and stands still until that is done.
    pub(super) fn wait<T>(&self, work: impl Future<Output = T>) -> T {
        let _inside = self.runtime.enter();
        // What is asked of the store is no work of the task that asks.
        let mut work = pin!(tokio::task::unconstrained(work));
        let waker = Waker::from(Arc::new(Awakened(std::thread::current())));
        let mut context = Context::from_waker(&waker);
        loop {
            match work.as_mut().poll(&mut context) {
                Poll::Ready(done) => return done,
                Poll::Pending => std::thread::park(),
            }
        }
    }

    /// All that is stored.
    pub(super) fn look(&self) -> Stored {
        self.wait(async { Stored::read(&mut *self.eye.lock().await).await.unwrap() })
    }

    /// As if the lease of a program that is no more had run out.
    pub(super) fn let_run_out(&self, replica: Uuid) {
        self.wait(self.store.resign(replica)).unwrap();
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.wait(self.store.close());
    }
}

fn folder() -> TempDir {
    if Path::new(IN_MEMORY).is_dir()
        && let Ok(folder) = tempfile::tempdir_in(IN_MEMORY)
    {
        return folder;
    }
    tempfile::tempdir().unwrap()
}

/// A thread that goes on when it is told to.
struct Awakened(Thread);

impl Wake for Awakened {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}
