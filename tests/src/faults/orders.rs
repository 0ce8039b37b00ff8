//! What must hold of orders and the pets that are held for them.

use std::collections::BTreeMap;

use serde_json::Value;

use super::entries::text;
use crate::client::Client;

/// A pet is held for one order at a time, and for none that is over; whoever has placed an order has a pet that is held
/// for it. `kennel` says which pets are held for orders only.
pub(super) async fn have_their_pets(client: &Client, feed: &[Value], kennel: impl Fn(&str) -> bool) {
    let pets = held(feed, kennel);
    let mut holders: BTreeMap<String, String> =
        pets.iter().filter_map(|(pet, standing)| Some((standing.holder().cloned()?, pet.clone()))).collect();
    assert_eq!(
        holders.len(),
        pets.values().filter(|standing| standing.holder().is_some()).count(),
        "an order holds two pets: {pets:?}"
    );
    for (id, order) in client.resources("order").await {
        let pet = text(&order, "pet_id");
        let standing = pets.get(&pet).cloned().unwrap_or_default();
        let expected = match order["status"].as_str() {
            Some("placed") => Standing::Held(id.clone()),
            Some("approved" | "completed") => Standing::Sold(id.clone()),
            Some("cancelled") if standing.of() != Some(&id) => standing.clone(),
            _ => Standing::Free,
        };
        assert_eq!(standing, expected, "{pet} of {order}");
        holders.remove(&id);
    }
    assert!(holders.is_empty(), "pets are held for nothing: {holders:?}");
}

/// Where a pet stands, by its events.
#[derive(Clone, Debug, Default, PartialEq)]
enum Standing {
    #[default]
    Free,
    Held(String),
    Sold(String),
}

impl Standing {
    /// The order that it is held for.
    fn holder(&self) -> Option<&String> {
        if let Self::Held(order) = self { Some(order) } else { None }
    }

    /// The order that has to do with it.
    fn of(&self) -> Option<&String> {
        if let Self::Held(order) | Self::Sold(order) = self { Some(order) } else { None }
    }
}

/// Of each of these pets where it stands in the end. What is held is given to nobody else before it is free.
fn held(feed: &[Value], kennel: impl Fn(&str) -> bool) -> BTreeMap<String, Standing> {
    let mut pets: BTreeMap<String, Standing> = BTreeMap::new();
    for event in feed {
        let Some(verb) = event["type"].as_str().and_then(|kind| kind.strip_prefix("wilco.pet.")) else {
            continue;
        };
        let pet = text(event, "subject").rsplit('/').next().unwrap_or_default().to_owned();
        if !kennel(&pet) {
            continue;
        }
        let order = event["data"]["order_id"].as_str().unwrap_or_default().to_owned();
        let standing = pets.entry(pet).or_default();
        let (before, after) = match verb {
            "reserved" => (Standing::Free, Standing::Held(order)),
            "released" => (Standing::Held(order), Standing::Free),
            "sold" => (Standing::Held(order.clone()), Standing::Sold(order)),
            _ => continue,
        };
        assert_eq!(*standing, before, "{event}");
        *standing = after;
    }
    pets
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn event(verb: &str, order: &str) -> Value {
        json!({ "type": format!("wilco.pet.{verb}"), "subject": "pet/p", "data": { "order_id": order } })
    }

    #[test]
    fn a_pet_is_held_until_it_is_free_or_sold() {
        let held = |feed: &[Value]| super::held(feed, |_| true).remove("p");
        assert_eq!(held(&[event("reserved", "a")]), Some(Standing::Held("a".to_owned())));
        let again = [event("reserved", "a"), event("released", "a"), event("reserved", "b")];
        assert_eq!(held(&again), Some(Standing::Held("b".to_owned())));
        assert_eq!(held(&[event("reserved", "a"), event("sold", "a")]), Some(Standing::Sold("a".to_owned())));
    }

    #[test]
    #[should_panic(expected = "reserved")]
    fn a_pet_that_is_held_twice_is_noticed() {
        held(&[event("reserved", "a"), event("reserved", "b")], |_| true);
    }
}
