//! Which of the URL's servers is used, what its sessions are told, and since when they are trusted.
//!
//! What must hold:
//!
//! - A server that cannot be written to (a standby, `default_transaction_read_only`) is not used while another of the
//!   URL can be, and connections to it are not used again: a name may lead elsewhere now.
//! - Settings are told by `SET` behind the connection's start: poolers drop or refuse those of the start.

use std::str::FromStr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use percent_encoding::percent_decode_str;
use sqlx::postgres::{PgConnectOptions, PgPool};
use sqlx::{ConnectOptions, Connection, PgConnection};
use tokio::sync::{Notify, watch};
use tokio::task::AbortHandle;
use wilco_application::ports::StoreError;

use super::errors::is_of_server;
use crate::{OpenError, ServerUrl};

/// Between two looks for a server that can be written to.
const PAUSE: Duration = Duration::from_millis(500);
/// Parameters of the URL that sqlx knows. Others are told of: that they have no effect may matter.
const KNOWN: [&str; 18] = [
    "sslmode",
    "ssl-mode",
    "sslrootcert",
    "ssl-root-cert",
    "ssl-ca",
    "sslcert",
    "ssl-cert",
    "sslkey",
    "ssl-key",
    "statement-cache-capacity",
    "host",
    "hostaddr",
    "port",
    "dbname",
    "user",
    "password",
    "application_name",
    "target_session_attrs",
];
/// What of `target_session_attrs` a store can live with; it always wants a server that it can write to.
const WRITABLE: [&str; 3] = ["any", "read-write", "primary"];

/// Settings of a session, by name.
pub(super) type Settings = Vec<(String, String)>;

pub(super) struct Servers {
    /// How to connect to each, in the order of the URL.
    hosts: Vec<PgConnectOptions>,
    /// Their names, for the log.
    names: Vec<String>,
    /// The settings that the URL's `options` name.
    pub(super) settings: Settings,
    used: AtomicUsize,
    /// Connections made before are not used again.
    trusted_since: watch::Sender<Instant>,
    /// A write failed for the server's sake, and none has succeeded since.
    lost: AtomicBool,
    /// A write failed: the server is to be looked at.
    look: Notify,
    patience: Duration,
}

impl Servers {
    /// Reads the store's URL.
    pub(super) fn of(url: &str, patience: Duration) -> Result<Self, OpenError> {
        let url = ServerUrl::parse(url, &["postgres", "postgresql"])?;
        let mut settings = Vec::new();
        for (name, value) in url.parameters() {
            let value = decoded(value);
            match name.strip_prefix("options[").and_then(|name| name.strip_suffix(']')) {
                Some(setting) => settings.push((setting.to_owned(), value)),
                None if name == "options" => settings.extend(read_options(&value)?),
                None if name == "target_session_attrs" && !WRITABLE.contains(&value.as_str()) => {
                    return Err(OpenError::SessionAttributes);
                }
                None if !KNOWN.contains(&name.as_str()) => {
                    tracing::warn!(
                        parameter = name,
                        "the store's URL has a parameter that is not known here"
                    );
                }
                None => {}
            }
        }
        let options = |host: &String| {
            let one = url.of_host(host, |name| KNOWN.contains(&name) && name != "target_session_attrs");
            let options = PgConnectOptions::from_str(&one).map_err(OpenError::Url)?;
            // Floats travel as they are; and this parameter is not known to PgBouncer before 1.20.
            Ok(options.extra_float_digits(None).application_name("wilco").disable_statement_logging())
        };
        Ok(Self {
            hosts: url.hosts().iter().map(options).collect::<Result<_, OpenError>>()?,
            names: url.hosts().to_vec(),
            settings,
            used: AtomicUsize::new(0),
            trusted_since: watch::Sender::new(Instant::now()),
            lost: AtomicBool::new(false),
            look: Notify::new(),
            patience,
        })
    }

    /// How to connect to the server that is used now.
    pub(super) fn options(&self) -> &PgConnectOptions {
        &self.hosts[self.used.load(Ordering::Acquire)]
    }

    /// A connection for what may take its time.
    pub(super) async fn connect(&self) -> Result<PgConnection, sqlx::Error> {
        let mut connection = self.options().connect().await?;
        tell(&mut connection, &self.settings).await?;
        Ok(connection)
    }

    /// Whether a connection of this age may be used again.
    pub(super) fn trusts(&self, age: Duration) -> bool {
        Instant::now().checked_sub(age).is_some_and(|made| made >= *self.trusted_since.borrow())
    }

    /// Resolves when the connections there are are no longer trusted.
    pub(super) async fn distrusted(&self) {
        let mut since = self.trusted_since.subscribe();
        // It ends with this value only.
        let _ = since.changed().await;
    }

    /// Looks at how a write ended: what is of the server ends the connections to it.
    pub(super) fn learn<T>(&self, outcome: &Result<T, StoreError>) {
        match outcome {
            Ok(_) => {
                // Connections that only read may still lead to the server of before.
                if self.lost.load(Ordering::Relaxed) && self.lost.swap(false, Ordering::AcqRel) {
                    self.distrust();
                }
            }
            Err(StoreError::Unavailable(error)) => {
                if error.downcast_ref().is_some_and(is_of_server) {
                    self.lost.store(true, Ordering::Release);
                    self.distrust();
                }
                self.look.notify_one();
            }
            Err(_) => {}
        }
    }

