use sqlx::sqlite::SqliteArguments;
use sqlx::{Arguments, Encode, Sqlite, Type};
use wilco_application::ports::StoreError;

use super::errors::unreadable;

/// Takes the values of a row.
#[derive(Default)]
pub(super) struct Values<'q> {
    arguments: SqliteArguments<'q>,
    fault: Option<StoreError>,
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

    /// The values, if all of them can be stored.
    pub(super) fn finish(self) -> Result<SqliteArguments<'q>, StoreError> {
        self.fault.map_or(Ok(self.arguments), Err)
    }
}
