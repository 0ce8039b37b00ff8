//! The conformance suite over PostgreSQL, seen by two processes.

use std::sync::Arc;

use wilco_application::ports::Store;
use wilco_infrastructure::postgres::{PostgresOptions, PostgresStore};
use wilco_tests::conformance::Fixture;
use wilco_tests::postgres::database;

struct Postgres {
    here: PostgresStore,
    there: PostgresStore,
}

impl Fixture for Postgres {
    async fn new(partitions: u16) -> Self {
        let url = database().await;
        let options = PostgresOptions { partitions, ..PostgresOptions::default() };
        let here = PostgresStore::connect(&url, options.clone()).await.expect("it connects");
        here.migrate().await.expect("it migrates");
        let there = PostgresStore::connect(&url, options).await.expect("it connects");
        Self { here, there }
    }

    fn store(&self) -> Arc<dyn Store> {
        Arc::new(self.here.clone())
    }

    fn elsewhere(&self) -> Arc<dyn Store> {
        Arc::new(self.there.clone())
    }
}

wilco_tests::conformance!(Postgres);
