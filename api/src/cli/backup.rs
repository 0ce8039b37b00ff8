use std::path::PathBuf;

use clap::Args;
use indicatif::{ProgressBar, ProgressStyle};

use super::output;
use super::settings::Settings;
use crate::bootstrap::{self, CopyError};
use crate::config::Config;

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
        let bar = bar();
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
        let bar = bar();
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
