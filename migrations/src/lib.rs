//! The schema of both stores. The two folders have the same numbers: what one store learns, the other learns in
//! the migration of the same number. A migration that has shipped is never edited.

use std::sync::LazyLock;

use sqlx::migrate::{Migration, MigrationType, Migrator};

/// A migrator over the files of a folder, by number and name. (The macro of sqlx would do the same, and would have both
/// databases' drivers compiled a second time, for itself.)
macro_rules! migrator {
    ($folder:literal: $($number:literal $name:literal),+ $(,)?) => {
        LazyLock::new(|| {
            let migration = |number: &str, name: &'static str, sql: &'static str| {
                let version = number.parse().unwrap_or_default();
                Migration::new(version, name.into(), MigrationType::Simple, sql.into(), false)
            };
            let migrations = vec![$(migration(
                $number,
                $name,
                include_str!(concat!("../", $folder, "/", $number, "_", $name, ".sql")),
            )),+];
            Migrator { migrations: migrations.into(), ..Migrator::DEFAULT }
        })
    };
}

/// The schema on PostgreSQL.
pub static POSTGRES: LazyLock<Migrator> = migrator!("postgres": "0001" "store", "0002" "identity", "0003" "tenants", "0004" "deploying", "0005" "looking_up", "0006" "processes", "0007" "activities", "0008" "observing");
/// The schema on SQLite.
pub static SQLITE: LazyLock<Migrator> = migrator!("sqlite": "0001" "store", "0002" "identity", "0003" "tenants", "0004" "deploying", "0005" "looking_up", "0006" "processes", "0007" "activities", "0008" "observing");

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_file_is_a_migration_and_both_stores_learn_the_same() {
        let folder = |name: &str| -> BTreeSet<String> {
            let files =
                std::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/").to_owned() + name).unwrap();
            files.map(|file| file.unwrap().file_name().into_string().unwrap()).collect()
        };
        let known = |migrator: &Migrator| -> BTreeSet<String> {
            let file = |step: &Migration| format!("{:04}_{}.sql", step.version, step.description);
            migrator.iter().map(file).collect()
        };
        assert_eq!(folder("sqlite"), known(&SQLITE));
        assert_eq!(folder("postgres"), known(&POSTGRES));
        assert_eq!(folder("sqlite"), folder("postgres"));
    }
}
