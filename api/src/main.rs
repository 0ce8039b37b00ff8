//! The `wilco` program: reads the settings, puts the adapters together, serves; and a client of a server that
//! runs.
//!
//! | module | holds |
//! | --- | --- |
//! | `cli` | the subcommands |
//! | `config` | the settings |
//! | `bootstrap` | which adapters the settings stand for; the only place that names them |
//! | `telemetry` | logs and metrics |

mod bootstrap;
mod cli;
mod config;
mod telemetry;

fn main() -> std::process::ExitCode {
    cli::main()
}
