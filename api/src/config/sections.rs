use std::net::IpAddr;
use std::time::Duration;

use ipnet::IpNet;
use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize};
use tracing_subscriber::EnvFilter;
use wilco_application::engine::EngineSettings;
use wilco_infrastructure::postgres::PostgresOptions;

use super::Error;
use super::bounds::{is_token, within};
use crate::http::{ApiSettings, BasePath, Limits};

/// How commands are accepted and applied.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Engine {
    /// Partitions of a new store; one that exists keeps what it has.
    #[schemars(extend("x-unit" = "partitions"))]
    pub partitions: Option<u16>,
    /// Lanes that apply commands side by side, each on its own partitions.
    #[schemars(extend("x-unit" = "lanes"))]
    pub lanes: usize,
    /// Most commands in one commit.
    #[schemars(extend("x-unit" = "commands"))]
    pub batch: usize,
    /// Commands that wait in memory, in each lane; more stay in the store.
    #[schemars(extend("x-unit" = "commands"))]
    pub inbox: usize,
    /// Aggregates kept in memory, of each type and in each lane.
    #[schemars(extend("x-unit" = "aggregates"))]
    pub cache: usize,
    /// Events after which an aggregate gets a new snapshot.
    #[schemars(extend("x-unit" = "events"))]
    pub snapshot_every: i64,
    /// Milliseconds between two looks into the registry that nothing else gave rise to.
    #[schemars(extend("x-unit" = "milliseconds"))]
    pub look_every_ms: u64,
    /// Entries of the feed kept in memory.
    #[schemars(extend("x-unit" = "entries"))]
    pub feed_tail: usize,
    /// Milliseconds that a replica's lease of its partitions lasts without being renewed.
    #[schemars(extend("x-unit" = "milliseconds"))]
    pub lease_ms: u64,
    /// Most commands that may wait before new ones are refused with 503.
    #[schemars(extend("x-unit" = "commands"))]
    pub max_backlog: u64,
    /// Seconds that the status of a settled command is kept for clients.
    #[schemars(extend("x-unit" = "seconds"))]
    pub retention_seconds: u64,
    /// The `source` of the CloudEvents.
    pub source: String,
    /// What the subjects of notifications begin with: `wilco` gives `wilco.event.pet.created.p00`.
    pub subject_prefix: String,
}

impl Default for Engine {
    fn default() -> Self {
        let EngineSettings { worker, feed_tail, lease, max_backlog, retention, source, subject_prefix } =
            EngineSettings::default();
        Self {
            partitions: None,
            lanes: worker.lanes,
            batch: worker.batch,
            inbox: worker.inbox,
            cache: worker.cache,
            snapshot_every: worker.snapshot_every,
            look_every_ms: millis(worker.look_every),
            feed_tail,
            lease_ms: millis(lease),
            max_backlog,
            retention_seconds: retention.as_secs(),
            source,
            subject_prefix,
        }
    }
}

impl Engine {
    pub(super) fn validate(&self) -> Result<(), Error> {
        let partitions = u64::from(self.partitions.unwrap_or(1));
        within("engine.partitions", partitions, 1, 1024)?;
        within("engine.lanes", self.lanes as u64, 1, 256)?;
        within("engine.batch", self.batch as u64, 1, 10_000)?;
        within("engine.inbox", self.inbox as u64, 1, 10_000_000)?;
        within("engine.cache", self.cache as u64, 1, 100_000_000)?;
        within("engine.snapshot_every", self.snapshot_every.try_into().unwrap_or(0), 1, 1_000_000)?;
        within("engine.look_every_ms", self.look_every_ms, 10, 60_000)?;
        within("engine.feed_tail", self.feed_tail as u64, 1, 100_000_000)?;
        within("engine.lease_ms", self.lease_ms, 500, 600_000)?;
        within("engine.max_backlog", self.max_backlog, 1, 1_000_000_000)?;
        within("engine.retention_seconds", self.retention_seconds, 1, 100 * 366 * 24 * 3600)?;
        let odd = |c: char| c.is_control() || c.is_whitespace();
        if self.source.is_empty() || self.source.contains(odd) {
            return Err(Error::invalid("engine.source", "a URI reference, such as /wilco"));
        }
        if !self.subject_prefix.split('.').all(is_token) {
            return Err(Error::invalid(
                "engine.subject_prefix",
                "tokens of A-Z a-z 0-9 _ - separated by dots, such as wilco",
            ));
        }
        Ok(())
    }
}

