//! Whom the program calls, and who may call it back.

use std::any::Any;
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use wilco_application::activities::{Missing, Outside};
use wilco_application::catalog::Catalog;
use wilco_application::ports::{Clock, Outbound, Runner};
use wilco_application::webhook::SigningKey;
use wilco_domain::kernel::{Activity as _, Policy, Process as _};
use wilco_domain::payments::Paying;
use wilco_domain::payments::provider::{AskProvider, MakeAtProvider, NotifyClient};
use wilco_domain::petstore::{Ordering, Reserving};
use wilco_infrastructure::http::{Egress, HttpClient};
use wilco_infrastructure::payments::{Asking, Making, Notifying, Provider};

use super::Error;
use crate::config::{self, Config, keys};
use crate::modules::{Means, Modules};

/// What the settings say of the outside.
pub fn outside(config: &Config, modules: &Modules, clock: &Arc<dyn Clock>) -> Result<Outside, Error> {
    let client = HttpClient::new(Egress::new(config.egress.ranges()?), Arc::clone(clock))?;
    let outbound: Arc<dyn Outbound> = Arc::new(client);
    let callback_keys = keys("callbacks.secrets", &config.callbacks.secrets)?;
    let mut hooks = BTreeMap::new();
    for (source, hook) in &config.hooks {
        hooks.insert(source.clone(), keys(&format!("hooks.{source}.secrets"), &hook.secrets)?);
    }
    let own_keys: Arc<[SigningKey]> = callback_keys.as_slice().into();
    let means = Means { outbound: Arc::clone(&outbound), clock: Arc::clone(clock), keys: own_keys };
    let own = modules.iter().flat_map(|module| &module.runners);
    let mut runners: Vec<(&str, Arc<dyn Runner>)> = own.map(|(name, make)| (*name, make(&means))).collect();
    let mut missing = Vec::new();
    match &config.payments.provider {
        Some(base) => {
            let provider = Provider::new(Arc::clone(&outbound), base);
            runners.push((MakeAtProvider::TYPE, Arc::new(Making(provider.clone()))));
            runners.push((AskProvider::TYPE, Arc::new(Asking(provider))));
        }
        None => missing.push(Missing {
            command_type: "transaction.create",
            member: None,
            setting: "payments.provider",
        }),
    }
    if callback_keys.is_empty() {
        missing.push(Missing {
            command_type: "transaction.create",
            member: Some("client_url"),
            setting: "callbacks.secrets",
        });
    } else {
        let Means { outbound, clock, keys } = means;
        runners.push((NotifyClient::TYPE, Arc::new(Notifying { outbound, clock, keys })));
    }
    Ok(Outside {
        outbound: Some(outbound),
        callback_keys,
        hooks,
        processes: processes(config),
        missing,
        addresses: vec![("transaction.create", "client_url")],
        runners,
        policies: policies(config, modules.catalog())?,
        destinations: config.egress.destinations(),
    })
}

/// What the settings say to processes.
fn processes(config: &Config) -> HashMap<&'static str, Arc<dyn Any + Send + Sync>> {
    let reserving = Reserving { reservation: config.petstore.reservation.0 };
    let all: [(&str, Arc<dyn Any + Send + Sync>); 2] =
        [(Ordering::NAME, Arc::new(reserving)), (Paying::NAME, Arc::new(config.payments.polling()))];
    all.into_iter().collect()
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
