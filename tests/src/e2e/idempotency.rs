use std::collections::BTreeSet;

use serde_json::json;

use super::Place;
use crate::client::{create_pet, pet};

/// Also when the first one is settled, and when the members of the body come in another order.
pub async fn a_request_repeated_with_its_key_is_the_same_command(place: &impl Place) {
    let server = place.wilco().start().await;
    let client = server.client();
    let key = [("Idempotency-Key", "k-1")];
    let first = client.post("/v1/pets", &json!({ "name": "Rex", "category": "dog" }), &key).await;
    assert_eq!(first.status, 202, "{first:?}");
    assert!(!first.headers.contains_key("idempotency-replayed"), "{first:?}");
    client.settled(&first.id()).await;
    let quoted = [("Idempotency-Key", "\"k-1\"")];
    let second = client.post("/v1/pets", &json!({ "category": "dog", "name": "Rex" }), &quoted).await;
    assert_eq!((second.status, second.id()), (202, first.id()), "{second:?}");
    assert_eq!(second.header("idempotency-replayed"), "true");
    assert_eq!(second.header("location"), first.header("location"));
    assert_eq!(second.body["status"], "succeeded", "with its present status");
    assert_eq!(client.commands("").await.len(), 1);
}

/// One is accepted, all others are told of it.
pub async fn fifty_parallel_requests_with_one_key_make_one_command(place: &impl Place) {
    let server = place.wilco().start().await;
    let client = server.client();
    let pet = pet("Rex");
    let requests = (0..50).map(|_| client.post("/v1/pets", &pet, &[("Idempotency-Key", "k-50")]));
    let replies = futures::future::join_all(requests).await;
    let ids: BTreeSet<String> = replies.iter().map(crate::client::Reply::id).collect();
    assert_eq!(ids.len(), 1, "{ids:?}");
    let replayed = replies.iter().filter(|reply| reply.headers.contains_key("idempotency-replayed")).count();
    assert_eq!(replayed, 49);
    assert!(replies.iter().all(|reply| reply.status == 202));
    assert_eq!(client.commands("").await.len(), 1);
}

/// Another body, or another path.
pub async fn a_key_used_for_another_request_is_refused(place: &impl Place) {
    let server = place.wilco().start().await;
    let client = server.client();
    let key = [("Idempotency-Key", "k-1")];
    assert_eq!(client.post("/v1/pets", &pet("Rex"), &key).await.status, 202);
    let other_body = client.post("/v1/pets", &pet("Max"), &key).await;
    assert_eq!((other_body.status, other_body.slug()), (422, "idempotency-key-reused"), "{other_body:?}");
    let other_path = client.post("/v1/commands", &create_pet("rex"), &key).await;
    assert_eq!((other_path.status, other_path.slug()), (422, "idempotency-key-reused"), "{other_path:?}");
    assert_eq!(client.commands("").await.len(), 1);
}

/// A chosen id of the command, or of the resource.
pub async fn a_creating_command_with_a_chosen_id_is_its_own_key(place: &impl Place) {
    let server = place.wilco().start().await;
    let client = server.client();
    let first = client.submit(&create_pet("rex")).await;
    let again = client.submit(&create_pet("rex")).await;
    assert_eq!((again.status, again.id()), (202, first.id()), "{again:?}");
    let other = json!({ "type": "pet.create", "target": "rex", "data": pet("Max") });
    let other = client.done(&other).await;
    assert_eq!(other["error"]["type"], "/problems/already-exists", "{other}");

    let id = "018f4e5a-0000-7000-8000-000000000001";
    let chosen = json!({ "id": id, "type": "pet.create", "data": pet("Rex") });
    for replayed in [false, true] {
        let reply = client.submit(&chosen).await;
        assert_eq!((reply.status, reply.id()), (202, id.to_owned()), "{reply:?}");
        assert_eq!(reply.headers.contains_key("idempotency-replayed"), replayed);
    }
    let reused = client.submit(&json!({ "id": id, "type": "pet.create", "data": pet("Max") })).await;
    assert_eq!((reused.status, reused.slug()), (422, "idempotency-key-reused"), "{reused:?}");
}

/// The key of such a command ends with what it made. One that the client chose does not, but a replay is no success.
pub async fn a_create_after_the_deletion_is_gone(place: &impl Place) {
    let server = place.wilco().start().await;
    let client = server.client();
    let (key, wait) = (("Idempotency-Key", "k-1"), ("Prefer", "wait=10"));
    let keyed = json!({ "id": "max", "name": "Max", "category": "dog" });
    assert_eq!(client.post("/v1/pets", &keyed, &[key, wait]).await.status, 201);
    client.done(&create_pet("rex")).await;
    for id in ["rex", "max"] {
        client.done(&json!({ "type": "pet.delete", "target": id })).await;
    }
    let first = client.submit(&create_pet("rex")).await;
    let settled = client.settled(&first.id()).await;
    assert_eq!(settled["error"]["type"], "/problems/gone", "{settled}");
    let rex = create_pet("rex");
    let attempts = (0..10).map(|_| client.submit(&rex));
    let again: BTreeSet<String> =
        futures::future::join_all(attempts).await.iter().map(crate::client::Reply::id).collect();
    assert_eq!(again, BTreeSet::from([first.id()]), "and that is its own key again");
    let replay = client.post("/v1/pets", &keyed, &[key]).await;
    assert_eq!((replay.status, replay.slug()), (410, "gone"), "{replay:?}");
    assert_eq!(client.commands("").await.len(), 5);
}
