use std::sync::Arc;

use crate::activities::Reach;
use crate::catalog::Catalog;
use crate::feed::FeedHub;
use crate::kinds::KnownKinds;
use crate::ownership::Ownership;
use crate::pace::Pace;
use crate::ports::{Clock, Store};
use crate::settings::EngineSettings;
use crate::waiters::Waiters;

/// What every part of an engine works with; a clone is cheap.
#[derive(Clone)]
pub(crate) struct Parts {
    pub(crate) store: Arc<dyn Store>,
    pub(crate) catalog: Arc<Catalog>,
    pub(crate) reach: Reach,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) hub: Arc<FeedHub>,
    pub(crate) waiters: Arc<Waiters>,
    pub(crate) pace: Arc<Pace>,
    pub(crate) kinds: Arc<KnownKinds>,
    pub(crate) ownership: Ownership,
    pub(crate) settings: Arc<EngineSettings>,
}
