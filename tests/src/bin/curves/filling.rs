//! Fills a store with commands by SQL, as if they had been accepted long ago.
//!
//! What always holds must hold afterwards: the targets exist, a command's partition is that of its target, and every
//! offset from 1 to a partition's head is one settled command or one event.

use std::fs::File;

use serde_json::json;
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{ConnectOptions as _, Connection as _, PgConnection, SqliteConnection};
use wilco_application::partition::partition_of;
use wilco_tests::client::Client;

use super::history::{details, send};
use super::place::Place;

/// Targets in each partition.
const TARGETS: u16 = 64;
/// Rows of a transaction.
const CHUNK: i64 = 500_000;

/// How the commands stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// Open and due.
    Pending,
    /// Open, and due in a year.
    Scheduled,
    /// Succeeded.
    Settled,
}

/// A connection beside the server's.
pub enum Raw {
    Postgres(PgConnection),
    Sqlite(SqliteConnection),
}

impl Raw {
    pub async fn to(place: &Place) -> Self {
        match place {
            Place::Postgres(url) => {
                Self::Postgres(PgConnection::connect(url).await.expect("PostgreSQL answers"))
            }
            Place::Sqlite(folder) => {
                let options = SqliteConnectOptions::new().filename(folder.path().join("wilco.db"));
                let options = options.pragma("cache_size", "-262144").pragma("synchronous", "OFF");
                Self::Sqlite(options.connect().await.expect("the file is opened"))
            }
        }
    }

    async fn run(&mut self, postgres: &str, sqlite: &str, values: &[i64]) {
        match self {
            Self::Postgres(connection) => {
                let query = values.iter().fold(sqlx::query(postgres), |query, value| query.bind(*value));
                query.execute(connection).await.expect("PostgreSQL takes it");
            }
            Self::Sqlite(connection) => {
                let query = values.iter().fold(sqlx::query(sqlite), |query, value| query.bind(*value));
                query.execute(connection).await.expect("SQLite takes it");
            }
        }
    }

    pub async fn number(&mut self, postgres: &str, sqlite: &str, values: &[i64]) -> i64 {
        match self {
            Self::Postgres(connection) => {
                let query = sqlx::query_scalar(postgres);
                let query = values.iter().fold(query, |query, value| query.bind(*value));
                query.fetch_one(connection).await.expect("PostgreSQL answers")
            }
            Self::Sqlite(connection) => {
                let query = sqlx::query_scalar(sqlite);
                let query = values.iter().fold(query, |query, value| query.bind(*value));
                query.fetch_one(connection).await.expect("SQLite answers")
            }
        }
    }

    /// As a server that has run for long leaves it: statistics are known, what was written is in its place.
    async fn settle_down(&mut self) {
        let sql = match self {
            Self::Postgres(_) => vec!["VACUUM ANALYZE commands", "CHECKPOINT"],
            Self::Sqlite(_) => vec!["PRAGMA wal_checkpoint(TRUNCATE)"],
        };
        for sql in sql {
            self.run(sql, sql, &[]).await;
        }
    }

    async fn close(self) {
        match self {
            Self::Postgres(connection) => drop(connection.close().await),
            Self::Sqlite(connection) => drop(connection.close().await),
        }
    }
}

/// The targets, and where the offsets of each partition go on. Numbered so that neighbours are in different partitions.
const MAKE_TARGETS: &str = "
    CREATE TABLE fill_targets (number bigint PRIMARY KEY, partition bigint, target text, head bigint)";
const ADD_TARGET: &str = "INSERT INTO fill_targets VALUES ($1, $2, $3, 0)";
const NOTE_HEADS: &str = "
    UPDATE fill_targets SET head = (SELECT p.head FROM partitions p WHERE p.id = fill_targets.partition)";

/// $1, $2 from and to which number  $3 how many targets  $4 how many partitions  $5 1: settled  $6 1: scheduled
/// $7 the millisecond of the first: ten commands come in each
const FILL_POSTGRES: &str = r#"
    INSERT INTO commands (id, accepted_at, not_before, partition, status, attempts, "offset", settled_at, version,
                          tenant, command_type, target, data)
    SELECT (lpad(to_hex($7 + n / 10), 12, '0') || '70008' || lpad(to_hex(n), 15, '0'))::uuid,
           'epoch'::timestamptz + ($7 * 1000 + n * 100) * interval '1 microsecond',
           CASE WHEN $6 = 1 THEN now() + interval '1 year' END,
           f.partition, $5,
           CASE WHEN $5 = 1 THEN 1 END,
           CASE WHEN $5 = 1 THEN f.head + 1 + n / $4 END,
           CASE WHEN $5 = 1 THEN 'epoch'::timestamptz + ($7 * 1000 + n * 100 + 5000) * interval '1 microsecond' END,
           CASE WHEN $5 = 1 THEN 2 END,
           '', 'pet.update', f.target,
           '{"name":"Rex","category":"dog","tags":["brown","small"],"price":{"amount":12500,"currency":"EUR"}}'
    FROM generate_series($1, $2 - 1) n JOIN fill_targets f ON f.number = n % $3
    ORDER BY n"#;
