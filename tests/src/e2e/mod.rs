//! What must be true of the program whatever it runs on: each scenario starts it on a store of its own.
//!
//! # How to add a scenario
//!
//! 1. A function that takes a [`Place`], in the file of its subject, named as a fact.
//! 2. Its name in [`e2e!`](crate::e2e): every suite runs it from then on.

use std::future::Future;

use sqlx::{Connection as _, Executor as _, PgConnection, SqliteConnection};

use crate::wilco::Wilco;

mod both;
mod feed;
mod idempotency;
mod newcomer;
mod process;
mod reading;
mod registry;
mod waiting;

pub use feed::*;
pub use idempotency::*;
pub use newcomer::*;
pub use process::*;
pub use reading::*;
pub use registry::*;
pub use waiting::*;

/// A store that nobody else uses.
pub trait Place: Sized {
    /// An empty one.
    fn new() -> impl Future<Output = Self>;
    /// As `--store` takes it.
    fn url(&self) -> String;
    /// A server on it, not started.
    fn wilco(&self) -> Wilco {
        Wilco::on(self.url())
    }
    /// Runs a statement on it, past Wilco.
    fn execute(&self, statement: &str) -> impl Future<Output = ()>;
    /// A copy of it as it is; no server may run on it.
    fn copy(&self) -> impl Future<Output = Self>;
}

/// A SQLite file that goes with this value.
pub struct SqlitePlace(tempfile::TempDir);

impl Place for SqlitePlace {
    async fn new() -> Self {
        Self(tempfile::tempdir().expect("a folder"))
    }

    fn url(&self) -> String {
        format!("sqlite:{}", self.0.path().join("wilco.db").display())
    }

    async fn execute(&self, statement: &str) {
        let mut file = SqliteConnection::connect(&self.url()).await.expect("the file is there");
        file.execute(statement).await.expect("the statement succeeds");
        file.close().await.expect("the file is closed");
    }

    async fn copy(&self) -> Self {
        let copy = Self::new().await;
        copy.become_like(self);
        copy
    }
}

impl SqlitePlace {
    /// Takes over all that is in another place.
    pub fn become_like(&self, other: &Self) {
        for file in self.0.path().read_dir().expect("a folder") {
            std::fs::remove_file(file.expect("a file").path()).expect("the file is removed");
        }
        for file in other.0.path().read_dir().expect("a folder") {
            let file = file.expect("a file");
            std::fs::copy(file.path(), self.0.path().join(file.file_name())).expect("the file is copied");
        }
    }
}

/// A database on the PostgreSQL server of this process.
pub struct PostgresPlace(String);

impl Place for PostgresPlace {
    async fn new() -> Self {
        Self(crate::postgres::database().await)
    }

    fn url(&self) -> String {
        self.0.clone()
    }

    async fn execute(&self, statement: &str) {
        let mut connection = PgConnection::connect(&self.0).await.expect("PostgreSQL answers");
        connection.execute(statement).await.expect("the statement succeeds");
    }

    async fn copy(&self) -> Self {
        Self(crate::postgres::copy_of(&self.0).await)
    }
}

/// Makes a test of each scenario, in a place of this type.
#[macro_export]
macro_rules! e2e {
    ($place:ty) => {
        $crate::e2e!($place:
            a_newcomer_gets_from_a_command_to_its_resource,
            a_command_that_breaks_a_rule_fails_with_its_problem,
            bad_input_is_refused_and_stores_nothing,
            a_deleted_resource_is_gone,
            a_wait_is_answered_with_the_outcome,
            a_wait_for_a_failure_is_answered_with_its_problem,
            a_wait_in_vain_is_answered_as_usual,
            a_status_can_be_watched_until_it_is_settled,
            a_request_repeated_with_its_key_is_the_same_command,
            fifty_parallel_requests_with_one_key_make_one_command,
            a_key_used_for_another_request_is_refused,
            a_creating_command_with_a_chosen_id_is_its_own_key,
            a_create_after_the_deletion_is_gone,
            a_bad_line_of_a_batch_harms_no_other,
            a_delayed_command_waits_for_its_time,
            a_scheduled_command_can_be_cancelled,
            a_failed_command_can_be_retried,
            commands_are_listed_newest_first,
            a_status_expires_after_the_retention,
            a_history_and_every_version_can_be_read,
            an_unchanged_resource_is_not_sent_again,
            a_list_of_resources_goes_on_behind_its_cursor,
            the_feed_has_everything_in_order,
            a_stream_resumes_across_a_restart,
            a_filtered_feed_has_only_what_was_asked_for,
            statuses_survive_a_restart,
            a_stop_settles_what_is_under_way_and_exits_0,
            the_client_subcommands_work,
            the_feed_subcommand_goes_on_after_a_restart,
            read_models_can_be_rebuilt,
        );
    };
    ($place:ty: $($scenario:ident,)*) => {$(
        #[tokio::test]
        async fn $scenario() {
            let place = <$place as $crate::e2e::Place>::new().await;
            $crate::e2e::$scenario(&place).await;
        }
    )*};
}
