//! One measurement: a server of its own on a new store, and a load on it.

use std::path::Path;
use std::process::Command;

use serde_json::Value;
use sqlx::{Connection as _, Executor as _, PgConnection};
use wilco_tests::cpu::Cpu;
use wilco_tests::nats::NatsServer;
use wilco_tests::postgres::PostgresServer;
use wilco_tests::wilco::{Server, Wilco, run};

/// A way to drive Wilco.
pub struct Case {
    pub name: &'static str,
    pub sqlite: bool,
    pub arguments: &'static [&'static str],
}

pub const CASES: [Case; 5] = [
    Case {
        name: "PostgreSQL + NATS, single POSTs",
        sqlite: false,
        arguments: &["--commands", "100000", "--connections", "64"],
    },
    Case {
        name: "PostgreSQL + NATS, batch door",
        sqlite: false,
        arguments: &["--commands", "150000", "--connections", "4", "--door", "batch"],
    },
    Case {
        name: "PostgreSQL + NATS, one hot aggregate",
        sqlite: false,
        arguments: &["--commands", "50000", "--connections", "64", "--aggregates", "1", "--creates", "0"],
    },
    Case {
        name: "SQLite, single POSTs",
        sqlite: true,
        arguments: &["--commands", "100000", "--connections", "64"],
    },
    Case {
        name: "SQLite, batch door",
        sqlite: true,
        arguments: &["--commands", "150000", "--connections", "4", "--door", "batch"],
    },
];

/// What a case came to.
pub struct Measured {
    pub report: Value,
    /// CPU time per command, in microseconds.
    pub cpu: [f64; 4],
    /// Resident memory of the server at the end, in MB.
    pub memory: u64,
}

/// Runs `wilco bench` against a server on a new store: of this build, or of another. The load is always made by this
/// one. With a `rate` it is one of so many commands a second, and listens on NATS, where there is one.
pub async fn measure(
    case: &Case,
    rate: Option<f64>,
    build: Option<&Path>,
    postgres: &PostgresServer,
) -> Measured {
    settle_down(postgres).await;
    // A stream belongs to one store.
    let nats = NatsServer::started().await;
    let folder = tempfile::tempdir().expect("a folder for SQLite");
    let mut wilco = if case.sqlite {
        Wilco::on(format!("sqlite:{}", folder.path().join("wilco.db").display()))
    } else {
        Wilco::on(postgres.database().await).nats(nats.url())
    };
    if let Some(build) = build {
        wilco = wilco.program(build);
    }
    let mut server = wilco.start().await;
    let base = server.client().base().to_owned();
    // A server that has just started makes its plans and fills its caches first.
    let warm = run(&["bench", "--json", "--url", &base, "--commands", "3000"]).await;
    assert!(warm.status.success(), "{}: {}", case.name, String::from_utf8_lossy(&warm.stderr));
    let mut arguments = vec!["bench", "--json", "--url", &base];
    let (rate, url) = (rate.map(|rate| format!("{rate:.0}")), nats.url());
    if let Some(rate) = &rate {
        arguments.extend(["--commands", "40000", "--rate", rate]);
        if !case.sqlite {
            arguments.extend(["--nats", &url]);
        }
    } else {
        arguments.extend(case.arguments);
    }
    let before = Cpu::now(server.pid());
    let output = run(&arguments).await;
    let used = Cpu::now(server.pid()) - before;
    assert!(output.status.success(), "{}: {}", case.name, String::from_utf8_lossy(&output.stderr));
    let memory = memory(&server);
    server.stop().await;
    let report: Value = serde_json::from_slice(&output.stdout).expect("the report is JSON");
    let commands = report["accepted"].as_f64().unwrap_or(1.0);
    let cpu = [used.server, used.postgres, used.nats, used.load];
    Measured { report, cpu: cpu.map(|used| used.as_secs_f64() * 1e6 / commands), memory }
}

/// What the case before has left to write is not the next one's.
pub async fn settle_down(postgres: &PostgresServer) {
    let url = postgres.database().await;
    let mut connection = PgConnection::connect(&url).await.expect("PostgreSQL answers");
    connection.execute("CHECKPOINT").await.expect("PostgreSQL writes it all");
    assert!(Command::new("sync").status().is_ok_and(|synced| synced.success()), "the disk has it all");
}

impl Measured {
    pub fn number(&self, path: &str) -> f64 {
        self.report.pointer(path).and_then(Value::as_f64).unwrap_or_default()
    }
}

/// Resident memory of the server, in MB.
fn memory(server: &Server) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", server.pid())).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kib = line.and_then(|line| line.split_whitespace().next()?.parse::<u64>().ok());
    kib.unwrap_or_default() / 1024
}
