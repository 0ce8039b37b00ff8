//! Whose stream it is.
//!
//! The stream's description names the store that publishes into it, and the store's generation. Two stores would
//! publish entries under the same subjects, partitions and offsets, and each would tell subscribers to drop the
//! other's; so would a store and its restored copy. The second finds the first one's name, and publishes nothing.

use async_nats::header::NATS_MESSAGE_ID;
use async_nats::jetstream::Context;
use async_nats::jetstream::ErrorCode;
use async_nats::jetstream::context::{
    CreateStreamError, CreateStreamErrorKind, GetStreamError, GetStreamErrorKind,
};
use async_nats::jetstream::message::StreamMessage;
use async_nats::jetstream::stream::{Config, DiscardPolicy, Info, StorageType, Stream};
use serde::Deserialize;
use uuid::Uuid;
use wilco_application::ports::{BrokerError, StoreIdentity, Told};

use super::StreamOptions;
use super::errors::unavailable;
use std::time::Duration;

/// How long the server remembers message ids: longer than another replica needs to take over. Each of them is memory
/// that nats-server's garbage collector walks over: with its two minutes, at 12,000 messages a second, that held both
/// cores of a small machine for 30 ms about once a second, which commands had to wait for.
const DUPLICATE_WINDOW: Duration = Duration::from_secs(30);
/// What the owner's name begins with in the description.
const MARK: &str = "Wilco store ";
/// The generation of messages that name none: they are older than generations.
const FIRST_GENERATION: i64 = 1;

/// Finds the stream, or makes it, and writes the store's name on it, if nobody else's is there. `None`: it is missing
/// and may not be made.
pub(super) async fn claim(
    context: &Context,
    options: &StreamOptions,
    prefix: &str,
    store: &StoreIdentity,
    may_make: bool,
) -> Result<Option<Stream>, BrokerError> {
    let handle = match context.get_stream(&options.name).await {
        Ok(handle) => handle,
        Err(error) if !is_missing(&error) => return Err(unavailable(error)),
        Err(_) if !may_make => return Ok(None),
        Err(_) => make(context, options, prefix, store).await?,
    };
    mark_as_owned(context, handle.cached_info(), store).await?;
    cover_tenants(context, handle.cached_info(), prefix).await;
    Ok(Some(handle))
}

async fn make(
    context: &Context,
    options: &StreamOptions,
    prefix: &str,
    store: &StoreIdentity,
) -> Result<Stream, BrokerError> {
    match context.get_or_create_stream(config(options, prefix, store)).await {
        Ok(handle) => Ok(handle),
        // The stream that takes its subjects may be itself: another replica makes it at the same time.
        Err(error) if overlaps(&error) => {
            context.get_stream(&options.name).await.map_err(|_| subjects_taken(options, prefix))
        }
        Err(error) => Err(unavailable(error)),
    }
}

fn is_missing(error: &GetStreamError) -> bool {
    matches!(error.kind(), GetStreamErrorKind::JetStream(error) if error.error_code() == ErrorCode::STREAM_NOT_FOUND)
}

/// Writes the store's name on the stream, if no other store's is there, nor a later generation of this one's.
pub(super) async fn mark_as_owned(
    context: &Context,
    info: &Info,
    store: &StoreIdentity,
) -> Result<(), BrokerError> {
    let owner = owner(info);
    if owner == Some(*store) {
        return Ok(());
    }
    refuse_others(owner, &info.config.name, store)?;
    let described = Config { description: Some(described(info, store)), ..info.config.clone() };
    if let Err(error) = context.update_stream(described).await {
        // Somebody may not want it to be changed; the stream is used as it is.
        tracing::warn!(
            error = &error as &dyn std::error::Error,
            stream = info.config.name,
            "the stream cannot be marked as this store's: another store on it would not be noticed"
        );
    }
    Ok(())
}

