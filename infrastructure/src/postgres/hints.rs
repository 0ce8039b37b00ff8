//! Waking other replicas, and being woken: by NOTIFY, as a hint and nothing more.
//!
//! NOTIFY makes commits wait for one another, so it is no part of any: a task of its own sends one notification
//! for all that happened since the last, at most twenty a second. A hint that is lost (a crash, a reconnect, a
//! pooler in between) costs the time until the next poll.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use sqlx::PgPool;
use sqlx::postgres::PgListener;
use tokio::sync::Notify;
use tokio::task::AbortHandle;
use uuid::Uuid;

use super::servers::Servers;

const CHANNEL: &str = "wilco";
/// The shortest time between two notifications.
const PAUSE: Duration = Duration::from_millis(50);
/// How long to wait before connecting again.
const RETRY: Duration = Duration::from_secs(1);

pub(super) struct Hints {
    shared: Arc<Shared>,
    tasks: [AbortHandle; 2],
}

#[derive(Default)]
struct Shared {
    /// Something happened that others should know.
    outgoing: Notify,
    /// Something happened elsewhere.
    incoming: Notify,
    /// Who this is, to tell its own notifications from others'.
    replica: Mutex<Uuid>,
}

impl Hints {
    /// `listening` has one connection, which is kept for listening.
    pub(super) fn start(listening: PgPool, sending: PgPool, servers: Arc<Servers>) -> Self {
        let shared = Arc::<Shared>::default();
        let listen = tokio::spawn(listen(Arc::clone(&shared), listening, servers));
        let send = tokio::spawn(send(Arc::clone(&shared), sending));
        Self { shared, tasks: [listen.abort_handle(), send.abort_handle()] }
    }

    /// Others should look. Returns at once.
    pub(super) fn send(&self) {
        self.shared.outgoing.notify_one();
    }

    /// Resolves when this process should look.
    pub(super) async fn received(&self) {
        self.shared.incoming.notified().await;
    }

    pub(super) fn this_is(&self, replica: Uuid) {
        *self.shared.replica.lock().unwrap_or_else(PoisonError::into_inner) = replica;
    }

    pub(super) fn stop(&self) {
        self.tasks.iter().for_each(AbortHandle::abort);
    }
}

impl Drop for Hints {
    fn drop(&mut self) {
        self.stop();
    }
}

impl Shared {
    fn name(&self) -> String {
        self.replica.lock().unwrap_or_else(PoisonError::into_inner).to_string()
    }

    /// Wakes all who wait, and the next who comes: what arrives while nobody waits is not lost.
    fn wake(&self) {
        self.incoming.notify_waiters();
        self.incoming.notify_one();
    }
}

async fn send(shared: Arc<Shared>, pool: PgPool) {
    loop {
        shared.outgoing.notified().await;
        let sent =
            sqlx::query("SELECT pg_notify($1, $2)").bind(CHANNEL).bind(shared.name()).execute(&pool).await;
        if let Err(error) = sent {
            tracing::debug!(%error, "a hint to other replicas was not sent");
        }
        tokio::time::sleep(PAUSE).await;
    }
}

async fn listen(shared: Arc<Shared>, pool: PgPool, servers: Arc<Servers>) {
    loop {
        tokio::select! {
            Err(error) = listen_once(&shared, &pool) => {
                tracing::debug!(%error, "not listening for hints of other replicas; trying again");
            }
            // The server that is listened to may be none that anybody writes to.
            () = servers.distrusted() => {}
        }
        tokio::time::sleep(RETRY).await;
    }
}

async fn listen_once(shared: &Shared, pool: &PgPool) -> Result<(), sqlx::Error> {
    let mut listener = PgListener::connect_with(pool).await?;
    listener.listen(CHANNEL).await?;
    loop {
        // Something may have been missed while nobody listened.
        shared.wake();
        while let Some(notification) = listener.try_recv().await? {
            if notification.payload() != shared.name() {
                shared.wake();
            }
        }
    }
}
