//! The conformance suite over SQLite.

use std::sync::Arc;

use wilco_application::ports::Store;
use wilco_infrastructure::sqlite::SqliteStore;
use wilco_tests::conformance::Fixture;

struct Sqlite {
    store: SqliteStore,
    _dir: tempfile::TempDir,
}

impl Fixture for Sqlite {
    async fn new(partitions: u16) -> Self {
        let dir = tempfile::tempdir().expect("a directory");
        let store =
            SqliteStore::open(&dir.path().join("wilco.db"), partitions).await.expect("the store opens");
        Self { store, _dir: dir }
    }

    fn store(&self) -> Arc<dyn Store> {
        Arc::new(self.store.clone())
    }

    fn elsewhere(&self) -> Arc<dyn Store> {
        self.store()
    }
}

wilco_tests::conformance!(Sqlite);
