//! The command line.

mod backup;
mod bench;
mod check;
mod client;
mod command;
mod config_list;
mod feed;
mod machine;
mod observing;
mod output;
mod playing;
mod process;
mod progress;
mod projection;
mod sandbox;
mod serve;
mod settings;
mod sse;
mod stream;

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use clap::{Args, CommandFactory as _, FromArgMatches as _, Parser, Subcommand};

use crate::bootstrap::CopyError;
use crate::http::BasePath;
use crate::modules::Modules;
use crate::program::ProgramError;
use crate::{Interface, Name, Program, bootstrap, config, telemetry};
use settings::{Server, Settings};
use wilco_application::check::Ids;

/// Commands accepted durably, applied exactly once, answered for.
#[derive(Debug, Parser)]
#[command(name = "wilco", version, args_conflicts_with_subcommands = true, after_help = HELP)]
struct Arguments {
    #[command(subcommand)]
    action: Option<Action>,
    #[command(flatten)]
    serve: Server,
}

const HELP: &str = "Without a subcommand wilco serves. Every setting is also a WILCO_ variable \
    (WILCO_STORE, WILCO_ENGINE_MAX_BACKLOG) and an entry of wilco.toml; flags win over variables, variables over \
    the file. `wilco config` lists them.\n\nExit codes: 0 done, 1 failed, 2 wrong usage or settings, 3 refused by the \
    server, 4 the server does not answer, 5 not settled in time.";

#[derive(Debug, Subcommand)]
enum Action {
    /// Run the server (the default)
    Serve(Server),
    /// Bring the store's schema up to date, and end
    Migrate(Migrate),
    /// Copy the store to a file, whether a server uses it or not
    Backup(backup::Backup),
    /// Make the store of such a copy
    Restore(backup::Restore),
    /// Give commands to a server, and follow them
    #[command(subcommand)]
    Command(command::Action),
    /// See how processes stand, and help those that stand still
    #[command(subcommand)]
    Process(process::Action),
    /// Print events and outcomes as they happen
    Feed(feed::Arguments),
    /// Look after the read models of a store
    #[command(subcommand)]
    Projection(projection::Action),
    /// Drive a running server, check that nothing was lost, and report rates and latencies
    Bench(bench::BenchArgs),
    /// Be a third party to play with and to test against, whose faults are switched on and off
    Sandbox(Box<sandbox::Sandbox>),
    /// Print every setting: what it is, what it is for, and where its value comes from
    Config(config_list::Arguments),
    /// Print the OpenAPI document
    Openapi,
    /// Print what a shell needs to complete commands and flags
    Completions {
        /// The shell
        shell: clap_complete::Shell,
    },
    /// Print the manual page
    Man {
        /// Write it and those of all subcommands to this folder instead
        #[arg(long, value_name = "FOLDER")]
        dir: Option<PathBuf>,
    },
}

/// What to bring up to date.
#[derive(Debug, Args)]
struct Migrate {
    /// The store was put back by other means than `wilco restore`: what subscribers know of its offsets no longer holds
    #[arg(long)]
    restored: bool,
    /// Look whether this version can read what is stored and what is still to be done; fail if not
    #[arg(long)]
    check: bool,
    #[command(flatten)]
    settings: Settings,
}

