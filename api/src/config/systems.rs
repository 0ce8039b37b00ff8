//! The systems that come with the program.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use wilco_application::ports::origin;
use wilco_domain::kernel::Pause;
use wilco_domain::payments::Polling;
use wilco_domain::petstore::Reserving;

use super::Error;
use super::bounds::number_within;
use super::duration::Span;

/// The pet store.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct PetStore {
    /// How long a pet is held for an order that nobody approves.
    pub reservation: Span,
}

impl Default for PetStore {
    fn default() -> Self {
        Self { reservation: Span(Reserving::default().reservation) }
    }
}

/// Payments.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Payments {
    /// Where transactions are made, such as `https://provider.example/v2`; without it none are taken.
    pub provider: Option<String>,
    /// How the provider is asked for what has become of a transaction.
    pub poll: Poll,
}

/// How the provider of payments is asked.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Poll {
    /// How long an answer is waited for; then `pending` is recorded and told, and asking begins.
    pub first: Span,
    /// The pause after the first question.
    pub base: Span,
    /// What each pause is multiplied by for the next.
    #[schemars(extend("x-unit" = "times"))]
    pub factor: f64,
    /// The longest pause.
    pub cap: Span,
    /// The share of a pause that is left to chance, 0 to 1.
    #[schemars(extend("x-unit" = "share"))]
    pub jitter: f64,
    /// When so much has passed without an answer, the transaction is timed out.
    pub deadline: Span,
}

impl Default for Poll {
    fn default() -> Self {
        let Polling { first, pause, deadline } = Polling::default();
        Self {
            first: Span(first),
            base: Span(pause.first),
            factor: pause.factor,
            cap: Span(pause.most),
            jitter: pause.jitter,
            deadline: Span(deadline),
        }
    }
}

impl Payments {
    pub(super) fn validate(&self) -> Result<(), Error> {
        if let Some(provider) = &self.provider
            && origin(provider).is_none()
        {
            return Err(Error::invalid(
                "payments.provider",
                "an address, such as https://provider.example/v2",
            ));
        }
        number_within("payments.poll.factor", self.poll.factor, 1.0, 1000.0)?;
        number_within("payments.poll.jitter", self.poll.jitter, 0.0, 1.0)
    }

    /// As the process takes it.
    pub fn polling(&self) -> Polling {
        let Poll { first, base, factor, cap, jitter, deadline } = self.poll.clone();
        let pause = Pause { first: base.0, factor, most: cap.0, jitter };
        Polling { first: first.0, pause, deadline: deadline.0 }
    }
}
