//! Publishing into the stream, in order.
//!
//! Messages of a partition must not overtake one another, whatever fails in between. There are two ways:
//!
//! - *Chained* (`chain`): many at once, each stored only right behind the one before it.
//! - *In waves*: at most one unacknowledged message of each partition. For streams with replicas: a server of 2.15
//!   that meets a broken chain there ends the stream for good.

use std::collections::HashSet;
use std::time::{Duration, Instant};

use async_nats::Client;
use async_nats::header::NATS_MESSAGE_ID;
use async_nats::jetstream::context::PublishErrorKind;
use async_nats::jetstream::publish::PublishAck;
use async_nats::jetstream::stream::{Config, LastRawMessageErrorKind, RawMessageErrorKind, RetentionPolicy};
use async_nats::jetstream::{self, Context};
use futures::future::join_all;
use wilco_application::partition;
use wilco_application::ports::{BrokerError, Message, Published, Receipt, Standing, StoreIdentity, Told};

use super::chain::{self, Chain};
use super::errors::{broker_error, unavailable};
use super::{PATIENCE, StreamOptions, claim};

/// How often to look at how the stream is set up, which somebody may change.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// What a stored message takes at most beyond its subject, headers and payload.
const FRAME: u64 = 256;
/// The least that a stream's bound on one message may be to be heeded: below, nothing would ever pass.
const SMALLEST_BOUND: usize = 1024;

pub(super) struct Stream {
    client: Client,
    context: Context,
    handle: jetstream::stream::Stream,
    prefix: String,
    chain: Chain,
    /// How the stream was found to be set up, and when.
    setup: Option<(Instant, Setup)>,
}

#[derive(Clone, Copy, Debug)]
struct Setup {
    /// Whether several servers keep it.
    replicated: bool,
    /// Whether its size has a bound.
    bounded: bool,
}

impl Stream {
    pub(super) async fn open(
        client: &Client,
        options: &StreamOptions,
        prefix: &str,
        store: &StoreIdentity,
        may_make: bool,
    ) -> Result<Option<Self>, BrokerError> {
        let context = jetstream::ContextBuilder::new().timeout(PATIENCE).build(client.clone());
        let Some(handle) = claim::claim(&context, options, prefix, store, may_make).await? else {
            return Ok(None);
        };
        Ok(Some(Self {
            client: client.clone(),
            context,
            handle,
            prefix: prefix.to_owned(),
            chain: Chain::default(),
            setup: None,
        }))
    }

    /// Most bytes that the stream takes as headers and payload of a message.
    fn largest(&self) -> Option<usize> {
        let bound = usize::try_from(self.handle.cached_info().config.max_message_size).ok();
        bound.filter(|bound| *bound > 0).map(|bound| bound.max(SMALLEST_BOUND))
    }

    pub(super) async fn check(
        &mut self,
        store: &StoreIdentity,
        receipt: &Receipt,
    ) -> Result<Standing, BrokerError> {
        let info = self.handle.info().await.map_err(unavailable)?;
        // One without a name could not be given one when the session began.
        if claim::owner(info).is_some() {
            claim::mark_as_owned(&self.context, info, store).await?;
        }
        let keeps_all = keeps_all(&info.config);
        let (first, last) = (info.state.first_sequence, info.state.last_sequence);
        let largest = self.largest().unwrap_or(usize::MAX).min(self.client.max_payload());
        let kept = last >= receipt.sequence && self.has(receipt, first).await?;
        // What is taken out of the stream when it was read says nothing of what was lost.
        Ok(Standing { kept, first: if keeps_all { first } else { last + 1 }, last, largest })
    }

    /// Whether the message of the receipt is still where it was.
    async fn has(&self, receipt: &Receipt, first: u64) -> Result<bool, BrokerError> {
        // Below the first one it has simply become too old for the stream.
        let Some(id) = receipt.id.as_deref().filter(|_| receipt.sequence >= first) else { return Ok(true) };
        match self.handle.get_raw_message(receipt.sequence).await {
            Ok(found) => Ok(found.headers.get(NATS_MESSAGE_ID).is_some_and(|found| found.as_str() == id)),
            // Somebody has deleted it: no loss of the server's.
            Err(error) if error.kind() == RawMessageErrorKind::NoMessageFound => Ok(true),
            Err(error) => Err(unavailable(error)),
        }
    }

    pub(super) async fn newest(&self, partition: u16) -> Result<Option<Told>, BrokerError> {
        if !keeps_all(&self.handle.cached_info().config) {
            return Ok(None);
        }
        let token = partition::token(partition);
        let mut newest: Option<(u64, Told)> = None;
        for kind in ["event.*.*", "command.*.*.*", "tenant.*.event.*.*", "tenant.*.command.*.*.*"] {
            let subject = format!("{}.{kind}.{token}", self.prefix);
            match self.handle.get_last_raw_message_by_subject(&subject).await {
                Ok(found) if newest.as_ref().is_none_or(|(sequence, _)| *sequence < found.sequence) => {
                    newest = claim::told(&found).map(|told| (found.sequence, told)).or(newest);
                }
                Ok(_) => {}
                Err(error) if error.kind() == LastRawMessageErrorKind::NoMessageFound => {}
                Err(error) => return Err(unavailable(error)),
            }
        }
        Ok(newest.map(|(_, told)| told))
    }

