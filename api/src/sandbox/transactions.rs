use std::collections::HashMap;

use serde::{Deserialize, Serialize};

/// How many transactions a sandbox has; further ones are refused.
const MOST: usize = 100_000;
/// Longest id, in bytes.
const LONGEST_ID: usize = 200;
/// The end of the amounts that are declined.
const UNLUCKY: u64 = 13;

/// A transaction as it is asked for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Order {
    /// The caller's own id of it.
    pub id: String,
    /// In minor units; what ends in 13 is declined.
    pub amount: u64,
    /// ISO 4217: three capital letters.
    pub currency: String,
}

/// What becomes of a transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Status {
    /// Not known yet.
    Pending,
    /// Paid.
    Completed,
    /// Not paid, for good.
    Declined,
}

/// A transaction as it is shown.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Transaction {
    /// What was asked for.
    #[serde(flatten)]
    pub order: Order,
    /// What has become of it.
    pub status: Status,
}

/// Why a transaction is not made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// The key was used for another one.
    #[error("this Idempotency-Key was used with another body")]
    KeyReused,
    /// It was made under another key.
    #[error("there is a transaction of this id, made under another Idempotency-Key")]
    IdTaken,
    /// There are too many.
    #[error("the sandbox has 100,000 transactions; start it again")]
    Full,
}

/// A transaction of which nothing was known, or what was answered when it was made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Made {
    /// As it is answered.
    pub transaction: Transaction,
    /// Whether it is new.
    pub is_new: bool,
}

/// All transactions, in the order in which they were made. Each was made once, under one key.
#[derive(Default)]
pub struct Transactions {
    all: Vec<Transaction>,
    by_id: HashMap<String, usize>,
    by_key: HashMap<String, usize>,
}

impl Order {
    /// As it is asked for, if it can be paid; else what is wrong with it.
    pub fn checked(self) -> Result<Self, String> {
        let is_currency = self.currency.len() == 3 && self.currency.bytes().all(|b| b.is_ascii_uppercase());
        let fault = if self.id.is_empty() || self.id.len() > LONGEST_ID {
            "id has 1 to 200 bytes"
        } else if self.amount == 0 {
            "amount is more than nothing, in minor units"
        } else if !is_currency {
            "currency is three capital letters, as ISO 4217 has them"
        } else {
            return Ok(self);
        };
        Err(fault.to_owned())
    }

    /// How it ends.
    pub const fn end(&self) -> Status {
        if self.amount % 100 == UNLUCKY { Status::Declined } else { Status::Completed }
    }
}

impl Transactions {
    /// Makes one. The same request under the same key makes nothing, and is answered as it was.
    pub fn make(&mut self, key: &str, order: Order) -> Result<Made, Refused> {
        let (made, known) = (self.by_key.get(key), self.by_id.get(&order.id));
        let is_new = match (made, known) {
            (Some(made), _) if self.all[*made].order != order => return Err(Refused::KeyReused),
            (Some(_), _) => false,
            (None, Some(_)) => return Err(Refused::IdTaken),
            (None, None) if self.all.len() == MOST => return Err(Refused::Full),
            (None, None) => true,
        };
        let transaction = Transaction { order, status: Status::Pending };
        if is_new {
            self.by_key.insert(key.to_owned(), self.all.len());
            self.by_id.insert(transaction.order.id.clone(), self.all.len());
            self.all.push(transaction.clone());
        }
        Ok(Made { transaction, is_new })
    }

    /// One of them.
    pub fn get(&self, id: &str) -> Option<&Transaction> {
        self.by_id.get(id).map(|at| &self.all[*at])
    }

    /// All of them.
    pub fn all(&self) -> &[Transaction] {
        &self.all
    }

    /// Ends one that is pending, and tells how.
    pub fn settle(&mut self, id: &str) -> Option<Status> {
        let transaction = &mut self.all[*self.by_id.get(id)?];
        transaction.status = transaction.order.end();
        Some(transaction.status)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn order(id: &str, amount: u64) -> Order {
        Order { id: id.to_owned(), amount, currency: "EUR".to_owned() }
    }

    #[test]
    fn a_transaction_is_made_once_under_one_key() {
        let mut all = Transactions::default();
        assert!(all.make("k1", order("t1", 100)).unwrap().is_new);
        all.settle("t1");
        let again = all.make("k1", order("t1", 100)).unwrap();
        assert_eq!((again.is_new, again.transaction.status), (false, Status::Pending), "as it was answered");
        assert_eq!(all.make("k1", order("t1", 101)), Err(Refused::KeyReused));
        assert_eq!(all.make("k1", order("t2", 100)), Err(Refused::KeyReused));
        assert_eq!(all.make("k2", order("t1", 100)), Err(Refused::IdTaken));
        assert_eq!(all.all().len(), 1);
        assert_eq!(all.get("t1").unwrap().status, Status::Completed);
    }

    #[test]
    fn amounts_that_end_in_13_are_declined() {
        for (amount, end) in [(13, Status::Declined), (9913, Status::Declined), (1300, Status::Completed)] {
            let mut all = Transactions::default();
            all.make("k", order("t", amount)).unwrap();
            assert_eq!(all.settle("t"), Some(end), "{amount}");
        }
        assert_eq!(Transactions::default().settle("t"), None);
    }

    #[test]
    fn there_is_an_end_to_them() {
        let mut all = Transactions::default();
        for number in 0..MOST {
            let name = number.to_string();
            all.make(&name, order(&name, 1)).unwrap();
        }
        assert_eq!(all.make("k", order("t", 1)), Err(Refused::Full));
        assert!(!all.make("7", order("7", 1)).unwrap().is_new);
    }

    #[test]
    fn what_cannot_be_paid_is_told() {
        assert!(order("t", 1).checked().is_ok());
        assert!(order("", 1).checked().is_err() && order("t", 0).checked().is_err());
        assert!(order(&"t".repeat(LONGEST_ID + 1), 1).checked().is_err());
        for currency in ["eur", "EU", "EURO", "€€€"] {
            let order = Order { currency: currency.to_owned(), ..order("t", 1) };
            assert!(order.checked().is_err(), "{currency}");
        }
    }
}
