//! The store on PostgreSQL (15 or later), shared by any number of replicas.
//!
//! | module | holds |
//! | --- | --- |
//! | `registry` | accepting, finding, listing, cancelling commands |
//! | `journal` | loading, committing, the feed |
//! | `commit` | the statement that writes a unit of work |
//! | `kept` | the connections it uses |
//! | `checkpoints` | where the feed's durable readers stand |
//! | `views` | landing views |
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
mod checkpoints;
mod commit;
mod errors;
mod hints;
mod journal;
mod kept;
mod leases;
mod registry;
mod rows;
mod views;

use std::collections::HashSet;
use std::future::Future;
use std::str::FromStr;
use std::sync::atomic::{AtomicBool, AtomicU64};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures::future::join_all;
use sqlx::postgres::{PgConnectOptions, PgPool, PgPoolOptions};
use sqlx::{ConnectOptions, Connection, Executor, PgConnection};
use wilco_application::ports::StoreError;

use crate::OpenError;
use crate::open_error::check_partitions;
use hints::Hints;
use kept::Kept;

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
    /// For connections that may take their time: migrating, adopting.
    plain: PgConnectOptions,
    partitions: u16,
    /// What the last heartbeat said this process owns.
    owned: Mutex<HashSet<u16>>,
    /// Whether the last heartbeat saw no other replica.
    alone: AtomicBool,
    /// Checkpoints saved, to prune their history now and then.
    saves: AtomicU64,
    hints: Hints,
}

impl PostgresStore {
    /// Connects, or says at once why not. The schema is left as it is: see [`PostgresStore::migrate`].
    pub async fn connect(url: &str, options: PostgresOptions) -> Result<Self, OpenError> {
        let partitions = check_partitions(options.partitions)?;
        let plain = PgConnectOptions::from_str(url).map_err(OpenError::Url)?.disable_statement_logging();
        let session = session(&plain, options.statement_timeout);
        probe(&session, options.acquire_timeout).await?;
        let pool = |connections| pool(&session, connections, options.acquire_timeout);
        let writes = pool(options.write_connections);
        let hints = Hints::start(pool(1), writes.clone());
        let reads = pool(options.read_connections);
        Ok(Self {
            inner: Arc::new(Inner {
                reads,
                committing: Arc::new(Kept::new(writes.clone())),
                writes,
                plain,
                partitions,
                owned: Mutex::default(),
                alone: AtomicBool::new(false),
                saves: AtomicU64::new(0),
                hints,
            }),
        })
    }

    /// Brings the schema up to date and says how many partitions the store has. Several replicas may do so at the
    /// same time.
    pub async fn migrate(&self) -> Result<u16, OpenError> {
        let mut connection = self.inner.plain.connect().await.map_err(OpenError::Connect)?;
        wilco_migrations::POSTGRES.run_direct(&mut connection).await?;
        let partitions =
            make_partitions(&mut connection, self.inner.partitions).await.map_err(OpenError::Connect)?;
        connection.close().await.map_err(OpenError::Connect)?;
        Ok(partitions)
    }

    /// Closes the connections, after what they are doing. What takes too long is left to itself.
    pub async fn close(&self) {
        self.inner.hints.stop();
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
        tokio::spawn(write).await.unwrap_or_else(|panic| Err(StoreError::Unavailable(Box::new(panic))))
    }
}

/// What every pooled session is told. Time limits are the server's, so that none leaves anything half done; the
/// planner's settings make plans independent of statistics.
fn session(plain: &PgConnectOptions, statement_timeout: Duration) -> PgConnectOptions {
    let limit = statement_timeout.as_millis().to_string();
    let settings = [
        ("statement_timeout", limit.as_str()),
        ("lock_timeout", "5000"),
        ("idle_in_transaction_session_timeout", "10000"),
        ("jit", "off"),
        ("enable_seqscan", "off"),
        ("enable_hashjoin", "off"),
        ("enable_mergejoin", "off"),
        ("plan_cache_mode", "force_generic_plan"),
    ];
    plain.clone().application_name("wilco").options(settings)
}

fn pool(session: &PgConnectOptions, connections: u32, acquire_timeout: Duration) -> PgPool {
    PgPoolOptions::new()
        .max_connections(connections.max(1))
        .acquire_timeout(acquire_timeout)
        .test_before_acquire(false)
        .before_acquire(|connection, about| {
            Box::pin(async move {
                // One that rested may have lost its server; one in use until now is taken as it is.
                if about.idle_for > kept::RESTED {
                    connection.ping().await?;
                }
                Ok(true)
            })
        })
        .after_connect(|connection, _| Box::pin(be_durable(connection)))
        .connect_lazy_with(session.clone())
}

/// What is acknowledged is on disk, even where the server's default is otherwise.
async fn be_durable(connection: &mut PgConnection) -> Result<(), sqlx::Error> {
    let on = "SELECT set_config('synchronous_commit', 'on', false) \
              WHERE current_setting('synchronous_commit') = 'off'";
    connection.execute(on).await.map(drop)
}

/// One connection, to say clearly what is wrong: a pool only says that it waited in vain.
async fn probe(session: &PgConnectOptions, patience: Duration) -> Result<(), OpenError> {
    let connect = async { session.connect().await?.close().await };
    match tokio::time::timeout(patience, connect).await {
        Ok(outcome) => outcome.map_err(OpenError::Connect),
        Err(_) => Err(OpenError::Connect(sqlx::Error::PoolTimedOut)),
    }
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
