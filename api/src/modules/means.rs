use std::sync::Arc;

use wilco_application::activities::{Missing, Outside};
use wilco_application::ports::{Clock, Outbound, Runner};
use wilco_application::webhook::SigningKey;
use wilco_domain::kernel::{Activity, Process};

use crate::config::{ModuleSettings, OwnSettings};

/// What a module is put to work with, when the settings are known.
#[derive(Clone)]
pub struct Means {
    /// Calls others over HTTP: only where they may be called, bounded in what is read, and never redirected.
    pub outbound: Arc<dyn Outbound>,
    /// Tells the time.
    pub clock: Arc<dyn Clock>,
    /// The secrets of `callbacks.secrets`; the first signs.
    pub keys: Arc<[SigningKey]>,
    pub(crate) own: OwnSettings,
}

impl Means {
    /// What the module's own section of the settings says: see [`Builder::settings`](super::Builder::settings).
    pub fn settings<S: ModuleSettings>(&self) -> S {
        self.own.of()
    }
}

/// Where a module says how it is wired up with the outside.
pub struct Wiring<'o>(pub(crate) &'o mut Outside);

impl Wiring<'_> {
    /// This one does an activity.
    pub fn runner<T: Activity>(&mut self, runner: Arc<dyn Runner>) {
        self.0.runners.push((T::TYPE, runner));
    }

    /// Processes of this type are given these settings: see [`Then::settings`](wilco_domain::kernel::Then::settings).
    pub fn tell<P: Process>(&mut self, settings: impl Send + Sync + 'static) {
        self.0.processes.insert(P::NAME, Arc::new(settings));
    }

    /// A member of a command is an address, and has to be one that may be called.
    pub fn address(&mut self, command_type: &'static str, member: &'static str) {
        self.0.addresses.push((command_type, member));
    }

    /// Commands of this type, or only those with this member, are refused (503 `not-configured`), since a setting is missing
    /// that they need.
    pub fn missing(
        &mut self,
        command_type: &'static str,
        member: Option<&'static str>,
        setting: &'static str,
    ) {
        self.0.missing.push(Missing { command_type, member, setting });
    }
}

/// Wires a module up.
pub(crate) type Wire = Arc<dyn Fn(&Means, &mut Wiring<'_>) + Send + Sync>;
