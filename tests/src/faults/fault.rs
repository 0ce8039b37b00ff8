//! What can go wrong, and how it is made to.

use std::time::{Duration, Instant};

use async_nats::jetstream::stream::Config;
use rand::Rng as _;
use rand::rngs::StdRng;
use rand::seq::IndexedRandom as _;
use sqlx::Executor as _;

use super::proxy::Trouble;
use super::takeover;
use super::world::{Base, LEASE, World};
use crate::e2e::Place as _;

/// A fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fault {
    /// A replica is killed.
    Kill,
    /// A replica stands still for a moment.
    Pause,
    /// A replica stands still for longer than its lease.
    PauseBeyondLease,
    /// A replica stands still for ten times its lease.
    PauseForLong,
    /// A replica stands still for longer than NATS remembers the ids of messages.
    PauseBeyondWindow,
    /// The store is returned to what it was a while ago, as from a backup: see
    /// [`Summary::round`](super::campaign::Summary::round).
    StoreRestored,
    /// The file of the store, or the disk below it, has no room.
    DiskFull,
    /// The file of the store is taken away, and put back.
    FileAway,
    /// PostgreSQL refuses whatever writes, as a server does that another has taken the place of.
    PostgresReadOnly,
    /// PostgreSQL crashes and is started again.
    PostgresCrash,
    /// Every connection to PostgreSQL is ended by the server.
    PostgresTerminate,
    /// Trouble on the line to PostgreSQL.
    PostgresLine(LineFault),
    /// NATS crashes and is started again.
    NatsKill,
    /// NATS stands still for longer than the relay is patient.
    NatsFreeze,
    /// Somebody deletes the stream.
    NatsStreamDeleted,
    /// The stream takes nothing more.
    NatsStreamFull,
    /// NATS comes back with an older state of its disk.
    NatsTailLost,
    /// Somebody else publishes on the subjects of the stream.
    NatsForeign,
    /// NATS is 20 ms away.
    NatsFar,
    /// Trouble on the line to NATS.
    NatsLine(LineFault),
}

/// Trouble on a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum LineFault {
    /// Everything is late.
    Delay,
    /// Nothing arrives.
    Stall,
    /// Answers are lost: what was asked for, a commit for one, is done.
    AnswersLost,
    /// Each write is done in full, and its answer is lost with the connection: to PostgreSQL only.
    CommitAnswerLost,
    /// Requests are lost.
    RequestsLost,
    /// All connections are reset, several times.
    Reset,
    /// All connections are reset after some number of bytes.
    CutAfter,
    /// Nobody is there.
    Down,
}

const LINE: [LineFault; 7] = [
    LineFault::Delay,
    LineFault::Stall,
    LineFault::AnswersLost,
    LineFault::RequestsLost,
    LineFault::Reset,
    LineFault::CutAfter,
    LineFault::Down,
];

impl Fault {
    /// Everything that can happen on this store.
    pub fn all(base: &Base) -> Vec<Self> {
        let mut all =
            vec![Self::Kill, Self::Pause, Self::NatsKill, Self::NatsFreeze, Self::NatsStreamDeleted];
        all.extend([Self::NatsStreamFull, Self::NatsTailLost, Self::NatsForeign, Self::NatsFar]);
        all.push(Self::StoreRestored);
        all.extend(LINE.map(Self::NatsLine));
        match base {
            Base::Sqlite(_) => all.extend([Self::DiskFull, Self::FileAway]),
            Base::Postgres { .. } => {
                all.extend([Self::PauseBeyondLease, Self::PauseForLong, Self::PauseBeyondWindow]);
                all.extend([Self::PostgresCrash, Self::PostgresTerminate, Self::PostgresReadOnly]);
                all.extend(LINE.map(Self::PostgresLine));
                all.push(Self::PostgresLine(LineFault::CommitAnswerLost));
            }
        }
        all
    }

