//! A store to measure on, and the server on it.

use tempfile::TempDir;
use wilco_tests::postgres::PostgresServer;
use wilco_tests::wilco::Wilco;

/// Which store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Postgres,
    Sqlite,
}

impl Kind {
    pub const BOTH: [Self; 2] = [Self::Postgres, Self::Sqlite];

    pub fn name(self) -> &'static str {
        match self {
            Self::Postgres => "PostgreSQL",
            Self::Sqlite => "SQLite",
        }
    }
}

/// A store of its own.
pub enum Place {
    /// Its URL.
    Postgres(String),
    /// Its folder.
    Sqlite(TempDir),
}

impl Place {
    /// An empty one.
    pub async fn new(kind: Kind, server: &PostgresServer) -> Self {
        match kind {
            Kind::Postgres => Self::Postgres(server.database().await),
            Kind::Sqlite => Self::Sqlite(tempfile::tempdir().expect("a folder for SQLite")),
        }
    }

    /// As `--store` takes it.
    pub fn store(&self) -> String {
        match self {
            Self::Postgres(url) => url.clone(),
            Self::Sqlite(folder) => format!("sqlite:{}", folder.path().join("wilco.db").display()),
        }
    }

    /// A server on it, with its settings as they come.
    pub fn wilco(&self) -> Wilco {
        Wilco::on(self.store())
    }
}
