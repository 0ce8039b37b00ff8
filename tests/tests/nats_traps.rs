//! What goes wrong with NATS in particular, and does not here.

#![allow(clippy::unwrap_used, reason = "all of this is tests")]

use rand::rngs::StdRng;
use rand::{Rng as _, SeedableRng as _};
use wilco_application::ports::{Broker as _, Message, Receipt};
use wilco_infrastructure::nats::{NatsBroker, NatsOptions, StreamOptions};
use wilco_tests::faults::seed;
use wilco_tests::nats::NatsServer;

fn message(number: i64, size: usize) -> Message {
    Message {
        subject: "wilco.event.pet.created.p00".into(),
        id: format!("event:{number}"),
        headers: vec![("Wilco-Target", "pet/rex".into())],
        payload: vec![b'x'; size],
        partition: 0,
        offset: number,
    }
}

/// Messages of all sizes come up to the bound again and again: none of those before may be deleted to make room.
#[tokio::test(flavor = "multi_thread")]
async fn a_stream_that_is_full_keeps_what_it_has() {
    let nats = NatsServer::started().await;
    let stream = Some(StreamOptions { max_bytes: 20_000, ..StreamOptions::default() });
    let broker = NatsBroker::new(NatsOptions { servers: nats.url(), stream });
    let mut random = StdRng::seed_from_u64(seed());
    let context = async_nats::jetstream::new(nats.client().await);
    let mut number = 0;
    for _ in 0..20 {
        let (mut stored, mut refused) = (0, 0);
        while refused < 20 {
            number += 1;
            // A refusal ends the session; asking begins a new one.
            broker.still_has(&Receipt::default()).await.unwrap();
            match broker.publish(&[message(number, random.random_range(300..1000))], true).await {
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
