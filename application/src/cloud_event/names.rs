//! Subjects, types and ids, from whatever stands in the store.

use std::borrow::Cow;
use std::fmt::Write as _;

use wilco_domain::kernel::Tenant;

use crate::partition;
use crate::ports::{Command, EventRow, State};

/// `event.pet.reserved.p07`
pub(super) fn subject_of_event(event: &EventRow, partition: u16) -> String {
    let (aggregate, name) = (token(&event.aggregate_type), event_name(event));
    ["event.", &aggregate, ".", &name, ".", &partition::token(partition)].concat()
}

/// `command.failed.pet.reserve.p07`
pub(super) fn subject_of_outcome(command: &Command, partition: u16) -> String {
    let (aggregate, verb) = (token(command.aggregate_type()), token(command.verb()));
    let outcome = outcome_name(command);
    ["command.", outcome, ".", &aggregate, ".", &verb, ".", &partition::token(partition)].concat()
}

/// `wilco.pet.reserved`
pub(super) fn type_of_event(event: &EventRow) -> String {
    ["wilco.", &token(&event.aggregate_type), ".", &event_name(event)].concat()
}

/// A URI that names the layout of an event: `urn:wilco:event:pet.reserved:1.0`.
pub(super) fn schema_of(event: &EventRow) -> String {
    let unreserved = |b: u8| b.is_ascii_alphanumeric() || b"._-~".contains(&b);
    let part = |text| percent_encoded(Cow::Borrowed(text), unreserved);
    ["urn:wilco:event:", &part(&event.event_type), ":", &part(&event.event_version)].concat()
}

/// What is before the id of a message, so that no other tenant's has it: ids of commands and aggregates are a tenant's
/// own. Those of the default one are as they were before there were others.
pub(super) fn unique(tenant: &Tenant) -> [&str; 2] {
    if tenant.is_default() { ["", ""] } else { [tenant.as_str(), ":"] }
}

/// A command that was cancelled did not succeed: it is told as failed, its status says `cancelled`.
pub(super) fn outcome_name(command: &Command) -> &'static str {
    if command.state() == State::Succeeded { "succeeded" } else { "failed" }
}

/// The event's name without the aggregate's: `pet.reserved` and `PetReserved` are both `reserved`.
fn event_name(event: &EventRow) -> Cow<'_, str> {
    // As almost all are spelled.
    let rest = event.event_type.strip_prefix(&event.aggregate_type);
    if let Some(name) = rest.and_then(|rest| rest.strip_prefix('.')).filter(|name| is_token(name)) {
        return name.into();
    }
    let name = token(&event.event_type);
    let prefix = token(&event.aggregate_type);
    match name.strip_prefix(&*prefix).and_then(|rest| rest.strip_prefix('_')) {
        Some(rest) if !rest.is_empty() => rest.to_owned().into(),
        _ => name,
    }
}

/// Whether text is a token of a subject as it is.
fn is_token(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_')
}

/// Any text as one token of a subject, lower snake case: nothing in stored data can add a token or a wildcard.
fn token(text: &str) -> Cow<'_, str> {
    if is_token(text) {
        return text.into();
    }
    let mut token = String::with_capacity(text.len() + 4);
    for c in text.chars() {
        if c.is_ascii_uppercase() {
            if !token.is_empty() && !token.ends_with('_') {
                token.push('_');
            }
            token.push(c.to_ascii_lowercase());
        } else if c.is_ascii_alphanumeric() {
            token.push(c);
        } else {
            token.push('_');
        }
    }
    if token.is_empty() { "_".into() } else { token.into() }
}

/// Text as it may stand in a header and in an attribute of a CloudEvent: all but visible ASCII, and the percent sign
/// and the quotation mark, as percent and two digits for each byte (HTTP protocol binding of CloudEvents 1.0, 3.1.3.2).
pub(super) fn encoded<'a>(text: impl Into<Cow<'a, str>>) -> Cow<'a, str> {
    percent_encoded(text.into(), |b| b.is_ascii_graphic() && b != b'%' && b != b'"')
}

fn percent_encoded(text: Cow<'_, str>, plain: impl Fn(u8) -> bool) -> Cow<'_, str> {
    if text.bytes().all(&plain) {
        return text;
    }
    let mut encoded = String::with_capacity(text.len() + 8);
    for b in text.bytes() {
        if plain(b) {
            encoded.push(char::from(b));
        } else {
            let _ = write!(encoded, "%{b:02X}");
        }
    }
    encoded.into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn any_text_is_encoded_as_visible_ascii(text in ".*") {
            prop_assert!(encoded(text).bytes().all(|b| b.is_ascii_graphic()));
        }
    }

    #[test]
    fn a_token_has_no_way_to_add_another_or_a_wildcard() {
        for text in ["a.b", "a*b", "a>b", "a b", "a\r\nb", "é"] {
            let token = token(text);
            assert!(token.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_'), "{token}");
        }
    }

    #[test]
    fn event_names_lose_their_aggregate_in_either_spelling() {
        for event_type in ["pet.reserved", "PetReserved", "Reserved", "reserved"] {
            let event = EventRow {
                aggregate_type: "pet".into(),
                aggregate_id: "1".into(),
                sequence: 1,
                event_type: event_type.into(),
                event_version: "1.0".into(),
                payload: "{}".into(),
                metadata: "{}".into(),
            };
            assert_eq!(event_name(&event), "reserved");
        }
    }
}
