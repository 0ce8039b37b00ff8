use std::borrow::Cow;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Rejection;

/// A problem object (RFC 9457): why a request was refused or a command failed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Problem {
    /// A relative reference, `/problems/{slug}`; GET on it explains the problem.
    #[serde(rename = "type")]
    #[schemars(regex(pattern = "^/problems/[a-z0-9-]+$"), example = &"/problems/not-found")]
    pub type_: Cow<'static, str>,
    /// The problem's short name, the same for every occurrence.
    #[schemars(example = &"Not found")]
    pub title: Cow<'static, str>,
    /// The HTTP status it corresponds to.
    #[schemars(range(min = 400, max = 599), example = 404)]
    pub status: u16,
    /// What went wrong this time.
    #[schemars(example = &"there is no pet with this id")]
    pub detail: String,
    /// The path or command it happened at.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(example = &"/v1/pets/pet-42")]
    pub instance: Option<String>,
    /// For bad input: each member at fault.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub errors: Vec<FieldError>,
}

/// One member of the request that is at fault.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct FieldError {
    /// A JSON Pointer (RFC 6901) into the request's body, or the name of a header or query parameter.
    #[schemars(example = &"/name")]
    pub pointer: String,
    /// What is wrong with it.
    #[schemars(example = &"is needed")]
    pub detail: String,
}

/// A name as people write it: `gift_cards` and `gift-cards` as `Gift cards`.
pub fn title(name: &str) -> String {
    let mut title = name.replace(['_', '-'], " ");
    if let Some(first) = title.get_mut(..1) {
        first.make_ascii_uppercase();
    }
    title
}

impl FieldError {
    /// A name as a segment of a JSON Pointer (RFC 6901, section 3).
    pub fn segment(name: &str) -> String {
        name.replace('~', "~0").replace('/', "~1")
    }
}

impl Problem {
    /// A problem whose title is made of its slug: `pet-reserved` reads "Pet reserved".
    pub fn new(slug: &str, status: u16, detail: impl Into<String>) -> Self {
        Self {
            type_: format!("/problems/{slug}").into(),
            title: title(slug).into(),
            status,
            detail: detail.into(),
            instance: None,
            errors: Vec::new(),
        }
    }

    /// The problem of a business refusal.
    pub fn of(rejection: &dyn Rejection) -> Self {
        Self::new(&rejection.slug(), rejection.kind().status(), rejection.to_string())
    }

    /// The last segment of `type`.
    pub fn slug(&self) -> &str {
        self.type_.rsplit('/').next().unwrap_or_default()
    }

    /// With the path or command it happened at.
    #[must_use]
    pub fn at(mut self, instance: impl Into<String>) -> Self {
        self.instance = Some(instance.into());
        self
    }

    /// With one more member at fault.
    #[must_use]
    pub fn field(mut self, pointer: impl Into<String>, detail: impl Into<String>) -> Self {
        self.errors.push(FieldError { pointer: pointer.into(), detail: detail.into() });
        self
    }
}