    /// Lets it happen and ends it: afterwards nothing is wrong any more. How long it took another replica to take over,
    /// where it had to.
    pub async fn strike(self, world: &mut World, random: &mut StdRng) -> Option<Duration> {
        let moment = Duration::from_millis(random.random_range(200..1500));
        match self {
            Self::Kill => kill(world, random).await,
            Self::Pause => pause(world, random, moment.min(LEASE / 2)).await,
            Self::PauseBeyondLease => return pause_beyond_lease(world, random, LEASE * 2 + moment).await,
            Self::PauseForLong => return pause_beyond_lease(world, random, LEASE * 10).await,
            Self::PauseBeyondWindow => return pause_beyond_window(world, random).await,
            // It happens between loads: what is lost by it was promised.
            Self::StoreRestored => {}
            Self::DiskFull => disk_full(world, moment).await,
            Self::FileAway => file_away(world, moment).await,
            Self::PostgresReadOnly => {
                let Base::Postgres { server, .. } = &world.base else { panic!("there is no PostgreSQL") };
                server.be_read_only(true).await;
                tokio::time::sleep(moment).await;
                server.be_read_only(false).await;
            }
            Self::PostgresCrash => postgres_crash(world, moment / 3).await,
            Self::PostgresTerminate => postgres_terminate(world).await,
            Self::PostgresLine(fault) => {
                let Base::Postgres { line, .. } = &world.base else { panic!("there is no PostgreSQL") };
                line_fault(line, fault, random, moment).await;
            }
            Self::NatsKill => {
                world.nats.kill();
                tokio::time::sleep(moment).await;
                world.nats.start().await;
            }
            Self::NatsFreeze => {
                world.nats.freeze();
                tokio::time::sleep(moment + Duration::from_secs(5)).await;
                world.nats.thaw();
            }
            Self::NatsStreamDeleted => stream_deleted(world).await,
            Self::NatsStreamFull => stream_full(world, moment).await,
            Self::NatsTailLost => tail_lost(world, moment).await,
            Self::NatsForeign => {
                let foreign = world.nats.foreign_publisher().await;
                tokio::time::sleep(moment * 2).await;
                drop(foreign);
            }
            Self::NatsFar => {
                world.nats_distance.set(Duration::from_millis(10));
                tokio::time::sleep(moment * 2).await;
                world.nats_distance.set(Duration::ZERO);
            }
            Self::NatsLine(fault) => line_fault(&world.nats_line, fault, random, moment).await,
        }
        None
    }
}

/// The replicas that are missing come back at once.
async fn kill(world: &mut World, random: &mut StdRng) {
    let index = random.random_range(0..world.replicas.len());
    world.replicas[index].kill().await;
    world.replicas.remove(index);
    world.complete().await;
}

async fn pause(world: &mut World, random: &mut StdRng, time: Duration) {
    let replica = world.replicas.choose(random).expect("a replica runs");
    replica.signal("STOP");
    tokio::time::sleep(time).await;
    replica.signal("CONT");
}

/// It goes on only when another replica has taken over; what it then writes late must not count.
async fn pause_beyond_lease(world: &mut World, random: &mut StdRng, time: Duration) -> Option<Duration> {
    let index = random.random_range(0..world.replicas.len());
    let stopped = Instant::now();
    world.replicas[index].signal("STOP");
    let took = takeover::timed(world, index, stopped).await;
    tokio::time::sleep_until((stopped + time).into()).await;
    world.replicas[index].signal("CONT");
    took
}

/// NATS is let forget at once, so that it need not be minutes.
async fn pause_beyond_window(world: &mut World, random: &mut StdRng) -> Option<Duration> {
    const WINDOW: Duration = Duration::from_secs(1);
    let context = async_nats::jetstream::new(world.nats.client().await);
    if let Ok(mut stream) = context.get_stream("WILCO").await {
        let info = stream.info().await.expect("NATS knows its stream");
        let forgetful = Config { duplicate_window: WINDOW, ..info.config.clone() };
        context.update_stream(forgetful).await.expect("the stream is changed");
    }
    pause_beyond_lease(world, random, LEASE + 3 * WINDOW).await
}

/// No file may grow beyond a size that those of the store are about to reach.
async fn disk_full(world: &World, time: Duration) {
    let limit = |size: &str| {
        let pid = world.replicas[0].pid().to_string();
        let set =
            std::process::Command::new("prlimit").args(["--pid", &pid, &format!("--fsize={size}:")]).status();
        assert!(set.is_ok_and(|set| set.success()), "prlimit, of util-linux, is installed");
    };
    limit("16384");
    tokio::time::sleep(time).await;
    limit("unlimited");
}

