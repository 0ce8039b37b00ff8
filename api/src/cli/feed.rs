use std::ops::ControlFlow;

use clap::Args;
use serde_json::Value;

use super::client::{Client, Error};
use super::{output, settings, sse, stream};

/// What of the feed to print.
#[derive(Debug, Args)]
pub struct Arguments {
    /// Only what goes to these subjects, such as wilco.command.failed.>
    #[arg(long, value_name = "SUBJECT")]
    subject: Option<String>,
    /// Only what is about this aggregate, such as pet/pet-42
    #[arg(long, value_name = "TYPE/ID")]
    target: Option<String>,
    /// Begin behind this cursor; `start` is the oldest kept [default: now]
    #[arg(long, value_name = "CURSOR")]
    after: Option<String>,
    #[command(flatten)]
    client: settings::Client,
}

/// Prints the feed until the program is ended.
pub async fn run(arguments: Arguments) -> Result<(), Error> {
    let client = Client::new(&arguments.client)?;
    let query = [("subject", &arguments.subject), ("target", &arguments.target), ("after", &arguments.after)];
    let query = query.iter().filter_map(|(name, value)| Some((*name, value.as_deref()?)));
    let url = client.url(&["v1", "feed"], query);
    let print = |event: sse::Event| {
        if arguments.client.json {
            output::say(&event.data)?;
        } else {
            let notification: Value = serde_json::from_str(&event.data).unwrap_or_default();
            output::say(output::notification(&notification))?;
        }
        Ok(ControlFlow::Continue(()))
    };
    stream::follow(&client, &url, print).await
}
