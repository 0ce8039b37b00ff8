//! An aggregate that was written for cqrs-es moves in as it is.

mod account;

use std::sync::Arc;

use account::{BankAccount, BankAccountError, BankAccountView, Machines};
use serde_json::{Value, json};
use wilco::Program;
use wilco::kernel::{LandingView, Rejection, RejectionKind};
use wilco::modules::Module;
use wilco::testing::Server;

// What has to be added begins here.

impl LandingView for BankAccountView {}

impl Rejection for BankAccountError {
    fn kind(&self) -> RejectionKind {
        match self {
            Self::NoMachine(_) => RejectionKind::Validation,
            Self::NotOpen | Self::NotEnough => RejectionKind::RuleViolated,
        }
    }
}

fn program(machines: Arc<dyn Machines>) -> Program {
    let accounts = Module::with_pure_services::<BankAccount, BankAccountView>("accounts", machines)
        .creates(&["open_account"])
        .changes(&["deposit_money", "withdraw_money"])
        .finish();
    wilco::program("bank").module(accounts)
}

// And ends here.

/// They do not change, so that asking for them twice is the same as once.
struct Two;

#[async_trait::async_trait]
impl Machines for Two {
    async fn is_known(&self, machine: &str) -> bool {
        // Others get their turn meanwhile.
        tokio::task::yield_now().await;
        ["north", "south"].contains(&machine)
    }
}

#[tokio::test]
async fn a_bank_account_is_opened_filled_and_emptied() {
    let server = Server::start(program(Arc::new(Two))).await;
    let account = "/v1/accounts/a-1";
    let deposit =
        async |amount: i64| server.done("/v1/accounts/a-1/deposit-money", &json!({ "amount": amount })).await;
    let withdraw = async |amount: i64, machine: &str| {
        let data: Value = json!({ "amount": amount, "machine": machine });
        server.done("/v1/accounts/a-1/withdraw-money", &data).await
    };
    deposit(5).await.expect_problem(404, "not-found");
    server.done("/v1/accounts", &json!({ "id": "a-1", "owner": "Ann" })).await.expect(201);
    server
        .done("/v1/accounts", &json!({ "id": "a-1", "owner": "Bob" }))
        .await
        .expect_problem(409, "already-exists");
    deposit(50).await.expect(200);
    withdraw(60, "north").await.expect_problem(409, "rule-violated");
    withdraw(20, "west").await.expect_problem(422, "validation");
    withdraw(20, "north").await.expect(200);
    assert_eq!(server.get(account).await.json(), json!({ "owner": "Ann", "balance": 30 }));
    let history = server.get("/v1/accounts/a-1/history").await.expect(200).json();
    let kinds: Vec<&str> =
        history["items"].as_array().unwrap().iter().map(|event| event["type"].as_str().unwrap()).collect();
    assert_eq!(kinds, ["AccountOpened", "MoneyDeposited", "CashWithdrawn"]);
}

#[tokio::test]
async fn its_commands_are_checked_by_their_schema() {
    let server = Server::start(program(Arc::new(Two))).await;
    let wrong = json!({ "owner": "Ann", "age": 7 });
    let refused = server.post("/v1/accounts", &wrong).await.expect_problem(400, "invalid-request");
    assert_eq!(refused.pointers(), ["/age"]);
    let types = server.get("/v1/command-types").await.json();
    let named: Vec<&str> =
        types["items"].as_array().unwrap().iter().map(|one| one["name"].as_str().unwrap()).collect();
    assert_eq!(named, ["account.deposit_money", "account.open_account", "account.withdraw_money"]);
}
