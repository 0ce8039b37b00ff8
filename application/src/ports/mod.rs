//! What the engine needs of the outside, as traits. Two stores implement [`Store`]; the conformance suite in
//! `tests/` is the definition of what they must do.

mod broker;
mod clock;
mod outbound;
mod runner;
mod store;
mod undecodable;

pub use broker::{Broker, BrokerError, Message, Published, Receipt, Standing, Told};
pub(crate) use clock::id_of;
pub use clock::{Clock, Ids, RandomIds, SystemClock};
pub use outbound::{Outbound, OutboundError, OutboundMethod, OutboundRequest, OutboundResponse, origin};
pub use runner::{Answer, Call, Look, Runner, Setback};
pub use store::{
    Accepted, AggregateKey, AttemptRow, AttemptStep, Attempts, Begun, BlockedCommand, CancelOutcome,
    Checkpoint, Checkpoints, Command, CommandFilter, CommandKey, Committed, Deploying, DueAttempt, EntryBody,
    EventRow, Feed, FeedEntry, Fence, Heads, Idempotency, Journal, Kept, Leases, Loaded, MOST_DUE,
    MemberValue, NewEvent, OpenType, Outcome, Page, ParkedEntry, PartitionLease, PartitionSlice,
    ProcessFilter, ProcessKey, ProcessRow, ProcessStanding, Processes, Registry, ReplyTo, Seat, Settlement,
    Sighted, Sighting, Signal, SnapshotRow, State, Steps, Store, StoreError, StoreIdentity, StoredKind,
    Timer, UnitOfWork, ViewFilter, ViewMark, ViewRow, Views, Waiting,
};
pub use undecodable::Undecodable;
