use std::fmt;

/// Whose something is: 1–40 of `a–z 0–9 -`. What belongs to one tenant does not exist for another.
///
/// The default one, `default`, is whose everything is that was stored before there were others; it is stored as an empty
/// text.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Tenant(String);

/// The text is not a [`Tenant`].
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("a tenant has 1 to 40 characters of a-z 0-9 -")]
pub struct InvalidTenant;

impl Tenant {
    /// Longest name, in characters.
    pub const MAX_LEN: usize = 40;

    const DEFAULT: &str = "default";

    /// The tenant of that name.
    pub fn parse(name: impl Into<String>) -> Result<Self, InvalidTenant> {
        let name = name.into();
        if name == Self::DEFAULT {
            return Ok(Self::default());
        }
        let allowed = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
        let valid = !name.is_empty() && name.len() <= Self::MAX_LEN && name.bytes().all(allowed);
        if valid { Ok(Self(name)) } else { Err(InvalidTenant) }
    }

    /// The tenant that is stored so: see [`Tenant::stored`].
    pub fn from_stored(text: String) -> Result<Self, InvalidTenant> {
        if text.is_empty() { Ok(Self::default()) } else { Self::parse(text) }
    }

    /// As it is stored: its name, and nothing for the default one.
    pub fn stored(&self) -> &str {
        &self.0
    }

    /// Its name.
    pub fn as_str(&self) -> &str {
        if self.is_default() { Self::DEFAULT } else { &self.0 }
    }

    /// Whether it is the default one.
    pub const fn is_default(&self) -> bool {
        self.0.is_empty()
    }
}

impl fmt::Display for Tenant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Who asks for something, and what that one may do. It comes from a credential and from nowhere else.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Caller {
    /// Whose data it is about.
    pub tenant: Tenant,
    /// Who it is, where that is known.
    pub actor: Option<String>,
    /// What it may do.
    pub scopes: Scopes,
}

/// What a caller may do.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Scopes(u8);

/// A kind of thing that callers may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Scope {
    /// Make, cancel and retry commands.
    Commands = 1,
    /// Read statuses, resources, histories and lists.
    Read = 2,
    /// Read the feed.
    Feed = 4,
    /// Administer.
    Admin = 8,
}

impl Scopes {
    /// Every scope there is.
    pub const ALL: Self = Self(15);

    /// Whether this one is among them.
    pub const fn allow(self, scope: Scope) -> bool {
        self.0 & scope as u8 != 0
    }

    /// These and one more.
    #[must_use]
    pub const fn and(self, scope: Scope) -> Self {
        Self(self.0 | scope as u8)
    }
}

impl From<Tenant> for Caller {
    /// Somebody of this tenant who may do everything, and of whom no more is known.
    fn from(tenant: Tenant) -> Self {
        Self { tenant, actor: None, scopes: Scopes::ALL }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn names_of_the_allowed_characters_are_taken_and_stored(name in "[a-z0-9-]{1,40}") {
            let tenant = Tenant::parse(name.clone()).unwrap();
            prop_assert_eq!(tenant.as_str(), name);
            prop_assert_eq!(Tenant::from_stored(tenant.stored().to_owned()), Ok(tenant));
        }

        #[test]
        fn one_odd_character_is_enough_to_refuse(head in "[a-z]{0,9}", odd in "[^a-z0-9-]", tail in "[a-z]{0,9}") {
            prop_assert_eq!(Tenant::parse(format!("{head}{odd}{tail}")), Err(InvalidTenant));
        }
    }

    #[test]
    fn the_default_tenant_has_a_name_and_is_stored_as_nothing() {
        let tenant = Tenant::default();
        assert_eq!((tenant.as_str(), tenant.stored()), ("default", ""));
        assert_eq!(Tenant::parse("default"), Ok(tenant));
        assert_eq!(
            [Tenant::parse(""), Tenant::parse("a".repeat(41))],
            [Err(InvalidTenant), Err(InvalidTenant)]
        );
    }

    #[test]
    fn a_scope_allows_what_it_says() {
        let scopes = Scopes::default().and(Scope::Read).and(Scope::Feed);
        let all = [Scope::Commands, Scope::Read, Scope::Feed, Scope::Admin];
        assert_eq!(all.map(|scope| scopes.allow(scope)), [false, true, true, false]);
        assert!(all.into_iter().all(|scope| Scopes::ALL.allow(scope)));
    }
}
