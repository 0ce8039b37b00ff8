//! The loop that Wilco replaces: cqrs-es with postgres-es as its own documentation uses it, a `GenericQuery` view
//! updated after each commit, called directly by a number of tasks. No HTTP, no registry, no notifications.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use chrono::DateTime;
use cqrs_es::persist::GenericQuery;
use postgres_es::{PostgresCqrs, PostgresViewRepository, postgres_cqrs};
use sqlx::PgPool;
use sqlx::postgres::PgPoolOptions;
use uuid::Uuid;
use wilco_domain::kernel::{Asked, Context, Decided, Shown, Tenant};
use wilco_domain::petstore::pet::{Pet, PetCommand, PetDetails, PetEvent};
use wilco_projections::petstore::PetView;

/// Tasks that execute commands at the same time.
pub const TASKS: usize = 16;
/// Connections of the pool.
const POOL: u32 = 20;

/// What the loop did.
#[derive(Clone, Copy, Debug)]
pub struct Bare {
    /// Commands executed.
    pub commands: usize,
    /// How long that took.
    pub elapsed: Duration,
}

impl Bare {
    /// Commands per second.
    pub fn rate(&self) -> f64 {
        self.commands as f64 / self.elapsed.as_secs_f64()
    }
}

/// Makes the tables of postgres-es in an empty database.
pub async fn create_tables(url: &str) -> Result<PgPool, sqlx::Error> {
    let pool = PgPoolOptions::new().max_connections(POOL).connect(url).await?;
    for statement in TABLES {
        sqlx::query(statement).execute(&pool).await?;
    }
    Ok(pool)
}

/// The tables as postgres-es wants them.
pub const TABLES: [&str; 2] = [
    "CREATE TABLE events (
        aggregate_type text NOT NULL, aggregate_id text NOT NULL,
        sequence bigint CHECK (sequence >= 0) NOT NULL,
        event_type text NOT NULL, event_version text NOT NULL, payload json NOT NULL, metadata json NOT NULL,
        PRIMARY KEY (aggregate_type, aggregate_id, sequence))",
    "CREATE TABLE pet_view (
        view_id text NOT NULL, version bigint CHECK (version >= 0) NOT NULL, payload json NOT NULL,
        PRIMARY KEY (view_id))",
];

/// A pet as cqrs-es knows it, and as it shows one.
pub type CqrsPet = Decided<Pet>;
/// See [`CqrsPet`].
pub type CqrsPetView = Shown<Pet, PetView>;

/// A command by nobody, at the beginning of time.
pub fn asked(command: PetCommand) -> Asked<Pet> {
    let (tenant, actor) = (Tenant::default(), None);
    let context = Context { at: DateTime::UNIX_EPOCH, command_id: Uuid::nil(), tenant, actor };
    Asked { command, context }
}

fn framework(pool: &PgPool) -> PostgresCqrs<CqrsPet> {
    type Views = PostgresViewRepository<CqrsPetView, CqrsPet>;
    let views = Arc::new(Views::new("pet_view", pool.clone()));
    let query: GenericQuery<Views, CqrsPetView, CqrsPet> = GenericQuery::new(views);
    postgres_cqrs(pool.clone(), vec![Box::new(query)], ())
}

/// Executes commands, half of them creating a pet, for about `time`.
pub async fn run(pool: &PgPool, time: Duration) -> Bare {
    let cqrs = Arc::new(framework(pool));
    let done = Arc::new(AtomicUsize::new(0));
    let started = Instant::now();
    let tasks: Vec<_> = (0..TASKS)
        .map(|task| tokio::spawn(execute(Arc::clone(&cqrs), task, started + time, Arc::clone(&done))))
        .collect();
    for task in tasks {
        task.await.expect("a task of the bare loop ended badly");
    }
    Bare { commands: done.load(Ordering::Relaxed), elapsed: started.elapsed() }
}

async fn execute(cqrs: Arc<PostgresCqrs<CqrsPet>>, task: usize, until: Instant, done: Arc<AtomicUsize>) {
    let details = details();
    let mut number = 0;
    while Instant::now() < until {
        let pet = format!("bare-{task}-{}", number / 2);
        let command = if number % 2 == 0 {
            PetCommand::Create(details.clone())
        } else {
            PetCommand::Update(details.clone())
        };
        cqrs.execute(&pet, asked(command)).await.expect("the bare loop's command failed");
        number += 1;
        done.fetch_add(1, Ordering::Relaxed);
    }
}

fn details() -> PetDetails {
    PetDetails { name: "Rex".into(), category: "dog".into(), ..PetDetails::default() }
}

/// Further events of a pet that has one, as the loop would have written them.
///   $1 the pet  $2 how many it shall have in all  $3 the payload of each
const FURTHER_EVENTS: &str = "
    INSERT INTO events
    SELECT 'pet', $1, number, 'pet.updated', '1.0', $3::text::json, '{}' FROM generate_series(2, $2) number";

/// The loop with pets that have a past.
pub struct History {
    cqrs: PostgresCqrs<CqrsPet>,
    pool: PgPool,
}

impl History {
    /// On the tables of [`create_tables`].
    pub fn new(pool: &PgPool) -> Self {
        Self { cqrs: framework(pool), pool: pool.clone() }
    }

    /// Makes a pet with so many events.
    pub async fn grow(&self, pet: &str, events: i64) -> Result<(), sqlx::Error> {
        self.execute(pet, PetCommand::Create(details())).await;
        let updated = serde_json::to_string(&PetEvent::Updated(details())).expect("an event is JSON");
        let further = sqlx::query(FURTHER_EVENTS).bind(pet).bind(events).bind(updated);
        further.execute(&self.pool).await.map(drop)
    }

    /// Executes a command on a pet; how long that took.
    pub async fn update(&self, pet: &str) -> Duration {
        let started = Instant::now();
        self.execute(pet, PetCommand::Update(details())).await;
        started.elapsed()
    }

    async fn execute(&self, pet: &str, command: PetCommand) {
        self.cqrs.execute(pet, asked(command)).await.expect("the bare loop's command failed");
    }
}
