use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use bytes::Bytes;
use hyper::StatusCode;
use indicatif::ProgressBar;
use serde::Deserialize;
use uuid::Uuid;

use super::connection::Connection;
use super::{BenchArgs, BenchError, Door, Work};
use crate::cli::progress;

/// What was sent and accepted.
pub(super) struct Load {
    /// When the first request was sent.
    pub(super) started: Instant,
    /// From the first request to the last answer.
    pub(super) elapsed: Duration,
    /// Every accepted command, and when its request was sent.
    pub(super) accepted: HashMap<Uuid, Instant>,
    /// How long each request took to be answered.
    pub(super) latencies: Vec<Duration>,
    /// Requests (or lines of a batch) that were refused because the server was full.
    pub(super) refused: usize,
}

/// One sender's share.
#[derive(Default)]
struct Share {
    accepted: Vec<(Uuid, Instant)>,
    latencies: Vec<Duration>,
    refused: usize,
}

/// What all senders share.
struct Plan {
    args: BenchArgs,
    /// Commands handed out so far.
    next: AtomicUsize,
    /// Aggregates for follow-up commands, when their number is fixed.
    pets: Vec<String>,
    started: Instant,
    progress: ProgressBar,
}

const JSON: &str = "application/json";
const NDJSON: &str = "application/x-ndjson";
const PET: &str =
    r#"{"name":"Rex","category":"dog","tags":["brown","small"],"price":{"amount":12500,"currency":"EUR"}}"#;

const PAYMENT: &str = r#"{"amount":1250,"currency":"EUR"}"#;

/// Sends it all.
pub(super) async fn run(args: &BenchArgs, authority: &str) -> Result<Load, BenchError> {
    let pets = prepare(args, authority).await?;
    let mut connections = Vec::with_capacity(args.connections.max(1));
    for _ in 0..args.connections.max(1) {
        connections.push(Connection::open(authority).await?);
    }
    let progress = progress::bar("{bar:40} {human_pos}/{human_len} commands {per_sec}", args.commands as u64);
    let shown = progress.clone();
    let started = Instant::now();
    let plan = Arc::new(Plan { args: args.clone(), next: AtomicUsize::new(0), pets, started, progress });
    let senders: Vec<_> = connections
        .into_iter()
        .enumerate()
        .map(|(index, connection)| tokio::spawn(send(Arc::clone(&plan), connection, index)))
        .collect();
    let mut load = Load {
        started,
        elapsed: Duration::ZERO,
        accepted: HashMap::with_capacity(args.commands),
        latencies: Vec::with_capacity(args.commands),
        refused: 0,
    };
    for sender in senders {
        let share = sender.await.map_err(|error| BenchError::Answer(error.to_string()))??;
        load.accepted.extend(share.accepted);
        load.latencies.extend(share.latencies);
        load.refused += share.refused;
    }
    load.elapsed = started.elapsed();
    shown.finish_and_clear();
    Ok(load)
}

/// Makes the aggregates that follow-up commands go to, when their number is fixed; and a pet for each order.
async fn prepare(args: &BenchArgs, authority: &str) -> Result<Vec<String>, BenchError> {
    if args.work == Work::Orders {
        return pets_to_order(args.commands, authority).await;
    }
    let Some(count) = args.aggregates else { return Ok(Vec::new()) };
    let mut connection = Connection::open(authority).await?;
    let mut pets = Vec::with_capacity(count);
    for _ in 0..count.max(1) {
        let answer = connection.post("/v1/pets", JSON, Bytes::from_static(PET.as_bytes())).await?;
        pets.push(target_of(&answer.body)?);
    }
    Ok(pets)
}

