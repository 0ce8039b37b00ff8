use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use reqwest::Method;
use serde_json::Value;
use tokio::task::JoinSet;

use super::wishes::Wishes;
use crate::client::Client;

/// Requests that are under way at a time.
const SENDERS: u64 = 12;

/// What the server has promised: the commands it answered 202 for, by their keys.
#[derive(Debug, Default)]
pub struct Promises {
    /// Key of the request to id of the command.
    pub accepted: BTreeMap<String, String>,
    /// Requests that got no answer, or a 5xx: the command may exist or not.
    pub unknown: BTreeMap<String, Value>,
}

/// Senders of random commands, each with a key of its own.
pub struct Load {
    senders: JoinSet<()>,
    promises: Arc<Mutex<Promises>>,
}

impl Load {
    /// Starts to send. The same seed and round send the same commands.
    pub fn start(client: &Client, seed: u64, round: u64) -> Self {
        Self::on(&[client], seed, round, Duration::ZERO)
    }

    /// The same, shared out to several servers, each sender resting for a while after each command.
    pub fn on(clients: &[&Client], seed: u64, round: u64, rest: Duration) -> Self {
        Self::telling(None, clients, seed, round, rest)
    }

    /// The same with payments, of which the clients at that address are told.
    pub fn telling(shop: Option<&str>, clients: &[&Client], seed: u64, round: u64, rest: Duration) -> Self {
        let promises = Arc::new(Mutex::new(Promises::default()));
        let mut senders = JoinSet::new();
        for (sender, client) in (0..SENDERS).zip(clients.iter().cycle()) {
            let (client, promises) = ((*client).clone(), Arc::clone(&promises));
            senders.spawn(send(client, promises, Wishes::of(seed, round, (sender, SENDERS), shop), rest));
        }
        Self { senders, promises }
    }

    /// How many commands were accepted so far.
    pub fn accepted(&self) -> usize {
        self.promises.lock().unwrap_or_else(PoisonError::into_inner).accepted.len()
    }

    /// Ends it; what was promised.
    pub async fn stop(mut self) -> Promises {
        // A request that is cut off here is one without an answer, and is in the books as such.
        self.senders.abort_all();
        while let Some(ended) = self.senders.join_next().await {
            if let Err(error) = ended
                && error.is_panic()
            {
                std::panic::resume_unwind(error.into_panic());
            }
        }
        std::mem::take(&mut *self.promises.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Promises {
    /// Adds those of another round.
    pub fn extend(&mut self, other: Self) {
        self.accepted.extend(other.accepted);
        self.unknown.extend(other.unknown);
    }

    /// Repeats the requests that got no answer, with their keys: each is a new command or the one from before.
    pub async fn repeat_unknown(&mut self, client: &Client) {
        for (key, envelope) in std::mem::take(&mut self.unknown) {
            let reply = client.post("/v1/commands", &envelope, &[("Idempotency-Key", &key)]).await;
            // It was done, and what it made is deleted since.
            let id = if reply.status == 410 && reply.header("idempotency-replayed") == "true" {
                reply.header("content-location").rsplit('/').next().unwrap_or_default().to_owned()
            } else {
                assert_eq!(reply.status, 202, "{envelope}: {reply:?}");
                reply.id()
            };
            self.accepted.insert(key, id);
        }
    }
}

async fn send(client: Client, promises: Arc<Mutex<Promises>>, mut wishes: Wishes, rest: Duration) {
    let promises = || promises.lock().unwrap_or_else(PoisonError::into_inner);
    for number in 0.. {
        let (key, envelope) = (wishes.key(number), wishes.next());
        promises().unknown.insert(key.clone(), envelope.clone());
        let request =
            client.request(Method::POST, "/v1/commands").header("Idempotency-Key", &key).json(&envelope);
        match client.send(request).await {
            Ok(reply) if reply.status == 202 => {
                let mut promises = promises();
                promises.unknown.remove(&key);
                promises.accepted.insert(key, reply.id());
            }
            Ok(reply) if reply.status >= 500 || reply.status == 429 => {
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
            Ok(reply) => panic!("{envelope} was refused: {reply:?}"),
            // The server is gone, and may come back.
            Err(_) => tokio::time::sleep(Duration::from_millis(50)).await,
        }
        tokio::time::sleep(rest).await;
    }
}
