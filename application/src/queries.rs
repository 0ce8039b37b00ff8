//! Reading: resources, their histories, and how they were.

use std::borrow::Cow;
use std::sync::Arc;

use crate::catalog::{Catalog, Undecodable};
use crate::ports::{AggregateKey, EventRow, Page, Store, StoreError, ViewFilter, ViewRow};

/// Reads the read models.
#[derive(Clone)]
pub struct Queries {
    store: Arc<dyn Store>,
    catalog: Arc<Catalog>,
}

/// A read failed.
#[derive(Debug, thiserror::Error)]
pub enum QueryError {
    /// The store did not answer.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Stored data cannot be read by this version of the program.
    #[error(transparent)]
    Undecodable(#[from] Undecodable),
    /// There is no aggregate type of that name.
    #[error("no aggregate type {0}")]
    UnknownType(String),
}

/// Events read at once while folding.
const PAGE: u32 = 1000;

impl Queries {
    /// Reads `store` with the types of `catalog`.
    pub fn new(store: Arc<dyn Store>, catalog: Arc<Catalog>) -> Self {
        Self { store, catalog }
    }

    /// The landing view of an aggregate: one that other code has made is folded anew.
    pub async fn resource(&self, key: &AggregateKey) -> Result<Option<ViewRow>, QueryError> {
        match self.store.view(&key.view_id()).await? {
            Some(view) if self.is_stale(&key.aggregate_type, &view) => self.fold(key, i64::MAX).await,
            found => Ok(found),
        }
    }

    /// A page of landing views. Those that other code has made are folded anew; one that turns out not to be
    /// meant is left out.
    pub async fn resources(&self, filter: &ViewFilter) -> Result<Page<ViewRow>, QueryError> {
        let mut filter = filter.clone();
        loop {
            let found = self.store.views(&filter).await?;
            let last = found.items.last().map(|view| filter.id_of(view).to_owned());
            let page = self.renewed(&filter, found).await?;
            // A page with nothing left on it would be taken for the last one.
            if !page.items.is_empty() || !page.more {
                return Ok(page);
            }
            filter.after = last;
        }
    }

    async fn renewed(
        &self,
        filter: &ViewFilter,
        mut page: Page<ViewRow>,
    ) -> Result<Page<ViewRow>, QueryError> {
        for view in &mut page.items {
            if self.is_stale(&filter.view_type, view) {
                let key = AggregateKey::new(&filter.tenant, filter.view_type.as_str(), filter.id_of(view));
                if let Some(folded) = self.fold(&key, i64::MAX).await? {
                    *view = folded;
                }
            }
        }
        page.items.retain(|view| filter.means(view));
        Ok(page)
    }

    /// Events of an aggregate, in the layout of today, after `after`, at most `limit`.
    pub async fn history(
        &self,
        key: &AggregateKey,
        after: i64,
        limit: u32,
    ) -> Result<Page<EventRow>, QueryError> {
        let items = self.store.events(key, after, limit.saturating_add(1)).await?;
        let mut page = Page::cut(items, limit);
        for event in &mut page.items {
            if let Cow::Owned(shown) = self.catalog.shown(event) {
                *event = shown;
            }
        }
        Ok(page)
    }

    /// The landing view as it was at `version`; `None` if the aggregate has not come so far.
    pub async fn resource_at(&self, key: &AggregateKey, version: i64) -> Result<Option<ViewRow>, QueryError> {
        let view = self.fold(key, version).await?;
        Ok(view.filter(|view| view.version == version))
    }

    /// Writes the landing views of every aggregate of a type anew from its events; says how many, at the end and
    /// to `told` on the way.
    pub async fn rebuild(&self, aggregate_type: &str, told: impl Fn(u64)) -> Result<u64, QueryError> {
        let mut count = 0;
        let mut after: Option<String> = None;
        loop {
            let ids = self.store.aggregates(aggregate_type, after.as_deref(), PAGE).await?;
            let Some(last) = ids.last().cloned() else { return Ok(count) };
            let mut views = Vec::with_capacity(ids.len());
            for id in ids {
                let key = AggregateKey::from_stored(aggregate_type, &id);
                views.extend(self.fold(&key, i64::MAX).await?);
            }
            count += views.len() as u64;
            self.store.save_views(views).await?;
            told(count);
            after = Some(last);
        }
    }

    fn is_stale(&self, aggregate_type: &str, view: &ViewRow) -> bool {
        self.catalog.is_stale(aggregate_type, view.version, view.fingerprint.as_deref())
    }

    /// The landing view of an aggregate as its events have it, up to this version.
    pub(crate) async fn fold(&self, key: &AggregateKey, until: i64) -> Result<Option<ViewRow>, QueryError> {
        let kind = self
            .catalog
            .aggregate(&key.aggregate_type)
            .ok_or_else(|| QueryError::UnknownType(key.aggregate_type.clone()))?;
        let mut fold = kind.fold(key);
        let mut after = 0;
        loop {
            let page = self.store.events(key, after, PAGE).await?;
            let last = page.len() < PAGE as usize;
            for event in page.iter().take_while(|event| event.sequence <= until) {
                fold.apply(event)?;
                after = event.sequence;
            }
            if last || after >= until || page.last().is_some_and(|event| event.sequence > until) {
                return Ok(fold.view()?);
            }
        }
    }
}
