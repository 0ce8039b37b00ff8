//! The server: connections, limits, the router, and what every answer has in common.

mod server;
mod settings;
mod state;

pub use server::serve;
pub use settings::{ApiSettings, Limits};
pub use state::{AppState, ReadinessCheck};

use axum::Router;

/// The whole interface.
pub fn router(state: AppState) -> Router {
    Router::new().with_state(state)
}
