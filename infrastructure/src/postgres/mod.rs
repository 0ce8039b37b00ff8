//! The store on PostgreSQL (15 or later), shared by any number of replicas.
//!
//! | module | holds |
//! | --- | --- |
//! | `registry` | accepting, finding, listing, cancelling commands |
//! | `journal` | loading and committing |
//! | `feed` | reading entries, and how far they go |
//! | `commit` | the statement that writes a unit of work |
//! | `servers` | which server of the URL is used, and what sessions are told |
//! | `probe` | what a database must be like |
//! | `kept` | the connections that commit |
//! | `checkpoints` | where the feed's durable readers stand |
//! | `views` | landing views |
//! | `deploying` | what one build of the program leaves to the next |
//! | `leases` | heartbeats |
//! | `hints` | waking other replicas, and being woken |
//! | `adopt` | taking over what postgres-es wrote |
//! | `rows`, `errors` | between the database's values and ours |
//!
//! What must hold:
//!
//! - A pooled connection never is in a transaction. Whatever writes is a single statement, in part a function of
//!   the schema, which PostgreSQL commits by itself. So there is no `BEGIN` that a dropped future could leave
//!   behind; the two that need a transaction (migrating, adopting) have a connection of their own, which is closed.
//! - Whatever writes runs in a task of its own, so that it comes to an end when its caller is dropped.
//! - Plans do not depend on statistics: the connections forbid scans and hash joins, and the statements over many
//!   keys look each up in an index. A plan made for an empty table serves a full one.
//!
//! An optimisation only: a connection that was used a moment ago is not tested, neither by the pools nor where it is
//! kept for the next commit.

mod adopt;
mod attempts;
mod checkpoints;
mod commit;
mod deploying;
mod errors;
mod feed;
mod hints;
mod journal;
mod kept;
mod leases;
mod probe;
mod processes;
mod registry;
mod rows;
mod servers;
mod views;

use std::collections::HashSet;
use std::future::Future;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures::future::join_all;
use sqlx::postgres::{PgPool, PgPoolOptions};
use sqlx::{Connection, Executor, PgConnection};
use tokio::task::AbortHandle;
use wilco_application::ports::StoreError;

use crate::OpenError;
use crate::open_error::check_partitions;
use hints::Hints;
use kept::Kept;
use servers::{Servers, Settings, tell};

/// How long closing may wait for statements under way.
const CLOSING: Duration = Duration::from_secs(10);

/// How to connect.
#[derive(Clone, Debug)]
pub struct PostgresOptions {
    /// Connections that read; default 6.
    pub read_connections: u32,
    /// Connections that write; default 2. Each does one batch at a time, so few suffice.
    pub write_connections: u32,
    /// How many partitions a new store gets; default 8. A store that exists keeps what it has.
    pub partitions: u16,
    /// How long a statement may take on the server; default 10 s.
    pub statement_timeout: Duration,
    /// How long to wait for a free connection, or for a new one; default 3 s.
    pub acquire_timeout: Duration,
}

impl Default for PostgresOptions {
    fn default() -> Self {
        Self {
            read_connections: 6,
            write_connections: 2,
            partitions: 8,
            statement_timeout: Duration::from_secs(10),
            acquire_timeout: Duration::from_secs(3),
        }
    }
}

/// The store on PostgreSQL. Clones share the same connections.
#[derive(Clone)]
pub struct PostgresStore {
    inner: Arc<Inner>,
}

struct Inner {
    reads: PgPool,
    writes: PgPool,
    /// Those of `writes` that commit.
    committing: Arc<Kept>,
    servers: Arc<Servers>,
    /// What goes to another server when one fails.
    changing: AbortHandle,
    partitions: u16,
    /// What the last heartbeat said this process owns.
    owned: Mutex<HashSet<u16>>,
    /// Whether the last heartbeat saw no other replica.
    alone: AtomicBool,
    hints: Hints,
}

impl PostgresStore {
    /// Connects, or says at once why not. The schema is left as it is: see [`PostgresStore::migrate`].
    pub async fn connect(url: &str, options: PostgresOptions) -> Result<Self, OpenError> {
        let partitions = check_partitions(options.partitions)?;
        let servers = Arc::new(Servers::of(url, options.acquire_timeout)?);
        let settings = Arc::new(settings(&servers.settings, options.statement_timeout));
        probe::probe(&servers, &settings, options.acquire_timeout).await?;
        let pool = |connections| pool(&servers, &settings, connections, options.acquire_timeout);
        let (writes, reads, listening) =
            (pool(options.write_connections), pool(options.read_connections), pool(1));
        let changing = servers.start(vec![writes.clone(), reads.clone(), listening.clone()]);
        let hints = Hints::start(listening, writes.clone(), Arc::clone(&servers));
        Ok(Self {
            inner: Arc::new(Inner {
                reads,
                committing: Arc::new(Kept::new(writes.clone(), Arc::clone(&servers))),
                writes,
                servers,
                changing,
                partitions,
                owned: Mutex::default(),
                alone: AtomicBool::new(false),
                hints,
            }),
        })
    }

