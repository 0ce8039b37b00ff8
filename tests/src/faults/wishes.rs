//! What the senders of load ask for.

use std::time::Duration;

use rand::rngs::StdRng;
use rand::seq::IndexedRandom as _;
use rand::{Rng as _, SeedableRng as _};
use serde_json::{Value, json};

use crate::client::{create_pet, pet};
use crate::e2e::from_now;
use crate::sandbox::payment;

/// Aggregates that most of the load is about: few enough that they meet many commands each.
const PETS: u32 = 40;
/// Pets that are ordered, and otherwise left alone: each sender brings so many in, and orders any.
const BROUGHT_IN: u64 = 2;
/// Payments of one sender: the sandbox remembers only so much of what its clients were told.
const PAYMENTS: usize = 8;

/// The wishes of one sender. The same seed, round and sender wish the same.
pub(super) struct Wishes {
    random: StdRng,
    /// The names of what it makes begin so.
    name: String,
    /// Those of the pets that are ordered.
    kennel: String,
    /// How many of these there are.
    pets: u64,
    /// Those of them that it has still to bring in.
    own_pets: Vec<String>,
    /// Where clients are told what becomes of payments; without it there are none.
    shop: Option<String>,
    orders: Vec<String>,
    payments: Vec<String>,
}

impl Wishes {
    /// Those of one of so many senders.
    pub(super) fn of(seed: u64, round: u64, (sender, senders): (u64, u64), shop: Option<&str>) -> Self {
        let own = sender * BROUGHT_IN..(sender + 1) * BROUGHT_IN;
        Self {
            random: StdRng::seed_from_u64(seed ^ (round << 32) ^ sender),
            name: format!("{seed}-{round}-{sender}"),
            kennel: format!("kennel-{seed}-{round}"),
            pets: senders * BROUGHT_IN,
            own_pets: own.map(|number| format!("kennel-{seed}-{round}-{number}")).collect(),
            shop: shop.map(ToOwned::to_owned),
            orders: Vec::new(),
            payments: Vec::new(),
        }
    }

    /// The key of a request of that number.
    pub(super) fn key(&self, number: u64) -> String {
        format!("{}-{number}", self.name)
    }

    /// The next command.
    pub(super) fn next(&mut self) -> Value {
        if let Some(pet) = self.own_pets.pop() {
            return create_pet(&pet);
        }
        let mut command = match self.random.random_range(0..100) {
            0..12 => self.of_orders(),
            12..17 if self.shop.is_some() => return self.of_payments(),
            _ => self.of_pets(),
        };
        // Some are for later: these are stored first, and applied by another commit.
        if self.random.random_bool(0.1) {
            let later = Duration::from_millis(self.random.random_range(50..500));
            command["not_before"] = json!(from_now(later));
        }
        command
    }

    /// A command for one of the pets; many of them break a rule.
    fn of_pets(&mut self) -> Value {
        let random = &mut self.random;
        let target = format!("pet-{}", random.random_range(0..PETS));
        let order = json!({ "order_id": format!("order-{}", random.random_range(0..3)) });
        let (kind, data) = match random.random_range(0..100) {
            0..20 => ("create", pet(&format!("name-{}", random.random_range(0..1000)))),
            20..50 => ("update", pet(&format!("name-{}", random.random_range(0..1000)))),
            50..75 => ("reserve", order),
            75..98 => ("release", order),
            98 => ("sell", json!({})),
            _ => ("delete", json!({})),
        };
        json!({ "type": format!("pet.{kind}"), "target": target, "data": data })
    }

    /// An order, or what becomes of an earlier one of this sender.
    fn of_orders(&mut self) -> Value {
        let pet = format!("{}-{}", self.kennel, self.random.random_range(0..self.pets));
        let earlier = self.orders.choose(&mut self.random).cloned();
        let of = |verb: &str, order: String| json!({ "type": format!("order.{verb}"), "target": order, "data": {} });
        match (self.random.random_range(0..10), earlier) {
            (0..4, Some(order)) => of("cancel", order),
            (4, Some(order)) => of("approve", order),
            _ => {
                let order = format!("order-{}-{}", self.name, self.orders.len());
                self.orders.push(order.clone());
                json!({ "type": "order.place", "target": order, "data": { "pet_id": pet } })
            }
        }
    }

    /// A payment, or the wish to take an earlier one of this sender back.
    fn of_payments(&mut self) -> Value {
        let earlier = self.payments.choose(&mut self.random).cloned();
        match (self.random.random_range(0..5), earlier, &self.shop) {
            (0, Some(payment), _) => json!({ "type": "transaction.cancel", "target": payment, "data": {} }),
            (_, _, Some(shop)) if self.payments.len() < PAYMENTS => {
                let id = format!("payment-{}-{}", self.name, self.payments.len());
                self.payments.push(id.clone());
                // What ends in 13 is declined.
                payment(&id, if self.random.random_bool(0.1) { 1313 } else { 1250 }, shop)
            }
            _ => self.of_pets(),
        }
    }
}
