//! How what belongs to a tenant is named: which of them is meant, and as what it is stored.
//!
//! What must hold: what is stored of one tenant has no name in common with what is stored of another. What belongs to
//! the default one is stored under the ids as they are, as it was before there were tenants; ids of another have its
//! name and a slash before them. There is no slash in an id, and no type begins with the sign that begins the ids of
//! another tenant's views.

use std::borrow::Cow;

use wilco_domain::kernel::{AggregateId, Tenant};

use super::{Command, EventRow, ProcessKey, ViewFilter, ViewRow};
use crate::partition::partition_of;

/// Names an aggregate.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct AggregateKey {
    /// Whose it is.
    pub tenant: Tenant,
    /// `pet`
    pub aggregate_type: String,
    /// `pet-42`
    pub id: String,
}

impl AggregateKey {
    /// The aggregate of this tenant, type and id.
    pub fn new(tenant: &Tenant, aggregate_type: impl Into<String>, id: impl Into<String>) -> Self {
        Self { tenant: tenant.clone(), aggregate_type: aggregate_type.into(), id: id.into() }
    }

    /// The aggregate that an instance of a process lives beside, whose commands are named after `home`; also if there is none.
    pub fn beside(process: &ProcessKey, home: impl Into<String>) -> Self {
        Self { tenant: process.tenant.clone(), aggregate_type: home.into(), id: process.id.clone() }
    }

    /// The aggregate whose events, snapshots and sequences are stored under this id.
    pub fn from_stored(aggregate_type: impl Into<String>, stored_id: &str) -> Self {
        let (tenant, id) = Self::taken_apart(stored_id);
        Self { tenant, aggregate_type: aggregate_type.into(), id: id.to_owned() }
    }

    /// Tenant and id of a stored id. One that no tenant's aggregate can have (another program wrote it) is the default
    /// one's as it is.
    pub fn taken_apart(stored_id: &str) -> (Tenant, &str) {
        let apart = || {
            // Nearly all have none; searching for a character costs more than for a byte.
            let slash = stored_id.bytes().position(|b| b == b'/')?;
            let (tenant, id) = (&stored_id[..slash], &stored_id[slash + 1..]);
            let tenant = Tenant::parse(tenant).ok().filter(|tenant| !tenant.is_default())?;
            AggregateId::parse(id).ok().map(|_| (tenant, id))
        };
        apart().unwrap_or_else(|| (Tenant::default(), stored_id))
    }

    /// The aggregate whose view is stored under this id; none, where it is none that a view can have.
    pub fn of_view(view_id: &str) -> Option<Self> {
        let (tenant, rest) = match view_id.strip_prefix('@') {
            Some(named) => {
                let (tenant, rest) = named.split_once('/')?;
                (Tenant::parse(tenant).ok().filter(|tenant| !tenant.is_default())?, rest)
            }
            None => (Tenant::default(), view_id),
        };
        let (aggregate_type, id) = rest.split_once('/')?;
        Some(Self::new(&tenant, aggregate_type, id))
    }

    /// The id under which its events, snapshots and sequences are stored: `pet-42`, or `acme/pet-42`.
    pub fn stored_id(&self) -> Cow<'_, str> {
        stored_id(&self.tenant, &self.id)
    }

    /// The id under which its view is stored: `pet/pet-42`, or `@acme/pet/pet-42`. All views of a type and tenant stand
    /// together, and none of another between them.
    pub fn view_id(&self) -> String {
        let mut view_id = view_prefix(&self.tenant, &self.aggregate_type);
        view_id.push_str(&self.id);
        view_id
    }

    /// `pet/pet-42`: as clients see it, in headers for example.
    pub fn path(&self) -> String {
        [&*self.aggregate_type, "/", &self.id].concat()
    }

    /// Its partition among so many.
    pub fn partition(&self, partitions: u16) -> u16 {
        partition_of(&self.aggregate_type, &self.stored_id(), partitions)
    }
}

impl Command {
    /// The aggregate it is for.
    pub fn aggregate(&self) -> AggregateKey {
        AggregateKey::new(&self.tenant, self.aggregate_type(), self.target.as_str())
    }