    /// Brings the schema up to date and says how many partitions the store has. Several replicas may do so at the
    /// same time.
    pub async fn migrate(&self) -> Result<u16, OpenError> {
        let mut connection = self.inner.servers.connect().await.map_err(OpenError::Connect)?;
        wilco_migrations::POSTGRES.run_direct(&mut connection).await?;
        let partitions =
            make_partitions(&mut connection, self.inner.partitions).await.map_err(OpenError::Connect)?;
        connection.close().await.map_err(OpenError::Connect)?;
        Ok(partitions)
    }

    /// Closes the connections, after what they are doing. What takes too long is left to itself.
    pub async fn close(&self) {
        self.inner.hints.stop();
        self.inner.changing.abort();
        let pools = [&self.inner.writes, &self.inner.reads];
        // The pools say at once that they are closed: from here on no connection is kept.
        let closing = pools.map(PgPool::close);
        self.inner.committing.clear();
        let close = async {
            join_all(closing).await;
            for pool in pools {
                // sqlx 0.8 may return while a connection is on its way back, and keeps that one: ask until none is left.
                while pool.size() > 0 {
                    tokio::time::sleep(Duration::from_millis(1)).await;
                    pool.close().await;
                }
            }
        };
        if tokio::time::timeout(CLOSING, close).await.is_err() {
            tracing::warn!("PostgreSQL does not answer; its connections are dropped");
        }
    }

    fn reads(&self) -> &PgPool {
        &self.inner.reads
    }

    fn writes(&self) -> &PgPool {
        &self.inner.writes
    }

    /// Runs a write to its end even when the caller is dropped.
    async fn outlive<T: Send + 'static>(
        &self,
        write: impl Future<Output = Result<T, StoreError>> + Send + 'static,
    ) -> Result<T, StoreError> {
        let servers = Arc::clone(&self.inner.servers);
        let learning = async move {
            let outcome = write.await;
            servers.learn(&outcome);
            outcome
        };
        tokio::spawn(learning).await.unwrap_or_else(|panic| Err(StoreError::Unavailable(Box::new(panic))))
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        self.changing.abort();
    }
}

/// What every pooled session is told, behind what the URL says. Time limits are the server's, so that none leaves
/// anything half done; the planner's settings make plans independent of statistics.
fn settings(of_url: &Settings, statement_timeout: Duration) -> Settings {
    let limit = statement_timeout.as_millis().to_string();
    let own = [
        ("statement_timeout", limit.as_str()),
        ("lock_timeout", "5000"),
        ("idle_in_transaction_session_timeout", "10000"),
        ("jit", "off"),
        ("enable_seqscan", "off"),
        ("enable_hashjoin", "off"),
        ("enable_mergejoin", "off"),
        ("plan_cache_mode", "force_generic_plan"),
        ("synchronous_commit", "on"),
    ];
    of_url.iter().cloned().chain(own.map(|(name, value)| (name.to_owned(), value.to_owned()))).collect()
}

fn pool(servers: &Arc<Servers>, settings: &Arc<Settings>, connections: u32, patience: Duration) -> PgPool {
    let (trusting, settings) = (Arc::clone(servers), Arc::clone(settings));
    PgPoolOptions::new()
        .max_connections(connections.max(1))
        .acquire_timeout(patience)
        .test_before_acquire(false)
        .before_acquire(move |connection, about| {
            let trusted = trusting.trusts(about.age);
            Box::pin(async move {
                // One that rested may have lost its server; one in use until now is taken as it is.
                if trusted && about.idle_for > kept::RESTED {
                    connection.ping().await?;
                }
                Ok(trusted)
            })
        })
        .after_connect(move |connection, _| {
            let settings = Arc::clone(&settings);
            Box::pin(async move { tell(connection, &settings).await.map(drop) })
        })
        .connect_lazy_with(servers.options().clone())
}

/// Makes the partitions of a new store; whoever comes second finds them made.
async fn make_partitions(connection: &mut PgConnection, count: u16) -> Result<u16, sqlx::Error> {
    let mut transaction = connection.begin().await?;
    transaction.execute("LOCK TABLE partitions IN SHARE ROW EXCLUSIVE MODE").await?;
    sqlx::query(
        "INSERT INTO partitions (id) SELECT generate_series(0, $1 - 1) WHERE NOT EXISTS (SELECT FROM partitions)",
    )
    .bind(i32::from(count))
    .execute(&mut *transaction)
    .await?;
    let made: i64 =
        sqlx::query_scalar("SELECT count(*) FROM partitions").fetch_one(&mut *transaction).await?;
    transaction.commit().await?;
    Ok(made as u16)
}
