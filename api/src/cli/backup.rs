use std::path::{Path, PathBuf};

use clap::Args;
use indicatif::{ProgressBar, ProgressStyle};
use wilco_infrastructure::sqlite::backup::{self, BackupError};

use super::output;
use super::settings::Settings;
use crate::config::{self, Config, StoreUrl};

/// Where to copy the store to.
#[derive(Debug, Args)]
pub struct Backup {
    /// The file to make
    file: PathBuf,
    #[command(flatten)]
    pub(super) settings: Settings,
}

/// What to make a store of.
#[derive(Debug, Args)]
pub struct Restore {
    /// A file that `wilco backup` has made
    file: PathBuf,
    /// Put a store that is there aside
    #[arg(long)]
    force: bool,
    #[command(flatten)]
    pub(super) settings: Settings,
}

/// It could not be done.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The settings name no store.
    #[error(transparent)]
    Config(#[from] config::Error),
    /// PostgreSQL has its own tools for that.
    #[error(
        "the store is on PostgreSQL, which has its own tools: {0} (see docs/operations.md); this command is for \
         SQLite files"
    )]
    Postgres(&'static str),
    /// The file cannot be copied.
    #[error(transparent)]
    Copy(#[from] BackupError),
    /// The store is in the way.
    #[error("there is a store at {0} already; with --force it is put aside")]
    InTheWay(PathBuf),
    /// The output could not be written.
    #[error("the output could not be written")]
    Output(#[from] std::io::Error),
}

impl Backup {
    /// Copies the store.
    pub async fn run(self, config: Config) -> Result<(), Error> {
        let store = file(&config, "pg_dump, or pg_basebackup")?;
        let bar = bar();
        backup::back_up(&store, &self.file, |done, total| show(&bar, done, total)).await?;
        bar.finish_and_clear();
        output::say(format_args!("{} is a copy of {}", self.file.display(), store.display()))?;
        Ok(())
    }
}

impl Restore {
    /// Makes the store.
    pub async fn run(self, config: Config) -> Result<(), Error> {
        let store = file(&config, "pg_restore, or point-in-time recovery")?;
        let bar = bar();
        let restored =
            backup::restore(&self.file, &store, self.force, |done, total| show(&bar, done, total)).await;
        bar.finish_and_clear();
        let aside = restored.map_err(|error| match error {
            BackupError::Exists(store) => Error::InTheWay(store),
            error => error.into(),
        })?;
        if let Some(aside) = aside {
            output::say(format_args!("the store that was there is now {}", aside.display()))?;
        }
        output::say(format_args!("{} is what {} was", store.display(), self.file.display()))?;
        Ok(())
    }
}

/// The data file.
fn file(config: &Config, instead: &'static str) -> Result<PathBuf, Error> {
    match config.store.store()? {
        StoreUrl::Sqlite(path) => Ok(Path::new(&path).to_owned()),
        StoreUrl::Postgres(_) => Err(Error::Postgres(instead)),
    }
}

/// Shown on a terminal only.
fn bar() -> ProgressBar {
    let style = ProgressStyle::with_template("{bar:40} {bytes}/{total_bytes} {eta}");
    let bar = ProgressBar::new(0);
    match style {
        Ok(style) => bar.with_style(style),
        Err(_) => bar,
    }
}

fn show(bar: &ProgressBar, done: u64, total: u64) {
    bar.set_length(total);
    bar.set_position(done.min(total));
}
