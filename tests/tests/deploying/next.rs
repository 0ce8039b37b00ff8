//! A gym's memberships, as the next build has them: the state counts pauses, and a rule
//! is made of it; the view tells of the first plan; an event has another name and a new member; a command is gone, and
//! another wants a new member.

use cqrs_es::event_sink::EventSink;
use cqrs_es::persist::{EventUpcaster, SerializedEvent};
use cqrs_es::{Aggregate, DomainEvent, EventEnvelope, View};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;
use wilco_application::catalog::{AggregateRegistration, Catalog};
use wilco_domain::kernel::{Effect, LandingView, Rejection, RejectionKind};

/// The new rule.
const MOST_PAUSES: u32 = 3;

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
struct Membership {
    paused: bool,
    /// New; a snapshot of before can be read without it.
    #[serde(default)]
    pauses: u32,
}

#[derive(Debug, Deserialize, JsonSchema)]
enum Command {
    Start { plan: String },
    ChangePlan { plan: String, reason: String },
    Pause {},
    Resume {},
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "type", rename_all = "snake_case")]
enum Event {
    Started {
        /// It was called something else.
        #[serde(alias = "plan")]
        tariff: String,
        /// There was none.
        #[serde(default)]
        coupon: Option<String>,
    },
    PlanSwitched {
        plan: String,
        reason: String,
    },
    Paused,
    Resumed,
    Ended,
}

impl DomainEvent for Event {
    fn event_type(&self) -> String {
        let name = match self {
            Self::Started { .. } => "started",
            Self::PlanSwitched { .. } => "plan_switched",
            Self::Paused => "paused",
            Self::Resumed => "resumed",
            Self::Ended => "ended",
        };
        format!("membership.{name}")
    }

    fn event_version(&self) -> String {
        match self {
            Self::PlanSwitched { .. } => "2.0".into(),
            Self::Started { .. } => "1.1".into(),
            Self::Paused | Self::Resumed | Self::Ended => "1.0".into(),
        }
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
            Command::Start { plan } => Event::Started { tariff: plan, coupon: None },
            Command::ChangePlan { plan, reason } => Event::PlanSwitched { plan, reason },
            Command::Pause {} if self.paused || self.pauses >= MOST_PAUSES => return Err(No),
            Command::Pause {} => Event::Paused,
            Command::Resume {} => Event::Resumed,
        };
        sink.write(event, self).await;
        Ok(())
    }

    fn apply(&mut self, event: Event) {
        match event {
            Event::Paused => (self.paused, self.pauses) = (true, self.pauses + 1),
            Event::Resumed => self.paused = false,
            Event::Started { .. } | Event::PlanSwitched { .. } | Event::Ended => {}
        }
    }
}

#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
struct MembershipView {
    plan: String,
    status: String,
    first_plan: Option<String>,
}

impl View<Membership> for MembershipView {
    fn update(&mut self, event: &EventEnvelope<Membership>) {
        match &event.payload {
            Event::Started { tariff: plan, .. } => {
                (self.plan, self.status) = (plan.clone(), "active".into());
                self.first_plan = Some(plan.clone());
            }
            Event::PlanSwitched { plan, .. } => self.plan.clone_from(plan),
            Event::Paused => self.status = "paused".into(),
            Event::Resumed => self.status = "active".into(),
            Event::Ended => self.status = "ended".into(),
        }
    }
}

impl LandingView for MembershipView {}

/// How the next build reads what the first has stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reads {
    /// It does not: somebody has forgotten it.
    Nothing,
    /// By an upcaster.
    All,
    /// By an upcaster that panics.
    Panicking,
    /// By an upcaster that does not raise the version.
    Looping,
}

/// Gives the event its reason, unless it is told to fail.
struct AddReason(Reads);

impl EventUpcaster for AddReason {
    fn can_upcast(&self, event_type: &str, version: &str) -> bool {
        event_type == "membership.plan_changed" && version == "1.0"
    }

    fn upcast(&self, mut event: SerializedEvent) -> SerializedEvent {
        match self.0 {
            Reads::Panicking => panic!("as it was told to"),
            Reads::Looping => return event,
            Reads::All | Reads::Nothing => {}
        }
        event.event_version = "1.1".into();
        event.payload["reason"] = json!("unknown");
        event
    }
}

/// Gives the event its new name.
struct Rename;

impl EventUpcaster for Rename {
    fn can_upcast(&self, event_type: &str, version: &str) -> bool {
        event_type == "membership.plan_changed" && version == "1.1"
    }

    fn upcast(&self, mut event: SerializedEvent) -> SerializedEvent {
        event.event_type = "membership.plan_switched".into();
        event.event_version = "2.0".into();
        event.payload["type"] = json!("plan_switched");
        event
    }
}

/// What the next build registers.
pub fn catalog(reads: Reads) -> Catalog {
    let mut memberships = AggregateRegistration::<Membership, MembershipView>::new("memberships")
        .effect(Effect::Creates, &["start"])
        .effect(Effect::Changes, &["change_plan", "pause", "resume"]);
    if reads != Reads::Nothing {
        // In whatever order: each is asked again about what the other has made.
        memberships = memberships.upcaster(Rename).upcaster(AddReason(reads));
    }
    Catalog::new([&memberships.finish().unwrap()]).unwrap()
}
