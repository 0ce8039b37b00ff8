//! The suite's checks fail on a system that is broken on purpose: each promise is taken away in the schema, from outside,
//! and the check that stands for it must notice. The same checks pass on what is not broken.

use futures::FutureExt as _;
use reqwest::Method;
use serde_json::{Value, json};
use wilco_tests::client::{Client, create_pet};
use wilco_tests::e2e::in_seconds;
use wilco_tests::faults::{Fault, LineFault, World, audit, campaign, failure, seed};
use wilco_tests::postgres::PARTITIONS;
use wilco_tests::wait_for;

/// Replaces a part of a function of the schema.
async fn change(world: &World, function: &str, part: &str, by: &str) {
    change_all(world, function, &[(part, by)]).await;
}

/// Replaces several parts of it at once.
async fn change_all(world: &World, function: &str, parts: &[(&str, &str)]) {
    let mut admin = world.admin().await;
    let definition: String = sqlx::query_scalar(&format!("SELECT pg_get_functiondef('{function}'::regproc)"))
        .fetch_one(&mut admin)
        .await
        .expect("the function is there");
    let changed = parts.iter().fold(definition, |definition, (part, by)| {
        assert!(definition.contains(part), "{function} has no {part:?} to be replaced");
        definition.replace(part, by)
    });
    world.execute(&changed).await;
}

/// What comes after the fence in `wilco_commit_4`.
const BEHIND_THE_FENCE: &str = "IF cardinality(e_slots) > 0 THEN";

/// Waits until the partitions are shared out.
async fn both_own_a_half(world: &World) {
    let owner =
        format!("SELECT owner::text FROM partitions GROUP BY owner HAVING count(*) = {}", PARTITIONS / 2);
    let both = async || sqlx::query_scalar::<_, String>(&owner).fetch_all(&mut world.admin().await).await;
    let shared = |owners: &Result<Vec<String>, _>| owners.as_ref().is_ok_and(|owners| owners.len() == 2);
    wait_for("both replicas to own a half", both, shared).await.expect("they do");
}

/// A replica that cannot renew its lease, and does not know that another has taken over, is asked to apply a command to
/// what it remembers. Whether the outcome is that of what is stored.
async fn a_stale_owner_settles_nothing(world: &mut World) -> Value {
    let (old, new) = (world.replicas[0].client().clone(), world.replicas[1].client().clone());
    both_own_a_half(world).await;
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
    change(&world, "wilco_commit_4", " AND p.owner = p_owner AND p.epoch = g.epoch", "").await;
    let failed = a_stale_owner_settles_nothing(&mut world).await;
    assert_eq!(failed["status"], "failed", "nothing was settled from what a replica remembered");
}

