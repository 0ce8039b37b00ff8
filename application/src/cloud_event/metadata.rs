use std::borrow::Cow;

use chrono::{DateTime, Utc};
use serde::Deserialize;

use crate::ports::EventRow;

/// The parts of an event's metadata that notifications and histories show.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
pub struct EventMetadata<'a> {
    /// The command that led to it.
    #[serde(borrow)]
    pub command_id: Option<Text<'a>>,
    /// The id shared by everything one request set off.
    #[serde(borrow)]
    pub correlation_id: Option<Text<'a>>,
    /// When it was decided, RFC 3339.
    #[serde(borrow)]
    pub at: Option<Text<'a>>,
    /// Who asked for it.
    #[serde(borrow)]
    pub actor: Option<Text<'a>>,
    /// W3C Trace Context.
    #[serde(borrow)]
    pub traceparent: Option<Text<'a>>,
}

/// Text of the row that it was read from, where it stands there as it is. (Serde would copy every optional `Cow`.)
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Text<'a>(#[serde(borrow)] pub Cow<'a, str>);

impl<'a> EventMetadata<'a> {
    /// Of a stored event; one without our members (written by another program) has none of them.
    pub fn of(event: &'a EventRow) -> Self {
        serde_json::from_str(&event.metadata).unwrap_or_default()
    }

    /// When it was decided, where that is said and can be read.
    pub fn decided_at(&self) -> Option<DateTime<Utc>> {
        DateTime::parse_from_rfc3339(self.at.as_deref()?).ok().map(Into::into)
    }
}

impl std::ops::Deref for Text<'_> {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}
