//! The landing views.

use std::borrow::Cow;
use std::fmt::Write as _;

use async_trait::async_trait;
use wilco_application::ports::{MemberValue, Page, StoreError, ViewFilter, ViewMark, ViewRow, Views};

use super::SqliteStore;
use super::bulk::Bulk;
use super::errors::classify;
use super::rows::{view, view_columns};
use super::values::Values;

static SAVE_VIEWS: Bulk = Bulk::new(include_str!("sql/save_views.sql"), 6);

/// A view's row, as the statements that write it take it.
pub(super) fn bind_view<'q>(values: &mut Values<'q>, view: &'q ViewRow) {
    values.text(&view.view_id).put(view.version).text(&view.payload).text(&view.status).put(view.gone);
    values.optional_text(view.fingerprint.as_deref());
}

/// The statement that lists by these members, and by status if that is wanted as well. The names are those of members
/// that are indexed, so that they can stand in a statement.
fn by_members(status: bool, members: &[(&'static str, MemberValue)]) -> String {
    let first = members.first().map_or("", |(name, _)| name);
    let mut conditions = if status { " AND +status = ?4".to_owned() } else { String::new() };
    for (number, (name, _)) in (if status { 5 } else { 4 }..).zip(members) {
        let _ =
            write!(conditions, " AND payload ->> '{name}' = ?{number} AND payload ->> '{name}' IS NOT NULL");
    }
    let statement = include_str!("sql/views_by_members.sql");
    statement.replace("{first}", first).replace("{conditions}", &conditions)
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
        let statement: Cow<'static, str> = match (&filter.status, filter.members.as_slice()) {
            (None, []) => include_str!("sql/views.sql").into(),
            (Some(_), []) => include_str!("sql/views_of_status.sql").into(),
            (status, members) => by_members(status.is_some(), members).into(),
        };
        let mut query = sqlx::query(&statement).bind(after).bind(end).bind(i64::from(filter.limit) + 1);
        if let Some(status) = &filter.status {
            query = query.bind(status);
        }
        for (_, value) in &filter.members {
            query = match value {
                MemberValue::Text(text) => query.bind(text),
                MemberValue::Whole(number) => query.bind(number),
                MemberValue::YesNo(yes) => query.bind(yes),
            };
        }
        let rows = query.fetch_all(self.reads()).await.map_err(classify)?;
        let items = rows.iter().map(view).collect::<Result<Vec<_>, _>>()?;
        Ok(Page::cut(items, filter.limit))
    }

    async fn index(&self, members: &[&'static str]) -> Result<(), StoreError> {
        let statements =
            members.iter().map(|member| include_str!("sql/index_member.sql").replace("{member}", member));
        let statements: Vec<String> = statements.collect();
        self.writer()
            .write(move |connection| {
                Box::pin(async move {
                    for statement in &statements {
                        sqlx::query(statement).execute(&mut *connection).await.map_err(classify)?;
                    }
                    Ok(())
                })
            })
            .await
    }

    async fn view_marks(&self, after: Option<&str>, limit: u32) -> Result<Vec<ViewMark>, StoreError> {
        let rows: Vec<(String, i64, Option<String>)> = sqlx::query_as(include_str!("sql/view_marks.sql"))
            .bind(after.unwrap_or_default())
            .bind(limit)
            .fetch_all(self.reads())
            .await
            .map_err(classify)?;
        let mark = |(view_id, version, fingerprint)| ViewMark { view_id, version, fingerprint };
        Ok(rows.into_iter().map(mark).collect())
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
