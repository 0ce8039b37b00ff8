//! An order: placed for a pet that is held for it, approved when the pet is sold, completed, or cancelled.

use chrono::{DateTime, Utc};

use crate::kernel::{Context, Decider, commands, events, refusals, state, value};

/// An order for a pet.
#[state]
pub struct Order {
    /// The pet that is ordered.
    #[schemars(example = &"pet-42")]
    pub pet_id: String,
    /// Who ordered it, where that is known.
    #[schemars(example = &"user:u-1")]
    pub customer: Option<String>,
    /// Where the order is in its life.
    pub status: OrderStatus,
    /// When it was placed.
    #[schemars(with = "DateTime<Utc>", example = &"2026-01-01T09:00:00Z")]
    pub placed_at: Option<DateTime<Utc>>,
}

/// Where an order is in its life.
#[value]
pub enum OrderStatus {
    /// The pet is held for it.
    #[default]
    Placed,
    /// The pet is sold to it.
    Approved,
    /// The pet has been handed over.
    Completed,
    /// The pet is free again.
    Cancelled,
}

/// What the process of ordering asks an order, once the pet has gone along with it.
#[commands]
pub enum OrderCommand {
    /// Note an order whose pet is held
    #[creates]
    #[fails()]
    Create {
        /// The pet.
        pet_id: String,
    },
    /// Note that the pet is sold to it
    MarkApproved,
    /// Note that the pet is handed over
    MarkCompleted,
    /// Note that the pet is free again
    MarkCancelled,
}

/// What happened to an order.
#[events]
pub enum OrderEvent {
    /// It was placed; the pet is held for it.
    Placed {
        /// The pet.
        #[schemars(example = &"pet-42")]
        pet_id: String,
        /// Who ordered it, where that is known.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[schemars(example = &"user:u-1")]
        customer: Option<String>,
        /// When.
        #[schemars(example = &"2026-01-01T09:00:00Z")]
        at: DateTime<Utc>,
    },
    /// It was approved; the pet is sold.
    Approved,
    /// The pet was handed over.
    Completed,
    /// It was cancelled; the pet is free again.
    Cancelled,
}

/// Why an order says no.
#[refusals]
pub enum OrderRefusal {
    /// The order is approved already: the pet is sold.
    ///
    /// Complete it.
    #[rule("the order is approved")]
    Approved,
    /// The order is not approved yet.
    ///
    /// Approve it first.
    #[rule("the order is not approved")]
    NotApproved,
    /// The order is completed, and stays as it is.
    ///
    /// Nothing is to be done.
    #[rule("the order is completed")]
    Completed,
    /// The order is cancelled, and stays as it is.
    ///
    /// Place another one.
    #[rule("the order is cancelled")]
    Cancelled,
}

impl Decider for Order {
    const TYPE: &'static str = "order";
    type Command = OrderCommand;
    type Event = OrderEvent;
    type Refusal = OrderRefusal;

    fn decide(&self, command: OrderCommand, context: &Context) -> Result<Vec<OrderEvent>, OrderRefusal> {
        Ok(vec![match (command, self.status) {
            (OrderCommand::Create { pet_id }, _) => {
                OrderEvent::Placed { pet_id, customer: context.actor.clone(), at: context.at }
            }
            (OrderCommand::MarkApproved, OrderStatus::Placed) => OrderEvent::Approved,
            (OrderCommand::MarkCancelled, OrderStatus::Placed) => OrderEvent::Cancelled,
            (OrderCommand::MarkCompleted, OrderStatus::Approved) => OrderEvent::Completed,
            (OrderCommand::MarkCompleted, OrderStatus::Placed) => return Err(OrderRefusal::NotApproved),
            (_, OrderStatus::Cancelled) => return Err(OrderRefusal::Cancelled),
            (_, OrderStatus::Completed) => return Err(OrderRefusal::Completed),
            (_, OrderStatus::Approved) => return Err(OrderRefusal::Approved),
        }])
    }

    fn apply(&mut self, event: OrderEvent) {
        self.status = match event {
            OrderEvent::Placed { pet_id, customer, at } => {
                (self.pet_id, self.customer, self.placed_at) = (pet_id, customer, Some(at));
                OrderStatus::Placed
            }
            OrderEvent::Approved => OrderStatus::Approved,
            OrderEvent::Completed => OrderStatus::Completed,
            OrderEvent::Cancelled => OrderStatus::Cancelled,
        };
    }
}
