//! Wilco, its store and its broker, each behind a line that can be disturbed, and load on all of it.

use std::time::{Duration, Instant};

use reqwest::Method;
use serde_json::Value;
use sqlx::{Connection as _, Executor as _, PgConnection, SqliteConnection};
use tokio::sync::watch;

use super::listener::{Listener, Wanted};
use super::outside::Unrest;
use super::{FarLine, Load, Outside, Promises, Proxy, audit};
use crate::client::{Client, Reply, create_pet};
use crate::e2e::{Place as _, SqlitePlace};
use crate::nats::NatsServer;
use crate::postgres::{self, PostgresServer};
use crate::wait_for;
use crate::wilco::{Server, Wilco};

/// How long a replica owns its partitions without a heartbeat, in these worlds.
pub const LEASE: Duration = Duration::from_secs(1);
/// Within what time after the healing the server answers as usual.
pub const HEALED_WITHIN: Duration = Duration::from_secs(5);
/// How long a sender of load rests after each command.
const REST: Duration = Duration::from_millis(8);
/// Conflicts are ordinary; where one comes again and again, this tells what it is about.
const LOGGED: &str = "log.level=info,wilco_infrastructure::postgres=debug";

/// What the commands are kept in.
pub enum Base {
    /// A file, and one replica.
    Sqlite(SqlitePlace),
    /// A server behind a line, and two replicas.
    Postgres {
        /// The server itself.
        server: PostgresServer,
        /// Its database, not through the line.
        url: String,
        /// What the replicas connect through.
        line: Proxy,
    },
}

impl Base {
    /// How much processes are still to hear of.
    async fn signals(&self) -> Result<i64, sqlx::Error> {
        const COUNT: &str = "SELECT count(*) FROM signals";
        match self {
            Self::Sqlite(place) => {
                let mut file = SqliteConnection::connect(&place.url()).await?;
                sqlx::query_scalar(COUNT).fetch_one(&mut file).await
            }
            Self::Postgres { url, .. } => {
                let mut session = PgConnection::connect(url).await?;
                sqlx::query_scalar(COUNT).fetch_one(&mut session).await
            }
        }
    }
}

/// All the processes, and what was promised by them.
pub struct World {
    /// The store.
    pub base: Base,
    /// The broker.
    pub nats: NatsServer,
    /// What the replicas reach the broker through.
    pub nats_line: Proxy,
    /// How far the broker is from that line.
    pub nats_distance: FarLine,
    /// The running replicas.
    pub replicas: Vec<Server>,
    /// What clients know.
    pub promises: Promises,
    /// Whom the replicas call, and who calls them.
    pub outside: Outside,
    /// Clients that follow the feed, and where they find it.
    listeners: [Listener; 2],
    servers: watch::Sender<Vec<Client>>,
    wilco: Wilco,
    count: usize,
    names: usize,
}

/// A copy of a store as it was.
pub enum Backup {
    /// A folder with the file.
    Sqlite(SqlitePlace),
    /// The URL of a database.
    Postgres(String),
}

impl World {
    /// One replica on SQLite.
    pub async fn on_sqlite() -> Self {
        let place = SqlitePlace::new().await;
        let wilco = place.wilco();
        Self::around(Base::Sqlite(place), wilco, 1).await
    }

    /// So many replicas on one PostgreSQL.
    pub async fn on_postgres(replicas: usize) -> Self {
        let server = tokio::task::spawn_blocking(PostgresServer::start).await.expect("PostgreSQL starts");
        let url = server.database().await;
        let line = Proxy::to_postgres(server.port()).await;
        let through = url.replace(&format!(":{}/", server.port()), &format!(":{}/", line.port()));
        let lease = format!("engine.lease_ms={}", LEASE.as_millis());
        let wilco = Wilco::on(through).set(&lease).set(LOGGED);
        Self::around(Base::Postgres { server, url, line }, wilco, replicas).await
    }

    async fn around(base: Base, wilco: Wilco, count: usize) -> Self {
        let nats = NatsServer::started().await;
        let nats_distance = FarLine::to(nats.port(), Duration::ZERO).await;
        let nats_line = Proxy::to(nats_distance.port()).await;
        let wilco = wilco.nats(format!("nats://127.0.0.1:{}", nats_line.port()));
        let (replicas, promises, servers) = (Vec::new(), Promises::default(), watch::Sender::default());
        let listeners = [Wanted::Everything, Wanted::Outcomes]
            .map(|wanted| Listener::to(wanted, watch::Sender::subscribe(&servers)));
        let outside = Outside::of(servers.subscribe()).await;
        let wilco = outside.known_to(wilco);
        let mut world = Self {
            base,
            nats,
            nats_line,
            nats_distance,
            replicas,
            promises,
            outside,
            listeners,
            servers,
            wilco,
            count,
            names: 0,
        };
        world.complete().await;
        world
    }

    /// How its servers are started; for changing it.
    pub fn wilco(&mut self) -> &mut Wilco {
        &mut self.wilco
    }

    /// Starts the replicas that are missing.
    pub async fn complete(&mut self) {
        while self.replicas.len() < self.count {
            self.replicas.push(self.wilco.start().await);
        }
        self.servers.send_replace(self.replicas.iter().map(|replica| replica.client().clone()).collect());
    }

    /// Load on all replicas.
    pub fn load(&self, seed: u64, round: u64) -> Load {
        let clients: Vec<&Client> = self.replicas.iter().map(Server::client).collect();
        Load::telling(Some(self.outside.shop()), &clients, seed, round, REST)
    }

