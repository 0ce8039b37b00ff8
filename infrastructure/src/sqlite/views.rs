//! The landing views.

use async_trait::async_trait;
use wilco_application::ports::{Page, StoreError, ViewFilter, ViewRow, Views};

use super::SqliteStore;
use super::bulk::{Bulk, Values};
use super::errors::classify;
use super::rows::{view, view_columns};

static SAVE_VIEWS: Bulk = Bulk::new(include_str!("sql/save_views.sql"), 5);

/// A view's row, as the statements that write it take it.
pub(super) fn bind_view<'q>(values: &mut Values<'q>, view: &'q ViewRow) {
    values.text(&view.view_id).put(view.version).text(&view.payload).text(&view.status).put(view.gone);
}

#[async_trait]
impl Views for SqliteStore {
    async fn view(&self, view_id: &str) -> Result<Option<ViewRow>, StoreError> {
        let row = sqlx::query(concat!("SELECT ", view_columns!(), " FROM views WHERE view_id = ?1"))
            .bind(view_id)
            .fetch_optional(self.reads())
            .await
            .map_err(classify)?;
        row.as_ref().map(view).transpose()
    }

    async fn views(&self, filter: &ViewFilter) -> Result<Page<ViewRow>, StoreError> {
        let (after, end) = filter.range();
        let statement = match &filter.status {
            None => include_str!("sql/views.sql"),
            Some(_) => include_str!("sql/views_of_status.sql"),
        };
        let mut query = sqlx::query(statement).bind(after).bind(end).bind(i64::from(filter.limit) + 1);
        if let Some(status) = &filter.status {
            query = query.bind(status);
        }
        let rows = query.fetch_all(self.reads()).await.map_err(classify)?;
        let mut items = rows.iter().map(view).collect::<Result<Vec<_>, _>>()?;
        let more = items.len() > filter.limit as usize;
        items.truncate(filter.limit as usize);
        Ok(Page { items, more })
    }

    async fn aggregates(
        &self,
        aggregate_type: &str,
        after: Option<&str>,
        limit: u32,
    ) -> Result<Vec<String>, StoreError> {
        sqlx::query_scalar(include_str!("sql/aggregates.sql"))
            .bind(aggregate_type)
            .bind(after.unwrap_or_default())
            .bind(limit)
            .fetch_all(self.reads())
            .await
            .map_err(classify)
    }

    async fn save_views(&self, views: Vec<ViewRow>) -> Result<(), StoreError> {
        self.writer()
            .write(move |connection| {
                Box::pin(async move { SAVE_VIEWS.execute(connection, &views, bind_view).await.map(drop) })
            })
            .await
    }
}
