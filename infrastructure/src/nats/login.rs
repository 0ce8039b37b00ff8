//! How a session logs in. Files are read anew for each session, so that what is renewed in them counts.

use std::path::PathBuf;

use async_nats::{ConnectOptions, ServerAddr};
use percent_encoding::percent_decode_str;
use wilco_application::ports::BrokerError;

use super::errors::unavailable;

/// Who the server is told this is.
#[derive(Clone, Default)]
pub enum Login {
    /// Whoever the address names: `nats://user:password@host` or `nats://token@host`; or nobody.
    #[default]
    AsAddressed,
    /// A user with a password.
    Password {
        /// The user.
        user: String,
        /// The password.
        password: String,
    },
    /// Who bears this token.
    Token(String),
    /// A file with a JWT and its key, as `nsc` writes them.
    Credentials(PathBuf),
    /// A file with the seed of an nkey.
    Nkey(PathBuf),
}

/// How the connection is encrypted.
#[derive(Clone, Debug, Default)]
pub struct Tls {
    /// Whether it must be; an address that begins with `tls://` says the same.
    pub required: bool,
    /// A file with certificates of authorities to trust, beside those of the web.
    pub authorities: Option<PathBuf>,
    /// Files with this client's certificate and its key.
    pub certificate: Option<(PathBuf, PathBuf)>,
}

impl Login {
    pub(super) async fn apply(
        &self,
        options: ConnectOptions,
        servers: &[ServerAddr],
    ) -> Result<ConnectOptions, BrokerError> {
        match self {
            Self::AsAddressed => Ok(as_addressed(options, servers)),
            Self::Password { user, password } => {
                Ok(options.user_and_password(user.clone(), password.clone()))
            }
            Self::Token(token) => Ok(options.token(token.clone())),
            Self::Credentials(file) => {
                options.credentials(&read(file).await?).map_err(|error| unusable(file, &error))
            }
            Self::Nkey(file) => Ok(options.nkey(read(file).await?.trim().to_owned())),
        }
    }
}

impl Tls {
    pub(super) fn apply(&self, mut options: ConnectOptions) -> ConnectOptions {
        if let Some(authorities) = &self.authorities {
            options = options.add_root_certificates(authorities.clone());
        }
        if let Some((certificate, key)) = &self.certificate {
            options = options.add_client_certificate(certificate.clone(), key.clone());
        }
        let required = self.required || self.authorities.is_some() || self.certificate.is_some();
        if required { options.require_tls(true) } else { options }
    }
}

fn as_addressed(options: ConnectOptions, servers: &[ServerAddr]) -> ConnectOptions {
    let decoded = |text: &str| percent_decode_str(text).decode_utf8_lossy().into_owned();
    let Some((user, password)) =
        servers.iter().find_map(|server| server.username().map(|user| (user, server.password())))
    else {
        return options;
    };
    match password {
        Some(password) => options.user_and_password(decoded(user), decoded(password)),
        None => options.token(decoded(user)),
    }
}

async fn read(file: &PathBuf) -> Result<String, BrokerError> {
    tokio::fs::read_to_string(file).await.map_err(|error| unusable(file, &error))
}

fn unusable(file: &std::path::Path, error: &std::io::Error) -> BrokerError {
    unavailable(format!("{}: {error}", file.display()))
}
