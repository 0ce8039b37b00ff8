use std::ops::ControlFlow;

use clap::{Args, Subcommand};
use reqwest::Method;
use serde_json::{Map, Value, json};

use super::client::{self, Client};
use super::settings;
use super::{output, sse, stream};
use crate::Name;

/// What to do with commands.
#[derive(Debug, Subcommand)]
pub enum Action {
    /// Give a command to the server
    Submit(Submit),
    /// Print how a command stands
    Status(One),
    /// Print each change of a command's status until it is settled
    Watch(One),
    /// Print what a command set off, as a tree
    Tree(One),
    /// Print the newest commands
    List(List),
    /// Take a command back that was not applied yet
    Cancel(One),
    /// Make a new command of a failed one
    Retry(One),
    /// Print the types of commands that there are
    Types(settings::Client),
}

impl Action {
    /// Where the server is, and how to print.
    pub fn client(&self) -> &settings::Client {
        match self {
            Self::Submit(submit) => &submit.client,
            Self::Status(one) | Self::Watch(one) | Self::Tree(one) | Self::Cancel(one) | Self::Retry(one) => {
                &one.client
            }
            Self::List(list) => &list.client,
            Self::Types(client) => client,
        }
    }
}

/// A command to give.
#[derive(Debug, Args)]
pub struct Submit {
    /// Its type, such as pet.create
    #[arg(value_name = "TYPE")]
    command_type: String,
    /// The id of the aggregate it is for; creating commands can do without
    #[arg(long, value_name = "ID")]
    target: Option<String>,
    /// Its own fields: JSON, @FILE, or - for standard input
    #[arg(long, value_name = "JSON", default_value = "{}")]
    data: String,
    /// The command's own id, a UUID: given again with the same, it is the same command
    #[arg(long, value_name = "UUID")]
    id: Option<String>,
    /// Kept with the command and its events; may be given several times
    #[arg(long, value_name = "NAME=VALUE", value_parser = pair)]
    metadata: Vec<(String, String)>,
    /// The idempotency key: the same request with the same key is the same command
    #[arg(long, value_name = "KEY")]
    key: Option<String>,
    /// The version the aggregate must have
    #[arg(long, value_name = "N")]
    expected_version: Option<u64>,
    /// Not to be applied before this time, such as 2026-01-01T00:00:00Z
    #[arg(long, value_name = "TIME")]
    not_before: Option<String>,
    /// Wait at most so many seconds for the outcome
    #[arg(long, value_name = "SECONDS", value_parser = clap::value_parser!(u8).range(1..=60))]
    wait: Option<u8>,
    #[command(flatten)]
    client: settings::Client,
}

/// One command.
#[derive(Debug, Args)]
pub struct One {
    /// The command's id
    id: String,
    #[command(flatten)]
    client: settings::Client,
}

/// Which commands to list.
#[derive(Debug, Args)]
pub struct List {
    /// Only these: scheduled, pending, running, succeeded, failed or cancelled
    #[arg(long)]
    status: Option<String>,
    /// Only of this type
    #[arg(long = "type", value_name = "TYPE")]
    command_type: Option<String>,
    /// Only for this aggregate
    #[arg(long, value_name = "TARGET")]
    target: Option<String>,
    /// Only those that one request set off
    #[arg(long, value_name = "ID")]
    correlation_id: Option<String>,
    /// At most so many
    #[arg(long, value_name = "N")]
    limit: Option<u32>,
    /// Go on where an earlier list ended
    #[arg(long, value_name = "CURSOR")]
    cursor: Option<String>,
    #[command(flatten)]
    client: settings::Client,
}

/// Does it.
pub(super) async fn run(name: Name, action: Action) -> Result<(), super::Error> {
    match action {
        Action::Submit(submit) => submit.run(name).await,
        Action::Status(one) => Ok(one.status(name).await?),
        Action::Watch(one) => one.watch(name).await,
        Action::Tree(one) => Ok(one.tree(name).await?),
        Action::List(list) => Ok(list.run(name).await?),
        Action::Cancel(one) => Ok(one.change(name, Method::DELETE, &[]).await?),
        Action::Retry(one) => Ok(one.change(name, Method::POST, &["retry"]).await?),
        Action::Types(arguments) => Ok(types(name, &arguments).await?),
    }
}

impl Submit {
    async fn run(self, name: Name) -> Result<(), super::Error> {
        let client = Client::new(name, &self.client)?;
        let mut request =
            client.request(Method::POST, client.url(&["v1", "commands"], [])).json(&self.envelope()?);
        if let Some(key) = &self.key {
            request = request.header("Idempotency-Key", key);
        }
        if let Some(seconds) = self.wait {
            request = request.header("Prefer", format!("wait={seconds}"));
        }
        let status = match client.send(request).await {
            Ok(answer) => answer.body,
            // Told as any other command is, with its id.
            Err(client::Error::Failed { command, .. }) => client.status(&command).await?,
            Err(error) => return Err(error.into()),
        };
        show(&status, self.client.json)?;
        match status["status"].as_str() {
            Some("failed" | "cancelled") => Err(super::Error::Told),
            _ if self.wait.is_some() && !settled(&status) => Err(super::Error::Unsettled),
            _ => Ok(()),
        }
    }

    fn envelope(&self) -> Result<Value, client::Error> {
        let mut envelope = Map::new();
        envelope.insert("type".to_owned(), json!(self.command_type));
        envelope.insert("data".to_owned(), data(&self.data)?);
        let optional = [
            ("id", self.id.as_ref().map(|id| json!(id))),
            (
                "metadata",
                (!self.metadata.is_empty()).then(|| self.metadata.iter().cloned().collect::<Value>()),
            ),
            ("target", self.target.as_ref().map(|target| json!(target))),
            ("expected_version", self.expected_version.map(|version| json!(version))),
            ("not_before", self.not_before.as_ref().map(|time| json!(time))),
        ];
        for (name, value) in optional {
            envelope.extend(value.map(|value| (name.to_owned(), value)));
        }
        Ok(Value::Object(envelope))
    }
}

