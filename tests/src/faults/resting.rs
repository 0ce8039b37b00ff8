//! When everything has come to rest: no command is open, and no process is about to issue one.

use serde_json::Value;

use crate::client::Client;
use crate::wait_for;

/// Waits until no command is open, and none is to come of those that there were. Nobody may give any meanwhile.
pub(super) async fn all_settled(client: &Client) {
    let rest = async || {
        let mut stirring = open(client).await;
        if stirring.is_empty() {
            stirring = at_work(client).await;
        }
        // What a process has issued between the two looks is open now.
        if stirring.is_empty() { open(client).await } else { stirring }
    };
    wait_for("no command to be open", rest, Vec::is_empty).await;
}

/// The commands that are not settled, but for messages about what the store has forgotten: those wait for a day.
async fn open(client: &Client) -> Vec<Value> {
    let mut all = Vec::new();
    // In this order: what is scheduled becomes pending, and that running, and not the other way round.
    for status in ["scheduled", "pending", "running"] {
        for command in client.commands(&format!("status={status}")).await {
            if !(status == "scheduled" && is_about_nothing(client, &command).await) {
                all.push(command);
            }
        }
    }
    all
}

/// Whether it is a message of the provider about a transaction that there is not.
pub(super) async fn is_about_nothing(client: &Client, command: &Value) -> bool {
    let id = command["target"]["id"].as_str().unwrap_or_default();
    command["type"] == "transaction.hear"
        && client.read(&format!("/v1/transactions/{id}")).await.status == 404
}

/// The instances that have something to do of which no open command tells: a reply that they have not heard. One that
/// stands still is never at rest.
async fn at_work(client: &Client) -> Vec<Value> {
    let mut all = client.all("/v1/processes?status=parked").await;
    // An order at work has a command to settle. A payment has none at its end, but the client to tell.
    for process in client.all("/v1/processes?type=paying&status=running").await {
        let path = format!("/v1/transactions/{}", process["id"].as_str().unwrap_or_default());
        let is_told = process["progress"]["done"] == process["progress"]["total"];
        // One that was timed out is kept in mind, should the provider say something late.
        if !is_told || client.read(&path).await.body["status"] != "timed-out" {
            all.push(process);
        }
    }
    all
}
