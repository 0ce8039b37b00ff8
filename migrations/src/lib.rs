//! The schema of both stores. The two folders have the same numbers: what one store learns, the other learns in
//! the migration of the same number. A migration that has shipped is never edited.

use sqlx::migrate::Migrator;

/// The schema on PostgreSQL.
pub static POSTGRES: Migrator = sqlx::migrate!("./postgres");
/// The schema on SQLite.
pub static SQLITE: Migrator = sqlx::migrate!("./sqlite");
