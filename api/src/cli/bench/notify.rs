use std::collections::HashMap;
use std::time::{Duration, Instant};

use futures::StreamExt;
use tokio::sync::watch;
use uuid::Uuid;

use super::BenchError;
use super::load::Load;

/// Listens for outcomes on NATS while the load runs.
pub(super) struct Listener {
    heard: tokio::task::JoinHandle<HashMap<Uuid, Instant>>,
    count: watch::Receiver<usize>,
    stop: tokio::sync::oneshot::Sender<()>,
}

/// What was heard.
pub(super) struct Notified {
    /// From the sending of the request to the arrival of its outcome, of each command.
    pub(super) latencies: Vec<Duration>,
    /// From the first request to the last arrival.
    pub(super) elapsed: Duration,
    /// Accepted commands whose outcome did not arrive.
    pub(super) missing: usize,
}

impl Listener {
    pub(super) async fn start(url: &str) -> Result<Self, BenchError> {
        let failed = |error: String| BenchError::Nats(error);
        let client = async_nats::ConnectOptions::new()
            .subscription_capacity(1 << 20)
            .connect(url)
            .await
            .map_err(|error| failed(error.to_string()))?;
        // What subjects begin with is the server's own; one token, mostly.
        let mut subscriber =
            client.subscribe("*.command.>").await.map_err(|error| failed(error.to_string()))?;
        client.flush().await.map_err(|error| failed(error.to_string()))?;
        let (tell, count) = watch::channel(0);
        let (stop, mut stopped) = tokio::sync::oneshot::channel();
        let heard = tokio::spawn(async move {
            let mut heard = HashMap::new();
            loop {
                let message = tokio::select! {
                    message = subscriber.next() => message,
                    _ = &mut stopped => None,
                };
                let Some(message) = message else { return heard };
                let id = message.headers.as_ref().and_then(|headers| headers.get("Wilco-Command-Id"));
                if let Some(id) = id.and_then(|id| id.as_str().parse().ok()) {
                    heard.entry(id).or_insert_with(Instant::now);
                    tell.send_replace(heard.len());
                }
            }
        });
        Ok(Self { heard, count, stop })
    }

    /// Waits until as many outcomes were heard as commands accepted, or `patience` is over.
    pub(super) async fn latencies(mut self, load: &Load, patience: Duration) -> Notified {
        let enough = self.count.wait_for(|count| *count >= load.accepted.len());
        let _ = tokio::time::timeout(patience, enough).await;
        let _ = self.stop.send(());
        let heard = self.heard.await.unwrap_or_default();
        let arrivals: Vec<(Instant, Instant)> =
            load.accepted.iter().filter_map(|(id, sent)| Some((*sent, *heard.get(id)?))).collect();
        Notified {
            latencies: arrivals
                .iter()
                .map(|(sent, arrived)| arrived.saturating_duration_since(*sent))
                .collect(),
            elapsed: arrivals
                .iter()
                .map(|(_, arrived)| arrived.saturating_duration_since(load.started))
                .max()
                .unwrap_or_default(),
            missing: load.accepted.len() - arrivals.len(),
        }
    }
}
