//! Whom the program calls, and who may call it back.

use std::collections::BTreeMap;
use std::sync::Arc;

use wilco_application::activities::Outside;
use wilco_application::catalog::Catalog;
use wilco_application::ports::{Clock, Outbound};
use wilco_domain::kernel::Policy;
use wilco_infrastructure::http::{Egress, HttpClient};

use super::Error;
use crate::config::{self, Config, keys};
use crate::modules::{Means, Modules, Wiring};

/// What the settings say of the outside.
pub fn outside(config: &Config, modules: &Modules, clock: &Arc<dyn Clock>) -> Result<Outside, Error> {
    let client = HttpClient::new(Egress::new(config.egress.ranges()?), Arc::clone(clock))?;
    let outbound: Arc<dyn Outbound> = Arc::new(client);
    let callback_keys = keys("callbacks.secrets", &config.callbacks.secrets)?;
    let mut hooks = BTreeMap::new();
    for (source, hook) in &config.hooks {
        hooks.insert(source.clone(), keys(&format!("hooks.{source}.secrets"), &hook.secrets)?);
    }
    let mut outside = Outside {
        outbound: Some(Arc::clone(&outbound)),
        hooks,
        policies: policies(config, modules.catalog())?,
        destinations: config.egress.destinations(),
        ..Outside::default()
    };
    let (clock, own) = (Arc::clone(clock), config.own.clone());
    let means = Means { outbound, clock, keys: callback_keys.as_slice().into(), own };
    for wire in modules.iter().flat_map(|module| &module.wires) {
        wire(&means, &mut Wiring(&mut outside));
    }
    outside.callback_keys = callback_keys;
    Ok(outside)
}

/// The policies that the settings change.
fn policies(config: &Config, catalog: &Catalog) -> Result<BTreeMap<String, Policy>, config::Error> {
    let policy = |(name, said): (&String, &config::ActivityPolicy)| {
        let known = catalog.activities().find(|activity| activity.settings == name);
        let known = known.ok_or_else(|| {
            let names: Vec<&str> = catalog.activities().map(|activity| activity.settings).collect();
            config::Error::invalid(
                format!("activity.{name}"),
                format!("there is no such activity; there are {}", names.join(", ")),
            )
        })?;
        Ok((name.clone(), said.over(&known.policy)))
    };
    config.activity.iter().map(policy).collect()
}
