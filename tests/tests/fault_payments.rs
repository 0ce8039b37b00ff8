//! Payments while the program is killed: around every commit, in the middle of an attempt, and one of two replicas in the
//! middle of many. Each ends, the provider has made it once, and the client is told.

use reqwest::Method;
use serde_json::{Value, json};
use wilco_tests::client::Client;
use wilco_tests::e2e::Place as Store;
use wilco_tests::faults::{World, payments};
use wilco_tests::sandbox::{Sandbox, paying_at, payment};
use wilco_tests::wilco::{Server, Wilco, faulty};
use wilco_tests::{on_both_stores, wait_for};

/// A provider, the clients, and a program that reaches them.
struct Place {
    provider: Sandbox,
    shop: Sandbox,
    wilco: Wilco,
}

impl Place {
    async fn on(store: &impl Store) -> Self {
        let (provider, shop) = tokio::join!(Sandbox::start(None), Sandbox::start(None));
        // Restarts take their time, and what is timed out would not be completed.
        let wilco =
            paying_at(store.wilco().set("engine.lease_ms=1000"), &provider).set("payments.poll.deadline=60s");
        Self { provider, shop, wilco }
    }

    fn payment(&self, id: &str) -> Value {
        payment(id, 1250, self.shop.url())
    }

    /// Under a sound program everything comes to its end.
    async fn audit(&self, ids: &[String]) {
        let server = self.wilco.start().await;
        for id in ids {
            given(server.client(), id, &self.payment(id)).await.expect("it is taken");
        }
        for id in ids {
            payments::is_made_once(server.client(), &self.provider, &self.shop, id).await;
        }
        let running = async || server.client().commands("status=running").await;
        wait_for("nothing to be running", running, Vec::is_empty).await;
    }
}

/// Gives a command under the key of its id, to a server that may die of it. The command's id.
async fn given(client: &Client, id: &str, envelope: &Value) -> Option<String> {
    let request = client.request(Method::POST, "/v1/commands").header("idempotency-key", id).json(envelope);
    let reply = client.send(request).await.ok()?;
    assert_eq!(reply.status, 202, "{reply:?}");
    Some(reply.id())
}

/// Waits until the server has died of its work on this payment, or has none left.
async fn die_of(id: &str, mut server: Server) {
    let client = server.client().clone();
    let path = format!("/v1/transactions/{id}");
    let is_idle = async || {
        // A dead one answers nothing.
        let Ok(payment) = client.get(&path).await else { return true };
        let all = client.get("/v1/processes?type=paying&status=running").await;
        payment.status == 200 && all.map_or(true, |reply| reply.body["items"] == json!([]))
    };
    wait_for("the server to die or to be done", is_idle, |idle| *idle).await;
    if !server.has_ended() {
        server.kill().await;
    }
}

async fn a_program_that_is_killed_around_any_commit_makes_each_once(store: impl Store) {
    let place = Place::on(&store).await;
    let mut ids = Vec::new();
    for point in ["before-commit", "inside-commit", "after-commit"] {
        for pass in 1..=8 {
            let failing = place.wilco.clone().program(faulty());
            let failing = failing.environment("WILCO_FAIL_POINTS", &format!("{point}=kill@{pass}"));
            let id = format!("{point}-{pass}");
            // What was left over may be enough to die of.
            if let Some(server) = failing.start_unless_it_dies().await {
                given(server.client(), &id, &place.payment(&id)).await;
                die_of(&id, server).await;
            }
            ids.push(id);
        }
    }
    place.audit(&ids).await;
}

/// The provider has made it, and the program is killed before it knows: while it waits for the answer, or has a look.
async fn a_program_that_is_killed_in_the_middle_of_an_attempt_looks_before_the_next(store: impl Store) {
    let place = Place::on(&store).await;
    let mut ids = Vec::new();
    for (mode, count) in [("hang", 1), ("504-but-done", 2)] {
        let mut server = place.wilco.start().await;
        place.provider.go_wrong(&json!({ "mode": mode, "times": 1 })).await;
        place.provider.go_wrong(&json!({ "mode": "hang", "on": "read", "times": 1 })).await;
        given(server.client(), mode, &place.payment(mode)).await.expect("it is taken");
        let asked = async || place.provider.asked_about(mode).await.len();
        wait_for("the attempt to be under way", asked, |asked| *asked >= count).await;
        server.kill().await;
        place.provider.be_well().await;
        ids.push(mode.to_owned());
        place.audit(&ids).await;
    }
}

on_both_stores!(
    a_program_that_is_killed_around_any_commit_makes_each_once,
    a_program_that_is_killed_in_the_middle_of_an_attempt_looks_before_the_next,
);

#[tokio::test(flavor = "multi_thread")]
async fn a_replica_that_is_killed_in_the_middle_of_many_payments_leaves_them_to_the_other() {
    const MANY: usize = 200;
    let mut world = World::on_postgres(2).await;
    let patient = world.wilco().clone().set("payments.poll.deadline=60s");
    *world.wilco() = patient;
    world.replicas.clear();
    world.complete().await;
    let shop = world.outside.shop().to_owned();
    for number in 0..MANY {
        let id = format!("payment-{number}");
        let envelope = payment(&id, 1250, &shop);
        let given = given(world.replicas[number % 2].client(), &id, &envelope).await.expect("it is taken");
        world.promises.accepted.insert(id, given);
    }
    let made = async || world.outside.made().await;
    wait_for("some to be made", made, |made| *made >= MANY / 4).await;
    world.replicas[1].kill().await;
    world.replicas.remove(1);
    world.audit().await;
    assert_eq!(world.outside.made().await, MANY);
    let completed = world.replicas[0].client().all("/v1/transactions?status=completed").await;
    assert_eq!(completed.len(), MANY, "all are completed");
}
