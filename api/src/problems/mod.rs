//! Every refusal, and what explains it.
//!
//! A handler returns a [`Refusal`]; the outermost layer writes it as a problem with the request's path as its
//! `instance`. Nothing else writes problems, except a waited-for failure, whose problem is the command's own.

mod catalogue;
mod refusal;

pub use catalogue::{CATALOGUE, Catalogue, Entry};
pub use refusal::Refusal;
pub(crate) use refusal::Unwritten;

/// The last segment of a problem's `type`.
pub type Slug = std::borrow::Cow<'static, str>;
