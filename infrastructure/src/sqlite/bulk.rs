//! Statements over many rows: the rows are bound one after the other into one list of values.
//!
//! The list is as long as the next power of two, so that there are few texts to prepare; the rows that are missing
//! then are null, and the statement leaves them out (`WHERE column1 IS NOT NULL`).

use std::sync::OnceLock;

use sqlx::Sqlite;
use sqlx::query::Query;
use sqlx::sqlite::{SqliteArguments, SqliteConnection, SqliteRow};
use wilco_application::ports::StoreError;

use super::errors::classify;
use super::rows::with_columns;
use super::values::Values;

/// Most rows in one statement, a power of two.
const MOST: usize = 128;
/// How many texts that makes: 1, 2, 4 … rows.
const SIZES: usize = MOST.ilog2() as usize + 1;
/// Where a statement has its list.
const LIST: &str = "(VALUES rows)";

/// A statement over a list of rows with so many columns.
pub(super) struct Bulk {
    text: &'static str,
    columns: usize,
    sized: [OnceLock<String>; SIZES],
}

impl Bulk {
    /// `text` says `(VALUES rows)` where the list belongs, and names columns as [`with_columns`] knows them.
    pub(super) const fn new(text: &'static str, columns: usize) -> Self {
        Self { text, columns, sized: [const { OnceLock::new() }; SIZES] }
    }

    /// Runs it over the rows, and says how many it changed.
    pub(super) async fn execute<'q, R>(
        &'static self,
        connection: &mut SqliteConnection,
        rows: &'q [R],
        bind: impl Fn(&mut Values<'q>, &'q R) + Copy,
    ) -> Result<u64, StoreError> {
        let mut changed = 0;
        for some in rows.chunks(MOST) {
            let done = self.over(some, bind)?.execute(&mut *connection).await;
            changed += done.map_err(classify)?.rows_affected();
        }
        Ok(changed)
    }

    /// Runs it over the rows, and gives back what it returns.
    pub(super) async fn fetch<'q, R>(
        &'static self,
        connection: &mut SqliteConnection,
        rows: &'q [R],
        bind: impl Fn(&mut Values<'q>, &'q R) + Copy,
    ) -> Result<Vec<SqliteRow>, StoreError> {
        let mut found = Vec::new();
        for some in rows.chunks(MOST) {
            let rows = self.over(some, bind)?.fetch_all(&mut *connection).await;
            found.extend(rows.map_err(classify)?);
        }
        Ok(found)
    }

    /// The statement with these rows, at most [`MOST`], bound.
    fn over<'q, R>(
        &'static self,
        rows: &'q [R],
        bind: impl Fn(&mut Values<'q>, &'q R),
    ) -> Result<Query<'q, Sqlite, SqliteArguments<'q>>, StoreError> {
        let mut values = Values::default();
        for row in rows {
            bind(&mut values, row);
        }
        // What is not bound is null.
        Ok(sqlx::query_with(self.sized(rows.len()), values.finish()?))
    }

    /// The text for so many rows.
    fn sized(&'static self, rows: usize) -> &'static str {
        let size = rows.next_power_of_two();
        self.sized[size.ilog2() as usize].get_or_init(|| {
            let row = format!("({})", vec!["?"; self.columns].join(","));
            with_columns(self.text).replace(LIST, &format!("(VALUES {})", vec![row.as_str(); size].join(",")))
        })
    }
}
