use std::path::PathBuf;

use clap::Args;

use super::serve::Manner;
use crate::Name;
use crate::config::{Flags, assignment};
use crate::modules::Modules;

/// Settings that every subcommand on a store takes.
#[derive(Clone, Debug, Default, Args)]
pub struct Settings {
    /// Where data is kept: sqlite:PATH or postgres://… [default: sqlite:wilco.db]
    #[arg(long, value_name = "URL")]
    store: Option<String>,
    /// The settings file.
    #[arg(
        long,
        value_name = "FILE",
        help = "The settings file [env: WILCO_CONFIG] [default: wilco.toml, if there is one]"
    )]
    config: Option<PathBuf>,
    /// Any other setting by its name in the file, such as `engine.max_backlog=1000`
    #[arg(long = "set", value_name = "NAME=VALUE", value_parser = assignment)]
    values: Vec<(String, String)>,
}

/// Settings of the server.
#[derive(Clone, Debug, Default, Args)]
pub struct Server {
    #[command(flatten)]
    settings: Settings,
    /// The address and port to listen on [default: 127.0.0.1:8080]
    #[arg(long, value_name = "ADDRESS")]
    listen: Option<String>,
    /// The NATS servers that notifications go to, separated by commas
    #[arg(long, value_name = "URL")]
    nats: Option<String>,
    /// Listen where other machines can reach it, although there are no API keys
    #[arg(long)]
    insecure: bool,
    /// Start the sandbox along, and have it stand for every third party: see `sandbox`
    #[arg(long)]
    sandbox: bool,
    /// Start although there are stored events or open commands that this version cannot read
    #[arg(long)]
    force: bool,
}

impl Settings {
    /// As the settings' first source.
    pub fn flags(&self, modules: &Modules) -> Flags {
        let name = modules.name();
        let store = self.store.iter().map(|store| ("store".to_owned(), store.clone()));
        let file = self.config.clone().or_else(|| said_by(name, "CONFIG").map(PathBuf::from));
        let values = self.values.iter().cloned().chain(store).collect();
        Flags { name, file, values, sections: modules.sections() }
    }
}

impl Server {
    /// How to serve.
    pub fn manner(&self) -> Manner {
        Manner { forced: self.force, plays: self.sandbox }
    }

    /// As the settings' first source.
    pub fn flags(&self, modules: &Modules) -> Flags {
        let mut flags = self.settings.flags(modules);
        let named = [("listen", &self.listen), ("nats", &self.nats)];
        for (name, value) in named {
            flags.values.extend(value.iter().map(|value| (name.to_owned(), value.clone())));
        }
        if self.insecure {
            flags.values.push(("insecure".to_owned(), "true".to_owned()));
        }
        flags
    }
}

/// Where the server is.
#[derive(Clone, Debug, Args)]
pub struct Address {
    /// The server's address.
    #[arg(
        long,
        value_name = "URL",
        help = "The server's address [env: WILCO_URL] [default: http://127.0.0.1:8080]"
    )]
    url: Option<String>,
}

impl Address {
    /// As the flag says, else the variable.
    pub fn url(&self, name: Name) -> String {
        let said = self.url.clone().or_else(|| said_by(name, "URL"));
        said.unwrap_or_else(|| "http://127.0.0.1:8080".to_owned())
    }
}

/// The value of a variable of the program, if it has one. It is not left to the parser of arguments: that would show the flag in the
/// usage of every error as if it were needed.
pub fn said_by(name: Name, variable: &str) -> Option<String> {
    std::env::var(name.prefix() + variable)
        .ok()
        .map(|value| value.trim().to_owned())
        .filter(|value| !value.is_empty())
}

/// Where the server is, and how to print.
#[derive(Clone, Debug, Args)]
pub struct Client {
    #[command(flatten)]
    pub address: Address,
    /// Print the answers as they are, as JSON
    #[arg(long)]
    pub json: bool,
}
