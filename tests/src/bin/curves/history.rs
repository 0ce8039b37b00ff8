//! What a command costs on an aggregate with few and with many events.
//!
//! The aggregates grow through the batch door, so that their snapshots and views are what the server makes of them.
//! Then, several times: the server is started anew; one command goes to each of some aggregates of every length, in
//! turn, each of which must be loaded from the store (*cold*: snapshot, view and the events after the older of them);
//! then another to the same ones (*cached*). In half of the rounds each is sent when the one before has been
//! answered, in the others those of a length all at once. A time is taken from the sending of a request to the answer
//! with the outcome.

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use wilco_tests::bare;
use wilco_tests::client::Client;
use wilco_tests::nats::NatsServer;
use wilco_tests::plot::{Curve, Plot, grouped};
use wilco_tests::postgres::PostgresServer;

use super::place::{Kind, Place};
use super::{Sizes, median};

/// Aggregates that are measured in a round, of each length.
const IN_A_ROUND: usize = 32;
/// Lines of a request at the batch door.
const LINES: usize = 1000;
/// Lines that may wait to be settled.
const AHEAD: usize = 20 * LINES;

/// The aggregates of one length.
struct Length {
    events: usize,
    pets: Vec<String>,
}

impl Length {
    /// The events of one of the aggregates: of the longer ones up to 50 more or less, so that they stand everywhere
    /// between two snapshots, which are 100 events apart.
    fn of(&self, index: usize) -> usize {
        if self.events < 100 { self.events } else { self.events - 50 + index * 100 / self.pets.len() }
    }
}

/// Median times in milliseconds, for each length.
#[derive(Default)]
struct Times {
    cold: Vec<f64>,
    cached: Vec<f64>,
    cold_at_once: Vec<f64>,
    cached_at_once: Vec<f64>,
}

pub async fn measure(sizes: &Sizes) {
    let server = PostgresServer::start();
    let nats = NatsServer::started().await;
    let lengths = lengths(sizes);
    let mut rows: Vec<(String, Vec<f64>)> = Vec::new();
    let mut curves = Vec::new();
    for (colour, kind) in Kind::BOTH.into_iter().enumerate() {
        let place = Place::new(kind, &server).await;
        let times = of_wilco(sizes, kind, &place, &nats, &lengths).await;
        curves.push(curve(&lengths, format!("Wilco on {}", kind.name()), colour, &times.cold));
        rows.push((format!("{}, cold, one by one", kind.name()), times.cold));
        rows.push((format!("{}, cold, {IN_A_ROUND} at once", kind.name()), times.cold_at_once));
        rows.push((format!("{}, cached, one by one", kind.name()), times.cached));
        rows.push((format!("{}, cached, {IN_A_ROUND} at once", kind.name()), times.cached_at_once));
    }
    let bare = of_bare(&server, &lengths).await;
    curves.push(curve(&lengths, "cqrs-es and postgres-es".to_owned(), 2, &bare));
    rows.push(("bare cqrs-es + postgres-es, one by one".to_owned(), bare));
    print(&lengths, &rows);
    let most = curves.iter().flat_map(|curve| &curve.points).map(|(_, ratio)| *ratio).fold(3.0, f64::max);
    let marks = [0.5, 1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0, 200.0, 500.0];
    let plot = Plot {
        title: "Cost of a command against the history of its aggregate".to_owned(),
        across: "events of the aggregate".to_owned(),
        up: format!("× cost at {} events", lengths[0].events),
        range: (0.5, most * 1.2),
        factors: true,
        marks: marks.into_iter().filter(|mark| *mark <= most * 1.2).collect(),
        curves,
    };
    sizes.draw("cost-against-history.svg", &plot);
}

