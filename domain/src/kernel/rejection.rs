use std::borrow::Cow;

/// The classes of business refusals, with the HTTP status each corresponds to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RejectionKind {
    /// 422: well-formed, but the values make no sense together.
    Validation,
    /// 409: the aggregate to create is there already.
    AlreadyExists,
    /// 404: there is no such aggregate.
    NotFound,
    /// 410: there was one, and it is deleted.
    Gone,
    /// 409: a rule of the domain says no.
    RuleViolated,
}

impl RejectionKind {
    /// The HTTP status this class corresponds to.
    pub const fn status(self) -> u16 {
        match self {
            Self::Validation => 422,
            Self::AlreadyExists | Self::RuleViolated => 409,
            Self::NotFound => 404,
            Self::Gone => 410,
        }
    }

    /// The general slug of the class; a domain may refine [`RejectionKind::RuleViolated`].
    pub const fn slug(self) -> &'static str {
        match self {
            Self::Validation => "validation",
            Self::AlreadyExists => "already-exists",
            Self::NotFound => "not-found",
            Self::Gone => "gone",
            Self::RuleViolated => "rule-violated",
        }
    }
}

/// A rule of a domain that can be broken, explained to whoever broke it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rule {
    /// Its name (`pet-reserved`): the last segment of the problem's `type`, where the rest can be read.
    pub slug: Cow<'static, str>,
    /// What it means.
    pub text: &'static str,
    /// What to do about it; may be empty.
    pub advice: &'static str,
}

impl Rule {
    /// A rule of that name, with what it means and what to do about it.
    pub const fn new(slug: &'static str, text: &'static str, advice: &'static str) -> Self {
        Self { slug: Cow::Borrowed(slug), text, advice }
    }
}

/// What an aggregate's error tells the client: implemented by every `Aggregate::Error`.
///
/// The error's `Display` becomes the problem's `detail`.
pub trait Rejection: std::error::Error {
    /// Its class.
    fn kind(&self) -> RejectionKind;

    /// A stable name of the broken rule (`pet-reserved`); it becomes the problem's `type`.
    fn slug(&self) -> Cow<'static, str> {
        self.kind().slug().into()
    }

    /// The rules whose slugs it may have, but for those of the classes.
    fn rules() -> Vec<Rule>
    where
        Self: Sized,
    {
        Vec::new()
    }
}
