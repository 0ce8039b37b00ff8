use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::{Request, StatusCode};
use axum::response::Response;
use axum::routing::{get, post};

use super::answers;
use super::beside::Beside;
use super::desk::{Desk, Message};
use super::faults::Target;
use super::hooks::Hooks;
use super::transactions::{Order, Refused, Transactions};

/// A payment provider.
#[derive(Clone)]
pub struct Provider {
    desk: Desk,
    transactions: Arc<Mutex<Transactions>>,
    settle_after: Duration,
    hooks: Option<Hooks>,
    beside: Beside,
}

impl Provider {
    /// One that has done nothing yet.
    pub fn new(desk: Desk, settle_after: Duration, hooks: Option<Hooks>, beside: Beside) -> Self {
        Self { desk, transactions: Arc::default(), settle_after, hooks, beside }
    }

    /// What can be asked of it.
    pub fn routes(self) -> Router {
        Router::new()
            .route("/transactions", post(create).get(list))
            .route("/transactions/{id}", get(read))
            .with_state(self)
    }

    fn create(&self, message: &Message) -> Response {
        let bad = |detail: &str| answers::problem(StatusCode::BAD_REQUEST, detail);
        let Some(key) = message.header("idempotency-key").filter(|key| !key.is_empty()) else {
            return bad("an Idempotency-Key is needed");
        };
        let order = match message.object().and_then(Order::checked) {
            Ok(order) => order,
            Err(detail) => return bad(&detail),
        };
        let made = match self.transactions().make(key, order) {
            Ok(made) => made,
            Err(refused @ Refused::Full) => {
                return answers::problem(StatusCode::INSUFFICIENT_STORAGE, &refused.to_string());
            }
            Err(refused) => return answers::problem(StatusCode::CONFLICT, &refused.to_string()),
        };
        let id = &made.transaction.order.id;
        if made.is_new && self.settle_after.is_zero() {
            // It is known at once.
            self.transactions().settle(id);
            return self.shown(StatusCode::CREATED, id);
        }
        if made.is_new {
            self.beside.run(self.clone().settle(id.clone()));
        }
        answers::json(StatusCode::CREATED, &made.transaction)
    }

    /// Ends a transaction in due time, and tells how.
    async fn settle(self, id: String) {
        tokio::time::sleep(self.settle_after).await;
        let status = self.transactions().settle(&id);
        if let (Some(status), Some(hooks)) = (status, &self.hooks) {
            hooks.tell(&id, status).await;
        }
    }

    fn read(&self, id: &str) -> Response {
        self.shown(StatusCode::OK, id)
    }

    fn shown(&self, status: StatusCode, id: &str) -> Response {
        match self.transactions().get(id) {
            Some(transaction) => answers::json(status, transaction),
            None => answers::problem(StatusCode::NOT_FOUND, "there is no transaction of this id"),
        }
    }

    fn transactions(&self) -> MutexGuard<'_, Transactions> {
        self.transactions.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn create(State(provider): State<Provider>, request: Request<Body>) -> Response {
    provider.desk.answer(Target::Create, request, |message| provider.create(message)).await
}

async fn read(State(provider): State<Provider>, Path(id): Path<String>, request: Request<Body>) -> Response {
    provider.desk.answer(Target::Read, request, |_| provider.read(&id)).await
}

/// What it has done: for whoever looks in, so that no fault is met here and nothing is written down.
async fn list(State(provider): State<Provider>) -> Response {
    answers::items(provider.transactions().all().iter())
}
