//! The sections about NATS.

use std::fmt;
use std::path::PathBuf;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use wilco_infrastructure::nats::StreamOptions;

use super::Error;
use super::bounds::{is_token, within};

/// The stream on NATS; without meaning when there is no `nats`.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct JetStream {
    /// Whether notifications go into a stream, which keeps them; without it they are plain publishes.
    pub enabled: bool,
    /// The stream's name.
    pub stream: String,
    /// Copies of the stream in a NATS cluster.
    #[schemars(extend("x-unit" = "copies"))]
    pub replicas: usize,
    /// Where the stream is kept.
    pub storage: Storage,
    /// Seconds after which the stream forgets a message; 0 is never.
    #[schemars(extend("x-unit" = "seconds"))]
    pub max_age_seconds: u64,
    /// Most bytes in the stream; a full one takes nothing new until there is room. 0 is no bound.
    #[schemars(extend("x-unit" = "bytes"))]
    pub max_bytes: i64,
}

/// Where NATS keeps the stream.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Storage {
    /// On disk.
    #[default]
    File,
    /// In memory: gone when the server stops.
    Memory,
}

impl Default for JetStream {
    fn default() -> Self {
        let StreamOptions { name, replicas, in_memory, max_age, max_bytes } = StreamOptions::default();
        Self {
            enabled: true,
            stream: name,
            replicas,
            storage: if in_memory { Storage::Memory } else { Storage::File },
            max_age_seconds: max_age.as_secs(),
            max_bytes: max_bytes.max(0),
        }
    }
}

impl JetStream {
    pub(super) fn validate(&self) -> Result<(), Error> {
        if !is_token(&self.stream) {
            return Err(Error::invalid("jetstream.stream", "a name of A-Z a-z 0-9 _ -, such as WILCO"));
        }
        within("jetstream.replicas", self.replicas as u64, 1, 5)?;
        within("jetstream.max_bytes", self.max_bytes.try_into().unwrap_or(u64::MAX), 0, i64::MAX as u64)
    }
}

/// How to log in to NATS, beyond user and password (or a token) in the address.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct NatsLogin {
    /// The user, with `nats_login.password`.
    pub user: Option<String>,
    /// The password of the user.
    pub password: Option<Secret>,
    /// A token, instead of user and password.
    pub token: Option<Secret>,
    /// A file with credentials (JWT and key), as `nsc` writes them.
    pub credentials: Option<PathBuf>,
    /// A file with the seed of an nkey (`SU…`).
    pub nkey: Option<PathBuf>,
    /// A file with certificates (PEM) of authorities to trust, beside those of the web. With it the connection must
    /// be encrypted.
    pub ca: Option<PathBuf>,
    /// A file with this client's certificate (PEM), with `nats_login.key`.
    pub certificate: Option<PathBuf>,
    /// A file with the key of the certificate (PEM).
    pub key: Option<PathBuf>,
    /// Whether the connection must be encrypted; `tls://` in the address says the same.
    pub tls: bool,
}

impl NatsLogin {
    pub(super) fn validate(&self) -> Result<(), Error> {
        let ways = [
            ("nats_login.user", self.user.is_some()),
            ("nats_login.token", self.token.is_some()),
            ("nats_login.credentials", self.credentials.is_some()),
            ("nats_login.nkey", self.nkey.is_some()),
        ];
        let mut given = ways.into_iter().filter(|(_, given)| *given).map(|(name, _)| name);
        if let (Some(one), Some(other)) = (given.next(), given.next()) {
            return Err(Error::invalid(
                other,
                format!("one way to log in is enough: there is {one} already"),
            ));
        }
        if self.user.is_some() != self.password.is_some() {
            return Err(Error::invalid(
                "nats_login.password",
                "wanted with nats_login.user, and only with it",
            ));
        }
        if self.certificate.is_some() != self.key.is_some() {
            return Err(Error::invalid(
                "nats_login.key",
                "wanted with nats_login.certificate, and only with it",
            ));
        }
        Ok(())
    }
}

/// A text that is never shown.
#[derive(Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct Secret(String);

impl From<String> for Secret {
    fn from(text: String) -> Self {
        Self(text)
    }
}

impl Secret {
    /// The text.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

impl Serialize for Secret {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str("***")
    }
}