    /// From now on third parties go wrong now and then.
    pub(super) fn stir(&self, seed: u64, round: u64) -> Unrest {
        self.outside.stir(seed, round)
    }

    /// A connection to the database, not through the line.
    pub async fn admin(&self) -> PgConnection {
        let Base::Postgres { url, .. } = &self.base else { panic!("this world is on SQLite") };
        PgConnection::connect(url).await.expect("PostgreSQL answers")
    }

    /// Runs a statement on the database, past Wilco.
    pub async fn execute(&self, statement: &str) {
        let done = match &self.base {
            Base::Sqlite(place) => {
                let mut file = SqliteConnection::connect(&place.url()).await.expect("the file is there");
                file.execute(statement).await.map(drop)
            }
            Base::Postgres { .. } => self.admin().await.execute(statement).await.map(drop),
        };
        done.expect("the statement succeeds");
    }

    /// After the healing: every replica takes a command and applies it, in time. How long that took.
    pub async fn answers_normally(&mut self) -> Duration {
        let healed = Instant::now();
        for index in 0..self.replicas.len() {
            let (key, client) = (self.fresh_name("check"), self.replicas[index].client());
            let id = accepted(client, &key, create_pet(&key)).await;
            client.settled(&id).await;
            self.promises.accepted.insert(key, id);
        }
        let took = healed.elapsed();
        assert!(took < HEALED_WITHIN, "the server answered normally only {took:?} after the healing");
        took
    }

    /// A name that nothing in this world has yet.
    pub(super) fn fresh_name(&mut self, kind: &str) -> String {
        self.names += 1;
        format!("{kind}-{}", self.names)
    }

    /// Checks everything that must hold, in the store, on NATS and with those who listened all the while, when nothing is
    /// wrong and no load runs. The feed.
    pub async fn audit(&mut self) -> Vec<Value> {
        let client = self.replicas[0].client().clone();
        self.promises.repeat_unknown(&client).await;
        self.outside.shut().await;
        let feed = audit::everything(&client, &self.promises).await;
        self.all_is_known().await;
        self.outside.check(&client).await;
        self.all_is_published(&feed).await;
        self.all_is_heard(&feed).await;
        self.outside.open();
        feed
    }

    /// Processes have heard of everything: what they are to hear of is taken away by whoever tells them.
    async fn all_is_known(&self) {
        let left = async || self.base.signals().await.expect("the store answers");
        wait_for("processes to have heard of everything", left, |left| *left == 0).await;
    }

    /// Every entry is on NATS at least once, in order.
    async fn all_is_published(&self, feed: &[Value]) {
        let complete = async || {
            let stream = self.nats.stream(feed.len() as u64).await;
            audit::of_feed(feed, stream).len()
        };
        wait_for("all of the feed to be on NATS", complete, |count| *count >= feed.len()).await;
        let stream = self.nats.stream(feed.len() as u64).await;
        audit::stream_matches(feed, &audit::of_feed(feed, stream));
    }

    /// Those who listened all the while have heard of every entry once.
    pub async fn all_is_heard(&self, feed: &[Value]) {
        for listener in &self.listeners {
            listener.has_seen(feed).await;
        }
    }

    /// Waits until everything that the store has now is on NATS.
    pub async fn all_is_told(&self) {
        let client = self.replicas[0].client();
        self.outside.shut().await;
        audit::all_settled(client).await;
        self.all_is_published(&client.feed("").await).await;
        self.outside.open();
    }

    /// Ends the servers, in good order, and keeps a copy of their store: a backup.
    pub async fn back_up(&mut self) -> Backup {
        self.rest().await;
        let backup = match &self.base {
            Base::Sqlite(place) => Backup::Sqlite(place.copy().await),
            Base::Postgres { url, .. } => Backup::Postgres(postgres::copy_of(url).await),
        };
        self.complete().await;
        backup
    }

    /// Returns the store to a backup, by hand: nothing but the stream tells the servers of it.
    pub async fn restore(&mut self, backup: &Backup) {
        self.rest().await;
        match (&self.base, backup) {
            (Base::Sqlite(place), Backup::Sqlite(backup)) => place.become_like(backup),
            (Base::Postgres { url, .. }, Backup::Postgres(backup)) => postgres::put_back(url, backup).await,
            _ => panic!("a backup of another kind of store"),
        }
        self.outside.forget().await;
        self.complete().await;
    }

    async fn rest(&mut self) {
        for replica in &mut self.replicas {
            replica.stop().await;
        }
        self.replicas.clear();
    }

    /// How often those who listen had to connect again.
    pub fn reconnections(&self) -> usize {
        self.listeners.iter().map(Listener::breaks).sum()
    }

    /// Every command there is.
    pub async fn commands(&self) -> Vec<Value> {
        self.replicas[0].client().commands("").await
    }
}

/// Gives a command until it is accepted; its id.
pub(super) async fn accepted(client: &Client, key: &str, envelope: Value) -> String {
    let post = async || {
        let request = client.request(Method::POST, "/v1/commands").json(&envelope);
        client.send(request.header("Idempotency-Key", key)).await
    };
    let taken = |reply: &Result<Reply, String>| reply.as_ref().is_ok_and(|reply| reply.status == 202);
    wait_for("a command to be accepted", post, taken).await.expect("it was").id()
}
