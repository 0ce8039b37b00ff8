//! What goes wrong with NATS in particular, and does not here.

#![allow(clippy::unwrap_used, reason = "all of this is tests")]

use std::collections::BTreeMap;

use rand::rngs::StdRng;
use rand::{Rng as _, SeedableRng as _};
use tokio::time::Instant;
use uuid::Uuid;
use wilco_application::ports::{Broker as _, Message, Receipt, StoreIdentity};
use wilco_infrastructure::nats::{Login, NatsBroker, NatsOptions, StreamOptions, Tls};
use wilco_tests::faults::seed;
use wilco_tests::nats::NatsServer;

fn message(number: i64, size: usize) -> Message {
    Message {
        subject: "wilco.event.pet.created.p00".into(),
        event_type: "wilco.pet.created".into(),
        id: format!("event:{number}"),
        headers: vec![("Wilco-Target", "pet/rex".into())],
        payload: vec![b'x'; size].into(),
        partition: 0,
        offset: number,
        referring: false,
    }
}

/// A store's identity.
const STORE: StoreIdentity = StoreIdentity { id: Uuid::from_u128(7), generation: 7 };

fn options(nats: &NatsServer, stream: StreamOptions) -> NatsOptions {
    NatsOptions {
        servers: vec![nats.url()],
        login: Login::default(),
        tls: Tls::default(),
        subject_prefix: "wilco".into(),
        stream: Some(stream),
    }
}

fn later() -> Instant {
    Instant::now() + std::time::Duration::from_secs(60)
}

/// Messages of all sizes come up to the bound again and again: none of those before may be deleted to make room.
#[tokio::test(flavor = "multi_thread")]
async fn a_stream_that_is_full_keeps_what_it_has() {
    let nats = NatsServer::started().await;
    let stream = StreamOptions { max_bytes: 20_000, ..StreamOptions::default() };
    let broker = NatsBroker::new(options(&nats, stream));
    let mut random = StdRng::seed_from_u64(seed());
    let context = async_nats::jetstream::new(nats.client().await);
    let mut number = 0;
    for _ in 0..20 {
        let (mut stored, mut refused) = (0, 0);
        while refused < 20 {
            number += 1;
            // A refusal ends the session; asking begins a new one.
            broker.check(&STORE, &Receipt::default()).await.unwrap();
            match broker.publish(&[message(number, random.random_range(300..1000))], later()).await {
                Ok(published) => stored += published.count as u64,
                Err(_) => refused += 1,
            }
        }
        let mut handle = context.get_stream("WILCO").await.unwrap();
        assert!(stored > 10, "only {stored} messages fit");
        assert_eq!(
            handle.info().await.unwrap().state.messages,
            stored,
            "all that were acknowledged are there"
        );
        handle.purge().await.unwrap();
    }
}

/// The messages of a feed, of each partition so many.
fn feed(partitions: u16, each: i64) -> Vec<Message> {
    let all = (0..partitions).flat_map(|partition| (1..=each).map(move |offset| (partition, offset)));
    all.map(|(partition, offset)| Message {
        subject: format!("wilco.event.pet.created.p{partition:02}"),
        id: format!("event:{partition}:{offset}"),
        partition,
        ..message(offset, 200)
    })
    .collect()
}

/// Publishes a feed as a relay does: in runs, each of which begins where the last one is known to be stored, with
/// shares of random size; whatever goes wrong, again.
async fn relay(broker: &NatsBroker, feed: &[Message], seed: u64) {
    let mut random = StdRng::seed_from_u64(seed);
    let mut told: BTreeMap<u16, i64> = BTreeMap::new();
    loop {
        let mut run = Vec::new();
        for partition in 0..PARTITIONS {
            let after = told.get(&partition).copied().unwrap_or(0);
            let rest = feed.iter().filter(|message| message.partition == partition && message.offset > after);
            run.extend(rest.take(random.random_range(1..40)).cloned());
        }
        if run.is_empty() {
            return;
        }
        broker.check(&STORE, &Receipt::default()).await.unwrap();
        let (Ok(published) | Err((published, _))) = broker.publish(&run, later()).await;
        told.extend(published.offsets);
    }
}

const PARTITIONS: u16 = 4;

/// Everything is in the stream, in each partition in order, for a reader that drops repeats; what is foreign aside.
async fn whole(nats: &NatsServer, feed: &[Message]) {
    let mut last: BTreeMap<u64, i64> = BTreeMap::new();
    let mut ids = Vec::new();
    for message in nats.raw_stream().await {
        let id = message.headers.as_ref().and_then(|headers| headers.get("Nats-Msg-Id"));
        let Some(id) = id.and_then(|id| id.as_str().strip_prefix("event:")) else { continue };
        let (partition, offset) = id.split_once(':').unwrap();
        let (partition, offset) = (partition.parse().unwrap(), offset.parse().unwrap());
        let last = last.entry(partition).or_default();
        if offset > *last {
            assert_eq!(offset, *last + 1, "partition {partition}: an entry is missing");
            *last = offset;
            ids.push(id.to_owned());
        }
    }
    assert_eq!(ids.len(), feed.len(), "all of the feed is in the stream");
}

#[tokio::test(flavor = "multi_thread")]
async fn somebody_elses_messages_in_between_lose_and_reorder_nothing() {
    let nats = NatsServer::started().await;
    let broker = NatsBroker::new(options(&nats, StreamOptions::default()));
    broker.check(&STORE, &Receipt::default()).await.unwrap();
    let foreign = nats.foreign_publisher().await;
    let feed = feed(PARTITIONS, 5000);
    relay(&broker, &feed, seed()).await;
    drop(foreign);
    whole(&nats, &feed).await;
}

/// Replicas that were replaced and do not know it yet publish what their successors do, each in another order.
#[tokio::test(flavor = "multi_thread")]
async fn attempts_in_different_orders_at_once_lose_and_reorder_nothing() {
    let seed = seed();
    for round in 0..10 {
        let nats = NatsServer::started().await;
        let feed = feed(PARTITIONS, 1000);
        let brokers = [(); 3].map(|()| NatsBroker::new(options(&nats, StreamOptions::default())));
        let relays =
            (0..).zip(&brokers).map(|(number, broker)| relay(broker, &feed, seed + 3 * round + number));
        futures::future::join_all(relays).await;
        whole(&nats, &feed).await;
    }
}