/// What is written meanwhile would be lost if it did not come back.
async fn file_away(world: &World, time: Duration) {
    let Base::Sqlite(place) = &world.base else { panic!("this world is on PostgreSQL") };
    let file = place.url().trim_start_matches("sqlite:").to_owned();
    let away = format!("{file}.away");
    std::fs::rename(&file, &away).expect("it is there");
    tokio::time::sleep(time).await;
    std::fs::rename(&away, &file).expect("nobody has made another");
}

async fn postgres_crash(world: &mut World, time: Duration) {
    let Base::Postgres { server, .. } = &mut world.base else { panic!("there is no PostgreSQL") };
    tokio::task::block_in_place(|| server.crash());
    tokio::time::sleep(time).await;
    tokio::task::block_in_place(|| server.start_again());
    let back = async || sqlx::Connection::ping(&mut world_admin(world).await?).await;
    crate::wait_for("PostgreSQL to be back", back, Result::is_ok).await.expect("it is");
}

async fn world_admin(world: &World) -> Result<sqlx::PgConnection, sqlx::Error> {
    let Base::Postgres { url, .. } = &world.base else { panic!("there is no PostgreSQL") };
    sqlx::Connection::connect(url).await
}

async fn postgres_terminate(world: &World) {
    let end = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity
               WHERE pid <> pg_backend_pid() AND backend_type = 'client backend'";
    let mut admin = world.admin().await;
    for _ in 0..5 {
        admin.execute(end).await.expect("connections are ended");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

async fn line_fault(line: &super::Proxy, fault: LineFault, random: &mut StdRng, time: Duration) {
    match fault {
        LineFault::Delay => line.set(Trouble::Delay(Duration::from_millis(random.random_range(5..100)))),
        LineFault::Stall => line.set(Trouble::Stall),
        LineFault::AnswersLost => line.set(Trouble::Deaf),
        LineFault::CommitAnswerLost => line.set(Trouble::Unheard),
        LineFault::RequestsLost => line.set(Trouble::HalfOpen),
        LineFault::Down => line.set(Trouble::Down),
        LineFault::Reset => {
            for _ in 0..5 {
                line.reset();
                tokio::time::sleep(time / 5).await;
            }
        }
        LineFault::CutAfter => {
            for _ in 0..5 {
                line.cut_after(random.random_range(1..20_000));
                tokio::time::sleep(time / 5).await;
            }
        }
    }
    if !matches!(fault, LineFault::Reset | LineFault::CutAfter) {
        tokio::time::sleep(time).await;
    }
    line.heal();
}

async fn stream_deleted(world: &World) {
    let context = async_nats::jetstream::new(world.nats.client().await);
    // NATS 2.9 may delete with it the files of one that is made again meanwhile, so nobody is heard until it is done.
    world.nats_line.set(Trouble::Stall);
    // It may not have been made yet, or not again.
    let _ = context.delete_stream("WILCO").await;
    world.nats_line.heal();
}

/// Bounded by the number of messages: by their bytes, NATS 2.9 now and then takes one that does not fit and deletes its
/// oldest for it, which would be its loss and not the relay's.
async fn stream_full(world: &World, time: Duration) {
    /// What may come in between the look and the bound: NATS deletes the oldest messages of a stream whose new bound
    /// is below what it has.
    const MARGIN: i64 = 250;
    let context = async_nats::jetstream::new(world.nats.client().await);
    let Ok(mut stream) = context.get_stream("WILCO").await else { return };
    let info = stream.info().await.expect("NATS knows its stream");
    let (roomy, count) = (info.config.clone(), info.state.messages);
    let full = Config { max_messages: count as i64 + MARGIN, ..roomy.clone() };
    context.update_stream(full).await.expect("the stream is bounded");
    tokio::time::sleep(time).await;
    context.update_stream(roomy).await.expect("the stream is not bounded any more");
}

async fn tail_lost(world: &mut World, time: Duration) {
    world.nats.stop().await;
    world.nats.keep_copy();
    world.nats.start().await;
    tokio::time::sleep(time + Duration::from_secs(1)).await;
    world.nats.kill();
    world.nats.put_back();
    world.nats.start().await;
}
