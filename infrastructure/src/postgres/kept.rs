//! Connections that are kept between two commits instead of going back to the pool, which would ask the server
//! whether they are well: a round trip for each commit, half of all that there are.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use sqlx::pool::PoolConnection;
use sqlx::{Connection, PgPool, Postgres};

use super::servers::Servers;

/// After so long without use a connection may have lost its server.
pub(super) const RESTED: Duration = Duration::from_secs(1);
/// A session that has served so long is let go: the pool decides whether it is too old.
const SERVED: Duration = Duration::from_secs(600);

/// A pool, and the connections that are kept out of it.
pub(super) struct Kept {
    pool: PgPool,
    servers: Arc<Servers>,
    /// All but one of the pool's: whoever else writes must find one there.
    most: usize,
    idle: Mutex<Vec<Lent>>,
}

/// A connection that comes back with [`Kept::keep`] if all went well; dropped, it goes to the pool.
pub(super) struct Lent {
    pub(super) connection: PoolConnection<Postgres>,
    taken: Instant,
    used: Instant,
}

impl Lent {
    /// Closes it and makes room for another. The pool would ask it first whether it is well, and on a dead line wait
    /// for the answer without end.
    fn end(self) {
        drop(self.connection.detach());
    }
}

impl Kept {
    pub(super) fn new(pool: PgPool, servers: Arc<Servers>) -> Self {
        let most = pool.options().get_max_connections() as usize - 1;
        Self { pool, servers, most, idle: Mutex::default() }
    }

    /// One that was kept, or one of the pool's.
    pub(super) async fn take(&self) -> Result<Lent, sqlx::Error> {
        while let Some(mut lent) = self.pop() {
            if !self.servers.trusts(lent.taken.elapsed()) {
                lent.end();
                continue;
            }
            if lent.used.elapsed() < RESTED {
                return Ok(lent);
            }
            let answer =
                tokio::time::timeout(self.pool.options().get_acquire_timeout(), lent.connection.ping());
            if let Ok(Ok(())) = answer.await {
                return Ok(lent);
            }
            lent.end();
        }
        let connection = self.pool.acquire().await?;
        Ok(Lent { connection, taken: Instant::now(), used: Instant::now() })
    }

    /// Keeps it for the next commit.
    pub(super) fn keep(&self, lent: Lent) {
        let mut idle = self.idle();
        if idle.len() < self.most && lent.taken.elapsed() < SERVED && !self.pool.is_closed() {
            idle.push(Lent { used: Instant::now(), ..lent });
        }
    }

    /// Ends all of them.
    pub(super) fn clear(&self) {
        self.idle().drain(..).for_each(Lent::end);
    }

    /// Apart, so that the lock is not held while the connection is tried.
    fn pop(&self) -> Option<Lent> {
        self.idle().pop()
    }

    fn idle(&self) -> MutexGuard<'_, Vec<Lent>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
