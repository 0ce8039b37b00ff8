//! The loops behind an engine, and the order in which they end.

use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinHandle;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::cloud_event::Notifier;
use crate::intake::{IntakeLoop, count_backlog};
use crate::observing::Observing;
use crate::parts::Parts;
use crate::ports::Broker;
use crate::refresh;
use crate::relay::Relay;
use crate::vital;
use crate::worker::{self, Router};

/// How long the lease may take to be given back.
const LEASE_PATIENCE: Duration = Duration::from_secs(3);

/// The loops behind an [`Engine`](super::Engine).
pub struct Running {
    workers: Stage,
    relay: Stage,
    refresh: Stage,
    lease: Stage,
    /// They have nothing to finish.
    others: Vec<JoinHandle<()>>,
}

/// Loops that are told to end together.
#[derive(Default)]
struct Stage {
    stop: CancellationToken,
    loops: Vec<JoinHandle<()>>,
}

impl Running {
    pub(super) fn start(
        parts: &Parts,
        router: &Router,
        intake: IntakeLoop,
        notifier: &Notifier,
        broker: Option<Arc<dyn Broker>>,
    ) -> Self {
        let [mut workers, mut relay, mut refresh, mut lease] = [(); 4].map(|()| Stage::default());
        workers.loops = worker::start(router, parts, &workers.stop);
        if let Some(broker) = broker {
            let publishing = Relay::new(parts, broker, notifier.clone()).run(relay.stop.clone());
            relay.loops.push(vital::spawn("relay", publishing));
        }
        refresh.loops.push(vital::spawn("views", refresh::run(parts.clone(), refresh.stop.clone())));
        let renewing =
            parts.ownership.clone().run(Arc::clone(&parts.store), parts.settings.lease, lease.stop.clone());
        lease.loops.push(vital::spawn("lease", renewing));
        vital::spawn("intake", intake.run());
        let mut others = vec![
            vital::spawn("backlog", count_backlog(parts.clone())),
            vital::spawn("watch", watch_others(parts.clone(), router.clone())),
        ];
        parts.catalog.processes().for_each(|process| Observing::describe(process.name()));
        for process in parts.catalog.observers() {
            others.push(vital::spawn("observing", Observing::new(parts, router, process).run()));
        }
        Self { workers, relay, refresh, lease, others }
    }

    /// Ends softly: the commands under way are settled and told of, as far as that is done within `patience`;
    /// the rest is left for the next start. Close the engine first.
    pub async fn stop(self, patience: Duration) {
        let deadline = Instant::now() + patience;
        self.refresh.end(deadline).await;
        self.workers.end(deadline).await;
        self.relay.end(deadline).await;
        self.lease.end(Instant::now() + LEASE_PATIENCE).await;
        for task in self.others {
            task.abort();
        }
    }
}

impl Stage {
    async fn end(self, deadline: Instant) {
        self.stop.cancel();
        for mut task in self.loops {
            if tokio::time::timeout_at(deadline, &mut task).await.is_err() {
                task.abort();
            }
        }
    }
}

/// Notices what other replicas accept and commit: when the store hints at it, and now and then anyway.
async fn watch_others(parts: Parts, router: Router) {
    /// Hints come at most so often.
    const THROTTLE: Duration = Duration::from_millis(10);
    loop {
        let alone = parts.ownership.count() == usize::from(parts.hub.partitions());
        let pause = if alone { Duration::from_secs(1) } else { Duration::from_millis(200) };
        tokio::select! {
            () = parts.store.changed() => router.look(),
            () = tokio::time::sleep(pause) => {}
        }
        parts.hub.catch_up().await;
        tokio::time::sleep(THROTTLE).await;
    }
}
