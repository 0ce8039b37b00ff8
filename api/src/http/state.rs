use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use metrics_exporter_prometheus::PrometheusHandle;
use wilco_application::engine::Engine;

use super::ApiSettings;
use super::traffic::Traffic;

/// Says whether something the server depends on answers.
#[async_trait]
pub trait ReadinessCheck: Send + Sync {
    /// What it is: `broker`.
    fn name(&self) -> &str;
    /// Whether the server can be given work only while it answers.
    fn is_required(&self) -> bool {
        true
    }
    /// Whether it answers, or why not.
    async fn check(&self) -> Result<(), String>;
}

/// What every handler has at hand; a clone is cheap.
#[derive(Clone)]
pub struct AppState(Arc<Shared>);

struct Shared {
    engine: Arc<Engine>,
    settings: ApiSettings,
    metrics: Option<PrometheusHandle>,
    readiness: Vec<Arc<dyn ReadinessCheck>>,
    traffic: Traffic,
    silence: Duration,
}

/// How long a stream may say nothing: proxies cut those that are silent for longer.
const SILENCE: Duration = Duration::from_secs(15);

impl AppState {
    /// The state of an interface to `engine`. The store is always checked for readiness; `readiness` lists what
    /// else has to answer. Install the metrics recorder, if there is one, before.
    pub fn new(
        engine: Arc<Engine>,
        settings: ApiSettings,
        metrics: Option<PrometheusHandle>,
        readiness: Vec<Arc<dyn ReadinessCheck>>,
    ) -> Self {
        let traffic = Traffic::new(&settings.base_path);
        Self(Arc::new(Shared { engine, settings, metrics, readiness, traffic, silence: SILENCE }))
    }

    /// The same, with streams that say at least every `silence` that they are still there. Before it is shared.
    #[must_use]
    pub fn with_silence(mut self, silence: Duration) -> Self {
        if let Some(shared) = Arc::get_mut(&mut self.0) {
            shared.silence = silence;
        }
        self
    }

    pub(crate) fn silence(&self) -> Duration {
        self.0.silence
    }

    /// The engine.
    pub fn engine(&self) -> &Arc<Engine> {
        &self.0.engine
    }

    /// The settings.
    pub fn settings(&self) -> &ApiSettings {
        &self.0.settings
    }

    /// Renders the metrics, where they are recorded.
    pub fn metrics(&self) -> Option<&PrometheusHandle> {
        self.0.metrics.as_ref()
    }

    /// What has to answer besides the store.
    pub fn readiness(&self) -> &[Arc<dyn ReadinessCheck>] {
        &self.0.readiness
    }

    pub(super) fn traffic(&self) -> &Traffic {
        &self.0.traffic
    }
}
