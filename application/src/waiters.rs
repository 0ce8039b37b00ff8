//! Who in this process waits for which command. A wake-up is a convenience: whoever waits also looks into the
//! registry now and then, since the command may be settled by another replica.

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::watch;

use crate::ports::{Command, CommandKey};

type Sender = watch::Sender<Option<Arc<Command>>>;

/// The waiting room.
#[derive(Debug, Default)]
pub struct Waiters {
    waiting: Mutex<HashMap<CommandKey, Sender>>,
    count: AtomicUsize,
}

/// A place in the waiting room; leaving it (dropping) frees it.
#[derive(Debug)]
pub struct Waiting {
    room: Arc<Waiters>,
    key: CommandKey,
    receiver: watch::Receiver<Option<Arc<Command>>>,
}

impl Waiters {
    /// Waits for the command of that name from now on. Subscribe first, then look into the registry: then nothing is missed.
    pub fn wait_for(self: &Arc<Self>, key: CommandKey) -> Waiting {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        let receiver = waiting.entry(key.clone()).or_insert_with(|| watch::Sender::new(None)).subscribe();
        self.count.store(waiting.len(), Ordering::Release);
        Waiting { room: Arc::clone(self), key, receiver }
    }

    /// Whether anybody waits at all.
    pub fn is_empty(&self) -> bool {
        self.count.load(Ordering::Acquire) == 0
    }

    /// Tells whoever waits for it that the command is settled.
    pub fn settled(&self, command: &Arc<Command>) {
        let waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(sender) = waiting.get(&command.key()) {
            sender.send_replace(Some(Arc::clone(command)));
        }
    }
}

impl Waiting {
    /// Resolves with the settled command. Safe to drop and call again.
    pub async fn settled(&mut self) -> Arc<Command> {
        loop {
            if let Some(command) = self.receiver.borrow_and_update().clone() {
                return command;
            }
            if self.receiver.changed().await.is_err() {
                // The sender lives in the room for as long as we do.
                std::future::pending::<()>().await;
            }
        }
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        let mut waiting = self.room.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        if waiting.get(&self.key).is_some_and(|sender| sender.receiver_count() <= 1) {
            waiting.remove(&self.key);
        }
        self.room.count.store(waiting.len(), Ordering::Release);
    }
}