/// So many pets, all of them made.
async fn pets_to_order(count: usize, authority: &str) -> Result<Vec<String>, BenchError> {
    const AT_ONCE: usize = 1000;
    let mut connection = Connection::open(authority).await?;
    let mut pets = Vec::with_capacity(count);
    while pets.len() < count {
        let some = AT_ONCE.min(count - pets.len());
        let body = [r#"{"type":"pet.create","data":"#, PET, "}\n"].concat().repeat(some);
        let answer = connection.post("/v1/commands/batch", NDJSON, body.into()).await?;
        for line in answer.body.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
            let line: Line =
                serde_json::from_slice(line).map_err(|error| BenchError::Answer(error.to_string()))?;
            // A pet bears the id of the command that made it.
            let id = line.id.filter(|_| line.status == 202);
            pets.push(id.ok_or_else(|| BenchError::Answer("a pet was refused".to_owned()))?.to_string());
        }
    }
    loop {
        let answer = connection.get("/v1/commands?status=pending&type=pet.create&limit=1", JSON).await?;
        let pending: Pending =
            serde_json::from_slice(&answer.body).map_err(|error| BenchError::Answer(error.to_string()))?;
        if pending.items.is_empty() {
            return Ok(pets);
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// The next request: where it goes, what it says, and whether it changes something instead of making it.
fn next(plan: &Plan, number: usize, index: usize, own: &[String]) -> (String, Bytes, bool) {
    match plan.args.work {
        Work::Orders => {
            let pet = &plan.pets[number % plan.pets.len()];
            ("/v1/orders".to_owned(), format!(r#"{{"pet_id":"{pet}"}}"#).into(), false)
        }
        Work::Payments => ("/v1/transactions".to_owned(), Bytes::from_static(PAYMENT.as_bytes()), false),
        Work::Pets => {
            let pet = Bytes::from_static(PET.as_bytes());
            let fixed = (!plan.pets.is_empty()).then(|| &plan.pets[(number + index) % plan.pets.len()]);
            match fixed.or_else(|| own.get(number % own.len().max(1))) {
                Some(existing) if !plan.creates(number) => (format!("/v1/pets/{existing}"), pet, true),
                _ => ("/v1/pets".to_owned(), pet, false),
            }
        }
    }
}

async fn send(plan: Arc<Plan>, mut connection: Connection, index: usize) -> Result<Share, BenchError> {
    let mut share = Share::default();
    let mut own: Vec<String> = Vec::new();
    let step = if plan.args.door == Door::Batch { plan.args.batch.max(1) } else { 1 };
    loop {
        let number = plan.next.fetch_add(step, Ordering::Relaxed);
        if number >= plan.args.commands {
            return Ok(share);
        }
        let due = plan.due(number).await;
        plan.progress.inc(step as u64);
        match plan.args.door {
            Door::Single => single(&plan, &mut connection, number, index, &mut own, due, &mut share).await?,
            Door::Batch => {
                let count = step.min(plan.args.commands - number);
                batch(&plan, &mut connection, number, count, due, &mut share).await?;
            }
        }
    }
}

impl Plan {
    /// Waits until the command is due, when a rate is set; gives back the moment its latency counts from. When the
    /// sender was free in time that is when it wakes, since the lateness of its timer (a millisecond or two) is its
    /// own; when the server has held it up it is when the command was due.
    async fn due(&self, number: usize) -> Instant {
        let now = Instant::now();
        let Some(rate) = self.args.rate else { return now };
        let due = self.started + Duration::from_secs_f64(number as f64 / rate.max(0.001));
        if due <= now {
            return due;
        }
        tokio::time::sleep_until(due.into()).await;
        Instant::now()
    }

    fn creates(&self, number: usize) -> bool {
        (number.wrapping_mul(37)) % 100 < usize::from(self.args.creates)
    }
}

async fn single(
    plan: &Plan,
    connection: &mut Connection,
    number: usize,
    index: usize,
    own: &mut Vec<String>,
    due: Instant,
    share: &mut Share,
) -> Result<(), BenchError> {
    let (path, body, changes) = next(plan, number, index, own);
    let answer = if changes {
        connection.put(&path, JSON, body).await?
    } else {
        connection.post(&path, JSON, body).await?
    };
    share.latencies.push(due.elapsed());
    match answer.status {
        StatusCode::ACCEPTED => {
            let id = answer.location.as_deref().and_then(|path| path.rsplit('/').next()?.parse().ok());
            let id = id.ok_or_else(|| BenchError::Answer("a 202 without a Location".to_owned()))?;
            share.accepted.push((id, due));
            // A few aggregates for each sender are enough to send follow-up commands to.
            if !changes && plan.args.work == Work::Pets && plan.pets.is_empty() && plan.args.creates < 100 {
                let pet = target_of(&answer.body)?;
                if own.len() < 1000 { own.push(pet) } else { own[number % 1000] = pet }
            }
            Ok(())
        }
        StatusCode::SERVICE_UNAVAILABLE | StatusCode::TOO_MANY_REQUESTS => {
            share.refused += 1;
            tokio::time::sleep(Duration::from_millis(100)).await;
            Ok(())
        }
        status => Err(BenchError::Answer(format!("{status}: {}", String::from_utf8_lossy(&answer.body)))),
    }
}

async fn batch(
    plan: &Plan,
    connection: &mut Connection,
    first: usize,
    count: usize,
    due: Instant,
    share: &mut Share,
) -> Result<(), BenchError> {
    let mut body = String::with_capacity(count * 200);
    for number in first..first + count {
        if plan.pets.is_empty() || plan.creates(number) {
            body.extend([r#"{"type":"pet.create","data":"#, PET, "}\n"]);
        } else {
            let pet = &plan.pets[number % plan.pets.len()];
            body.extend([r#"{"type":"pet.update","target":""#, pet, r#"","data":"#, PET, "}\n"]);
        }
    }
    let answer = connection.post("/v1/commands/batch", NDJSON, body.into()).await?;
    share.latencies.push(due.elapsed());
    if answer.status != StatusCode::OK {
        return Err(BenchError::Answer(format!(
            "{}: {}",
            answer.status,
            String::from_utf8_lossy(&answer.body)
        )));
    }
    for line in answer.body.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
        let line: Line =
            serde_json::from_slice(line).map_err(|error| BenchError::Answer(error.to_string()))?;
        match line.id {
            Some(id) if line.status == 202 => share.accepted.push((id, due)),
            _ => share.refused += 1,
        }
    }
    Ok(())
}

#[derive(Deserialize)]
struct Pending {
    items: Vec<serde::de::IgnoredAny>,
}

#[derive(Deserialize)]
struct Line {
    status: u16,
    id: Option<Uuid>,
}

#[derive(Deserialize)]
struct Status {
    target: Target,
}

#[derive(Deserialize)]
struct Target {
    id: String,
}

fn target_of(body: &[u8]) -> Result<String, BenchError> {
    let status: Status =
        serde_json::from_slice(body).map_err(|error| BenchError::Answer(error.to_string()))?;
    Ok(status.target.id)
}
