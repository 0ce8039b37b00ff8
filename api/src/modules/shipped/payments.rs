//! Payments at a third party.

use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use wilco_application::catalog::{Hook, RegistrationError};
use wilco_application::ports::origin;
use wilco_domain::kernel::Pause;
use wilco_domain::payments::provider::{AskProvider, MakeAtProvider, NotifyClient};
use wilco_domain::payments::{Paying, Polling, Transaction};
use wilco_infrastructure::payments::{Asking, Making, Notifying, Provider};

use crate::config::{InvalidSetting, ModuleSettings, Span};
use crate::modules::{Means, Module, Wiring};

/// What can be set of payments.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Payments {
    /// Where transactions are made, such as `https://provider.example/v2`; without it none are taken.
    pub provider: Option<String>,
    /// How the provider is asked for what has become of a transaction.
    pub poll: Poll,
}

/// How the provider is asked.
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

impl ModuleSettings for Payments {
    const SECTION: &'static str = "payments";

    fn check(&self) -> Result<(), InvalidSetting> {
        if self.provider.as_deref().is_some_and(|provider| origin(provider).is_none()) {
            return Err(InvalidSetting::new("provider", "an address, such as https://provider.example/v2"));
        }
        if !(1.0..=1000.0).contains(&self.poll.factor) {
            return Err(InvalidSetting::new("poll.factor", "a number from 1 to 1000"));
        }
        if !(0.0..=1.0).contains(&self.poll.jitter) {
            return Err(InvalidSetting::new("poll.jitter", "a number from 0 to 1"));
        }
        Ok(())
    }
}

impl Payments {
    /// As the process takes it.
    fn polling(&self) -> Polling {
        let Poll { first, base, factor, cap, jitter, deadline } = self.poll.clone();
        let pause = Pause { first: base.0, factor, most: cap.0, jitter };
        Polling { first: first.0, pause, deadline: deadline.0 }
    }
}

pub(super) fn transactions() -> Result<Module, RegistrationError> {
    Module::of::<Transaction>("transactions")
        .process::<Paying>()
        .activity::<MakeAtProvider>()
        .activity::<AskProvider>()
        .activity::<NotifyClient>()
        .keyed_by_target("create")
        .hook(Hook { source: "payment-provider", verb: "hear", target: "transaction_id", data: &["status"] })
        .settings::<Payments>()
        .wired(wire)
        .finish()
}

fn wire(means: &Means, wiring: &mut Wiring<'_>) {
    const CREATE: &str = "transaction.create";
    const CLIENT: &str = "client_url";
    let settings: Payments = means.settings();
    wiring.tell::<Paying>(settings.polling());
    wiring.address(CREATE, CLIENT);
    match &settings.provider {
        Some(base) => {
            let provider = Provider::new(Arc::clone(&means.outbound), base);
            wiring.runner::<MakeAtProvider>(Arc::new(Making(provider.clone())));
            wiring.runner::<AskProvider>(Arc::new(Asking(provider)));
        }
        None => wiring.missing(CREATE, None, "payments.provider"),
    }
    if means.keys.is_empty() {
        wiring.missing(CREATE, Some(CLIENT), "callbacks.secrets");
    } else {
        let Means { outbound, clock, keys, .. } = means.clone();
        wiring.runner::<NotifyClient>(Arc::new(Notifying { outbound, clock, keys }));
    }
}
