use std::time::Duration;

use ipnet::IpNet;

use super::BasePath;

/// What the interface takes.
#[derive(Clone, Debug)]
pub struct ApiSettings {
    /// Longest body of a request, in bytes; also the longest line of a batch.
    pub body_limit: usize,
    /// Longest body of a batch, in bytes.
    pub batch_limit: usize,
    /// How long the body of a request may take to arrive.
    pub body_timeout: Duration,
    /// Origins whose pages may call this server (`https://app.example`); none by default.
    pub cors_origins: Vec<String>,
    /// The server is to be reached by the names of loopback, and these, alone.
    pub loopback_only: bool,
    /// Further names that a server on loopback is reached by.
    pub hosts: Vec<String>,
    /// The path that clients see everything below, where no proxy says another.
    pub base_path: BasePath,
    /// The proxies that may say so.
    pub trusted_proxies: Vec<IpNet>,
}

impl Default for ApiSettings {
    fn default() -> Self {
        Self {
            body_limit: 256 << 10,
            batch_limit: 8 << 20,
            body_timeout: Duration::from_secs(30),
            cors_origins: Vec::new(),
            loopback_only: false,
            hosts: Vec::new(),
            base_path: BasePath::default(),
            trusted_proxies: Vec::new(),
        }
    }
}

/// Bounds of connections.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Most connections at a time; further ones wait to be accepted.
    pub max_connections: usize,
    /// How long the head of a request may take to arrive.
    pub header_timeout: Duration,
    /// How long a connection may be silent in both directions while no handler is at work for it. Streams say every
    /// 15 s that they are still there: less than that cuts quiet ones.
    pub idle_timeout: Duration,
    /// How long requests under way may take to finish once the server is stopping.
    pub drain_timeout: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            max_connections: 10_000,
            header_timeout: Duration::from_secs(10),
            idle_timeout: Duration::from_secs(75),
            drain_timeout: Duration::from_secs(10),
        }
    }
}