/// Reads a `--metadata`.
fn pair(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((name, value)) if !name.is_empty() => Ok((name.to_owned(), value.to_owned())),
        _ => Err("NAME=VALUE is wanted".to_owned()),
    }
}

async fn types(name: Name, arguments: &settings::Client) -> Result<(), client::Error> {
    let client = Client::new(name, arguments)?;
    let url = client.url(&["v1", "command-types"], []);
    let answer = client.send(client.request(Method::GET, url)).await?;
    if arguments.json {
        return Ok(output::say(&answer.body)?);
    }
    for kind in answer.body["items"].as_array().into_iter().flatten() {
        output::say(output::command_type(kind))?;
    }
    Ok(())
}

/// Reads `--data`.
fn data(text: &str) -> Result<Value, client::Error> {
    let unreadable =
        |what: &str, error: std::io::Error| client::Error::Usage(format!("--data: {what}: {error}"));
    let read = match text.strip_prefix('@') {
        Some(file) => std::fs::read_to_string(file).map_err(|error| unreadable(file, error))?,
        None if text == "-" => {
            std::io::read_to_string(std::io::stdin()).map_err(|error| unreadable("standard input", error))?
        }
        None => text.to_owned(),
    };
    serde_json::from_str(&read).map_err(|error| client::Error::Usage(format!("--data is not JSON: {error}")))
}

impl One {
    fn segments(&self) -> [&str; 3] {
        ["v1", "commands", &self.id]
    }

    async fn status(&self, name: Name) -> Result<(), client::Error> {
        let status = Client::new(name, &self.client)?.status(&self.id).await?;
        show(&status, self.client.json)
    }

    async fn tree(&self, name: Name) -> Result<(), client::Error> {
        let client = Client::new(name, &self.client)?;
        let url = client.url(&[&self.segments()[..], &["tree"]].concat(), []);
        let tree = client.send(client.request(Method::GET, url)).await?.body;
        if self.client.json {
            return Ok(output::say(&tree)?);
        }
        branch(&tree, "", "")?;
        if tree["truncated"] == true {
            output::note("there is more of it");
        }
        Ok(())
    }

    async fn change(&self, name: Name, method: Method, further: &[&str]) -> Result<(), client::Error> {
        let client = Client::new(name, &self.client)?;
        let url = client.url(&[&self.segments(), further].concat(), []);
        let answer = client.send(client.request(method, url)).await?;
        show(&answer.body, self.client.json)
    }

    async fn watch(&self, name: Name) -> Result<(), super::Error> {
        let client = Client::new(name, &self.client)?;
        let url = client.url(&self.segments(), [("redirect", "false")]);
        let mut last = Value::Null;
        let take = |event: sse::Event| {
            last = serde_json::from_str(&event.data).unwrap_or_default();
            if self.client.json {
                output::say(&event.data)?;
            } else {
                output::say(output::status_line(&last))?;
            }
            Ok(if settled(&last) { ControlFlow::Break(()) } else { ControlFlow::Continue(()) })
        };
        stream::follow(&client, &url, take).await?;
        if last["status"] == "succeeded" {
            return Ok(());
        }
        output::note(output::problem(&last["error"]));
        Err(super::Error::Told)
    }
}

impl List {
    async fn run(self, name: Name) -> Result<(), client::Error> {
        let client = Client::new(name, &self.client)?;
        let limit = self.limit.map(|limit| limit.to_string());
        let query = [
            ("status", &self.status),
            ("type", &self.command_type),
            ("target", &self.target),
            ("correlation_id", &self.correlation_id),
            ("limit", &limit),
            ("cursor", &self.cursor),
        ];
        let query = query.iter().filter_map(|(name, value)| Some((*name, value.as_deref()?)));
        let answer = client.send(client.request(Method::GET, client.url(&["v1", "commands"], query))).await?;
        if self.client.json {
            return Ok(output::say(&answer.body)?);
        }
        for status in answer.body["items"].as_array().into_iter().flatten() {
            output::say(output::status_line(status))?;
        }
        if let Some(cursor) = answer.body["next_cursor"].as_str() {
            output::note(format_args!("more: --cursor {cursor}"));
        }
        Ok(())
    }
}

/// Prints a command, and below it its events and what it led to; `first` is before its own line, `rest` before the others.
fn branch(tree: &Value, first: &str, rest: &str) -> Result<(), client::Error> {
    output::say(format!("{first}{}", output::tree_line(&tree["command"])))?;
    let all = |member: &str| tree[member].as_array().map(Vec::as_slice).unwrap_or_default();
    let (events, children) = (all("events"), all("children"));
    let mut left = events.len() + children.len();
    let mut twig = || {
        left -= 1;
        if left == 0 { ("└─ ", "   ") } else { ("├─ ", "│  ") }
    };
    for event in events {
        output::say(format!("{rest}{}{}", twig().0, output::caused_event(event)))?;
    }
    for child in children {
        let (first, below) = twig();
        branch(child, &format!("{rest}{first}"), &format!("{rest}{below}"))?;
    }
    Ok(())
}

fn settled(status: &Value) -> bool {
    matches!(status["status"].as_str(), Some("succeeded" | "failed" | "cancelled"))
}

fn show(status: &Value, json: bool) -> Result<(), client::Error> {
    let said = if json { output::say(status) } else { output::say(output::status(status)) };
    Ok(said?)
}