/// 10, 100, 1000 … events. Of the shorter ones enough that none is measured in two rounds of a kind.
fn lengths(sizes: &Sizes) -> Vec<Length> {
    let tenfold = std::iter::successors(Some(10_usize), |events| Some(events * 10));
    tenfold
        .take_while(|events| *events <= sizes.history.max(10))
        .map(|events| {
            let count = if events <= 1000 { 2 * sizes.rounds * IN_A_ROUND } else { IN_A_ROUND };
            Length { events, pets: (0..count).map(|number| format!("h-{events}-{number}")).collect() }
        })
        .collect()
}

async fn of_wilco(sizes: &Sizes, kind: Kind, place: &Place, nats: &NatsServer, lengths: &[Length]) -> Times {
    let wilco = if kind == Kind::Postgres { place.wilco().nats(nats.url()) } else { place.wilco() };
    let mut server = wilco.start().await;
    for length in lengths {
        grow(server.client(), length).await;
    }
    server.stop().await;
    let mut all: [Vec<Vec<f64>>; 4] = std::array::from_fn(|_| vec![Vec::new(); lengths.len()]);
    for round in 0..4 * sizes.rounds {
        let at_once = round % 2 == 1;
        let mut server = wilco.start().await;
        warm_up(server.client()).await;
        for cached in [false, true] {
            let kind = usize::from(at_once) * 2 + usize::from(cached);
            for (times, found) in
                all[kind].iter_mut().zip(pass(server.client(), lengths, round, at_once).await)
            {
                times.extend(found);
            }
        }
        server.stop().await;
    }
    let [cold, cached, cold_at_once, cached_at_once] =
        all.map(|times| times.into_iter().map(median).collect::<Vec<_>>());
    Times { cold, cached, cold_at_once, cached_at_once }
}

/// Makes the aggregates of a length, and lets them grow side by side.
async fn grow(client: &Client, length: &Length) {
    let mut lines = Vec::new();
    let mut ahead = 0;
    let mut last = None;
    for round in 0..length.of(length.pets.len() - 1) {
        for (index, pet) in length.pets.iter().enumerate().filter(|(index, _)| round < length.of(*index)) {
            let verb = if round == 0 { "pet.create" } else { "pet.update" };
            lines.push(json!({ "type": verb, "target": pet, "data": details() }).to_string());
            let complete = round + 1 == length.of(length.pets.len() - 1) && index + 1 == length.pets.len();
            if lines.len() == LINES || complete {
                ahead += lines.len();
                last = Some(send(client, &std::mem::take(&mut lines)).await);
            }
            if ahead >= AHEAD || complete {
                client.settled(last.as_ref().expect("one was sent")).await;
                ahead = 0;
            }
        }
    }
}

/// Sends a batch; the id of its last command.
pub async fn send(client: &Client, lines: &[String]) -> String {
    let request = client.request(reqwest::Method::POST, "/v1/commands/batch");
    let request = request.header("Content-Type", "application/x-ndjson").body(lines.join("\n"));
    let reply = client.send(request).await.expect("the server answers");
    assert_eq!(reply.status, 200, "{reply:?}");
    let answers: Vec<Value> =
        reply.text.lines().map(|line| serde_json::from_str(line).expect("a line is JSON")).collect();
    assert!(answers.iter().all(|answer| answer["status"] == 202), "a line was refused");
    answers.last().and_then(|answer| answer["id"].as_str()).expect("a command has an id").to_owned()
}

/// As `wilco bench` has them.
pub fn details() -> Value {
    json!({ "name": "Rex", "category": "dog", "tags": ["brown", "small"],
            "price": { "amount": 12500, "currency": "EUR" } })
}

/// Connections are opened, plans are made, the allocator has something to give.
async fn warm_up(client: &Client) {
    let create = json!({ "type": "pet.create", "data": details() });
    for _ in 0..20 {
        command(client, &create).await;
    }
    futures::future::join_all((0..IN_A_ROUND).map(|_| command(client, &create))).await;
}

