use std::sync::Arc;

use wilco_application::ports::{Clock, Outbound, Runner};
use wilco_application::webhook::SigningKey;

/// What a runner of activities is made with, when the settings are known.
#[derive(Clone)]
pub struct Means {
    /// Calls others over HTTP: only where they may be called, bounded in what is read, and never redirected.
    pub outbound: Arc<dyn Outbound>,
    /// Tells the time.
    pub clock: Arc<dyn Clock>,
    /// The secrets of `callbacks.secrets`; the first signs.
    pub keys: Arc<[SigningKey]>,
}

/// Makes a runner.
pub(crate) type MakeRunner = Arc<dyn Fn(&Means) -> Arc<dyn Runner> + Send + Sync>;
