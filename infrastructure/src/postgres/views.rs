//! The landing views.

use async_trait::async_trait;
use wilco_application::ports::{Page, StoreError, ViewFilter, ViewRow, Views};

use super::PostgresStore;
use super::errors::classify;
use super::rows::{view, view_columns};

#[async_trait]
impl Views for PostgresStore {
    async fn view(&self, view_id: &str) -> Result<Option<ViewRow>, StoreError> {
        let row = sqlx::query(concat!("SELECT ", view_columns!(), " FROM views WHERE view_id = $1"))
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
            .bind(i64::from(limit))
            .fetch_all(self.reads())
            .await
            .map_err(classify)
    }

    async fn save_views(&self, views: Vec<ViewRow>) -> Result<(), StoreError> {
        let pool = self.writes().clone();
        self.outlive(async move {
            sqlx::query(include_str!("sql/save_views.sql"))
                .bind(views.iter().map(|view| view.view_id.as_str()).collect::<Vec<_>>())
                .bind(views.iter().map(|view| view.version).collect::<Vec<_>>())
                .bind(views.iter().map(|view| view.payload.as_str()).collect::<Vec<_>>())
                .bind(views.iter().map(|view| view.status.as_str()).collect::<Vec<_>>())
                .bind(views.iter().map(|view| view.gone).collect::<Vec<_>>())
                .execute(&pool)
                .await
                .map(drop)
                .map_err(classify)
        })
        .await
    }
}
