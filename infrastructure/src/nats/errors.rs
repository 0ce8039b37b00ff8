use async_nats::jetstream::context::{PublishError, PublishErrorKind};
use wilco_application::ports::BrokerError;

pub(super) fn unavailable(error: impl std::fmt::Display) -> BrokerError {
    BrokerError::Unavailable(error.to_string())
}

pub(super) fn broker_error(error: &PublishError) -> BrokerError {
    match error.kind() {
        PublishErrorKind::Other | PublishErrorKind::MaxPayloadExceeded => {
            BrokerError::Refused(error.to_string())
        }
        _ => unavailable(error),
    }
}
