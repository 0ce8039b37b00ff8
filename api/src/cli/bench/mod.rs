//! `wilco bench`: drives a running server over HTTP, waits until everything is settled, checks that every
//! accepted command was, and reports rates and latencies.
//!
//! The accept latency is taken at the client, from the moment a request was due to be sent (so that a slow
//! server cannot hide by holding up the next request). The settle latency is `settled_at − accepted_at` as the
//! feed tells it, read after the load so that reading does not take part in it. The notify latency is taken
//! by a NATS subscriber, from the sending of the request.

mod connection;
mod load;
mod notify;
mod report;
mod verify;

use std::time::Duration;

use clap::{Args, ValueEnum};

use super::settings::{Address, said_by};
use wilco_application::catalog::Catalog;

use crate::Name;

/// Options of `wilco bench`.
#[derive(Args, Clone, Debug)]
pub struct BenchArgs {
    #[command(flatten)]
    address: Address,
    /// Commands to send.
    #[arg(long, default_value_t = 50_000)]
    commands: usize,
    /// Connections that send at the same time.
    #[arg(long, default_value_t = 64)]
    connections: usize,
    /// Percent of the commands that create an aggregate; the others go to aggregates created before.
    #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u8).range(0..=100))]
    creates: u8,
    /// Send follow-up commands to this many aggregates only (made beforehand); 1 is a hot aggregate.
    #[arg(long)]
    aggregates: Option<usize>,
    /// What to have done.
    #[arg(long, value_enum, default_value_t = Work::Pets)]
    work: Work,
    /// The door to use.
    #[arg(long, value_enum, default_value_t = Door::Single)]
    door: Door,
    /// Commands in a request at the batch door.
    #[arg(long, default_value_t = 250)]
    batch: usize,
    /// Commands per second to offer; without it as many as the server takes.
    #[arg(long)]
    rate: Option<f64>,
    /// Also measure when notifications arrive at this NATS server.
    #[arg(
        long,
        value_name = "URL",
        help = "Also measure when notifications arrive at this NATS server [env: WILCO_NATS]"
    )]
    nats: Option<String>,
    /// Seconds to wait for the last command to be settled.
    #[arg(long, default_value_t = 120)]
    patience: u64,
    /// Print JSON instead of a table.
    #[arg(long)]
    pub(super) json: bool,
}

/// What is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Work {
    /// Pets, made and changed: one command of one aggregate.
    Pets,
    /// Orders, each of a pet of its own that was made beforehand: a process of two steps.
    Orders,
    /// Payments at whatever provider the server has: a process, and calls of a third party.
    Payments,
}

/// Where commands go in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Door {
    /// `POST /v1/pets` and the routes of a pet: one command a request.
    Single,
    /// `POST /v1/commands/batch`.
    Batch,
}

/// The benchmark could not be run, or its result is wrong.
#[derive(Debug, thiserror::Error)]
pub enum BenchError {
    /// The program has no pets.
    #[error("this program has no pets, which the benchmark makes: it measures the program that ships")]
    NoPets,
    /// Only pets are made at the batch door.
    #[error("only pets are asked for at the batch door")]
    Door,
    /// The URL is not of the form `http://host:port`.
    #[error("{0:?} is not an address of the form http://host:port")]
    Url(String),
    /// The server cannot be reached or hung up.
    #[error("the server at {0} cannot be reached")]
    Connection(String, #[source] Box<dyn std::error::Error + Send + Sync>),
    /// The server's answer is not what the benchmark needs.
    #[error("unexpected answer: {0}")]
    Answer(String),
    /// Commands that were accepted were not settled in time.
    #[error("{missing} of {accepted} accepted commands were not settled within {patience:?}")]
    Unsettled {
        /// How many are missing.
        missing: usize,
        /// How many were accepted.
        accepted: usize,
        /// How long was waited.
        patience: Duration,
    },
    /// The NATS server cannot be used.
    #[error("NATS: {0}")]
    Nats(String),
}

/// Runs the benchmark and prints its report.
pub async fn run(name: Name, catalog: &Catalog, args: BenchArgs) -> Result<(), BenchError> {
    if catalog.command("pet.create").is_none() {
        return Err(BenchError::NoPets);
    }
    if args.door == Door::Batch && args.work != Work::Pets {
        return Err(BenchError::Door);
    }
    let authority = connection::authority(&args.address.url(name))?;
    let cursor = verify::cursor(&authority).await?;
    let listener = match args.nats.clone().or_else(|| said_by(name, "NATS")) {
        Some(url) => Some(notify::Listener::start(&url).await?),
        None => None,
    };
    let load = load::run(&args, &authority).await?;
    let patience = Duration::from_secs(args.patience);
    let settled = verify::settled(&authority, &cursor, &load, patience).await?;
    let notified = match listener {
        Some(listener) => Some(listener.latencies(&load, patience).await),
        None => None,
    };
    report::print(&args, &load, &settled, notified.as_ref());
    Ok(())
}
