use std::any::Any;
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use serde_json::Value;
use wilco_domain::kernel::{FieldError, Policy};

use super::{DestinationSettings, Destinations, UnderWay};
use crate::catalog::Catalog;
use crate::ports::{Outbound, Runner};
use crate::webhook::SigningKey;

/// What an engine reaches the outside with.
#[derive(Default)]
pub struct Outside {
    /// Calls others over HTTP; without it nobody is called back.
    pub outbound: Option<Arc<dyn Outbound>>,
    /// What callbacks are signed with: the first signs. Without any nobody is called back.
    pub callback_keys: Vec<SigningKey>,
    /// What messages of these sources may be signed with.
    pub hooks: BTreeMap<String, Vec<SigningKey>>,
    /// What the program was told about processes, by their names: see [`Then::settings`](wilco_domain::kernel::Then).
    pub processes: HashMap<&'static str, Arc<dyn Any + Send + Sync>>,
    /// The members of commands that are addresses, and have to be such as may be called: type and member.
    pub addresses: Vec<(&'static str, &'static str)>,
    /// What cannot be asked for, since a setting is missing.
    pub missing: Vec<Missing>,
    /// Who does the activities of these types. One that nobody does waits.
    pub runners: Vec<(&'static str, Arc<dyn Runner>)>,
    /// The policies that the settings know, by the names that activities have there.
    pub policies: BTreeMap<String, Policy>,
    /// Bounds of what is asked of one destination.
    pub destinations: DestinationSettings,
}

/// Commands that need a setting which is not there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Missing {
    /// Their type.
    pub command_type: &'static str,
    /// Only those that have this member; `None`: all of them.
    pub member: Option<&'static str>,
    /// The setting.
    pub setting: &'static str,
}

/// An activity of which it is known who does it.
#[derive(Clone)]
pub(crate) struct Kind {
    pub(crate) runner: Arc<dyn Runner>,
    pub(crate) policy: Arc<Policy>,
}

/// The outside as the engine's parts know it; a clone is cheap.
#[derive(Clone)]
pub(crate) struct Reach {
    kinds: Arc<HashMap<&'static str, Kind>>,
    hooks: Arc<BTreeMap<String, Vec<SigningKey>>>,
    processes: Arc<HashMap<&'static str, Arc<dyn Any + Send + Sync>>>,
    missing: Arc<[Missing]>,
    addresses: Arc<[(&'static str, &'static str)]>,
    outbound: Option<Arc<dyn Outbound>>,
    pub(crate) destinations: Arc<Destinations>,
    pub(crate) under_way: UnderWay,
}

impl Reach {
    pub(crate) fn new(catalog: &Catalog, outside: Outside) -> Self {
        let Outside {
            runners, policies, destinations, hooks, processes, missing, addresses, outbound, ..
        } = outside;
        let kind = |(name, runner): (&'static str, Arc<dyn Runner>)| {
            let activity = catalog.activity(name)?;
            let policy = policies.get(activity.settings).unwrap_or(&activity.policy).clone();
            Some((activity.name, Kind { runner, policy: Arc::new(policy) }))
        };
        let kinds = runners.into_iter().filter_map(kind).collect();
        let destinations = Arc::new(Destinations::new(destinations));
        Self {
            kinds: Arc::new(kinds),
            hooks: Arc::new(hooks),
            processes: Arc::new(processes),
            missing: missing.into(),
            addresses: addresses.into(),
            outbound,
            destinations,
            under_way: UnderWay::default(),
        }
    }

    /// What messages of this source may be signed with; nothing, if nobody may send any.
    pub(crate) fn hook_keys(&self, source: &str) -> &[SigningKey] {
        self.hooks.get(source).map_or(&[], Vec::as_slice)
    }

    /// What the program was told about processes of this name.
    pub(crate) fn settings_of(&self, process: &str) -> Option<Arc<dyn Any + Send + Sync>> {
        self.processes.get(process).cloned()
    }

    /// The member of a command with this data that is an address which may not be called, and why.
    pub(crate) fn objection(&self, command_type: &str, data: &Value) -> Option<FieldError> {
        let outbound = self.outbound.as_ref()?;
        let own = self.addresses.iter().filter(|(of, _)| *of == command_type);
        own.filter_map(|(_, member)| Some((member, data.get(member)?.as_str()?)))
            .find_map(|(member, url)| Some((member, outbound.objection(url)?)))
            .map(|(member, detail)| FieldError { pointer: format!("/{member}"), detail })
    }

    /// The setting that a command with this data needs, and that is missing.
    pub(crate) fn missing(&self, command_type: &str, data: &Value) -> Option<&'static str> {
        let lacks = |missing: &&Missing| {
            missing.command_type == command_type
                && missing.member.is_none_or(|member| data.get(member).is_some_and(|value| !value.is_null()))
        };
        self.missing.iter().find(lacks).map(|missing| missing.setting)
    }

    /// Who does the activities of this type, and when.
    pub(crate) fn kind(&self, command_type: &str) -> Option<&Kind> {
        self.kinds.get(command_type)
    }
}