/// What the check that fails after a fault says; empty when none does.
async fn failed_check(world: &mut World, fault: Fault) -> String {
    failure(campaign::these(world, &[fault], seed()).boxed_local()).await
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
async fn offsets_with_gaps_are_noticed() {
    let mut world = World::on_postgres(2).await;
    world.execute("CREATE SEQUENCE insertion").await;
    // As an auto-increment column numbers rows: handed out before the commit, and not given back.
    let handed_out = "FOR slot IN 1 .. cardinality(p_ids) LOOP
                          CONTINUE WHEN p_entries[slot] = 0;
                          bases[slot] := (SELECT min(nextval('insertion')) FROM generate_series(1, p_entries[slot]));
                          UPDATE partitions SET head = bases[slot] + p_entries[slot] - 1 WHERE id = p_ids[slot];
                      END LOOP;";
    change(&world, "wilco_commit_4", BEHIND_THE_FENCE, &format!("{handed_out}\n{BEHIND_THE_FENCE}")).await;
    let said = failed_check(&mut world, Fault::PostgresTerminate).await;
    assert!(said.contains("partition"), "{said:?}");
}

/// Requests that are accepted, and whose answers are lost: the audit repeats each with its key.
async fn some_answers_are_lost(world: &mut World) {
    for number in 0..20 {
        let key = format!("unheard-{number}");
        let headers = [("Idempotency-Key", key.as_str())];
        let reply = world.replicas[0].client().post("/v1/commands", &create_pet(&key), &headers).await;
        assert_eq!(reply.status, 202, "{reply:?}");
        world.promises.unknown.insert(key.clone(), create_pet(&key));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn repeated_requests_are_not_done_twice_on_sqlite() {
    let mut world = World::on_sqlite().await;
    some_answers_are_lost(&mut world).await;
    assert_eq!(failure(world.audit().boxed_local()).await, "");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_missing_check_for_repeated_requests_is_noticed_on_sqlite() {
    let mut world = World::on_sqlite().await;
    let forget = "CREATE TRIGGER forget AFTER INSERT ON commands
                  BEGIN UPDATE commands SET idempotency_key = NULL WHERE id = NEW.id; END";
    world.execute(forget).await;
    some_answers_are_lost(&mut world).await;
    let said = failure(world.audit().boxed_local()).await;
    assert!(said.contains("there are commands that nobody gave"), "{said:?}");
}

/// Numbers the entries of a partition as an auto-increment column does: each writer takes the next ones before it
/// commits, and none waits for another.
async fn number_before_the_commit(world: &World) {
    for partition in 0..PARTITIONS {
        world.execute(&format!("CREATE SEQUENCE numbers_{partition}")).await;
    }
    // Behind the fence, so that a commit that is refused there leaves no gap. The numbers of a writer are in a row.
    let numbered = "FOR slot IN 1 .. cardinality(p_ids) LOOP
                        PERFORM pg_advisory_lock(p_ids[slot]);
                        bases[slot] := (
                            SELECT min(nextval('numbers_' || p_ids[slot])) FROM generate_series(1, p_entries[slot])
                        );
                        PERFORM pg_advisory_unlock(p_ids[slot]);
                    END LOOP;";
    let numbered = format!("{numbered}\n{BEHIND_THE_FENCE}");
    // What readers go by: the newest number that is committed.
    let newest = "FOR slot IN 1 .. cardinality(p_ids) LOOP
                      UPDATE partitions SET head = greatest(head, bases[slot] + p_entries[slot] - 1)
                      WHERE id = p_ids[slot];
                  END LOOP;
                  RETURN bases;";
    let parts = [
        (
            "UPDATE partitions p SET head = p.head + g.entries\n        FROM ",
            "SELECT g.slot, 0 AS base FROM partitions p, ",
        ),
        ("RETURNING g.slot, p.head - g.entries + 1 AS base", ""),
        (BEHIND_THE_FENCE, &numbered),
        ("RETURN bases;", newest),
    ];
    change_all(world, "wilco_commit_4", &parts).await;
    let numbered_and_slow = "PERFORM pg_advisory_lock(its_partition);
                    next_offset := nextval('numbers_' || its_partition);
                    PERFORM pg_advisory_unlock(its_partition);
                    PERFORM pg_sleep(0.2); -- A transaction may take a while.
                    UPDATE partitions SET head = greatest(head, next_offset) WHERE id = its_partition;";
    let by_head =
        "UPDATE partitions SET head = head + 1 WHERE id = its_partition RETURNING head INTO next_offset;";
    change(world, "wilco_cancel_2", by_head, numbered_and_slow).await;
}

/// Gives a command for later to one replica, and takes it back there while the other applies commands of the same
/// aggregate; again for many aggregates.
async fn cancelled_amid_others(world: &mut World) {
    both_own_a_half(world).await;
    let [one, other] = [0, 1].map(|index| world.replicas[index].client().clone());
    for pet in 0..16 {
        let mut later = create_pet(&format!("pet-{pet}"));
        later["not_before"] = json!(in_seconds(3600));
        let later = given(&one, &format!("later-{pet}"), &later).await;
        let cancel = one.request(Method::DELETE, &format!("/v1/commands/{later}"));
        let others = async {
            let mut ids = Vec::new();
            for number in 0..10 {
                let key = format!("now-{pet}-{number}");
                ids.push(given(&other, &key, &create_pet(&format!("pet-{pet}"))).await);
            }
            ids
        };
        let (cancelled, others) = tokio::join!(one.send(cancel), others);
        assert!(cancelled.as_ref().is_ok_and(|reply| reply.status < 300), "{cancelled:?}");
        world.promises.accepted.extend(others.into_iter().chain([later]).map(|id| (id.clone(), id)));
    }
}

/// The id of a command that must be accepted.
async fn given(client: &Client, key: &str, envelope: &Value) -> String {
    let reply = client.post("/v1/commands", envelope, &[("Idempotency-Key", key)]).await;
    assert_eq!(reply.status, 202, "{reply:?}");
    reply.id()
}

#[tokio::test(flavor = "multi_thread")]
async fn cancelling_amid_others_hides_nothing_from_readers() {
    let mut world = World::on_postgres(2).await;
    cancelled_amid_others(&mut world).await;
    assert_eq!(failure(world.audit().boxed_local()).await, "");
}

/// The readers of the feed ask for what is behind the newest offset they have seen, which is right only while offsets
/// become visible in their order. With numbers given out before the commit the same readers trust the order of
/// insertion: what commits late lies behind them for good. The finished feed has no gap, so that only those who followed
/// it live can tell: the stream of NATS, and the listeners.
#[tokio::test(flavor = "multi_thread")]
async fn readers_that_trust_the_order_of_insertion_are_noticed() {
    let mut world = World::on_postgres(2).await;
    number_before_the_commit(&world).await;
    cancelled_amid_others(&mut world).await;
    let said = failure(world.audit().boxed_local()).await;
    assert!(said.contains("messages in the stream"), "{said:?}");
    let feed = world.replicas[0].client().feed("").await;
    audit::gapless(&feed);
    let said = failure(world.all_is_heard(&feed).boxed_local()).await;
    assert!(said.contains("a listener to"), "{said:?}");
}
