//! Statements over many rows: the rows are bound one after the other into one list of values.
//!
//! The list is as long as the next power of two, so that there are few texts to prepare; the rows that are missing
//! then are null, and the statement leaves them out (`WHERE column1 IS NOT NULL`).

use std::sync::OnceLock;

use sqlx::query::Query;
use sqlx::sqlite::{SqliteArguments, SqliteConnection, SqliteRow};
use sqlx::{Arguments, Encode, Sqlite, Type};
use wilco_application::ports::StoreError;

use super::errors::classify;
use super::rows::{unreadable, with_columns};

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

/// Takes the values of a row.
#[derive(Default)]
pub(super) struct Values<'q> {
    arguments: SqliteArguments<'q>,
    fault: Option<StoreError>,
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
        match values.fault {
            // What is not bound is null.
            None => Ok(sqlx::query_with(self.sized(rows.len()), values.arguments)),
            Some(fault) => Err(fault),
        }
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

impl<'q> Values<'q> {
    /// Adds a text. SQLite would cut it at a NUL; PostgreSQL refuses it, and so does this.
    pub(super) fn text(&mut self, text: &'q str) -> &mut Self {
        if text.as_bytes().contains(&0) {
            self.fault = Some(unreadable("a text contains NUL"));
        }
        self.put(text)
    }

    /// Adds a text or null.
    pub(super) fn optional_text(&mut self, text: Option<&'q str>) -> &mut Self {
        match text {
            Some(text) => self.text(text),
            None => self.put(None::<&str>),
        }
    }

    /// Adds what is not a text.
    pub(super) fn put<T: Encode<'q, Sqlite> + Type<Sqlite> + 'q>(&mut self, value: T) -> &mut Self {
        if let Err(error) = self.arguments.add(value) {
            self.fault = Some(unreadable(error));
        }
        self
    }
}
