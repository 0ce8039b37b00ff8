//! The suite's checks fail on a system that is broken on purpose: each promise is taken away in the schema, from outside,
//! and the check that stands for it must notice. The same checks pass on what is not broken.

use std::panic::AssertUnwindSafe;
use std::time::Duration;

use futures::FutureExt as _;
use serde_json::{Value, json};
use wilco_tests::client::create_pet;
use wilco_tests::faults::{Fault, LineFault, World, campaign, seed};
use wilco_tests::wait_for;

/// Replaces a part of a function of the schema.
async fn change(world: &World, function: &str, part: &str, by: &str) {
    let mut admin = world.admin().await;
    let definition: String = sqlx::query_scalar(&format!("SELECT pg_get_functiondef('{function}'::regproc)"))
        .fetch_one(&mut admin)
        .await
        .expect("the function is there");
    assert!(definition.contains(part), "{function} has no {part:?} to be replaced");
    world.execute(&definition.replace(part, by)).await;
}

/// A replica that cannot renew its lease, and does not know that another has taken over, is asked to apply a command to
/// what it remembers. Whether the outcome is that of what is stored.
async fn a_stale_owner_settles_nothing(world: &mut World) -> Value {
    let (old, new) = (world.replicas[0].client().clone(), world.replicas[1].client().clone());
    let owner = "SELECT owner::text FROM partitions GROUP BY owner HAVING count(*) = 8";
    let both = async || sqlx::query_scalar::<_, String>(owner).fetch_all(&mut world.admin().await).await;
    let shared = |owners: &Result<Vec<String>, _>| owners.as_ref().is_ok_and(|owners| owners.len() == 2);
    wait_for("both replicas to own a half", both, shared).await.expect("they do");
    // One aggregate for each partition, reserved: both replicas remember those that they own.
    let pets: Vec<String> = (0..40).map(|number| format!("stale-{number}")).collect();
    let order = |pet: &str, verb: &str, order: &str| json!({ "type": format!("pet.{verb}"), "target": pet, "data": { "order_id": order } });
    for pet in &pets {
        old.done(&create_pet(pet)).await;
        old.done(&order(pet, "reserve", "o-1")).await;
    }
    let stop = "IF (SELECT count(*) FROM cut_off WHERE id = p_replica) > 0 THEN
                    RAISE EXCEPTION 'cut off' USING ERRCODE = '57000';
                END IF;
                INSERT INTO replicas VALUES (p_replica";
    world.execute("CREATE TABLE cut_off (id uuid)").await;
    change(world, "wilco_heartbeat", "INSERT INTO replicas VALUES (p_replica", stop).await;
    // Whichever of the two that is: both are asked.
    world.execute("INSERT INTO cut_off SELECT owner FROM partitions WHERE id = 0").await;
    let owners = "SELECT count(DISTINCT owner) FROM partitions";
    let count = async || sqlx::query_scalar::<_, i64>(owners).fetch_one(&mut world.admin().await).await;
    wait_for("one replica to own all", count, |count| matches!(count, Ok(1))).await.expect("it does");
    // Applied by the new owner only when it is fenced off rightly: the old one remembers the reservation.
    let mut outcomes = Vec::new();
    for pet in &pets {
        outcomes.push(new.done(&order(pet, "release", "o-1")).await);
        for client in [&old, &new] {
            outcomes.push(client.done(&order(pet, "reserve", "o-2")).await);
            outcomes.push(client.done(&order(pet, "release", "o-2")).await);
        }
    }
    let failed = outcomes.into_iter().find(|outcome| outcome["status"] != "succeeded");
    failed.unwrap_or_default()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_replica_that_lost_its_lease_settles_nothing() {
    let mut world = World::on_postgres(2).await;
    assert_eq!(a_stale_owner_settles_nothing(&mut world).await, Value::Null);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_missing_fence_is_noticed() {
    let mut world = World::on_postgres(2).await;
    change(&world, "wilco_commit", "AND owner = p_owner AND epoch = p_epochs[slot]", "").await;
    let failed = a_stale_owner_settles_nothing(&mut world).await;
    assert_eq!(failed["status"], "failed", "nothing was settled from what a replica remembered");
}

/// What the check that fails after a fault says; empty when none does.
async fn failed_check(world: &mut World, fault: Fault) -> String {
    let faults = [fault];
    let run = AssertUnwindSafe(campaign::these(world, &faults, seed())).catch_unwind();
    let ended = tokio::time::timeout(Duration::from_secs(60), run).await.expect("the checks come to an end");
    let Err(said) = ended else { return String::new() };
    *said.downcast().unwrap_or_default()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_missing_check_for_repeated_requests_is_noticed() {
    let mut world = World::on_postgres(1).await;
    let forget = "CREATE FUNCTION forget() RETURNS trigger LANGUAGE plpgsql AS
                  'BEGIN NEW.idempotency_key := NULL; RETURN NEW; END';
                  CREATE TRIGGER forget BEFORE INSERT ON commands FOR EACH ROW EXECUTE FUNCTION forget()";
    world.execute(forget).await;
    let said = failed_check(&mut world, Fault::PostgresLine(LineFault::AnswersLost)).await;
    assert!(said.contains("there are commands that nobody gave"), "{said:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn offsets_in_order_of_insertion_are_noticed() {
    let mut world = World::on_postgres(2).await;
    world.execute("CREATE SEQUENCE insertion").await;
    // As an auto-increment column numbers rows: handed out before the commit, and not given back.
    let handed_out = "SELECT min(nextval('insertion')) INTO base FROM generate_series(1, p_entries[slot]);
                      UPDATE partitions SET head = base + p_entries[slot] - 1 WHERE id = p_ids[slot];
                      bases := bases || base";
    change(&world, "wilco_commit", "bases := bases || base", handed_out).await;
    let said = failed_check(&mut world, Fault::PostgresTerminate).await;
    assert!(said.contains("partition"), "{said:?}");
}
