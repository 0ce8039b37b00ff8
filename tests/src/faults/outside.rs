//! The third parties of a world: a provider of payments and the clients that are told of them, both of which go wrong now
//! and then; and what must hold of them.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use rand::rngs::StdRng;
use rand::seq::IndexedRandom as _;
use rand::{Rng as _, SeedableRng as _};
use serde_json::{Value, json};
use tokio::sync::watch;
use tokio_util::task::AbortOnDropHandle;

use super::doorway::Doorway;
use super::entries::text;
use crate::client::Client;
use crate::sandbox::{Sandbox, paying_at};
use crate::wilco::Wilco;

/// How either of them goes wrong.
const MODES: [&str; 10] =
    ["504-but-done", "504-and-lost", "slow", "hang", "reset", "429", "garbage", "endless", "dribble", "503"];

/// Those of them after which a client has taken what it was told, and says so by its status.
const ODD_BUT_TAKEN: [&str; 3] = ["garbage", "endless", "dribble"];

/// See the module's description.
pub struct Outside {
    provider: Arc<Sandbox>,
    /// One of its own: it would not remember what the clients were told among all that the provider is asked.
    shop: Arc<Sandbox>,
    /// Where the provider finds the servers.
    doorway: Doorway,
    told: BTreeMap<String, Told>,
}

/// What a client was told last of a transaction.
#[derive(Clone, Debug)]
struct Told {
    version: i64,
    status: Value,
}

impl Outside {
    /// All is well there, and the provider tells one of these servers what becomes of transactions.
    pub(super) async fn of(servers: watch::Receiver<Vec<Client>>) -> Self {
        let doorway = Doorway::to(servers).await;
        let hook = format!("http://127.0.0.1:{}/v1/hooks/payment-provider", doorway.port());
        let (provider, shop) = tokio::join!(Sandbox::start(Some(&hook)), Sandbox::start(None));
        Self { provider: Arc::new(provider), shop: Arc::new(shop), doorway, told: BTreeMap::new() }
    }

    /// A server that reaches them.
    pub(super) fn known_to(&self, wilco: Wilco) -> Wilco {
        paying_at(wilco, &self.provider)
    }

    /// The address of the clients that are told.
    pub fn shop(&self) -> &str {
        self.shop.url()
    }

    /// How many transactions were made at the provider.
    pub async fn made(&self) -> usize {
        self.provider.made().await.len()
    }

    /// From now on one or the other goes wrong now and then, as the seed and the round say.
    pub(super) fn stir(&self, seed: u64, round: u64) -> Unrest {
        let (provider, shop) = (Arc::clone(&self.provider), Arc::clone(&self.shop));
        let mut random = StdRng::seed_from_u64(seed.rotate_left(16) ^ round);
        let stirring = tokio::spawn({
            let (provider, shop) = (Arc::clone(&provider), Arc::clone(&shop));
            async move {
                loop {
                    tokio::time::sleep(Duration::from_millis(random.random_range(50..500))).await;
                    go_wrong(&provider, &shop, &mut random).await;
                }
            }
        });
        Unrest { provider, shop, stirring: AbortOnDropHandle::new(stirring) }
    }

    /// The provider tells nothing any more until it is [open](Outside::open) again.
    pub(super) async fn shut(&self) {
        self.doorway.shut().await;
    }

    /// The provider may tell something again.
    pub(super) fn open(&self) {
        self.doorway.open();
    }

    /// What the clients were told since the last [check](Outside::check) is forgotten, as the store forgets why.
    pub(super) async fn forget(&self) {
        self.shop.take_received().await;
    }

    /// Each transaction is at the provider at most once, as the store has it, and its client was told how it ended. All is
    /// at rest.
    pub(super) async fn check(&mut self, client: &Client) {
        let made = by_id(self.provider.made().await);
        self.read_mail().await;
        for (id, transaction) in client.resources("transaction").await {
            let there = made.get(&id).map_or(&Value::Null, |made| &made["status"]);
            let status = &transaction["status"];
            match status.as_str() {
                Some("completed" | "declined") => assert_eq!(there, status, "{transaction} at the provider"),
                Some("failed" | "timed-out" | "cancelled") => {}
                _ => panic!("it has not ended: {transaction}"),
            }
            if transaction["client_url"].is_string() {
                let told = self.told.get(&id).map(|told| &told.status);
                assert_eq!(told, Some(status), "what the client was told of {transaction}");
            }
        }
    }

    /// Takes down what the clients were told; all of it was signed.
    async fn read_mail(&mut self) {
        for message in self.shop.take_received().await {
            assert_ne!(message["answer"], 401, "it is not signed: {message}");
            let (told, answer) = (&message["body"], &message["answer"]);
            if *answer == 204 || ODD_BUT_TAKEN.iter().any(|odd| answer == odd) {
                let version = told["version"].as_i64().unwrap_or_else(|| panic!("no version: {message}"));
                let id = text(told, "id");
                assert!(text(&message, "path").ends_with(&id), "{message}");
                let last = self.told.get(&id).map_or(0, |told| told.version);
                if version >= last {
                    self.told.insert(id, Told { version, status: told["status"].clone() });
                }
            }
        }
    }
}

/// Third parties that go wrong now and then, until it is [ended](Unrest::end).
pub(super) struct Unrest {
    provider: Arc<Sandbox>,
    shop: Arc<Sandbox>,
    stirring: AbortOnDropHandle<()>,
}

impl Unrest {
    /// All is well again.
    pub(super) async fn end(self) {
        self.stirring.abort();
        // A last fault may be on its way to them until this has ended.
        let _ = self.stirring.await;
        tokio::join!(self.provider.be_well(), self.shop.be_well());
    }
}

async fn go_wrong(provider: &Sandbox, shop: &Sandbox, random: &mut StdRng) {
    let mode = MODES.choose(random).expect("there are some");
    let (times, on) = (random.random_range(1..6), ["create", "read", "client"].choose(random));
    let fault = json!({ "mode": mode, "on": on, "times": times });
    match on {
        Some(&"client") => shop.go_wrong(&fault).await,
        _ => provider.go_wrong(&fault).await,
    }
}

/// Each is there once.
fn by_id(made: Vec<Value>) -> BTreeMap<String, Value> {
    let mut all = BTreeMap::new();
    for transaction in made {
        let twice = all.insert(text(&transaction, "id"), transaction);
        assert_eq!(twice, None, "a transaction was made twice");
    }
    all
}
