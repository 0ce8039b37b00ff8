//! A transaction as it stands here: the record of what has been asked for, and of what has become of it.

use crate::kernel::{Context, Decider, commands, events, refusals, state, value};

/// A payment that a third party makes.
#[state]
pub struct Transaction {
    /// In minor units: cents, say.
    #[schemars(example = 1250)]
    pub amount: i64,
    /// ISO 4217.
    #[schemars(example = &"EUR")]
    pub currency: String,
    /// Who is told what becomes of it.
    #[schemars(example = &"https://shop.example/transactions/t-1")]
    pub client_url: Option<String>,
    /// What has become of it.
    pub status: TransactionStatus,
    /// How far it is.
    pub steps: Steps,
}

/// What has become of a transaction.
#[value]
pub enum TransactionStatus {
    /// That is not known yet.
    #[default]
    Pending,
    /// The money has moved.
    Completed,
    /// The provider declined it.
    Declined,
    /// The provider could not be asked for it.
    Failed,
    /// The provider has not said in time; should it say later that it is completed, it is.
    TimedOut,
    /// It was taken back before its end.
    Cancelled,
}

/// How far a transaction is.
#[state]
#[derive(Copy, Eq)]
pub struct Steps {
    /// It is recorded here.
    pub record: Step,
    /// It is made at the provider.
    pub create: Step,
    /// The provider says what has become of it.
    pub status: Step,
    /// The client is told.
    pub notify: Step,
}

/// Where a step is.
#[value]
pub enum Step {
    /// Not begun.
    #[default]
    Waiting,
    /// Under way.
    Running,
    /// Done.
    Done,
    /// Given up.
    Failed,
}

/// What the process of paying has noted.
#[commands]
pub enum TransactionCommand {
    /// Record a transaction before anybody is asked for it
    #[creates]
    #[fails()]
    Record {
        /// In minor units.
        amount: i64,
        /// ISO 4217.
        currency: String,
        /// Who is told.
        client_url: Option<String>,
    },
    /// Note how far it is
    #[fails()]
    Note {
        /// What has become of it.
        status: TransactionStatus,
        /// How far it is.
        steps: Steps,
    },
}

/// What happened to a transaction.
#[events]
pub enum TransactionEvent {
    /// It was recorded; the provider is asked for it.
    Recorded {
        /// In minor units.
        #[schemars(example = 1250)]
        amount: i64,
        /// ISO 4217.
        #[schemars(example = &"EUR")]
        currency: String,
        /// Who is told what becomes of it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[schemars(example = &"https://shop.example/transactions/t-1")]
        client_url: Option<String>,
    },
    /// It is further than before.
    Advanced {
        /// How far.
        steps: Steps,
    },
    /// The money has moved.
    Completed {
        /// How far it is.
        steps: Steps,
    },
    /// The provider declined it.
    Declined {
        /// How far it is.
        steps: Steps,
    },
    /// It was given up.
    Failed {
        /// How far it is.
        steps: Steps,
    },
    /// The provider has not said in time what has become of it.
    TimedOut {
        /// How far it is.
        steps: Steps,
    },
    /// It was taken back before its end.
    Cancelled {
        /// How far it is.
        steps: Steps,
    },
}

/// Why a transaction says no.
#[refusals]
pub enum TransactionRefusal {
    /// The transaction has come to its end.
    ///
    /// What has become of it stands in its status.
    #[rule("the transaction has come to its end")]
    Ended,
}

impl Decider for Transaction {
    const TYPE: &'static str = "transaction";
    type Command = TransactionCommand;
    type Event = TransactionEvent;
    type Refusal = TransactionRefusal;

    fn decide(
        &self,
        command: TransactionCommand,
        _: &Context,
    ) -> Result<Vec<TransactionEvent>, TransactionRefusal> {
        use TransactionEvent as Event;
        Ok(match command {
            TransactionCommand::Record { amount, currency, client_url } => {
                vec![Event::Recorded { amount, currency, client_url }]
            }
            TransactionCommand::Note { status, steps } if status != self.status => vec![match status {
                TransactionStatus::Pending => Event::Advanced { steps },
                TransactionStatus::Completed => Event::Completed { steps },
                TransactionStatus::Declined => Event::Declined { steps },
                TransactionStatus::Failed => Event::Failed { steps },
                TransactionStatus::TimedOut => Event::TimedOut { steps },
                TransactionStatus::Cancelled => Event::Cancelled { steps },
            }],
            TransactionCommand::Note { steps, .. } if steps != self.steps => vec![Event::Advanced { steps }],
            TransactionCommand::Note { .. } => Vec::new(),
        })
    }

    fn apply(&mut self, event: TransactionEvent) {
        use TransactionEvent as Event;
        let (status, steps) = match event {
            Event::Recorded { amount, currency, client_url } => {
                (self.amount, self.currency, self.client_url) = (amount, currency, client_url);
                let steps = Steps { record: Step::Done, create: Step::Running, ..Steps::default() };
                (TransactionStatus::Pending, steps)
            }
            Event::Advanced { steps } => (self.status, steps),
            Event::Completed { steps } => (TransactionStatus::Completed, steps),
            Event::Declined { steps } => (TransactionStatus::Declined, steps),
            Event::Failed { steps } => (TransactionStatus::Failed, steps),
            Event::TimedOut { steps } => (TransactionStatus::TimedOut, steps),
            Event::Cancelled { steps } => (TransactionStatus::Cancelled, steps),
        };
        (self.status, self.steps) = (status, steps);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::given;

    fn recorded() -> TransactionEvent {
        TransactionEvent::Recorded { amount: 1250, currency: "EUR".into(), client_url: None }
    }

    #[test]
    fn what_is_recorded_waits_for_the_provider() {
        let record = TransactionCommand::Record { amount: 1250, currency: "EUR".into(), client_url: None };
        given::<Transaction>([]).when(record).then([recorded()]);
    }

    #[test]
    fn a_note_tells_what_has_changed_and_nothing_else() {
        let steps = Steps { record: Step::Done, create: Step::Done, ..Steps::default() };
        let note = |status| TransactionCommand::Note { status, steps };
        given::<Transaction>([recorded()])
            .when(note(TransactionStatus::Pending))
            .then([TransactionEvent::Advanced { steps }]);
        let advanced = || [recorded(), TransactionEvent::Advanced { steps }];
        given::<Transaction>(advanced()).when(note(TransactionStatus::Pending)).then([]);
        given::<Transaction>(advanced())
            .when(note(TransactionStatus::Completed))
            .then([TransactionEvent::Completed { steps }]);
    }
}