/// Connections to PostgreSQL; without meaning on SQLite.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Postgres {
    /// Connections that read.
    #[schemars(extend("x-unit" = "connections"))]
    pub read_connections: u32,
    /// Connections that write; each does a whole batch at a time, so few suffice.
    #[schemars(extend("x-unit" = "connections"))]
    pub write_connections: u32,
    /// Milliseconds a statement may take.
    #[schemars(extend("x-unit" = "milliseconds"))]
    pub statement_timeout_ms: u64,
    /// Milliseconds to wait for a connection.
    #[schemars(extend("x-unit" = "milliseconds"))]
    pub acquire_timeout_ms: u64,
}

impl Default for Postgres {
    fn default() -> Self {
        let defaults = PostgresOptions::default();
        Self {
            read_connections: defaults.read_connections,
            write_connections: defaults.write_connections,
            statement_timeout_ms: millis(defaults.statement_timeout),
            acquire_timeout_ms: millis(defaults.acquire_timeout),
        }
    }
}

impl Postgres {
    pub(super) fn validate(&self) -> Result<(), Error> {
        within("postgres.read_connections", self.read_connections.into(), 1, 1000)?;
        within("postgres.write_connections", self.write_connections.into(), 1, 1000)?;
        within("postgres.statement_timeout_ms", self.statement_timeout_ms, 100, 600_000)?;
        within("postgres.acquire_timeout_ms", self.acquire_timeout_ms, 100, 600_000)
    }
}

/// Bounds of the HTTP server.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Http {
    /// Most bytes in the body of a request, and in a line of a batch.
    #[schemars(extend("x-unit" = "bytes"))]
    pub body_limit: usize,
    /// Most bytes in the body of a batch.
    #[schemars(extend("x-unit" = "bytes"))]
    pub batch_limit: usize,
    /// Milliseconds the body of a request may take to arrive.
    #[schemars(extend("x-unit" = "milliseconds"))]
    pub body_timeout_ms: u64,
    /// Origins whose pages may call the server, such as `https://app.example`: a list, or a text with commas.
    #[serde(deserialize_with = "list")]
    pub cors_origins: Vec<String>,
    /// Further names that a server on loopback may be asked for by, such as `wilco.example` where a proxy hands on the
    /// name it is asked for: a list, or a text with commas. It is always known as `localhost` and by addresses of loopback.
    #[serde(deserialize_with = "list")]
    pub hosts: Vec<String>,
    /// The path that clients see the server below, such as `/wilco`, whether a proxy takes it away or not.
    pub base_path: String,
    /// Addresses or ranges, such as `10.0.0.0/8`, of the proxies whose `X-Forwarded-Prefix` counts more than
    /// `base_path`: a list, or a text with commas.
    #[serde(deserialize_with = "list")]
    pub trusted_proxies: Vec<String>,
    /// Most connections at a time, as far as the process may open files; further ones wait.
    #[schemars(extend("x-unit" = "connections"))]
    pub max_connections: usize,
    /// Milliseconds the head of a request may take to arrive.
    #[schemars(extend("x-unit" = "milliseconds"))]
    pub header_timeout_ms: u64,
    /// Milliseconds a connection may stay open between two requests.
    #[schemars(extend("x-unit" = "milliseconds"))]
    pub idle_timeout_ms: u64,
}

impl Default for Http {
    fn default() -> Self {
        let (settings, limits) = (ApiSettings::default(), Limits::default());
        Self {
            body_limit: settings.body_limit,
            batch_limit: settings.batch_limit,
            body_timeout_ms: millis(settings.body_timeout),
            cors_origins: Vec::new(),
            hosts: Vec::new(),
            base_path: String::new(),
            trusted_proxies: Vec::new(),
            max_connections: limits.max_connections,
            header_timeout_ms: millis(limits.header_timeout),
            idle_timeout_ms: millis(limits.idle_timeout),
        }
    }
}