    /// The id under which the aggregate that it is for is stored.
    pub fn stored_target(&self) -> Cow<'_, str> {
        stored_id(&self.tenant, &self.target)
    }
}

impl EventRow {
    /// The aggregate it is of.
    pub fn aggregate(&self) -> AggregateKey {
        AggregateKey::from_stored(self.aggregate_type.as_str(), &self.aggregate_id)
    }
}

impl ViewFilter {
    /// The ids of the views meant are greater than the first and less than the second.
    pub fn range(&self) -> (String, String) {
        let mut after = view_prefix(&self.tenant, &self.view_type);
        let mut end = after.clone();
        // Those of a type are from `pet/` to before `pet0`, which is the next character.
        end.pop();
        end.push('0');
        after.push_str(self.after.as_deref().unwrap_or_default());
        (after, end)
    }

    /// The id, without what is before it, of the aggregate that one of the views meant is of.
    pub fn id_of<'v>(&self, view: &'v ViewRow) -> &'v str {
        view.view_id.strip_prefix(&view_prefix(&self.tenant, &self.view_type)).unwrap_or(&view.view_id)
    }
}

fn stored_id<'a>(tenant: &Tenant, id: &'a str) -> Cow<'a, str> {
    if tenant.is_default() { id.into() } else { format!("{tenant}/{id}").into() }
}

fn view_prefix(tenant: &Tenant, aggregate_type: &str) -> String {
    if tenant.is_default() { format!("{aggregate_type}/") } else { format!("@{tenant}/{aggregate_type}/") }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn key(tenant: &str, id: &str) -> AggregateKey {
        AggregateKey::new(&Tenant::parse(tenant).unwrap(), "pet", id)
    }

    proptest! {
        #[test]
        fn what_is_stored_says_whose_it_is(tenant in "[a-z0-9-]{1,40}", id in "[A-Za-z0-9._~-]{3,128}") {
            let key = key(&tenant, &id);
            prop_assert_eq!(&AggregateKey::from_stored("pet", &key.stored_id()), &key);
            prop_assert_eq!(AggregateKey::of_view(&key.view_id()), Some(key));
        }

        #[test]
        fn no_two_tenants_share_a_name(one in "[a-z0-9-]{1,4}", other in "[a-z0-9-]{1,4}", ids in "[a-z~.-]{3,5}") {
            prop_assume!(one != other);
            let (one, other) = (key(&one, &ids), key(&other, &ids));
            prop_assert_ne!(one.stored_id(), other.stored_id());
            let list = ViewFilter { tenant: one.tenant.clone(), view_type: "pet".into(), ..ViewFilter::default() };
            let (after, end) = list.range();
            prop_assert!((&after..&end).contains(&&one.view_id()));
            prop_assert!(!(&after..&end).contains(&&other.view_id()));
        }
    }

    #[test]
    fn the_default_tenants_things_are_stored_under_their_ids() {
        let key = key("default", "pet-42");
        assert_eq!((&*key.stored_id(), &*key.view_id()), ("pet-42", "pet/pet-42"));
        assert_eq!(key.partition(16), partition_of("pet", "pet-42", 16));
    }

    #[test]
    fn another_tenants_things_are_stored_under_its_name_and_shown_without() {
        let key = key("acme", "pet-42");
        assert_eq!((&*key.stored_id(), &*key.view_id()), ("acme/pet-42", "@acme/pet/pet-42"));
        assert_eq!(
            (key.path(), key.partition(16)),
            ("pet/pet-42".into(), partition_of("pet", "acme/pet-42", 16))
        );
    }

    #[test]
    fn an_id_that_no_view_can_have_is_of_no_aggregate() {
        for view_id in ["", "pet", "@acme", "@acme/pet", "@default/pet/pet-42", "@ACME/pet/pet-42"] {
            assert_eq!(AggregateKey::of_view(view_id), None, "{view_id}");
        }
    }

    #[test]
    fn what_another_program_stored_is_the_default_tenants() {
        for stored in ["a/b/c", "Acme/x", "/x", "x/", "acme/a b", "default/x", ""] {
            assert_eq!(AggregateKey::taken_apart(stored), (Tenant::default(), stored));
        }
    }
}
