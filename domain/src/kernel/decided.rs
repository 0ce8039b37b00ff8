use std::borrow::Cow;
use std::fmt;

use cqrs_es::event_sink::EventSink;
use cqrs_es::{Aggregate, DomainEvent};
use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::{Deserialize, Serialize};

use super::{Context, Decider, Events, Refusals, Rejection, RejectionKind, Rule};

/// A [`Decider`] as cqrs-es knows an aggregate. It is stored as the decider's state is.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(transparent, bound = "")]
pub struct Decided<T: Decider>(pub T);

/// A command, and the context it is decided in.
#[derive(Clone, Debug)]
pub struct Asked<T: Decider> {
    /// What is asked.
    pub command: T::Command,
    /// By whom, and when.
    pub context: Context,
}

/// An event of a decider, by the name under which it is told of.
#[derive(Serialize, Deserialize)]
#[serde(transparent, bound = "")]
pub struct Happened<T: Decider>(pub T::Event);

/// A refusal of a decider, by the name under which it is explained.
pub struct Refused<T: Decider>(pub T::Refusal);

impl<T: Decider> Aggregate for Decided<T> {
    const TYPE: &'static str = T::TYPE;
    type Command = Asked<T>;
    type Event = Happened<T>;
    type Error = Refused<T>;
    type Services = ();

    async fn handle(
        &mut self,
        Asked { command, context }: Asked<T>,
        (): &(),
        sink: &EventSink<Self>,
    ) -> Result<(), Refused<T>> {
        for event in self.0.decide(command, &context).map_err(Refused)? {
            sink.write(Happened(event), self).await;
        }
        Ok(())
    }

    fn apply(&mut self, event: Happened<T>) {
        self.0.apply(event.0);
    }
}

impl<T: Decider> DomainEvent for Happened<T> {
    fn event_type(&self) -> String {
        format!("{}.{}", T::TYPE, self.0.name_and_version().0)
    }

    fn event_version(&self) -> String {
        self.0.name_and_version().1.to_owned()
    }
}

impl<T: Decider> Clone for Happened<T> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<T: Decider> PartialEq for Happened<T> {
    fn eq(&self, other: &Self) -> bool {
        self.0 == other.0
    }
}

impl<T: Decider> fmt::Debug for Happened<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl<T: Decider<Event: JsonSchema>> JsonSchema for Happened<T> {
    fn schema_name() -> Cow<'static, str> {
        T::Event::schema_name()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        T::Event::json_schema(generator)
    }
}

impl<T: Decider> fmt::Debug for Refused<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl<T: Decider> fmt::Display for Refused<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl<T: Decider> std::error::Error for Refused<T> {}

impl<T: Decider> Rejection for Refused<T> {
    fn kind(&self) -> RejectionKind {
        if self.0.rule().is_some() { RejectionKind::RuleViolated } else { RejectionKind::Validation }
    }

    fn slug(&self) -> Cow<'static, str> {
        match self.0.rule() {
            Some(rule) => slug::<T>(rule).into(),
            None => self.kind().slug().into(),
        }
    }

    fn rules() -> Vec<Rule> {
        let named = |rule: &Rule| Rule { slug: slug::<T>(&rule.slug).into(), ..rule.clone() };
        T::Refusal::RULES.iter().map(named).collect()
    }
}

/// `car-retired`
fn slug<T: Decider>(rule: &str) -> String {
    format!("{}-{rule}", T::TYPE.replace('_', "-"))
}
