use std::fmt;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use wilco_infrastructure::ServerUrl;

use super::Error;

/// A URL that may hold a password: only hosts and database are ever shown.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct SecretUrl(String);

/// Where data is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StoreUrl {
    /// In one file.
    Sqlite(PathBuf),
    /// On a PostgreSQL server.
    Postgres(ServerUrl),
}

const POSTGRES: [&str; 2] = ["postgres", "postgresql"];
const NATS: [&str; 2] = ["nats", "tls"];

impl SecretUrl {
    /// The whole of it, password included: for connecting, never for showing.
    pub fn secret(&self) -> &str {
        &self.0
    }

    /// Read as the setting `store`.
    pub fn store(&self) -> Result<StoreUrl, Error> {
        let wrong = |problem: &str| Err(Error::invalid("store", problem));
        if POSTGRES.iter().any(|scheme| self.0.starts_with(&format!("{scheme}://"))) {
            let url = ServerUrl::parse(&self.0, &POSTGRES);
            return url.map(StoreUrl::Postgres).map_err(|error| Error::invalid("store", error.to_string()));
        }
        let Some(path) = self.0.strip_prefix("sqlite:") else {
            return wrong("sqlite:PATH or postgres://USER:PASSWORD@HOST/DATABASE");
        };
        let path = path.strip_prefix("//").unwrap_or(path);
        if path.is_empty() || path.starts_with(":memory:") {
            return wrong("sqlite: needs the path of a file");
        }
        if path.contains('?') || path.contains(char::is_control) {
            return wrong("sqlite: is followed by the path of a file as it is, without parameters");
        }
        Ok(StoreUrl::Sqlite(PathBuf::from(path)))
    }

    /// Read as the setting `nats`: servers separated by commas.
    pub fn nats(&self) -> Result<Vec<ServerUrl>, Error> {
        let read = |server: &str| {
            let server = server.trim();
            // A piece without a scheme is a host and a port; with an @ it is what a comma has cut off a password.
            let url = match server.split_once("://") {
                None if !server.contains('@') => ServerUrl::parse(&format!("nats://{server}"), &NATS),
                _ => ServerUrl::parse(server, &NATS),
            };
            let url = url.map_err(|error| Error::invalid("nats", error.to_string()))?;
            let bare = url.path().is_empty() && url.parameters().is_empty() && !url.hosts()[0].is_empty();
            if bare {
                Ok(url)
            } else {
                Err(Error::invalid("nats", "nats://HOST:PORT, several separated by commas"))
            }
        };
        self.0.split(',').map(read).collect()
    }

    /// Hosts and database. What cannot be read is not shown at all.
    fn shown(&self) -> String {
        if self.0.starts_with("sqlite:") {
            return self.0.clone();
        }
        if let Ok(StoreUrl::Postgres(url)) = self.store() {
            return url.to_string();
        }
        match self.nats() {
            Ok(servers) => servers.iter().map(ToString::to_string).collect::<Vec<_>>().join(","),
            Err(_) => "a URL that cannot be read".to_owned(),
        }
    }
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
        let sqlite = |text: &str| match SecretUrl::from(text).store() {
            Ok(StoreUrl::Sqlite(path)) => path.to_str().map(str::to_owned),
            _ => None,
        };
        for (text, path) in [
            ("sqlite:wilco.db", "wilco.db"),
            ("sqlite:../data/wilco.db", "../data/wilco.db"),
            ("sqlite:/var/lib/wilco.db", "/var/lib/wilco.db"),
            ("sqlite://data/wilco.db", "data/wilco.db"),
            ("sqlite:///var/lib/wilco.db", "/var/lib/wilco.db"),
            ("sqlite:my %20 #1 @home,too.db", "my %20 #1 @home,too.db"),
            ("sqlite:file:x.db", "file:x.db"),
        ] {
            assert_eq!(sqlite(text).as_deref(), Some(path));
        }
        for text in [
            "",
            "wilco.db",
            "mysql://host",
            "sqlite:",
            "sqlite::memory:",
            "sqlite:a.db?mode=rwc",
            "sqlite:a\nb",
        ] {
            assert!(SecretUrl::from(text).store().is_err(), "{text:?}");
        }
        assert!(matches!(SecretUrl::from("postgres://host/db").store(), Ok(StoreUrl::Postgres(_))));
        assert!(matches!(SecretUrl::from("postgresql://host/db").store(), Ok(StoreUrl::Postgres(_))));
    }

    #[test]
    fn what_is_shown_tells_which_server_and_nothing_of_who() {
        let shown = |text: &str| SecretUrl::from(text).to_string();
        assert_eq!(shown("postgres://me:pw@host/db"), "postgres://host/db");
        assert_eq!(shown("postgres://host/db?user=me&password=pw"), "postgres://host/db");
        assert_eq!(shown("nats://token@a:1,nats://b:2"), "nats://a:1,nats://b:2");
        assert_eq!(shown("a:1, b:2"), "nats://a:1,nats://b:2");
        assert_eq!(shown("sqlite:wilco.db"), "sqlite:wilco.db");
    }

    #[test]
    fn no_part_of_a_password_is_shown_whatever_is_in_it() {
        for mark in [",", "@", "/", "#", "?", ":", "%", " ", "&", "?x=", "/,"] {
            for (before, after) in [("secret", "secret"), ("12", "secret"), ("secret", "12")] {
                for start in ["postgres://me:", "nats://me:", "nats://", "tls://", "postgres://"] {
                    let url = SecretUrl::from(format!("{start}{before}{mark}{after}@host:42").as_str());
                    let errors = [url.store().map(drop), url.nats().map(drop)];
                    let said = format!("{url} {url:?} {errors:?}");
                    assert!(!said.contains("secret"), "{} gives {said}", url.secret());
                }
            }
        }
    }
}
