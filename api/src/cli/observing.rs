use std::str::FromStr;

use clap::Args;
use wilco_application::catalog::Catalog;
use wilco_application::observing::{Standing, go_to, standing};
use wilco_application::ports::{Store, StoreError};

use super::output;
use super::settings::Settings;
use crate::bootstrap;
use crate::config::Config;

/// How far a type of process has looked through what it observes, and from where it is to go on.
#[derive(Debug, Args)]
pub struct Observing {
    /// The type of the processes
    #[arg(value_name = "TYPE")]
    process: String,
    /// Go on behind this offset, from the start or at the head: without --yes it is only said what that comes to
    #[arg(long, value_name = "OFFSET|start|head")]
    from: Option<Place>,
    /// Only in this partition
    #[arg(long, value_name = "N")]
    partition: Option<u16>,
    /// Do it
    #[arg(long, requires = "from")]
    yes: bool,
    #[command(flatten)]
    pub(super) settings: Settings,
}

/// From where to look.
#[derive(Clone, Copy, Debug)]
enum Place {
    Start,
    Head,
    Behind(i64),
}

impl FromStr for Place {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "start" => Ok(Self::Start),
            "head" => Ok(Self::Head),
            number => match number.parse() {
                Ok(offset) if offset >= 0 => Ok(Self::Behind(offset)),
                _ => Err("start, head, or an offset".to_owned()),
            },
        }
    }
}

/// It could not be done.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The store cannot be opened.
    #[error(transparent)]
    Bootstrap(#[from] bootstrap::Error),
    /// There is no such type, or it observes nothing.
    #[error("there is no type of process {0} that observes anything")]
    Unknown(String),
    /// Reading or writing failed.
    #[error("the store could not do it")]
    Store(#[from] StoreError),
    /// A server has moved on meanwhile.
    #[error("partition {0} has moved meanwhile: try again")]
    Moved(u16),
    /// The output could not be written.
    #[error("the output could not be written")]
    Output(#[from] std::io::Error),
}

impl Observing {
    /// Does it.
    pub(super) async fn run(self, catalog: &Catalog, config: &Config) -> Result<(), Error> {
        if !catalog.observers().any(|process| process.name() == self.process) {
            return Err(Error::Unknown(self.process));
        }
        let store = bootstrap::open(config).await?;
        let done = self.act(&*store.shared()).await;
        store.close().await;
        done
    }

    async fn act(&self, store: &dyn Store) -> Result<(), Error> {
        let found = standing(store, &self.process).await?;
        for one in found.into_iter().filter(|one| self.partition.is_none_or(|only| one.partition == only)) {
            match self.from {
                Some(from) => self.go(store, one, from).await?,
                None => {
                    output::say(format_args!("p{:02}: at {} of {}", one.partition, one.offset, one.head))?;
                }
            }
        }
        Ok(())
    }

    async fn go(&self, store: &dyn Store, one: Standing, from: Place) -> Result<(), Error> {
        let to = from.in_partition(&one);
        if self.yes && !go_to(store, &self.process, one.partition, to).await? {
            return Err(Error::Moved(one.partition));
        }
        Ok(output::say(line(&one, to, self.yes))?)
    }
}

impl Place {
    fn in_partition(self, one: &Standing) -> i64 {
        match self {
            Self::Start => 0,
            Self::Head => one.head,
            Self::Behind(offset) => offset.min(one.head),
        }
    }
}

/// What it comes to that one goes on elsewhere: `p03: goes from 7 to 0 of 12, 7 entries again`.
fn line(one: &Standing, to: i64, is_done: bool) -> String {
    let Standing { partition, offset, head } = one;
    let what = if is_done { "goes" } else { "would go" };
    let of = match to - offset {
        0 => String::new(),
        over @ 1.. => format!(", {over} entries passed over"),
        back => format!(", {} entries again", -back),
    };
    format!("p{partition:02}: {what} from {offset} to {to} of {head}{of}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_said_what_it_comes_to_before_it_is_done() {
        let one = Standing { partition: 3, offset: 7, head: 12 };
        let said =
            |from: &str, is_done| line(&one, from.parse::<Place>().unwrap().in_partition(&one), is_done);
        assert_eq!(said("start", false), "p03: would go from 7 to 0 of 12, 7 entries again");
        assert_eq!(said("head", true), "p03: goes from 7 to 12 of 12, 5 entries passed over");
        assert_eq!(said("8", true), "p03: goes from 7 to 8 of 12, 1 entries passed over");
        assert_eq!(said("99", false), "p03: would go from 7 to 12 of 12, 5 entries passed over");
        assert_eq!(said("7", true), "p03: goes from 7 to 7 of 12");
        for odd in ["", "-1", "end", "1.5"] {
            assert!(odd.parse::<Place>().is_err(), "{odd}");
        }
    }
}
