use std::fmt::Write as _;

use clap::{Args, Subcommand};
use reqwest::Method;
use serde_json::Value;

use super::client::{self, Client};
use super::observing::Observing;
use super::{output, settings};
use crate::Name;
use crate::modules::Modules;

/// What to do with processes.
#[derive(Debug, Subcommand)]
pub enum Action {
    /// Print the processes
    List(List),
    /// Print how a process stands, what it knows and what it waits for
    Show(One),
    /// Let a process that stands still go on
    Resume(One),
    /// End a process that stands still: the commands that it works on have failed
    GiveUp(One),
    /// Print how far a type of process has looked through what it observes in a store, or have it go on elsewhere
    Observing(Box<Observing>),
}

impl Action {
    /// Where the server is, and how to print; `None`: it asks none.
    pub fn client(&self) -> Option<&settings::Client> {
        match self {
            Self::List(list) => Some(&list.client),
            Self::Show(one) | Self::Resume(one) | Self::GiveUp(one) => Some(&one.client),
            Self::Observing(_) => None,
        }
    }
}

/// Which processes to list.
#[derive(Debug, Args)]
pub struct List {
    /// Only of this type
    #[arg(long = "type", value_name = "TYPE")]
    process_type: Option<String>,
    /// Only these: running, parked or ended
    #[arg(long)]
    status: Option<String>,
    /// At most so many
    #[arg(long, value_name = "N")]
    limit: Option<u32>,
    /// Go on where an earlier list ended
    #[arg(long, value_name = "CURSOR")]
    cursor: Option<String>,
    #[command(flatten)]
    client: settings::Client,
}

/// One process.
#[derive(Debug, Args)]
pub struct One {
    /// Its type, such as ordering
    #[arg(value_name = "TYPE")]
    process_type: String,
    /// Its id
    id: String,
    #[command(flatten)]
    client: settings::Client,
}

/// Does it.
pub(super) async fn run(modules: &Modules, action: Action) -> Result<(), super::Error> {
    let name = modules.name();
    match action {
        Action::List(list) => list.run(name).await?,
        Action::Show(one) => one.ask(name, Method::GET, &[]).await?,
        Action::Resume(one) => one.ask(name, Method::POST, &["resume"]).await?,
        Action::GiveUp(one) => one.ask(name, Method::POST, &["give-up"]).await?,
        Action::Observing(observing) => {
            let config = super::load(&observing.settings.flags(modules))?;
            observing.run(modules.catalog(), &config).await?;
        }
    }
    Ok(())
}

impl List {
    async fn run(self, name: Name) -> Result<(), client::Error> {
        let client = Client::new(name, &self.client)?;
        let limit = self.limit.map(|limit| limit.to_string());
        let query = [
            ("type", self.process_type.as_deref()),
            ("status", self.status.as_deref()),
            ("limit", limit.as_deref()),
            ("cursor", self.cursor.as_deref()),
        ];
        let query = query.into_iter().filter_map(|(name, value)| Some((name, value?)));
        let url = client.url(&["v1", "processes"], query);
        let page = client.send(client.request(Method::GET, url)).await?.body;
        if self.client.json {
            return Ok(output::say(&page)?);
        }
        for process in page["items"].as_array().into_iter().flatten() {
            output::say(line(process))?;
        }
        if let Some(cursor) = page["next_cursor"].as_str() {
            output::note(format!("there are more: --cursor {cursor}"));
        }
        Ok(())
    }
}

impl One {
    async fn ask(&self, name: Name, method: Method, further: &[&str]) -> Result<(), client::Error> {
        let client = Client::new(name, &self.client)?;
        let place = ["v1", "processes", &self.process_type, &self.id];
        let url = client.url(&[&place[..], further].concat(), []);
        let process = client.send(client.request(method, url)).await?.body;
        if self.client.json {
            return Ok(output::say(&process)?);
        }
        output::say(line(&process))?;
        output::say(format!("state: {}", process["state"]))?;
        for label in process["waits_for"].as_array().into_iter().flatten() {
            output::say(format!("waits for: {}", label.as_str().unwrap_or_default()))?;
        }
        for timer in process["timers"].as_array().into_iter().flatten() {
            let text = |member: &str| timer[member].as_str().unwrap_or_default().to_owned();
            output::say(format!("timer: {} at {}", text("name"), text("due_at")))?;
        }
        Ok(())
    }
}

/// An instance in a line: `ordering/o-1 running 1/2 create order`.
fn line(process: &Value) -> String {
    let text = |member: &str| process[member].as_str().unwrap_or_default();
    let mut line = format!("{}/{} {}", text("type"), text("id"), text("status"));
    if let Some(progress) = process["progress"].as_object().filter(|_| text("status") != "ended") {
        let step = progress["step"].as_str().unwrap_or_default();
        let _ = write!(line, " {}/{} {step}", progress["done"], progress["total"]);
    }
    if let Some(why) = process["parked"]["detail"].as_str() {
        let _ = write!(line, ": {why}");
    }
    line
}