/// Why the program ends without success.
#[derive(Debug, thiserror::Error)]
enum Error {
    #[error(transparent)]
    Program(#[from] ProgramError),
    #[error(transparent)]
    Config(#[from] config::Error),
    #[error(transparent)]
    Bootstrap(#[from] bootstrap::Error),
    #[error(transparent)]
    Check(#[from] check::Error),
    #[error(transparent)]
    Serve(#[from] serve::Error),
    #[error(transparent)]
    Client(#[from] client::Error),
    #[error(transparent)]
    Projection(#[from] projection::Error),
    #[error(transparent)]
    Observing(#[from] observing::Error),
    #[error(transparent)]
    Backup(#[from] backup::Error),
    #[error(transparent)]
    Bench(#[from] bench::BenchError),
    #[error(transparent)]
    Sandbox(#[from] sandbox::Error),
    #[error("traces cannot be sent")]
    Traces(#[from] opentelemetry_otlp::ExporterBuildError),
    #[error("the program could not start")]
    Runtime(#[source] std::io::Error),
    #[error("the manual pages could not be written")]
    Pages(#[source] std::io::Error),
    /// Everything there is to say was said.
    #[error("failed")]
    Told,
    /// Said as well, and the command may still succeed.
    #[error("not settled yet")]
    Unsettled,
}

impl Error {
    fn code(&self) -> ExitCode {
        ExitCode::from(match self {
            Self::Config(_)
            | Self::Backup(backup::Error::Copy(CopyError::Config(_) | CopyError::Postgres(_)))
            | Self::Serve(serve::Error::Config(_))
            | Self::Bench(bench::BenchError::Url(_) | bench::BenchError::NoPets)
            | Self::Client(client::Error::Usage(_)) => 2,
            Self::Client(client::Error::Refused(_)) => 3,
            Self::Client(client::Error::Unreachable { .. } | client::Error::Foreign { .. })
            | Self::Bench(bench::BenchError::Connection(..)) => 4,
            Self::Unsettled | Self::Bench(bench::BenchError::Unsettled { .. }) => 5,
            _ => 1,
        })
    }
}

impl Program {
    /// Does what the command line says: serves, if it says nothing. Says how that ended.
    pub fn run(self) -> ExitCode {
        // Of the TLS libraries' providers, the one that is linked.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let (name, version) = (self.name(), self.its_version());
        let matches = definition(name).version(version).get_matches();
        let arguments = Arguments::from_arg_matches(&matches).unwrap_or_else(|error| error.exit());
        let json = arguments.action.as_ref().is_some_and(Action::wants_json);
        match run(self, arguments) {
            Ok(()) => ExitCode::SUCCESS,
            Err(error @ (Error::Told | Error::Unsettled)) => error.code(),
            // Whoever read our output has read enough.
            Err(Error::Client(client::Error::Output(error)))
                if error.kind() == std::io::ErrorKind::BrokenPipe =>
            {
                ExitCode::SUCCESS
            }
            Err(error) => {
                if let (true, Error::Client(client::Error::Refused(problem))) = (json, &error) {
                    // Nobody may be reading.
                    let _ = output::say(problem);
                }
                output::complain(name, &error);
                error.code()
            }
        }
    }
}

/// The command line of a program of that name. What is said of it is written for the program that ships.
fn definition(name: Name) -> clap::Command {
    fn named(name: Name, mut command: clap::Command) -> clap::Command {
        let said = |text: Option<&clap::builder::StyledStr>| text.map(|text| name.said(&text.to_string()));
        if let Some(text) = said(command.get_about()) {
            command = command.about(text);
        }
        if let Some(text) = said(command.get_after_help()) {
            command = command.after_help(text);
        }
        let command = command.mut_args(|arg| match said(arg.get_help()) {
            Some(text) => arg.help(text),
            None => arg,
        });
        command.mut_subcommands(|subcommand| named(name, subcommand))
    }
    let command = Arguments::command();
    if name == Name::WILCO { command } else { named(name, command.name(name.as_str())) }
}

impl Action {
    /// Whether a program reads what is printed.
    fn wants_json(&self) -> bool {
        match self {
            Self::Command(action) => action.client().json,
            Self::Process(action) => action.client().is_some_and(|client| client.json),
            Self::Feed(arguments) => arguments.client.json,
            Self::Bench(arguments) => arguments.json,
            _ => false,
        }
    }
}

fn run(program: Program, arguments: Arguments) -> Result<(), Error> {
    let name = program.name();
    let modules = program.register()?;
    let action = arguments.action.unwrap_or(Action::Serve(arguments.serve));
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().map_err(Error::Runtime)?;
    let outcome = runtime.block_on(act(name, modules, action));
    // What still runs in the background is not waited for: all that matters was.
    runtime.shutdown_background();
    outcome
}

async fn act(name: Name, modules: Modules, action: Action) -> Result<(), Error> {
    match action {
        Action::Serve(server) => {
            let flags = server.flags(&modules);
            serve(modules, &flags, server.manner()).await
        }
        Action::Migrate(action) => migrate(&modules, load(&action.settings.flags(&modules))?, &action).await,
        Action::Backup(backup) => {
            let config = load(&backup.settings.flags(&modules))?;
            Ok(backup.run(config).await?)
        }
        Action::Restore(restore) => {
            let config = load(&restore.settings.flags(&modules))?;
            Ok(restore.run(config).await?)
        }
        Action::Command(action) => command::run(name, action).await,
        Action::Process(action) => process::run(&modules, action).await,
        Action::Feed(arguments) => Ok(feed::run(name, arguments).await?),
        Action::Projection(action) => {
            let config = load(&action.settings().flags(&modules))?;
            Ok(projection::run(action, Arc::clone(modules.catalog()), config).await?)
        }
        Action::Bench(arguments) => Ok(bench::run(name, modules.catalog(), arguments).await?),
        Action::Sandbox(arguments) => Ok(sandbox::run(name, *arguments).await?),
        Action::Config(arguments) => Ok(arguments.print(&config::load(&arguments.server.flags(&modules))?)?),
        Action::Openapi => openapi(modules),
        Action::Completions { shell } => completions(name, shell),
        Action::Man { dir } => man(name, dir.as_deref()).map_err(Error::Pages),
    }
}

/// Serves by these settings, and traces if they say so.
async fn serve(modules: Modules, flags: &config::Flags, manner: serve::Manner) -> Result<(), Error> {
    let loaded = config::load(flags)?;
    let traces = telemetry::Traces::of(flags.name, &loaded.config.telemetry)?;
    let config = begin(loaded, traces.as_ref());
    let served = serve::run(modules, config, manner).await;
    if let Some(traces) = traces {
        // Whether the last spans arrive changes nothing.
        let _ = tokio::task::spawn_blocking(|| traces.end()).await;
    }
    Ok(served?)
}

/// Reads the settings and starts to log by them.
fn load(flags: &config::Flags) -> Result<config::Config, Error> {
    Ok(begin(config::load(flags)?, None))
}

fn begin(loaded: config::Loaded, traces: Option<&telemetry::Traces>) -> config::Config {
    telemetry::log(&loaded.config.log, traces);
    for variable in loaded.unknown {
        tracing::warn!(variable, "no setting has this variable's name");
    }
    loaded.config
}

async fn migrate(modules: &Modules, config: config::Config, action: &Migrate) -> Result<(), Error> {
    let store = bootstrap::open(&config).await?;
    let partitions = store.migrate(modules.catalog()).await?;
    if action.restored {
        store.shared().new_generation().await.map_err(bootstrap::Error::Generation)?;
    }
    let checked =
        if action.check { Some(check::run(&store, modules.catalog(), Ids::All).await) } else { None };
    store.close().await;
    output::say(format_args!("{} is up to date; partitions: {partitions}", config.store))
        .map_err(client::Error::Output)?;
    Ok(checked.transpose().map(drop)?)
}

fn openapi(modules: Modules) -> Result<(), Error> {
    let document = serde_json::to_string_pretty(&Interface::new(modules).document(&BasePath::default()));
    let document = document.map_err(|error| client::Error::Output(error.into()))?;
    Ok(output::say(document).map_err(client::Error::Output)?)
}

fn completions(name: Name, shell: clap_complete::Shell) -> Result<(), Error> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut definition(name), name.as_str(), &mut script);
    Ok(output::say(String::from_utf8_lossy(&script)).map_err(client::Error::Output)?)
}

fn man(name: Name, folder: Option<&Path>) -> std::io::Result<()> {
    let command = definition(name);
    match folder {
        Some(folder) => {
            std::fs::create_dir_all(folder)?;
            clap_mangen::generate_to(command, folder)
        }
        None => clap_mangen::Man::new(command).render(&mut std::io::stdout().lock()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(line: &str) -> Result<Arguments, clap::Error> {
        Arguments::try_parse_from(line.split_whitespace())
    }

    #[test]
    fn the_definition_is_sound_under_any_name() {
        for name in [Name::WILCO, crate::program("gym").name()] {
            definition(name).debug_assert();
        }
    }

    #[test]
    fn a_program_of_another_name_does_not_speak_of_wilco() {
        fn texts(command: &clap::Command) -> String {
            let own = command.clone().render_long_help().to_string();
            own + &command.get_subcommands().map(texts).collect::<String>()
        }
        let said = texts(&definition(crate::program("gym").name()));
        assert!(!said.to_lowercase().contains("wilco") && said.contains("GYM_STORE"), "{said}");
    }

    #[test]
    fn without_a_subcommand_it_serves() {
        let plain = parse("wilco --listen 127.0.0.1:0").unwrap();
        assert!(plain.action.is_none());
        let modules = crate::program("gym").register().unwrap();
        assert_eq!(plain.serve.flags(&modules).values, [("listen".to_owned(), "127.0.0.1:0".to_owned())]);
        let named = parse("wilco serve --listen 127.0.0.1:0").unwrap();
        assert!(matches!(named.action, Some(Action::Serve(_))));
    }

    #[test]
    fn nonsense_is_a_matter_of_usage() {
        for line in ["wilco nonsense", "wilco command submit", "wilco --set engine.batch"] {
            assert_eq!(parse(line).unwrap_err().exit_code(), 2, "{line}");
        }
    }
}