/// A command to each of the round's aggregates. Times in milliseconds, for each length; of commands sent at once
/// the time of all of them, divided by their number.
async fn pass(client: &Client, lengths: &[Length], round: usize, at_once: bool) -> Vec<Vec<f64>> {
    let pet = |length: &Length, number: usize| {
        // Rounds one by one and at once alternate, and go over the same aggregates; those of a round are of all ages.
        let groups = length.pets.len() / IN_A_ROUND;
        let pet = &length.pets[number * groups + round / 2 % groups];
        json!({ "type": "pet.update", "target": pet, "data": details() })
    };
    let mut times = vec![Vec::new(); lengths.len()];
    if at_once {
        for (length, times) in lengths.iter().zip(&mut times) {
            let commands: Vec<Value> = (0..IN_A_ROUND).map(|number| pet(length, number)).collect();
            let started = Instant::now();
            futures::future::join_all(commands.iter().map(|one| command(client, one))).await;
            times.push(milliseconds(started.elapsed()) / IN_A_ROUND as f64);
        }
    } else {
        for number in 0..IN_A_ROUND {
            for (length, times) in lengths.iter().zip(&mut times) {
                times.push(milliseconds(command(client, &pet(length, number)).await));
            }
        }
    }
    times
}

/// Gives a command and waits for its outcome; how long that took.
async fn command(client: &Client, envelope: &Value) -> Duration {
    let started = Instant::now();
    let reply = client.post("/v1/commands", envelope, &[("Prefer", "wait=10")]).await;
    let took = started.elapsed();
    assert!(matches!(reply.status, 200 | 201), "{reply:?}");
    took
}

/// The same lengths, executed by the loop that Wilco replaces.
async fn of_bare(server: &PostgresServer, lengths: &[Length]) -> Vec<f64> {
    /// Of the longest a few are enough: each takes long.
    const FEW: usize = 16;
    let pool = bare::create_tables(&server.database().await).await.expect("the bare loop's tables");
    let loops = bare::History::new(&pool);
    for length in lengths {
        for pet in &length.pets[..FEW] {
            loops.grow(pet, length.events as i64).await.expect("a pet grows");
        }
    }
    let mut times = vec![Vec::new(); lengths.len()];
    for round in 0..3 {
        for number in 0..FEW {
            for (length, times) in lengths.iter().zip(&mut times) {
                let took = loops.update(&length.pets[number]).await;
                // The first round opens connections and makes plans.
                if round > 0 {
                    times.push(milliseconds(took));
                }
            }
        }
    }
    pool.close().await;
    times.into_iter().map(median).collect()
}

fn milliseconds(time: Duration) -> f64 {
    time.as_secs_f64() * 1000.0
}

fn curve(lengths: &[Length], name: String, colour: usize, times: &[f64]) -> Curve {
    let ratio = |(length, time): (&Length, &f64)| (length.events as f64, time / times[0]);
    Curve { name, colour, dash: 0, points: lengths.iter().zip(times).map(ratio).collect() }
}

fn print(lengths: &[Length], rows: &[(String, Vec<f64>)]) {
    println!("Cost of a command against the history of its aggregate: median ms a command, and the ratio\n");
    print!("| events |");
    for length in lengths {
        print!(" {} |", grouped(length.events as f64));
    }
    print!("\n| --- |{}\n", " --- |".repeat(lengths.len()));
    for (name, times) in rows {
        print!("| {name} |");
        for time in times {
            print!(" {time:.2} ms, × {:.2} |", time / times[0]);
        }
        println!();
    }
    println!(
        "\nWilco over HTTP, from the request to the answer with the outcome; cold: the server was started anew and \
         loads the aggregate from its snapshot, its view and the events after the snapshot (10 or so, whatever its \
         past); at once: the time of all \
         divided by their number. The bare loop is called directly and replays all events."
    );
    for (name, times) in rows.iter().filter(|(name, _)| name.contains("cold, one by one")) {
        let ratio = times.last().unwrap_or(&0.0) / times[0];
        let verdict = if ratio <= 1.3 { "holds" } else { "does NOT hold" };
        println!("The longest costs at most 1.3 × the shortest, {name}: {verdict} ({ratio:.2})");
    }
}
