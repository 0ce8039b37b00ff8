//! A selection of faults, one after the other, with everything checked after each. The long run is left out; see
//! `tests/run faults`.

use std::time::Duration;

use wilco_tests::faults::{Fault, LineFault, World, campaign, seed};

#[tokio::test(flavor = "multi_thread")]
async fn no_fault_around_sqlite_loses_or_doubles_anything() {
    let faults = [
        Fault::Kill,
        Fault::DiskFull,
        Fault::NatsTailLost,
        Fault::NatsStreamFull,
        Fault::NatsStreamDeleted,
        Fault::NatsLine(LineFault::AnswersLost),
        Fault::NatsLine(LineFault::CutAfter),
    ];
    let mut world = World::on_sqlite().await;
    campaign::these(&mut world, &faults, seed()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn no_fault_around_postgres_loses_or_doubles_anything() {
    let faults = [
        Fault::Kill,
        Fault::PauseBeyondLease,
        Fault::PostgresCrash,
        Fault::PostgresTerminate,
        Fault::PostgresLine(LineFault::AnswersLost),
        Fault::PostgresLine(LineFault::Stall),
        Fault::PostgresLine(LineFault::CutAfter),
        Fault::PostgresLine(LineFault::RequestsLost),
    ];
    let mut world = World::on_postgres(2).await;
    campaign::these(&mut world, &faults, seed()).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "takes as long as it is told to, with WILCO_MINUTES"]
async fn no_random_fault_loses_or_doubles_anything() {
    let minutes =
        std::env::var("WILCO_MINUTES").ok().and_then(|text| text.parse::<f64>().ok()).unwrap_or(1.0);
    let seed = seed();
    let summary = campaign::at_random(seed, Duration::from_secs_f64(minutes * 60.0)).await;
    println!("seed {seed}, {minutes} minutes\n{summary}");
}
