use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use axum::body::Bytes;
use metrics_exporter_prometheus::PrometheusHandle;
use wilco_application::engine::Engine;

use super::ApiSettings;
use super::shown::Shown;
use super::traffic::Traffic;
use crate::problems::Catalogue;

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
    document: Bytes,
    problems: Arc<Catalogue>,
    silence: Duration,
}

/// How long a stream may say nothing: proxies cut those that are silent for longer.
const SILENCE: Duration = Duration::from_secs(15);

impl AppState {
    pub(crate) fn new(
        engine: Arc<Engine>,
        shown: Shown,
        settings: ApiSettings,
        metrics: Option<PrometheusHandle>,
        readiness: Vec<Arc<dyn ReadinessCheck>>,
    ) -> Self {
        let traffic = Traffic::new(&settings.base_path, &shown);
        let Shown { document, problems, .. } = shown;
        let silence = SILENCE;
        Self(Arc::new(Shared { engine, settings, metrics, readiness, traffic, document, problems, silence }))
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

    /// The OpenAPI document, but for its servers.
    pub(crate) fn document(&self) -> &Bytes {
        &self.0.document
    }

    /// What explains the problems.
    pub(crate) fn problems(&self) -> &Catalogue {
        &self.0.problems
    }

    pub(super) fn traffic(&self) -> &Traffic {
        &self.0.traffic
    }
}
