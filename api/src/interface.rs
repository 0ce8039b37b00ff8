//! What the modules of a program make of the HTTP interface: its routes, its document, its router.

use std::sync::Arc;

use axum::Router;
use axum::body::Bytes;
use metrics_exporter_prometheus::PrometheusHandle;
use serde_json::Value;
use wilco_application::engine::Engine;

use crate::http::{ApiSettings, AppState, BasePath, ReadinessCheck, Shown};
use crate::modules::Modules;
use crate::openapi::{self, Contents, Route};
use crate::{router, v1};

/// The interface of a program.
pub struct Interface {
    modules: Modules,
    routes: Vec<Route>,
}

impl Interface {
    /// The interface of a program with these modules.
    pub fn new(modules: Modules) -> Self {
        let routes = v1::routes(&modules);
        Self { modules, routes }
    }

    /// The modules.
    pub fn modules(&self) -> &Modules {
        &self.modules
    }

    /// Every documented route.
    pub fn routes(&self) -> &[Route] {
        &self.routes
    }

    /// The OpenAPI document of a server that clients see below `base`.
    pub fn document(&self, base: &BasePath) -> Value {
        let mut document = openapi::document(self.contents());
        document["servers"] = openapi::servers(base);
        document
    }

    /// The state of the interface to `engine`. The store is always checked for readiness; `readiness` lists what
    /// else has to answer. Install the metrics recorder, if there is one, before.
    pub fn state(
        &self,
        engine: Arc<Engine>,
        settings: ApiSettings,
        metrics: Option<PrometheusHandle>,
        readiness: Vec<Arc<dyn ReadinessCheck>>,
    ) -> AppState {
        let shown = Shown {
            routes: self.routes.iter().map(|route| (route.method.clone(), route.path.clone())).collect(),
            pages: v1::pages().into_iter().map(|(path, _)| path).collect(),
            document: Bytes::from(openapi::document(self.contents()).to_string()),
            problems: Arc::clone(self.modules.problems()),
        };
        AppState::new(engine, shown, settings, metrics, readiness)
    }

    /// Everything that is served.
    pub fn router(&self, state: AppState) -> Router {
        router::router(&self.routes, state)
    }

    fn contents(&self) -> Contents<'_> {
        Contents {
            name: self.modules.name(),
            routes: &self.routes,
            tags: self.modules.iter().map(|module| (&*module.title, &*module.description)).collect(),
            failures: self.modules.failures(),
            problems: self.modules.problems(),
            schemas: v1::schemas(&self.modules),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::modules::shipped;

    #[test]
    fn no_name_in_the_document_stands_for_two_things() {
        let interface = Interface::new(Modules::new(crate::Name::WILCO, shipped().unwrap()).unwrap());
        assert_eq!(openapi::clashes(interface.contents()), Vec::<String>::new());
    }

    #[test]
    fn every_problem_that_is_named_is_in_the_catalogue() {
        let interface = Interface::new(Modules::new(crate::Name::WILCO, shipped().unwrap()).unwrap());
        for route in interface.routes() {
            for slug in route.operation.problems() {
                assert!(interface.modules().problems().find(slug).is_some(), "{slug}");
            }
        }
    }
}
