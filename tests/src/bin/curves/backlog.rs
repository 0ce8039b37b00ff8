//! How fast commands are settled where many others wait, are scheduled, or were settled before.
//!
//! - *scheduled*, *settled before*: `wilco bench` with single POSTs, on a store that holds so many of them and on an
//!   empty one, in turn; the median of the ratios.
//! - *waiting*: the server is started on so many commands that are due, and works off the first hundred thousand;
//!   the rate, against that of a backlog which is no longer than that, in turn.
//!
//! Without NATS, so that it is the store that is measured. What fills the store is written by SQL while no server
//! runs, and tidied up: see [`super::filling`].

use std::time::Duration;

use serde_json::Value;
use wilco_tests::plot::{Curve, Plot, grouped};
use wilco_tests::postgres::PostgresServer;
use wilco_tests::wilco::run;

use super::filling::{Filled, Raw, Standing};
use super::place::{Kind, Place};
use super::{Sizes, median};

/// A short backlog, and how many commands of a long one are watched.
const SHORT: i64 = 100_000;
/// How long that may take.
const PATIENCE_SECONDS: i64 = 60;

/// What was measured of one store: for each size of the filling the median rate, that of the empty store (or of the
/// short backlog), and the median of their ratios.
struct Series {
    kind: Kind,
    what: &'static str,
    points: Vec<Point>,
}

struct Point {
    size: i64,
    rate: f64,
    base: f64,
    ratio: f64,
}

impl Point {
    fn of(size: i64, pairs: &[(f64, f64)]) -> Self {
        let rate = median(pairs.iter().map(|(_, rate)| *rate).collect());
        let base = median(pairs.iter().map(|(base, _)| *base).collect());
        Self { size, rate, base, ratio: median(pairs.iter().map(|(base, rate)| rate / base).collect()) }
    }
}

pub async fn measure(sizes: &Sizes) {
    let server = PostgresServer::start();
    let mut all = Vec::new();
    for kind in Kind::BOTH {
        for (what, standing, most) in [
            ("scheduled", Standing::Scheduled, sizes.pending),
            ("settled before", Standing::Settled, sizes.settled),
        ] {
            let points = beside(sizes, kind, &server, standing, most).await;
            all.push(Series { kind, what, points });
        }
        all.push(Series { kind, what: "waiting", points: worked_off(sizes, kind, &server).await });
    }
    print(&all);
    let plot = Plot {
        title: "Rate of settling against what the store holds".to_owned(),
        across: "commands that wait, are scheduled, or were settled before".to_owned(),
        up: "× rate of an empty store (of a short backlog)".to_owned(),
        range: (0.0, 1.4),
        factors: false,
        marks: vec![0.0, 0.2, 0.4, 0.6, 0.8, 1.0, 1.2],
        curves: all.iter().enumerate().map(|(index, series)| curve(index, series)).collect(),
    };
    sizes.draw("cost-against-backlog.svg", &plot);
}

fn curve(index: usize, series: &Series) -> Curve {
    let start = if series.what == "waiting" { SHORT } else { 0 };
    let points = series.points.iter().map(|point| (point.size as f64, point.ratio));
    Curve {
        name: format!("{}, {}", series.kind.name(), series.what),
        colour: index / 3,
        dash: index % 3,
        points: std::iter::once((start as f64, 1.0)).chain(points).collect(),
    }
}

/// The rate of the benchmark with a tenth and with all of the filling.
async fn beside(
    sizes: &Sizes,
    kind: Kind,
    server: &PostgresServer,
    standing: Standing,
    most: i64,
) -> Vec<Point> {
    let mut filled = Filled::new(Place::new(kind, server).await).await;
    let mut held = 0;
    let mut points = Vec::new();
    for size in [most / 10, most] {
        println!("{}: {} commands, {standing:?}", kind.name(), grouped(size as f64));
        filled.add(size - held, standing).await;
        held = size;
        let mut pairs = Vec::new();
        for round in 0..sizes.rounds {
            let empty = async { bench(sizes, &Place::new(kind, server).await).await };
            pairs.push(in_turn(round, empty, bench(sizes, &filled.place)).await);
        }
        points.push(Point::of(size, &pairs));
    }
    points
}

/// Both, one after the other: now this one first, now that one.
async fn in_turn(
    round: usize,
    base: impl Future<Output = f64>,
    other: impl Future<Output = f64>,
) -> (f64, f64) {
    if round.is_multiple_of(2) {
        let base = base.await;
        (base, other.await)
    } else {
        let other = other.await;
        (base.await, other)
    }
}

/// Settled commands per second.
async fn bench(sizes: &Sizes, place: &Place) -> f64 {
    let mut server = place.wilco().start().await;
    let commands = sizes.commands.to_string();
    let url = server.client().base().to_owned();
    let output =
        run(&["bench", "--json", "--url", &url, "--commands", &commands, "--connections", "64"]).await;
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    server.stop().await;
    let report: Value = serde_json::from_slice(&output.stdout).expect("the report is JSON");
    report["settled_per_second"].as_f64().expect("a rate")
}