/// Has a stream that is older than tenants take the subjects of those beside the default one. One whose subjects somebody
/// else has chosen is left as it is.
async fn cover_tenants(context: &Context, info: &Info, prefix: &str) {
    let [events, tenants] = ["event", "tenant"].map(|kind| format!("{prefix}.{kind}.>"));
    let subjects = &info.config.subjects;
    if !subjects.contains(&events) || subjects.contains(&tenants) {
        return;
    }
    // The description was changed a moment ago, perhaps.
    let Ok(mut stream) = context.get_stream(&info.config.name).await else { return };
    let Ok(present) = stream.info().await else { return };
    let mut config = present.config.clone();
    config.subjects.push(tenants);
    if let Err(error) = context.update_stream(config).await {
        tracing::warn!(
            error = &error as &dyn std::error::Error,
            stream = info.config.name,
            "the stream cannot be given the subjects of tenants: messages of others than the default one would not get \
             into it"
        );
    }
}

fn refuse_others(owner: Option<StoreIdentity>, name: &str, store: &StoreIdentity) -> Result<(), BrokerError> {
    match owner {
        Some(owner) if owner.id != store.id => Err(BrokerError::Occupied(format!(
            "the stream {name} belongs to another store ({}), this is {}: give this one a stream and subjects of its \
             own (jetstream.stream, engine.subject_prefix), or delete the stream if that store is no more",
            owner.id, store.id
        ))),
        Some(owner) if owner.generation > store.generation => Err(BrokerError::Occupied(format!(
            "a restored copy of this store publishes into the stream {name} (generation {}, this is {}): only one of \
             the two can",
            owner.generation, store.generation
        ))),
        _ => Ok(()),
    }
}

/// What a message of the stream tells of its entry; another program's tells nothing.
pub(super) fn told(message: &StreamMessage) -> Option<Told> {
    #[derive(Deserialize)]
    struct Place {
        offset: String,
        generation: Option<String>,
    }
    let place: Place = serde_json::from_slice(&message.payload).ok()?;
    let generation = match place.generation {
        Some(generation) => generation.parse().ok()?,
        None => FIRST_GENERATION,
    };
    let id = message.headers.get(NATS_MESSAGE_ID)?.as_str().to_owned();
    Some(Told { generation, offset: place.offset.parse().ok()?, id })
}

fn config(options: &StreamOptions, prefix: &str, store: &StoreIdentity) -> Config {
    Config {
        name: options.name.clone(),
        description: Some(mark(store)),
        subjects: ["command", "event", "tenant"].map(|kind| format!("{prefix}.{kind}.>")).to_vec(),
        // A full stream must refuse: dropping old messages silently would break the promise to deliver.
        discard: DiscardPolicy::New,
        storage: if options.in_memory { StorageType::Memory } else { StorageType::File },
        num_replicas: options.replicas,
        max_age: options.max_age,
        max_bytes: options.max_bytes,
        duplicate_window: DUPLICATE_WINDOW,
        ..Config::default()
    }
}

fn overlaps(error: &CreateStreamError) -> bool {
    /// JetStream's number for subjects that another stream has.
    const OVERLAP: u64 = 10065;
    matches!(error.kind(), CreateStreamErrorKind::JetStream(error) if error.error_code().0 == OVERLAP)
}

fn subjects_taken(options: &StreamOptions, prefix: &str) -> BrokerError {
    BrokerError::Occupied(format!(
        "the stream {} cannot be made: another stream takes subjects that begin with {prefix}; give this store subjects \
         of its own (engine.subject_prefix)",
        options.name
    ))
}

/// `Wilco store 0198…, generation 1764054000123`
fn mark(store: &StoreIdentity) -> String {
    format!("{MARK}{}, generation {}", store.id, store.generation)
}

/// The store whose name is on the stream.
pub(super) fn owner(info: &Info) -> Option<StoreIdentity> {
    let (_, mark) = info.config.description.as_deref()?.split_once(MARK)?;
    let (id, generation) = mark.split_once(", generation ")?;
    let digits = generation.find(|c: char| !c.is_ascii_digit()).unwrap_or(generation.len());
    Some(StoreIdentity { id: Uuid::parse_str(id).ok()?, generation: generation[..digits].parse().ok()? })
}

/// The stream's description with the store's name in place of an earlier one.
fn described(info: &Info, store: &StoreIdentity) -> String {
    let present = info.config.description.as_deref().unwrap_or_default();
    let own = present.split_once(MARK).map_or(present, |(own, _)| own).trim_end();
    if own.is_empty() { mark(store) } else { format!("{own} {}", mark(store)) }
}
