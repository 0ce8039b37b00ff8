use std::path::PathBuf;

use clap::Args;
use indicatif::ProgressBar;

use super::settings::Settings;
use super::{output, progress};
use crate::bootstrap::{self, CopyError};
use crate::config::Config;

const BYTES: &str = "{bar:40} {bytes}/{total_bytes} {eta}";

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
    /// The store was not copied, or not made.
    #[error(transparent)]
    Copy(#[from] CopyError),
    /// The output could not be written.
    #[error("the output could not be written")]
    Output(#[from] std::io::Error),
}

impl Backup {
    /// Copies the store.
    pub async fn run(self, config: Config) -> Result<(), Error> {
        let bar = progress::bar(BYTES, 0);
        let copied = bootstrap::back_up(&config, &self.file, |done, total| show(&bar, done, total)).await;
        bar.finish_and_clear();
        copied?;
        output::say(format_args!("{} is a copy of {}", self.file.display(), config.store))?;
        Ok(())
    }
}

impl Restore {
    /// Makes the store.
    pub async fn run(self, config: Config) -> Result<(), Error> {
        let bar = progress::bar(BYTES, 0);
        let show = |done, total| show(&bar, done, total);
        let restored = bootstrap::restore(&config, &self.file, self.force, show).await;
        bar.finish_and_clear();
        if let Some(aside) = restored? {
            output::say(format_args!("the store that was there is now {}", aside.display()))?;
        }
        output::say(format_args!("{} is what {} was", config.store, self.file.display()))?;
        Ok(())
    }
}

fn show(bar: &ProgressBar, done: u64, total: u64) {
    bar.set_length(total);
    bar.set_position(done.min(total));
}
