use std::fmt;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::Error;

/// A URL that may hold a password: shown without it.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct SecretUrl(String);

/// Where data is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StoreUrl {
    /// In one file.
    Sqlite(PathBuf),
    /// On a PostgreSQL server; the URL is the setting as it is.
    Postgres,
}

impl SecretUrl {
    /// The whole of it, password included: for connecting, never for showing.
    pub fn secret(&self) -> &str {
        &self.0
    }

    /// Read as the setting `store`.
    pub fn store(&self) -> Result<StoreUrl, Error> {
        let wrong = |problem: &str| Err(Error::invalid("store", problem));
        if self.0.starts_with("postgres://") || self.0.starts_with("postgresql://") {
            return Ok(StoreUrl::Postgres);
        }
        let Some(path) = self.0.strip_prefix("sqlite:") else {
            return wrong("sqlite:PATH or postgres://USER:PASSWORD@HOST/DATABASE");
        };
        let path = path.strip_prefix("//").unwrap_or(path);
        if path.is_empty() || path == ":memory:" || path.contains('?') {
            return wrong("sqlite: needs the path of a file");
        }
        Ok(StoreUrl::Sqlite(PathBuf::from(path)))
    }

    /// Read as the setting `nats`.
    pub(super) fn check_nats(&self) -> Result<(), Error> {
        const SCHEMES: [&str; 4] = ["nats", "tls", "ws", "wss"];
        let known = |server: &str| match server.trim().split_once("://") {
            Some((scheme, rest)) => SCHEMES.contains(&scheme) && !rest.is_empty(),
            None => !server.trim().is_empty(),
        };
        if self.0.split(',').all(known) {
            Ok(())
        } else {
            Err(Error::invalid("nats", "nats://HOST:PORT, several separated by commas"))
        }
    }

    /// What it is without user and password, for each of several.
    fn shown(&self) -> String {
        let mask = |url: &str| match url.rsplit_once('@') {
            None => url.to_owned(),
            Some((head, host)) => {
                let (scheme, user) =
                    head.split_once("://").map_or(("", head), |(scheme, user)| (scheme, user));
                let scheme = if scheme.is_empty() { String::new() } else { format!("{scheme}://") };
                let user = user.split_once(':').map_or("", |(user, _)| user);
                format!("{scheme}{user}:***@{host}")
            }
        };
        let text = if self.0.starts_with("postgres") { mask_query(&self.0) } else { self.0.clone() };
        text.split(',').map(mask).collect::<Vec<_>>().join(",")
    }
}

/// A password may also be a parameter.
fn mask_query(url: &str) -> String {
    let Some((head, query)) = url.split_once('?') else { return url.to_owned() };
    let mask = |pair: &str| match pair.split_once('=') {
        Some((name, _)) if name.eq_ignore_ascii_case("password") => format!("{name}=***"),
        _ => pair.to_owned(),
    };
    format!("{head}?{}", query.split('&').map(mask).collect::<Vec<_>>().join("&"))
}

impl From<&str> for SecretUrl {
    fn from(text: &str) -> Self {
        Self(text.to_owned())
    }
}

impl fmt::Display for SecretUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.shown())
    }
}

impl fmt::Debug for SecretUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.shown())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_stores_are_told_by_their_scheme() {
        let sqlite = |text: &str| SecretUrl::from(text).store().ok();
        assert_eq!(sqlite("sqlite:wilco.db"), Some(StoreUrl::Sqlite("wilco.db".into())));
        assert_eq!(sqlite("sqlite:/var/lib/wilco.db"), Some(StoreUrl::Sqlite("/var/lib/wilco.db".into())));
        assert_eq!(sqlite("sqlite:///var/lib/wilco.db"), Some(StoreUrl::Sqlite("/var/lib/wilco.db".into())));
        assert_eq!(sqlite("postgres://host/db"), Some(StoreUrl::Postgres));
        for text in ["", "wilco.db", "mysql://host", "sqlite:", "sqlite::memory:"] {
            assert_eq!(sqlite(text), None, "{text:?}");
        }
    }

    #[test]
    fn what_is_shown_still_tells_which_server() {
        let shown = |text: &str| SecretUrl::from(text).to_string();
        assert_eq!(shown("postgres://me:pw@host/db"), "postgres://me:***@host/db");
        assert_eq!(
            shown("postgres://host/db?user=me&password=pw"),
            "postgres://host/db?user=me&password=***"
        );
        assert_eq!(shown("nats://token@a:1,nats://b:2"), "nats://:***@a:1,nats://b:2");
        assert_eq!(shown("sqlite:wilco.db"), "sqlite:wilco.db");
    }
}
