use std::collections::BTreeMap;
use std::num::NonZeroU32;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::http::StatusCode;
use axum::response::Response;
use serde::{Deserialize, Serialize};

use super::answers::{self, Instead};

/// What requests are for: each has a fault of its own.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Target {
    /// Making a transaction.
    #[default]
    Create,
    /// Looking at one.
    Read,
    /// Telling a client something.
    Client,
}

/// How requests go wrong.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Mode {
    /// Not at all.
    #[default]
    None,
    /// Done, and answered with 504.
    #[serde(rename = "504-but-done")]
    DoneBut504,
    /// Not done, and answered with 504.
    #[serde(rename = "504-and-lost")]
    LostAnd504,
    /// Done at once, and answered late.
    Slow,
    /// Done, and never answered.
    Hang,
    /// Done, and the connection reset.
    Reset,
    /// Refused for now.
    #[serde(rename = "429")]
    TooMany,
    /// Done, and answered with 200 and something else than JSON.
    Garbage,
    /// Done, and answered with 200 and a body that does not end.
    Endless,
    /// Done, and answered a byte of the head at a time.
    Dribble,
    /// Not done, and answered with 503.
    #[serde(rename = "503")]
    Unavailable,
    /// Not done, and answered with 410.
    #[serde(rename = "410")]
    Gone,
}

/// A fault that is switched on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fault {
    mode: Mode,
    /// For so many requests more; else until it is switched off.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    times: Option<NonZeroU32>,
    #[serde(default, skip_serializing)]
    on: Target,
    /// How late a slow answer is, how long the pause between two bytes of a dribble, how long the one that 429 asks
    /// for, in milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    delay_ms: Option<u64>,
}

/// The longest `delay_ms`: ten minutes.
const LONGEST_MS: u64 = 600_000;

impl Mode {
    /// What `delay_ms` is where it is not given; none where it means nothing.
    const fn delay(self) -> Option<Duration> {
        match self {
            Self::Slow => Some(Duration::from_secs(3)),
            Self::TooMany | Self::Dribble => Some(Duration::from_secs(1)),
            _ => None,
        }
    }
}

impl Fault {
    /// A fault as it is asked for, if there is such a one.
    pub fn checked(self) -> Result<Self, String> {
        match self.delay_ms {
            Some(_) if self.mode.delay().is_none() => Err("delay_ms means nothing with this mode".to_owned()),
            Some(delay) if delay > LONGEST_MS => Err(format!("delay_ms is at most {LONGEST_MS}")),
            _ => Ok(self),
        }
    }

    /// How long to wait before the answer.
    pub fn pause(&self) -> Duration {
        if self.mode == Mode::Slow { self.delay() } else { Duration::ZERO }
    }

    /// The answer to a request that is done by `act`, or not; and what to call it, where its status says too little.
    pub fn answer(&self, act: impl FnOnce() -> Response) -> (Response, Option<&'static str>) {
        match self.mode {
            Mode::None | Mode::Slow => (act(), None),
            Mode::LostAnd504 => (timed_out(), None),
            Mode::Unavailable => {
                (answers::problem(StatusCode::SERVICE_UNAVAILABLE, "a fault is switched on"), None)
            }
            Mode::Gone => (answers::problem(StatusCode::GONE, "a fault is switched on"), None),
            Mode::TooMany => {
                let status = StatusCode::TOO_MANY_REQUESTS;
                (answers::later(status, "a fault is switched on", self.delay()), None)
            }
            mode => {
                drop(act());
                self.spoilt(mode)
            }
        }
    }

    /// What the caller gets to see of what was done.
    fn spoilt(&self, mode: Mode) -> (Response, Option<&'static str>) {
        match mode {
            Mode::Hang => (answers::instead(Instead::Hang), Some("hang")),
            Mode::Reset => (answers::instead(Instead::Reset), Some("reset")),
            Mode::Dribble => (answers::instead(Instead::Dribble(self.delay())), Some("dribble")),
            Mode::Garbage => (answers::garbage(), Some("garbage")),
            Mode::Endless => (answers::endless(), Some("endless")),
            _ => (timed_out(), None),
        }
    }

    fn delay(&self) -> Duration {
        self.delay_ms.map(Duration::from_millis).or(self.mode.delay()).unwrap_or_default()
    }
}

fn timed_out() -> Response {
    answers::problem(StatusCode::GATEWAY_TIMEOUT, "a fault is switched on")
}

/// The faults that are switched on, by what they are for.
#[derive(Clone, Default)]
pub struct Faults(Arc<Mutex<BTreeMap<Target, Fault>>>);

impl Faults {
    /// The fault that the next request for this meets. One that is for so many requests is used up by that.
    pub fn take(&self, target: Target) -> Fault {
        let mut present = self.present();
        let Some(fault) = present.get_mut(&target) else { return Fault::default() };
        let taken = *fault;
        if let Some(times) = fault.times {
            fault.times = NonZeroU32::new(times.get() - 1);
            if fault.times.is_none() {
                present.remove(&target);
            }
        }
        taken
    }

    /// Switches one on in place of the one before.
    pub fn put(&self, fault: Fault) {
        self.present().insert(fault.on, fault);
    }

    /// Switches all off.
    pub fn clear(&self) {
        self.present().clear();
    }

    /// As it is shown.
    pub fn shown(&self) -> Response {
        let present = self.present();
        let of = |target| (target, present.get(&target).copied().unwrap_or_default());
        let all = BTreeMap::from([Target::Create, Target::Read, Target::Client].map(of));
        answers::json(StatusCode::OK, &all)
    }

    fn present(&self) -> MutexGuard<'_, BTreeMap<Target, Fault>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