async fn worked_off(sizes: &Sizes, kind: Kind, server: &PostgresServer) -> Vec<Point> {
    println!("{}: {} commands, waiting", kind.name(), grouped(sizes.pending as f64));
    let mut pairs = Vec::new();
    for round in 0..sizes.rounds {
        let short = rate_of_backlog(kind, server, SHORT);
        pairs.push(in_turn(round, short, rate_of_backlog(kind, server, sizes.pending)).await);
    }
    vec![Point::of(sizes.pending, &pairs)]
}

/// Of the commands accepted between $1 and $2: when the first was settled,
const FIRST_POSTGRES: &str = "
    SELECT (extract(epoch FROM min(settled_at)) * 1000000)::bigint FROM commands
    WHERE accepted_at BETWEEN 'epoch'::timestamptz + $1 * interval '1 microsecond' - interval '1 second'
                          AND 'epoch'::timestamptz + $2 * interval '1 microsecond'";
const FIRST_SQLITE: &str =
    "SELECT min(settled_at) FROM commands WHERE accepted_at BETWEEN $1 - 1000000 AND $2";
/// when the last was settled that was settled between $3 and $4,
const LAST_POSTGRES: &str = "
    SELECT (extract(epoch FROM max(settled_at)) * 1000000)::bigint FROM commands
    WHERE accepted_at BETWEEN 'epoch'::timestamptz + $1 * interval '1 microsecond' - interval '1 second'
                          AND 'epoch'::timestamptz + $2 * interval '1 microsecond'
      AND settled_at BETWEEN 'epoch'::timestamptz + $3 * interval '1 microsecond'
                         AND 'epoch'::timestamptz + $4 * interval '1 microsecond'";
const LAST_SQLITE: &str = "SELECT max(settled_at) FROM commands
    WHERE accepted_at BETWEEN $1 - 1000000 AND $2 AND settled_at BETWEEN $3 AND $4";
/// and how many were settled from $3 until $4.
const COUNT_POSTGRES: &str = "
    SELECT count(*) FROM commands
    WHERE accepted_at BETWEEN 'epoch'::timestamptz + $1 * interval '1 microsecond' - interval '1 second'
                          AND 'epoch'::timestamptz + $2 * interval '1 microsecond'
      AND settled_at >= 'epoch'::timestamptz + $3 * interval '1 microsecond'
      AND settled_at < 'epoch'::timestamptz + $4 * interval '1 microsecond'";
const COUNT_SQLITE: &str = "SELECT count(*) FROM commands
    WHERE accepted_at BETWEEN $1 - 1000000 AND $2 AND settled_at >= $3 AND settled_at < $4";
/// Cheap to ask for, however many commands there are.
const HEADS: &str = "SELECT CAST(sum(head) AS bigint) FROM partitions";

/// A store of its own each time: what is left over of a long one must not wait for the next.
async fn rate_of_backlog(kind: Kind, server: &PostgresServer, size: i64) -> f64 {
    let mut filled = Filled::new(Place::new(kind, server).await).await;
    filled.add(size, Standing::Pending).await;
    let mut raw = Raw::to(&filled.place).await;
    // Each makes an event and an outcome.
    let end =
        raw.number(HEADS, HEADS, &[]).await + 2 * (SHORT.min(size) / filled.partitions * filled.partitions);
    let mut running = filled.place.wilco().start().await;
    for _ in 0..PATIENCE_SECONDS * 100 {
        tokio::time::sleep(Duration::from_millis(10)).await;
        if raw.number(HEADS, HEADS, &[]).await >= end {
            break;
        }
    }
    running.kill().await;
    let (from, to) = filled.last_fill();
    // Without the last commit, whose end is not known.
    let first = raw.number(FIRST_POSTGRES, FIRST_SQLITE, &[from, to]).await;
    let end = first + PATIENCE_SECONDS * 1_000_000;
    let last = raw.number(LAST_POSTGRES, LAST_SQLITE, &[from, to, first, end]).await;
    let settled = raw.number(COUNT_POSTGRES, COUNT_SQLITE, &[from, to, first, last]).await;
    settled as f64 * 1e6 / (last - first).max(1) as f64
}

fn print(all: &[Series]) {
    println!("\nRate of settling against what the store holds: median of the rounds\n");
    println!("| | commands in the store | settled/s | empty store (short backlog), settled/s | ratio |");
    println!("| --- | --- | --- | --- | --- |");
    for Series { kind, what, points } in all {
        for Point { size, rate, base, ratio } in points {
            let (name, size) = (kind.name(), grouped(*size as f64));
            println!("| {name}, {what} | {size} | {rate:.0} | {base:.0} | {ratio:.2} |");
        }
    }
    println!(
        "\nScheduled, settled before: `wilco bench` with single POSTs, beside so many commands that are not due for a \
         year, or that were settled. Waiting: the server starts on so many commands that are due and \
         works off {}, against a backlog of just as many. Without NATS; rows written by SQL, then vacuumed.",
        grouped(SHORT as f64)
    );
    for Series { kind, what, points } in all {
        let least = points.iter().map(|point| point.ratio).fold(f64::INFINITY, f64::min);
        let verdict = if least > 0.8 { "holds" } else { "does NOT hold" };
        println!("It changes by less than 20 %, {}, {what}: {verdict} ({least:.2})", kind.name());
    }
}
