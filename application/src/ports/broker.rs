use std::collections::BTreeMap;

use async_trait::async_trait;
use bytes::Bytes;
use tokio::time::Instant;

use super::StoreIdentity;

/// A message for the outside, ready to go out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// `wilco.event.pet.reserved.p07`
    pub subject: String,
    /// `wilco.pet.reserved`: the CloudEvent's type.
    pub event_type: String,
    /// Unique over all messages; the broker drops repeats of it within its window.
    pub id: String,
    /// Further headers, name and value.
    pub headers: Vec<(&'static str, String)>,
    /// The CloudEvent.
    pub payload: Bytes,
    /// The partition it belongs to: order holds within one.
    pub partition: u16,
    /// Its offset there.
    pub offset: i64,
    /// Whether it was too large, so that it only says where its data can be read.
    pub referring: bool,
}

impl Message {
    /// About how many bytes it takes on the wire beside its subject: headers and payload.
    pub fn size(&self) -> usize {
        /// Version line, content type, the name of the id's header, the header that an adapter adds, line ends.
        const FRAME: usize = 256;
        let headers: usize = self.headers.iter().map(|(name, value)| name.len() + value.len() + 4).sum();
        FRAME + 2 * self.id.len() + headers + self.payload.len()
    }
}

/// What the broker has acknowledged of a run of messages.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Published {
    /// How many messages.
    pub count: usize,
    /// For each partition the offset up to which everything in the run is acknowledged.
    pub offsets: BTreeMap<u16, i64>,
    /// Of the newest of them that the broker did not have already, where it numbers its messages.
    pub receipt: Option<Receipt>,
}

/// What is known of the newest message that the broker has acknowledged.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Receipt {
    /// The broker's own number of it.
    pub sequence: u64,
    /// Its id; unknown after a restart.
    pub id: Option<String>,
}

/// What a look at the broker gave.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Standing {
    /// Whether, as far as can be told, it still has the message of the receipt.
    pub kept: bool,
    /// The number of the oldest message that it holds: what came before has become too old.
    pub first: u64,
    /// The number of its newest message.
    pub last: u64,
    /// Most bytes that it takes as headers and payload of one message ([`Message::size`]).
    pub largest: usize,
}

/// A message that the broker holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Told {
    /// The generation of the store that it was published in.
    pub generation: i64,
    /// The offset of its entry.
    pub offset: i64,
    /// Its id.
    pub id: String,
}

impl Published {
    /// Whether this message of the run is acknowledged.
    pub fn has(&self, message: &Message) -> bool {
        self.offsets.get(&message.partition).is_some_and(|offset| message.offset <= *offset)
    }

    /// Counts one more acknowledged message, new under `sequence`; messages of a partition come in order.
    pub fn acknowledge(&mut self, message: &Message, sequence: Option<u64>) {
        self.count += 1;
        self.offsets.insert(message.partition, message.offset);
        let newest = self.receipt.as_ref().map_or(0, |receipt| receipt.sequence);
        if let Some(sequence) = sequence.filter(|sequence| *sequence > newest) {
            self.receipt = Some(Receipt { sequence, id: Some(message.id.clone()) });
        }
    }
}

/// The broker did not take it; the relay waits and tries again.
#[derive(Debug, thiserror::Error)]
pub enum BrokerError {
    /// No connection, no answer, or no stream.
    #[error("the broker is not reachable: {0}")]
    Unavailable(String),
    /// It answers, but refuses (its stream is full, say).
    #[error("the broker refused a message: {0}")]
    Refused(String),
    /// Somebody else's notifications go where this store's are to go.
    #[error("{0}")]
    Occupied(String),
    /// The time until which this replica may publish is over.
    #[error("the lease ended before everything was published")]
    Late,
}

/// Where notifications go.
#[async_trait]
pub trait Broker: Send + Sync {
    /// Publishes `run` in its order, whoever else publishes. When message *k* is not stored, none after it of the same
    /// partition may become visible before it: an implementation pipelines only where it can promise that. Nothing
    /// is sent after `until`, when another replica may have taken over.
    ///
    /// # Errors
    /// With what was acknowledged before the failure.
    async fn publish(&self, run: &[Message], until: Instant) -> Result<Published, (Published, BrokerError)>;

    /// Connects if need be, makes sure that no other store publishes to the same place
    /// ([`BrokerError::Occupied`]), and tells whether the broker still has the message it gave this receipt for: one
    /// that crashed may have lost its tail, and have filled it up again with messages of others. To be asked before
    /// the first [`Broker::publish`] and after each that failed.
    ///
    /// Where messages are kept is made if it is missing; but after a receipt only when all replicas must have noticed
    /// that it was gone, so that none goes on in what is made anew as if nothing had happened.
    async fn check(&self, store: &StoreIdentity, receipt: &Receipt) -> Result<Standing, BrokerError>;

    /// The newest message of this partition that the broker holds, where it keeps any. All before it were there too.
    async fn newest(&self, partition: u16) -> Result<Option<Told>, BrokerError>;
}
