use async_trait::async_trait;
use serde_json::Value;
use wilco_domain::kernel::Tenant;

use super::{Page, StoreError};

/// A landing view to write.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ViewRow {
    /// `pet/pet-42`, or `@acme/pet/pet-42`: see [`AggregateKey::view_id`](super::AggregateKey::view_id).
    pub view_id: String,
    /// The aggregate's version it shows.
    pub version: i64,
    /// What the resource answers, as JSON.
    pub payload: String,
    /// For `?status=`.
    pub status: String,
    /// Whether the resource is gone (410).
    pub gone: bool,
    /// Whose code made it, where that is known: see [`crate::catalog::fingerprint`].
    pub fingerprint: Option<String>,
}

/// Whose code made a view.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ViewMark {
    /// As in [`ViewRow`].
    pub view_id: String,
    /// Its version.
    pub version: i64,
    /// As in [`ViewRow`].
    pub fingerprint: Option<String>,
}

/// Which views to list, in ascending order of their ids.
#[derive(Clone, Debug, Default)]
pub struct ViewFilter {
    /// Only this tenant's.
    pub tenant: Tenant,
    /// `pet`: only of this type.
    pub view_type: String,
    /// Only with this status; without one, all that are not gone.
    pub status: Option<String>,
    /// Only with these members in what they show; they are [indexed](Views::index).
    pub members: Vec<(&'static str, MemberValue)>,
    /// Only those whose id (without the type) is greater than this.
    pub after: Option<String>,
    /// At most so many.
    pub limit: u32,
}

impl ViewFilter {
    /// Whether a view of its type and tenant is meant, as it is now: its status, its members, and that it is not gone.
    pub fn means(&self, view: &ViewRow) -> bool {
        let shows = || {
            let shown: Value = serde_json::from_str(&view.payload).unwrap_or_default();
            self.members.iter().all(|(name, value)| shown[*name] == value.as_json())
        };
        !view.gone
            && self.status.as_ref().is_none_or(|status| *status == view.status)
            && (self.members.is_empty() || shows())
    }
}

impl MemberValue {
    fn as_json(&self) -> Value {
        match self {
            Self::Text(text) => text.as_str().into(),
            Self::Whole(number) => (*number).into(),
            Self::YesNo(yes) => (*yes).into(),
        }
    }
}

/// The value of a member.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MemberValue {
    /// A text.
    Text(String),
    /// A whole number.
    Whole(i64),
    /// Yes or no.
    YesNo(bool),
}

/// The landing views.
#[async_trait]
pub trait Views: Send + Sync {
    /// The view with this id.
    async fn view(&self, view_id: &str) -> Result<Option<ViewRow>, StoreError>;

    /// The views that match; gone ones never do.
    async fn views(&self, filter: &ViewFilter) -> Result<Page<ViewRow>, StoreError>;

    /// Lets lists be filtered by these members of what views show, of whatever type. What is indexed stays so.
    async fn index(&self, members: &[&'static str]) -> Result<(), StoreError>;

    /// Whose code made the views, of all types and tenants and gone ones too, in ascending order of their ids, starting
    /// after `after`, at most `limit`.
    async fn view_marks(&self, after: Option<&str>, limit: u32) -> Result<Vec<ViewMark>, StoreError>;

    /// The stored ids of the aggregates of a type, of all tenants, in ascending order, starting after `after`: for
    /// rebuilding.
    async fn aggregates(
        &self,
        aggregate_type: &str,
        after: Option<&str>,
        limit: u32,
    ) -> Result<Vec<String>, StoreError>;

    /// Writes rebuilt views, each unless a newer one is there.
    async fn save_views(&self, views: Vec<ViewRow>) -> Result<(), StoreError>;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_view_is_meant_by_its_status_and_its_members() {
        let view = ViewRow {
            view_id: "member/ann".into(),
            version: 1,
            payload: r#"{"plan":"plus","visits":7,"paid":true}"#.into(),
            status: "active".into(),
            gone: false,
            fingerprint: None,
        };
        let by = |status: &str, members| ViewFilter {
            status: Some(status.to_owned()),
            members,
            ..ViewFilter::default()
        };
        let all = vec![
            ("plan", MemberValue::Text("plus".into())),
            ("visits", MemberValue::Whole(7)),
            ("paid", MemberValue::YesNo(true)),
        ];
        assert!(by("active", all.clone()).means(&view));
        assert!(!by("paused", all.clone()).means(&view));
        assert!(!by("active", vec![("plan", MemberValue::Text("basic".into()))]).means(&view));
        assert!(!by("active", vec![("other", MemberValue::Whole(7))]).means(&view));
        assert!(!by("active", all).means(&ViewRow { gone: true, ..view }));
    }
}
