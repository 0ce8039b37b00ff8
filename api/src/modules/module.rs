use std::borrow::Cow;
use std::sync::Arc;

use axum::http::Method;
use schemars::Schema;
use serde_json::Value;
use wilco_application::catalog::{EventKind, Indexed, Registration};
use wilco_domain::kernel::Effect;

use super::means::Wire;
use crate::config::Section;
use crate::openapi::Schemas;
use crate::problems::Slug;

/// An aggregate as the interface shows it: its collection, and the routes that make its commands. The GET routes
/// are the same for every aggregate and follow from this. A [`Builder`](super::Builder) makes one.
pub struct Module {
    /// `pet`
    pub aggregate: &'static str,
    /// `pets`
    pub collection: &'static str,
    /// What its routes are listed under: `Pets`.
    pub title: String,
    /// What they are, in a sentence.
    pub description: String,
    /// The routes that make its commands.
    pub commands: Vec<CommandRoute>,
    /// What `?status=` may be.
    pub statuses: Vec<String>,
    pub(crate) view: fn(&mut Schemas) -> Value,
    pub(crate) status: fn(&mut Schemas) -> Value,
    pub(super) registration: Registration,
    /// The sections of the settings that are its own.
    pub(crate) sections: Vec<Section>,
    /// How it is wired up with the outside.
    pub(crate) wires: Vec<Wire>,
}

impl Module {
    /// What lists of it can be filtered by, besides `status`.
    pub fn indexed(&self) -> &[Indexed] {
        self.registration.indexed()
    }

    /// What may happen to it.
    pub fn events(&self) -> &[EventKind] {
        self.registration.events()
    }
}

/// A route that makes a command.
#[derive(Clone)]
pub struct CommandRoute {
    /// Its method.
    pub method: Method,
    /// `/v1/pets/{id}/reserve`
    pub path: String,
    /// `pet.reserve`
    pub command_type: String,
    /// What the command does to the aggregate's existence.
    pub effect: Effect,
    /// What it is for, in a line.
    pub summary: String,
    /// What else there is to know.
    pub description: String,
    /// The slugs of the problems it may fail with by the rules of its aggregate.
    pub failures: Vec<Slug>,
    pub(crate) data: Arc<dyn Fn(&mut Schemas) -> Schema + Send + Sync>,
}

impl CommandRoute {
    /// Whether the path names the aggregate.
    pub fn is_addressed(&self) -> bool {
        self.path.contains("{id}")
    }
}

/// Where a command is made: method and path below the collection.
#[derive(Clone)]
pub struct At {
    pub(super) method: Method,
    pub(super) below: Cow<'static, str>,
}

impl At {
    pub(super) fn new(method: Method, below: impl Into<Cow<'static, str>>) -> Self {
        Self { method, below: below.into() }
    }

    /// A POST.
    pub fn post(below: &'static str) -> Self {
        Self::new(Method::POST, below)
    }

    /// A PUT.
    pub fn put(below: &'static str) -> Self {
        Self::new(Method::PUT, below)
    }

    /// A DELETE.
    pub fn delete(below: &'static str) -> Self {
        Self::new(Method::DELETE, below)
    }
}
