use std::pin::Pin;
use std::task::Context;
use std::time::Duration;

use tokio::time::{Instant, Sleep};

/// A deadline that is moved at every request. Its timer is only set anew when it fires, or when the deadline comes
/// nearer: a busy connection costs a look at the clock, and no timer.
pub(super) struct Deadline {
    at: Instant,
    timer: Pin<Box<Sleep>>,
}

impl Deadline {
    pub(super) fn after(patience: Duration) -> Self {
        let at = Instant::now() + patience;
        Self { at, timer: Box::pin(tokio::time::sleep_until(at)) }
    }

    pub(super) const fn at(&self) -> Instant {
        self.at
    }

    pub(super) fn set(&mut self, at: Instant) {
        self.at = at;
    }

    pub(super) fn is_over(&self) -> bool {
        Instant::now() >= self.at
    }

    /// Whether it is over; if not, the task is woken then.
    pub(super) fn poll(&mut self, context: &mut Context<'_>) -> bool {
        if self.at < self.timer.deadline() {
            self.timer.as_mut().reset(self.at);
        }
        while self.timer.as_mut().poll(context).is_ready() {
            if self.is_over() {
                return true;
            }
            self.timer.as_mut().reset(self.at);
        }
        false
    }
}
