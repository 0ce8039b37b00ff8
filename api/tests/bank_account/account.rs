//! A bank account as somebody has it who works with cqrs-es. What has to be added for Wilco is marked: two derives a type.

use std::sync::Arc;

use cqrs_es::event_sink::EventSink;
use cqrs_es::{Aggregate, DomainEvent, EventEnvelope, View};
use schemars::JsonSchema; // added
use serde::{Deserialize, Serialize};

/// The account.
#[derive(Clone, Debug, Default, Serialize, Deserialize)] // added: Clone
pub struct BankAccount {
    is_open: bool,
    balance: i64,
}

/// What it is asked.
#[derive(Debug, Deserialize, JsonSchema)] // added: JsonSchema
pub enum BankAccountCommand {
    OpenAccount { owner: String },
    DepositMoney { amount: i64 },
    WithdrawMoney { amount: i64, machine: String },
}

/// What happened to it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)] // added: JsonSchema
pub enum BankAccountEvent {
    AccountOpened { owner: String },
    MoneyDeposited { amount: i64, balance: i64 },
    CashWithdrawn { amount: i64, balance: i64 },
}

impl DomainEvent for BankAccountEvent {
    fn event_type(&self) -> String {
        match self {
            Self::AccountOpened { .. } => "AccountOpened",
            Self::MoneyDeposited { .. } => "MoneyDeposited",
            Self::CashWithdrawn { .. } => "CashWithdrawn",
        }
        .to_owned()
    }

    fn event_version(&self) -> String {
        "1.0".to_owned()
    }
}

/// Why it says no.
#[derive(Debug, thiserror::Error)]
pub enum BankAccountError {
    #[error("the account is not open")]
    NotOpen,
    #[error("the account holds less than that")]
    NotEnough,
    #[error("there is no machine {0}")]
    NoMachine(String),
}

/// Who knows the machines that give money.
#[async_trait::async_trait]
pub trait Machines: Send + Sync {
    async fn is_known(&self, machine: &str) -> bool;
}

impl Aggregate for BankAccount {
    const TYPE: &'static str = "account";
    type Command = BankAccountCommand;
    type Event = BankAccountEvent;
    type Error = BankAccountError;
    type Services = Arc<dyn Machines>;

    async fn handle(
        &mut self,
        command: BankAccountCommand,
        machines: &Arc<dyn Machines>,
        sink: &EventSink<Self>,
    ) -> Result<(), BankAccountError> {
        let event = match command {
            BankAccountCommand::OpenAccount { owner } => BankAccountEvent::AccountOpened { owner },
            _ if !self.is_open => return Err(BankAccountError::NotOpen),
            BankAccountCommand::DepositMoney { amount } => {
                BankAccountEvent::MoneyDeposited { amount, balance: self.balance + amount }
            }
            BankAccountCommand::WithdrawMoney { amount, .. } if amount > self.balance => {
                return Err(BankAccountError::NotEnough);
            }
            BankAccountCommand::WithdrawMoney { amount, machine } => {
                if !machines.is_known(&machine).await {
                    return Err(BankAccountError::NoMachine(machine));
                }
                BankAccountEvent::CashWithdrawn { amount, balance: self.balance - amount }
            }
        };
        sink.write(event, self).await;
        Ok(())
    }

    fn apply(&mut self, event: BankAccountEvent) {
        match event {
            BankAccountEvent::AccountOpened { .. } => self.is_open = true,
            BankAccountEvent::MoneyDeposited { balance, .. }
            | BankAccountEvent::CashWithdrawn { balance, .. } => self.balance = balance,
        }
    }
}

/// What is shown of it.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)] // added: Clone, JsonSchema
pub struct BankAccountView {
    owner: String,
    balance: i64,
}

impl View<BankAccount> for BankAccountView {
    fn update(&mut self, event: &EventEnvelope<BankAccount>) {
        match &event.payload {
            BankAccountEvent::AccountOpened { owner } => self.owner.clone_from(owner),
            BankAccountEvent::MoneyDeposited { balance, .. }
            | BankAccountEvent::CashWithdrawn { balance, .. } => self.balance = *balance,
        }
    }
}
