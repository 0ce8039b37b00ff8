use std::str::FromStr as _;

use async_nats::HeaderMap;
use async_nats::header::{HeaderName, HeaderValue, NATS_EXPECTED_LAST_MESSAGE_ID, NATS_MESSAGE_ID};
use wilco_application::ports::{BrokerError, Message};

/// The headers of a message; `before` is the id of the one that it is to be stored right behind.
///
/// # Errors
/// When a value cannot be one: the library would end the process if it were given it as it is.
pub(super) fn headers(message: &Message, before: Option<&str>) -> Result<HeaderMap, BrokerError> {
    let mut headers = HeaderMap::new();
    headers.insert(HeaderName::from_static("Content-Type"), "application/cloudevents+json");
    headers.insert(NATS_MESSAGE_ID, value(&message.id)?);
    for (name, text) in &message.headers {
        headers.insert(HeaderName::from_static(name), value(text)?);
    }
    if let Some(before) = before {
        headers.insert(NATS_EXPECTED_LAST_MESSAGE_ID, value(before)?);
    }
    Ok(headers)
}

fn value(text: &str) -> Result<HeaderValue, BrokerError> {
    HeaderValue::from_str(text).map_err(|error| BrokerError::Refused(error.to_string()))
}
