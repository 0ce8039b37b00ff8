//! The settings of the program: flags, then `WILCO_*` variables, then `wilco.toml`, then defaults. A program of another
//! name has its own there.
//!
//! A setting of a section has the section's name in its own: `engine.max_backlog` is `max_backlog` under
//! `[engine]` in the file, `WILCO_ENGINE_MAX_BACKLOG` in the environment and `--set engine.max_backlog=…` as a
//! flag. An unknown name in the file or in a flag is an error; an unknown variable is told of and left alone. White
//! space around a value is none of it: a variable that was read from a file often ends in a line feed.

mod bounds;
mod description;
mod duration;
mod nats;
mod origin;
mod outside;
mod own;
mod sections;
mod source;
mod url;

use std::net::SocketAddr;
use std::path::PathBuf;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::Name;

pub use description::{Setting, is_nothing, settings};
pub use duration::Span;
pub use nats::{JetStream, NatsLogin, Secret, Storage};
pub use origin::Place;
pub use outside::{Activities, ActivityPolicy, Callbacks, Egress, Hook, Hooks, keys};
pub(crate) use own::Section;
pub use own::{InvalidSetting, ModuleSettings, OwnSettings};
pub use sections::{Engine, Http, Log, LogFormat, Postgres, Telemetry};
pub(crate) use source::outermost;
#[cfg(feature = "testing")]
pub use source::told;
pub use source::{Flags, Loaded, assignment, load};
pub use url::{SecretUrl, StoreUrl};

/// Everything that can be set.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Config {
    /// Where data is kept: `sqlite:PATH` or `postgres://…`.
    pub store: SecretUrl,
    /// The NATS servers that notifications go to, separated by commas.
    pub nats: Option<SecretUrl>,
    /// Address and port to listen on.
    pub listen: String,
    /// Whether to listen on other than loopback addresses although nobody is asked for a key.
    pub insecure: bool,
    /// Seconds that a stop waits for what is under way.
    #[schemars(extend("x-unit" = "seconds"))]
    pub drain_seconds: u64,
    /// How commands are applied.
    pub engine: Engine,
    /// Connections to PostgreSQL.
    pub postgres: Postgres,
    /// Bounds of the HTTP server.
    pub http: Http,
    /// The stream on NATS.
    pub jetstream: JetStream,
    /// How to log in to NATS.
    pub nats_login: NatsLogin,
    /// Who may be called, and how many at once.
    pub egress: Egress,
    /// How callbacks are signed.
    pub callbacks: Callbacks,
    /// Who may send messages to `/v1/hooks/{source}`: a section for each source, `[hooks.payment-provider]`, with its
    /// `secrets`.
    pub hooks: Hooks,
    /// When activities are tried again: a section for each, `[activity."transaction.create"]`, with `attempts`, `pause` and
    /// `within`.
    pub activity: Activities,
    /// What is logged.
    pub log: Log,
    /// Where traces go.
    pub telemetry: Telemetry,
    /// What the sections of the program's modules say.
    #[serde(skip)]
    #[schemars(skip)]
    pub own: OwnSettings,
}

impl Default for Config {
    fn default() -> Self {
        Self::of(Name::WILCO)
    }
}

impl Config {
    /// The defaults of a program of that name.
    pub fn of(name: Name) -> Self {
        let own = name.as_str();
        Self {
            store: SecretUrl::from(format!("sqlite:{own}.db").as_str()),
            nats: None,
            listen: "127.0.0.1:8080".to_owned(),
            insecure: false,
            drain_seconds: 30,
            engine: Engine { source: format!("/{own}"), subject_prefix: own.to_owned(), ..Engine::default() },
            postgres: Postgres::default(),
            http: Http::default(),
            jetstream: JetStream { stream: name.upper(), ..JetStream::default() },
            nats_login: NatsLogin::default(),
            egress: Egress::default(),
            callbacks: Callbacks::default(),
            hooks: Hooks::default(),
            activity: Activities::default(),
            log: Log::default(),
            telemetry: Telemetry::default(),
            own: OwnSettings::default(),
        }
    }
}

/// The settings cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A name or a value is wrong; the text says which and where it comes from.
    #[error("{0}")]
    Setting(#[source] Box<figment::Error>),
    /// A variable is no text.
    #[error("{0} is not UTF-8")]
    NotText(String),
    /// The file that was asked for is not there.
    #[error("there is no settings file {}", .0.display())]
    NoFile(PathBuf),
    /// `--set` wants a name and a value.
    #[error("--set takes NAME=VALUE, not {0:?}")]
    Assignment(String),
    /// A value is out of its bounds.
    #[error("{name}: {problem}")]
    Invalid {
        /// The setting, as it is called where it was set.
        name: String,
        /// What is wrong with it.
        problem: String,
    },
    /// There are no API keys, so other machines are not let in.
    #[error(
        "listen: {0} can be reached from other machines, and nobody is asked for a key; listen on a loopback \
         address, or say --insecure if access is guarded elsewhere"
    )]
    Exposed(SocketAddr),
}

impl Error {
    pub(crate) fn invalid(name: impl Into<String>, problem: impl Into<String>) -> Self {
        Self::Invalid { name: name.into(), problem: problem.into() }
    }
}

impl Config {
    /// Checks each value that its type does not check.
    pub fn validate(&self) -> Result<(), Error> {
        self.store.store()?;
        if let Some(nats) = &self.nats {
            nats.nats()?;
        }
        if self.listen.trim().is_empty() {
            return Err(Error::invalid("listen", "an address and a port, such as 127.0.0.1:8080"));
        }
        self.engine.validate()?;
        self.postgres.validate()?;
        self.http.validate()?;
        self.jetstream.validate()?;
        self.nats_login.validate()?;
        self.egress.validate()?;
        outside::keys("callbacks.secrets", &self.callbacks.secrets)?;
        for (source, hook) in &self.hooks {
            let setting = format!("hooks.{source}.secrets");
            if outside::keys(&setting, &hook.secrets)?.is_empty() {
                return Err(Error::invalid(setting, "a source has a secret at least"));
            }
        }
        self.activity.iter().try_for_each(|(name, policy)| policy.validate(name))?;
        self.log.validate()?;
        self.telemetry.validate()
    }

    /// Refuses addresses that other machines can reach, unless they are wanted.
    pub fn check_exposure(&self, addresses: &[SocketAddr]) -> Result<(), Error> {
        match addresses.iter().find(|address| !address.ip().is_loopback()) {
            Some(exposed) if !self.insecure => Err(Error::Exposed(*exposed)),
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_defaults_are_valid() {
        Config::default().validate().unwrap();
    }

    #[test]
    fn only_loopback_is_listened_on_without_being_told_otherwise() {
        let here: SocketAddr = "[::1]:80".parse().unwrap();
        let everywhere: SocketAddr = "0.0.0.0:80".parse().unwrap();
        let mut config = Config::default();
        config.check_exposure(&[here]).unwrap();
        assert!(matches!(config.check_exposure(&[here, everywhere]), Err(Error::Exposed(_))));
        config.insecure = true;
        config.check_exposure(&[everywhere]).unwrap();
    }

    #[test]
    fn a_password_is_never_shown() {
        let config = Config {
            store: SecretUrl::from("postgres://me:hush@host/db"),
            nats: Some(SecretUrl::from("nats://me:hush@host,nats://token-hush@other:4222")),
            callbacks: Callbacks { secrets: vec!["whsec_hush".to_owned().into()] },
            ..Config::default()
        };
        assert!(!format!("{config:?} {}", config.store).contains("hush"), "{config:?}");
    }
}
