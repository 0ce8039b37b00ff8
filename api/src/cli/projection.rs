use std::sync::Arc;

use clap::Subcommand;
use wilco_application::catalog::Catalog;
use wilco_application::queries::{Queries, QueryError};

use super::settings::Settings;
use super::{output, progress};
use crate::bootstrap;
use crate::config::Config;

/// What to do with read models.
#[derive(Debug, Subcommand)]
pub enum Action {
    /// Print the read models there are
    List(Settings),
    /// Write read models anew from the events
    Rebuild {
        /// Which one; without a name, all
        name: Option<String>,
        #[command(flatten)]
        settings: Settings,
    },
}

impl Action {
    /// Where the store is.
    pub fn settings(&self) -> &Settings {
        match self {
            Self::List(settings) | Self::Rebuild { settings, .. } => settings,
        }
    }
}

/// It could not be done.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The store cannot be opened.
    #[error(transparent)]
    Bootstrap(#[from] bootstrap::Error),
    /// There is none of that name.
    #[error("there is no projection {0}; see `projection list`")]
    Unknown(String),
    /// Reading or writing failed.
    #[error(transparent)]
    Query(#[from] QueryError),
    /// The output could not be written.
    #[error("the output could not be written")]
    Output(#[from] std::io::Error),
}

/// Does it.
pub async fn run(action: Action, catalog: Arc<Catalog>, config: Config) -> Result<(), Error> {
    match action {
        Action::List(_) => names(&catalog).into_iter().try_for_each(|name| Ok(output::say(name)?)),
        Action::Rebuild { name, .. } => rebuild(name, catalog, &config).await,
    }
}

async fn rebuild(name: Option<String>, catalog: Arc<Catalog>, config: &Config) -> Result<(), Error> {
    let mut names = names(&catalog);
    if let Some(name) = name {
        if !names.contains(&name) {
            return Err(Error::Unknown(name));
        }
        names = vec![name];
    }
    let store = bootstrap::open(config).await?;
    store.migrate(&catalog).await?;
    let queries = Queries::new(store.shared(), catalog);
    for name in names {
        let bar = progress::bar(&format!("{name}: {{human_pos}} written, {{per_sec}}"), 0);
        let count = queries.rebuild(&name, |written| bar.set_position(written)).await;
        bar.finish_and_clear();
        let count = count?;
        output::say(format_args!("{name}: {count} written"))?;
    }
    store.close().await;
    Ok(())
}

fn names(catalog: &Catalog) -> Vec<String> {
    catalog.aggregates().map(|aggregate| aggregate.name().to_owned()).collect()
}