    pub(super) async fn publish(
        &mut self,
        run: &[Message],
        until: tokio::time::Instant,
    ) -> Result<Published, (Published, BrokerError)> {
        let mut published = Published::default();
        match self.publish_what_fits(run, until, &mut published).await {
            Ok(()) => Ok(published),
            Err(error) => Err((published, error)),
        }
    }

    async fn publish_what_fits(
        &mut self,
        run: &[Message],
        until: tokio::time::Instant,
        published: &mut Published,
    ) -> Result<(), BrokerError> {
        let (setup, room) = self.look().await?;
        let fits = room.map_or(run.len(), |room| fitting(run, room));
        let run_that_fits = &run[..fits];
        if setup.replicated {
            self.publish_waves(run_that_fits, until, published).await?;
        } else {
            self.publish_chains(run_that_fits, until, published).await?;
        }
        if fits < run.len() {
            return Err(BrokerError::Refused("the stream is full".to_owned()));
        }
        Ok(())
    }

    /// How the stream is set up, and the bytes that it has left, if it is bounded. The server refuses what does not fit,
    /// but forgets the frame of the message in its sum (nats-server 2.9): what then does fit by less than that is
    /// stored, and the oldest message is deleted for it, which no reader may have seen yet.
    async fn look(&mut self) -> Result<(Setup, Option<u64>), BrokerError> {
        if let Some((seen, setup)) = self.setup
            && !setup.bounded
            && seen.elapsed() < LOOK_EVERY
        {
            return Ok((setup, None));
        }
        let info = self.handle.info().await.map_err(unavailable)?;
        let bound = u64::try_from(info.config.max_bytes).ok().filter(|bound| *bound > 0);
        let setup = Setup { replicated: info.config.num_replicas > 1, bounded: bound.is_some() };
        self.setup = Some((Instant::now(), setup));
        Ok((setup, bound.map(|bound| bound.saturating_sub(info.state.bytes))))
    }

    async fn publish_chains(
        &mut self,
        run: &[Message],
        until: tokio::time::Instant,
        published: &mut Published,
    ) -> Result<(), BrokerError> {
        let mut rest: Vec<&Message> = run.iter().collect();
        while !rest.is_empty() {
            if tokio::time::Instant::now() >= until {
                return Err(BrokerError::Late);
            }
            let chain = &rest[..rest.len().min(self.chain.length())];
            self.chain.publish(&self.client, &self.context, chain, published).await?;
            rest.retain(|message| !published.has(message));
        }
        Ok(())
    }

    /// One message of each partition after the other.
    async fn publish_waves(
        &mut self,
        run: &[Message],
        until: tokio::time::Instant,
        published: &mut Published,
    ) -> Result<(), BrokerError> {
        self.chain = Chain::default();
        let mut waiting: Vec<&Message> = run.iter().collect();
        while !waiting.is_empty() {
            if tokio::time::Instant::now() >= until {
                return Err(BrokerError::Late);
            }
            let mut seen = HashSet::new();
            let (wave, rest): (Vec<_>, Vec<_>) =
                waiting.into_iter().partition(|message| seen.insert(message.partition));
            waiting = rest;
            let acks = join_all(wave.iter().map(|message| self.publish_one(message))).await;
            let mut failure = None;
            for (message, ack) in wave.into_iter().zip(acks) {
                match ack {
                    Ok(ack) => published.acknowledge(message, (!ack.duplicate).then_some(ack.sequence)),
                    Err(error) => failure = Some(error),
                }
            }
            if let Some(error) = failure {
                return Err(error);
            }
        }
        Ok(())
    }

    async fn publish_one(&self, message: &Message) -> Result<PublishAck, BrokerError> {
        let ack = chain::send(&self.context, message, None).await?.await;
        let ack = ack.map_err(|error| match error.kind() {
            PublishErrorKind::StreamNotFound => unavailable("there is no stream"),
            _ => broker_error(&error),
        })?;
        // Replicas remember the id before the message is stored, and it may not come to be.
        if ack.duplicate && ack.sequence == 0 {
            return Err(unavailable("the message is still on its way"));
        }
        Ok(ack)
    }
}

/// Whether messages stay until they are too old or too many, whoever has read them.
fn keeps_all(config: &Config) -> bool {
    config.retention == RetentionPolicy::Limits
}

/// How many messages of a run fit, from its beginning.
fn fitting(run: &[Message], room: u64) -> usize {
    let end_of = |used: &mut u64, message: &Message| {
        *used += (message.subject.len() + message.size()) as u64 + FRAME;
        Some(*used)
    };
    run.iter().scan(0, end_of).take_while(|end| *end <= room).count()
}
