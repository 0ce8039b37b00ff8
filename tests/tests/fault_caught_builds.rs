//! Builds that break a promise on purpose are found out by the suite's checks: of processes, that an input is handled once;
//! of activities, that an attempt is counted before it is made.

use futures::FutureExt as _;
use serde_json::{Value, json};
use wilco_tests::client::create_pet;
use wilco_tests::faults::{World, failure, payments};
use wilco_tests::postgres::database;
use wilco_tests::sandbox::{Sandbox, paying_at, payment};
use wilco_tests::wait_for;
use wilco_tests::wilco::{Wilco, faulty};

/// The build that breaks it there.
fn broken(wilco: Wilco, place: &str) -> Wilco {
    wilco.program(faulty()).environment("WILCO_FAIL_POINTS", &format!("{place}=break@1"))
}

/// Two replicas of it.
async fn world_of(build: impl FnOnce(Wilco) -> Wilco) -> World {
    let mut world = World::on_postgres(2).await;
    let sound = world.wilco().clone();
    *world.wilco() = build(sound);
    world.replicas.clear();
    world.complete().await;
    world
}

/// Gives all of these at once, some to each replica, and waits until they are settled.
async fn done(world: &mut World, commands: Vec<Value>) {
    let one = async |number: usize, command: &Value| {
        let client = world.replicas[number % 2].client();
        let status = client.done(command).await;
        status["id"].as_str().expect("a status has an id").to_owned()
    };
    let all = commands.iter().enumerate().map(|(number, command)| one(number, command));
    let ids = futures::future::join_all(all).await;
    world.promises.accepted.extend(ids.into_iter().map(|id| (id.clone(), id)));
}

/// Orders of pets in all partitions are placed, and then cancelled and approved, beside payments: what those wait for has
/// the store looked at all the time.
async fn many_orders_and_payments(world: &mut World) {
    const MANY: u32 = 40;
    let shop = world.outside.shop().to_owned();
    let of = |verb: &str, number: u32, data: Value| json!({ "type": format!("order.{verb}"), "target": format!("order-{number}"), "data": data });
    done(world, (0..MANY).map(|number| create_pet(&format!("kennel-{number}"))).collect()).await;
    let place = |number| of("place", number, json!({ "pet_id": format!("kennel-{number}") }));
    let pay = |number| payment(&format!("payment-{number}"), 1250, &shop);
    done(world, (0..MANY).flat_map(|number| [place(number), pay(number)]).collect()).await;
    let end = |number| of(if number % 2 == 0 { "approve" } else { "cancel" }, number, json!({}));
    done(world, (0..MANY).flat_map(|number| [end(number), pay(number + MANY)]).collect()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn orders_beside_payments_are_as_they_should_be() {
    let mut world = world_of(|sound| sound).await;
    many_orders_and_payments(&mut world).await;
    assert_eq!(failure(world.audit().boxed_local()).await, "");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_process_that_hears_a_signal_twice_is_noticed() {
    let mut world = world_of(|sound| broken(sound, "heard")).await;
    many_orders_and_payments(&mut world).await;
    let said = failure(world.audit().boxed_local()).await;
    assert!(said.contains("waited in vain for processes to have heard of everything"), "{said:?}");
}

/// A program is killed while the provider does what it was asked for and says nothing; another one goes on. What the check
/// of the payment says that fails; empty when none does.
async fn killed_while_the_provider_hangs(build: impl FnOnce(Wilco) -> Wilco) -> String {
    let (provider, shop) = tokio::join!(Sandbox::start(None), Sandbox::start(None));
    let wilco = build(paying_at(Wilco::on(database().await).set("engine.lease_ms=1000"), &provider));
    let mut server = wilco.start().await;
    provider.go_wrong(&json!({ "mode": "hang", "times": 1 })).await;
    let reply = server.client().submit(&payment("t-1", 1250, shop.url())).await;
    assert_eq!(reply.status, 202, "{reply:?}");
    wait_for("the attempt to be under way", async || provider.made().await.len(), |made| *made == 1).await;
    server.kill().await;
    let server = wilco.start().await;
    failure(payments::is_made_once(server.client(), &provider, &shop, "t-1").boxed_local()).await
}

#[tokio::test(flavor = "multi_thread")]
async fn an_attempt_that_is_counted_before_it_begins_is_looked_for() {
    assert_eq!(killed_while_the_provider_hangs(|sound| sound).await, "");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_attempt_that_is_counted_only_after_its_end_is_noticed() {
    let said = killed_while_the_provider_hangs(|sound| broken(sound, "counted")).await;
    assert!(said.contains("it was asked for again without a look"), "{said:?}");
}