    fn distrust(&self) {
        self.trusted_since.send_replace(Instant::now());
    }

    /// Uses the first server that can be written to, from the one that was used on; says why there is none.
    pub(super) async fn choose(&self) -> Result<(), OpenError> {
        let mut failure = OpenError::ReadOnly;
        let used = self.used.load(Ordering::Acquire);
        for index in (used..self.hosts.len()).chain(0..used) {
            match self.is_writable(index).await {
                Ok(true) => {
                    self.used.store(index, Ordering::Release);
                    return Ok(());
                }
                Ok(false) => failure = OpenError::ReadOnly,
                Err(error) if self.hosts.len() == 1 || !matches!(failure, OpenError::ReadOnly) => {
                    failure = OpenError::Connect(error);
                }
                Err(error) => tracing::debug!(%error, server = self.names[index], "a server does not answer"),
            }
        }
        Err(failure)
    }

    async fn is_writable(&self, index: usize) -> Result<bool, sqlx::Error> {
        let ask = async {
            let mut connection = self.hosts[index].connect().await?;
            // A text without arguments is no prepared statement, which some poolers would lose.
            let ask = "SELECT NOT pg_is_in_recovery() AND current_setting('transaction_read_only') = 'off' AS writable";
            let writable = sqlx::Row::try_get(&sqlx::Executor::fetch_one(&mut connection, ask).await?, 0)?;
            connection.close().await?;
            Ok(writable)
        };
        tokio::time::timeout(self.patience, ask).await.unwrap_or(Err(sqlx::Error::PoolTimedOut))
    }

    /// Goes to another server whenever this one fails, if the URL names several.
    pub(super) fn start(self: &Arc<Self>, pools: Vec<PgPool>) -> AbortHandle {
        let servers = Arc::clone(self);
        let stay_writable = async move {
            while servers.hosts.len() > 1 {
                servers.look.notified().await;
                let before = servers.used.load(Ordering::Acquire);
                while servers.choose().await.is_err() {
                    tokio::time::sleep(PAUSE).await;
                }
                let now = servers.used.load(Ordering::Acquire);
                if now != before {
                    tracing::warn!(
                        server = servers.names[now],
                        "another server of the store's URL is used from now on"
                    );
                    for pool in &pools {
                        pool.set_connect_options(servers.hosts[now].clone());
                    }
                    servers.distrust();
                }
                tokio::time::sleep(PAUSE).await;
            }
        };
        tokio::spawn(stay_writable).abort_handle()
    }
}

/// Sets what the session is to have; says what it has then.
pub(super) async fn tell(
    connection: &mut PgConnection,
    settings: &Settings,
) -> Result<Settings, sqlx::Error> {
    let (names, values): (Vec<&str>, Vec<&str>) =
        settings.iter().map(|(name, value)| (name.as_str(), value.as_str())).unzip();
    sqlx::query_as(include_str!("sql/tell.sql")).bind(names).bind(values).fetch_all(connection).await
}

/// What `options` says, as `-c name=value` or `--name=value`.
fn read_options(text: &str) -> Result<Settings, OpenError> {
    let mut words = text.split_whitespace();
    let mut settings = Vec::new();
    while let Some(word) = words.next() {
        let assignment = match word.strip_prefix("--").or_else(|| word.strip_prefix("-c")) {
            Some("") => words.next().unwrap_or_default(),
            Some(rest) => rest,
            None => "",
        };
        let (name, value) = assignment.split_once('=').ok_or(OpenError::Options)?;
        settings.push((name.replace('-', "_"), value.to_owned()));
    }
    Ok(settings)
}

/// The value of a parameter.
fn decoded(text: &str) -> String {
    percent_decode_str(&text.replace('+', " ")).decode_utf8_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn servers(url: &str) -> Result<Servers, OpenError> {
        Servers::of(url, Duration::from_secs(1))
    }

    #[test]
    fn each_host_has_its_own_port_and_all_the_same_user_and_database() {
        let servers =
            servers("postgres://me:p%40w@a:1,b/db?target_session_attrs=read-write&sslmode=disable").unwrap();
        let of = |options: &PgConnectOptions| (options.get_host().to_owned(), options.get_port());
        assert_eq!(
            servers.hosts.iter().map(of).collect::<Vec<_>>(),
            [("a".to_owned(), 1), ("b".to_owned(), 5432)]
        );
        assert!(servers.hosts.iter().all(|options| options.get_username() == "me"));
        assert!(servers.hosts.iter().all(|options| options.get_database() == Some("db")));
    }

    #[test]
    fn options_of_the_start_become_settings_of_the_session() {
        let url = "postgres://h/db?options=-c%20search_path%3Dmine+--work-mem=4MB&options[jit]=off";
        let wanted = [("search_path", "mine"), ("work_mem", "4MB"), ("jit", "off")];
        assert_eq!(
            servers(url).unwrap().settings,
            wanted.map(|(name, value)| (name.to_owned(), value.to_owned()))
        );
        assert!(matches!(servers("postgres://h/db?options=nonsense"), Err(OpenError::Options)));
    }

    #[test]
    fn a_store_does_not_live_on_a_standby() {
        let standby = servers("postgres://a,b/db?target_session_attrs=prefer-standby");
        assert!(matches!(standby, Err(OpenError::SessionAttributes)));
    }
}
