//! What is asked of the outside for a transaction.

use std::time::Duration;

use super::transaction::TransactionStatus;
use crate::kernel::{Activity, Pause, Policy, Within, value};

/// Make a transaction at the provider
#[value]
pub struct MakeAtProvider {
    /// In minor units: cents, say.
    pub amount: i64,
    /// ISO 4217.
    pub currency: String,
}

impl Activity for MakeAtProvider {
    const TYPE: &'static str = "transaction.make";
    const SETTINGS: &'static str = "transaction.create";
    const BY_HAND: bool = false;

    /// Three retries, two minutes apart.
    fn policy() -> Policy {
        let pause = Duration::from_secs(120);
        Policy {
            attempts: 4,
            pause: Pause { first: pause, factor: 1.0, most: pause, jitter: 0.0 },
            within: Within {
                attempt: Duration::from_secs(10),
                all: Duration::from_secs(900),
                key: Duration::from_secs(86400),
            },
        }
    }
}

/// Ask the provider what has become of a transaction
#[value]
pub struct AskProvider {}

impl Activity for AskProvider {
    const TYPE: &'static str = "transaction.ask";

    /// Who asks will ask again.
    fn policy() -> Policy {
        let pause = Duration::from_secs(1);
        Policy {
            attempts: 2,
            pause: Pause { first: pause, factor: 1.0, most: pause, jitter: 0.2 },
            ..Policy::default()
        }
    }
}

/// What the provider says of a transaction.
#[value]
pub struct Said {
    /// What has become of it, as far as that is known there.
    pub status: Option<ProviderStatus>,
}

/// What has become of a transaction, as the provider has it.
#[value]
pub enum ProviderStatus {
    /// That is not known yet.
    Pending,
    /// The money has moved.
    Completed,
    /// It will not.
    Declined,
}

/// Tell the client what has become of a transaction
#[value]
pub struct NotifyClient {
    /// Where to.
    pub url: String,
    /// The transaction as it is told of.
    pub transaction: Told,
}

/// A transaction as its client is told of it.
#[value]
pub struct Told {
    /// Its id.
    pub id: String,
    /// In minor units.
    pub amount: i64,
    /// ISO 4217.
    pub currency: String,
    /// What has become of it.
    pub status: TransactionStatus,
    /// The resource's version that says so.
    pub version: Option<i64>,
}

impl Activity for NotifyClient {
    const TYPE: &'static str = "transaction.notify";

    fn policy() -> Policy {
        Policy::of_messages()
    }
}
