//! Those who ask for something, and go on asking under the same key, in program after program, until they are told that it
//! is taken.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde_json::Value;
use uuid::Uuid;
use wilco_application::engine::{Engine, Submission};
use wilco_application::ports::State;
use wilco_domain::kernel::{AggregateId, Caller, Tenant};

use super::auditor::Auditor;

/// How often it is looked whether something has come to pass.
const OFTEN: Duration = Duration::from_millis(50);

/// Something that somebody asks for.
#[derive(Clone, Debug)]
pub(super) struct Wish {
    pub(super) command_type: &'static str,
    pub(super) target: String,
    pub(super) data: Value,
    /// Only after that one is settled.
    pub(super) after: Option<usize>,
    /// So many milliseconds after that, or after the beginning.
    pub(super) pause: u64,
    /// Somebody takes back what its process asks of seats, where that is to be caught.
    pub(super) is_meddled_with: bool,
}

/// See the module's description.
pub(super) struct Clients {
    wishes: Vec<Wish>,
    /// The command of each wish that was taken.
    taken: Mutex<Vec<Option<Uuid>>>,
    auditor: Arc<Auditor>,
}

impl Clients {
    /// With these wishes.
    pub(super) fn new(wishes: Vec<Wish>, auditor: &Arc<Auditor>) -> Arc<Self> {
        let taken = Mutex::new(vec![None; wishes.len()]);
        Arc::new(Self { wishes, taken, auditor: Arc::clone(auditor) })
    }

    /// The wishes, each with its command.
    pub(super) fn all(&self) -> impl Iterator<Item = (&Wish, Option<Uuid>)> {
        self.wishes.iter().zip(self.taken().clone())
    }

    /// Whether all that is wished for was taken.
    pub(super) fn are_content(&self) -> bool {
        self.taken().iter().all(Option::is_some)
    }

    /// Begin to ask a program.
    pub(super) fn turn_to(self: &Arc<Self>, engine: &Arc<Engine>) {
        for number in 0..self.wishes.len() {
            let asking = Arc::clone(self).ask(number, Arc::clone(engine));
            tokio::spawn(asking);
        }
    }

    async fn ask(self: Arc<Self>, number: usize, engine: Arc<Engine>) {
        let wish = &self.wishes[number];
        if self.taken()[number].is_none() {
            self.wait_for_its_time(wish).await;
            self.submit(number, &engine).await;
        }
        if wish.is_meddled_with {
            self.meddle(wish, &engine).await;
        }
    }

    async fn wait_for_its_time(&self, wish: &Wish) {
        if let Some(first) = wish.after {
            while !self.is_settled(first) {
                tokio::time::sleep(OFTEN).await;
            }
        }
        tokio::time::sleep(Duration::from_millis(wish.pause)).await;
    }

    fn is_settled(&self, number: usize) -> bool {
        let id = self.taken()[number];
        id.is_some_and(|id| self.auditor.command(&id).is_some_and(|command| command.is_settled()))
    }

    async fn submit(&self, number: usize, engine: &Engine) {
        const PAUSE: Duration = Duration::from_millis(500);
        loop {
            match engine.submit(self.submission(number, engine)).await {
                Ok(submitted) => {
                    let id = submitted.command.id;
                    self.auditor.tell(&format!("wish {number} is taken as {id}"));
                    self.taken()[number] = Some(id);
                    return;
                }
                Err(error) => self.auditor.tell(&format!("wish {number} is not taken: {error}")),
            }
            tokio::time::sleep(PAUSE).await;
        }
    }

    fn submission(&self, number: usize, engine: &Engine) -> Submission {
        let Wish { command_type, target, data, .. } = &self.wishes[number];
        let command_type = Arc::clone(engine.catalog().command(command_type).unwrap());
        Submission {
            target: Some(AggregateId::parse(target.clone()).unwrap()),
            idempotency_key: Some(format!("wish-{number}")),
            ..Submission::new(Tenant::default().into(), command_type, data.clone())
        }
    }

    /// Takes back the first open command that it sees of a trip, if there is one soon.
    async fn meddle(&self, wish: &Wish, engine: &Engine) {
        const TIMES: usize = 500;
        let issuer = format!("travelling/{}", wish.target);
        for _ in 0..TIMES {
            let found = self.auditor.find(|command| {
                command.issuer() == Some(&*issuer)
                    && command.kind == "seat.take"
                    && command.state == State::Open
            });
            if let Some(id) = found {
                let taken_back = engine.cancel(&Caller::default(), id).await;
                self.auditor.tell(&format!("{id} is taken back: {:?}", taken_back.map(|one| one.state())));
                return;
            }
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }

    fn taken(&self) -> MutexGuard<'_, Vec<Option<Uuid>>> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