const FILL_SQLITE: &str = r#"
    WITH RECURSIVE numbers (n) AS (SELECT $1 UNION ALL SELECT n + 1 FROM numbers WHERE n < $2 - 1)
    INSERT INTO commands (id, accepted_at, not_before, partition, status, attempts, "offset", settled_at, version,
                          tenant, command_type, target, data)
    SELECT unhex(printf('%012x70008%015x', $7 + n / 10, n)),
           $7 * 1000 + n * 100,
           CASE WHEN $6 = 1 THEN (unixepoch() + 31536000) * 1000000 END,
           f.partition, $5,
           CASE WHEN $5 = 1 THEN 1 END,
           CASE WHEN $5 = 1 THEN f.head + 1 + n / $4 END,
           CASE WHEN $5 = 1 THEN $7 * 1000 + n * 100 + 5000 END,
           CASE WHEN $5 = 1 THEN 2 END,
           '', 'pet.update', f.target,
           '{"name":"Rex","category":"dog","tags":["brown","small"],"price":{"amount":12500,"currency":"EUR"}}'
    FROM numbers CROSS JOIN fill_targets f ON f.number = n % $3"#;
const RAISE_HEADS: &str = "UPDATE partitions SET head = head + $1";

/// Offsets that are neither an outcome nor an event, and heads that are not the newest offset.
const GAPS: &str = r#"
    SELECT CAST(
        (SELECT sum(head) FROM partitions)
        - (SELECT count(*) FROM commands WHERE "offset" IS NOT NULL) - (SELECT count(*) FROM events)
        + (SELECT count(*) FROM partitions p WHERE p.head <> (
              SELECT max(c."offset") FROM commands c WHERE c.partition = p.id AND c."offset" IS NOT NULL
          )) AS bigint)"#;

/// A store that can be filled: it has the targets.
pub struct Filled {
    pub place: Place,
    pub partitions: i64,
    fills: i64,
}

impl Filled {
    pub async fn new(place: Place) -> Self {
        let mut server = place.wilco().start().await;
        let mut raw = Raw::to(&place).await;
        let count = "SELECT count(*) FROM partitions";
        let partitions = raw.number(count, count, &[]).await;
        let targets = targets(partitions as u16);
        create(server.client(), &targets).await;
        server.stop().await;
        raw.run(MAKE_TARGETS, MAKE_TARGETS, &[]).await;
        for (number, target) in targets.iter().enumerate() {
            add_target(&mut raw, number as i64, number as i64 % partitions, target).await;
        }
        raw.close().await;
        Self { place, partitions, fills: 0 }
    }

    /// Adds about so many commands, as they are; the server must not run.
    pub async fn add(&mut self, count: i64, standing: Standing) {
        let settled = i64::from(standing == Standing::Settled);
        let scheduled = i64::from(standing == Standing::Scheduled);
        // In each partition the same number.
        let count = count / self.partitions * self.partitions;
        let targets = self.partitions * i64::from(TARGETS);
        // November 2023, and later with each time.
        let first = 1_700_000_000_000 + self.fills * 100_000_000;
        self.fills += 1;
        let mut raw = Raw::to(&self.place).await;
        raw.run(NOTE_HEADS, NOTE_HEADS, &[]).await;
        let mut from = 0;
        while from < count {
            let to = (from + CHUNK).min(count);
            let values = [from, to, targets, self.partitions, settled, scheduled, first];
            raw.run(FILL_POSTGRES, FILL_SQLITE, &values).await;
            from = to;
        }
        if standing == Standing::Settled {
            raw.run(RAISE_HEADS, RAISE_HEADS, &[count / self.partitions]).await;
            assert_eq!(raw.number(GAPS, GAPS, &[]).await, 0, "what always holds does not");
        }
        raw.settle_down().await;
        raw.close().await;
        if let Place::Sqlite(folder) = &self.place {
            // Else the server's first checkpoint would write what this has written.
            let file = File::open(folder.path().join("wilco.db")).expect("the file is there");
            file.sync_all().expect("the disk takes it");
        }
    }

    /// When the commands of the last fill begin and end, in microseconds.
    pub fn last_fill(&self) -> (i64, i64) {
        let first = (1_700_000_000_000 + (self.fills - 1) * 100_000_000) * 1000;
        (first, first + 99_000_000_000)
    }
}

/// So many of each partition, in turn.
fn targets(partitions: u16) -> Vec<String> {
    let mut of_each: Vec<Vec<String>> = vec![Vec::new(); usize::from(partitions)];
    let full = |of_each: &[Vec<String>]| of_each.iter().all(|some| some.len() >= usize::from(TARGETS));
    for number in 0.. {
        if full(&of_each) {
            break;
        }
        let target = format!("fill-{number}");
        of_each[usize::from(partition_of("pet", &target, partitions))].push(target);
    }
    (0..usize::from(TARGETS)).flat_map(|place| of_each.iter().map(move |some| some[place].clone())).collect()
}

async fn create(client: &Client, targets: &[String]) {
    let line = |target| json!({ "type": "pet.create", "target": target, "data": details() }).to_string();
    let id = send(client, &targets.iter().map(line).collect::<Vec<_>>()).await;
    // Other partitions than the last one's may be settled a moment later.
    client.settled(&id).await;
    let open = async || client.read("/v1/commands?status=pending&limit=1").await.body["items"].clone();
    let none = |items: &serde_json::Value| items.as_array().is_some_and(Vec::is_empty);
    wilco_tests::wait_for("the targets to be there", open, none).await;
}

async fn add_target(raw: &mut Raw, number: i64, partition: i64, target: &str) {
    match raw {
        Raw::Postgres(connection) => {
            let query = sqlx::query(ADD_TARGET).bind(number).bind(partition).bind(target);
            query.execute(connection).await.map(drop)
        }
        Raw::Sqlite(connection) => {
            let query = sqlx::query(ADD_TARGET).bind(number).bind(partition).bind(target);
            query.execute(connection).await.map(drop)
        }
    }
    .expect("a target is noted");
}
