//! A gym's memberships, as the first build has them.

use cqrs_es::event_sink::EventSink;
use cqrs_es::{Aggregate, DomainEvent, EventEnvelope, View};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use wilco_application::catalog::{AggregateRegistration, Catalog};
use wilco_domain::kernel::{Effect, LandingView, Rejection, RejectionKind};

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
struct Membership {
    paused: bool,
}

#[derive(Debug, Deserialize, JsonSchema)]
enum Command {
    Start { plan: String },
    ChangePlan { plan: String },
    Pause {},
    Resume {},
    End {},
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "type", rename_all = "snake_case")]
enum Event {
    Started { plan: String },
    PlanChanged { plan: String },
    Paused,
    Resumed,
    Ended,
}

impl DomainEvent for Event {
    fn event_type(&self) -> String {
        let name = match self {
            Self::Started { .. } => "started",
            Self::PlanChanged { .. } => "plan_changed",
            Self::Paused => "paused",
            Self::Resumed => "resumed",
            Self::Ended => "ended",
        };
        format!("membership.{name}")
    }

    fn event_version(&self) -> String {
        "1.0".into()
    }
}

#[derive(Debug, thiserror::Error)]
#[error("no")]
struct No;

impl Rejection for No {
    fn kind(&self) -> RejectionKind {
        RejectionKind::RuleViolated
    }
}

impl Aggregate for Membership {
    const TYPE: &'static str = "membership";
    type Command = Command;
    type Event = Event;
    type Error = No;
    type Services = ();

    async fn handle(&mut self, command: Command, (): &(), sink: &EventSink<Self>) -> Result<(), No> {
        let event = match command {
            Command::Start { plan } => Event::Started { plan },
            Command::ChangePlan { plan } => Event::PlanChanged { plan },
            Command::Pause {} if self.paused => return Err(No),
            Command::Pause {} => Event::Paused,
            Command::Resume {} => Event::Resumed,
            Command::End {} => Event::Ended,
        };
        sink.write(event, self).await;
        Ok(())
    }

    fn apply(&mut self, event: Event) {
        match event {
            Event::Paused => self.paused = true,
            Event::Resumed => self.paused = false,
            Event::Started { .. } | Event::PlanChanged { .. } | Event::Ended => {}
        }
    }
}

#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
struct MembershipView {
    plan: String,
    status: String,
}

impl View<Membership> for MembershipView {
    fn update(&mut self, event: &EventEnvelope<Membership>) {
        match &event.payload {
            Event::Started { plan } => (self.plan, self.status) = (plan.clone(), "active".into()),
            Event::PlanChanged { plan } => self.plan.clone_from(plan),
            Event::Paused => self.status = "paused".into(),
            Event::Resumed => self.status = "active".into(),
            Event::Ended => self.status = "ended".into(),
        }
    }
}

impl LandingView for MembershipView {}

/// What the first build registers.
pub fn catalog() -> Catalog {
    revised(0)
}

/// The same with another revision.
pub fn revised(revision: u32) -> Catalog {
    let memberships = AggregateRegistration::<Membership, MembershipView>::new("memberships")
        .effect(Effect::Creates, &["start"])
        .effect(Effect::Changes, &["change_plan", "pause", "resume", "end"])
        .revision(revision);
    Catalog::new([&memberships.finish().unwrap()]).unwrap()
}
