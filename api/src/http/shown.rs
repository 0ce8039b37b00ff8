use std::sync::Arc;

use axum::body::Bytes;
use axum::http::Method;

use crate::problems::Catalogue;

/// What is served, as far as those who serve it have to know.
pub(crate) struct Shown {
    /// The documented routes: methods and paths.
    pub(crate) routes: Vec<(Method, String)>,
    /// The paths of the others.
    pub(crate) pages: Vec<&'static str>,
    /// The OpenAPI document, but for its servers.
    pub(crate) document: Bytes,
    /// What explains the problems.
    pub(crate) problems: Arc<Catalogue>,
}