impl Http {
    pub(super) fn validate(&self) -> Result<(), Error> {
        within("http.body_limit", self.body_limit as u64, 1024, 64 << 20)?;
        within("http.batch_limit", self.batch_limit as u64, self.body_limit as u64, 1 << 30)?;
        within("http.body_timeout_ms", self.body_timeout_ms, 100, 600_000)?;
        within("http.max_connections", self.max_connections as u64, 1, 1_000_000)?;
        within("http.header_timeout_ms", self.header_timeout_ms, 100, 600_000)?;
        within("http.idle_timeout_ms", self.idle_timeout_ms, 100, 3_600_000)?;
        self.base()?;
        self.proxies()?;
        let host =
            |text: &String| !text.is_empty() && !text.contains(['/', ':', '*', ' ']) && text.is_ascii();
        if let Some(odd) = self.hosts.iter().find(|text| !host(text)) {
            return Err(Error::invalid("http.hosts", format!("{odd:?} is no name without a port")));
        }
        let origin = |text: &String| {
            let host = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"));
            host.is_some_and(|host| !host.is_empty() && !host.contains('/') && host.is_ascii())
        };
        match self.cors_origins.iter().find(|text| !origin(text)) {
            Some(odd) => {
                Err(Error::invalid("http.cors_origins", format!("{odd:?} is not like https://HOST")))
            }
            None => Ok(()),
        }
    }

    /// The path that clients see the server below.
    pub fn base(&self) -> Result<BasePath, Error> {
        BasePath::parse(&self.base_path).map_err(|error| Error::invalid("http.base_path", error.to_string()))
    }

    /// The ranges of the trusted proxies; an address is a range of its own.
    pub fn proxies(&self) -> Result<Vec<IpNet>, Error> {
        let range = |text: &String| {
            let address = text.parse::<IpAddr>().map(IpNet::from);
            address.or_else(|_| text.parse()).map_err(|_| {
                Error::invalid("http.trusted_proxies", format!("{text:?} is neither an address nor a range"))
            })
        };
        self.trusted_proxies.iter().map(range).collect()
    }
}

/// What is logged, to standard error.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Log {
    /// `text` for people, `json` for machines: an object a line.
    pub format: LogFormat,
    /// The least severe level, or levels by module: `info`, `warn,wilco=debug`.
    pub level: String,
}

/// The shape of log lines.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum LogFormat {
    /// For people.
    #[default]
    Text,
    /// For machines.
    Json,
}

impl Default for Log {
    fn default() -> Self {
        Self { format: LogFormat::Text, level: "info".to_owned() }
    }
}

impl Log {
    pub(super) fn validate(&self) -> Result<(), Error> {
        let parsed = self.level.parse::<EnvFilter>();
        parsed.map(drop).map_err(|error| Error::invalid("log.level", error.to_string()))
    }
}

/// Where traces go.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Telemetry {
    /// The OpenTelemetry collector that spans are sent to (OTLP over HTTP), such as `http://collector:4318`.
    pub otlp: Option<String>,
}

impl Telemetry {
    pub(super) fn validate(&self) -> Result<(), Error> {
        let Some(otlp) = &self.otlp else { return Ok(()) };
        let url = otlp.parse::<reqwest::Url>().ok().filter(|url| url.has_host() && url.username().is_empty());
        match url {
            Some(url) if matches!(url.scheme(), "http" | "https") => Ok(()),
            _ => Err(Error::invalid("telemetry.otlp", "http://HOST:PORT, without user and password")),
        }
    }
}

fn millis(duration: Duration) -> u64 {
    duration.as_millis().try_into().unwrap_or(u64::MAX)
}

/// A list, or a text with commas: variables and flags hold no lists.
pub(super) fn list<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<String>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum OneOrMany {
        Many(Vec<String>),
        One(String),
    }
    Ok(match OneOrMany::deserialize(deserializer)? {
        OneOrMany::Many(items) => items,
        OneOrMany::One(text) => {
            text.split(',').map(|item| item.trim().to_owned()).filter(|item| !item.is_empty()).collect()
        }
    })
}
