use std::time::Duration;

use reqwest::header::CONTENT_TYPE;
use reqwest::{Client, StatusCode, Url, redirect};
use serde_json::json;
use wilco_application::ports::{Clock as _, Ids as _, RandomIds, SystemClock};
use wilco_application::webhook::SigningKey;

use super::transactions::Status;

/// The pauses before each attempt to tell something.
const PAUSES: [Duration; 6] = [
    Duration::ZERO,
    Duration::from_millis(200),
    Duration::from_secs(1),
    Duration::from_secs(5),
    Duration::from_secs(15),
    Duration::from_secs(60),
];
/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(10);

/// Tells of what becomes of transactions, signed as Standard Webhooks say.
#[derive(Clone)]
pub struct Hooks {
    client: Client,
    url: Url,
    key: SigningKey,
}

impl Hooks {
    /// To this URL, signed with this key.
    pub fn new(url: Url, key: SigningKey) -> Result<Self, reqwest::Error> {
        // Of the TLS library's providers, the one that is linked; that there is one already is as good.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let client =
            Client::builder().redirect(redirect::Policy::none()).no_proxy().timeout(PATIENCE).build()?;
        Ok(Self { client, url, key })
    }

    /// Tells the status of a transaction, again and again until it is taken: a message is the same each time, with
    /// the same id and another timestamp.
    pub async fn tell(&self, transaction: &str, status: Status) {
        let id = format!("msg_{}", RandomIds.next().simple());
        let body = json!({"transaction_id": transaction, "status": status}).to_string();
        for pause in PAUSES {
            tokio::time::sleep(pause).await;
            match self.attempt(&id, &body).await {
                Ok(answer) if answer.is_success() => {
                    return tracing::info!(transaction, ?status, id, "told");
                }
                Ok(StatusCode::GONE) => break,
                Ok(answer) => tracing::warn!(transaction, id, %answer, "a hook was refused"),
                Err(error) => {
                    let error = error.without_url();
                    tracing::warn!(
                        transaction,
                        id,
                        error = &error as &dyn std::error::Error,
                        "a hook failed"
                    );
                }
            }
        }
        tracing::warn!(transaction, ?status, id, "given up to tell");
    }

    async fn attempt(&self, id: &str, body: &str) -> Result<StatusCode, reqwest::Error> {
        let mut request = self.client.post(self.url.clone()).header(CONTENT_TYPE, "application/json");
        for (name, value) in self.key.headers(id, SystemClock.now(), body.as_bytes()) {
            request = request.header(name, value);
        }
        Ok(request.body(body.to_owned()).send().await?.status())
    }
}
