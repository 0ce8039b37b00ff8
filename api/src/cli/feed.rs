use std::ops::ControlFlow;

use clap::Args;
use reqwest::{Method, Url};
use serde_json::Value;
use wilco_application::feed::Cursor;

use super::client::{Client, Error};
use super::{output, settings, sse, stream};
use crate::Name;

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
    /// End when everything is printed that there is now; begins at the oldest, unless --after says otherwise
    #[arg(long)]
    until_now: bool,
    #[command(flatten)]
    pub(super) client: settings::Client,
}

/// Prints the feed until the program is ended, or up to now.
pub async fn run(name: Name, arguments: Arguments) -> Result<(), Error> {
    let client = Client::new(name, &arguments.client)?;
    if arguments.until_now {
        return arguments.until_now(&client).await;
    }
    let print = |event: sse::Event| {
        if arguments.client.json {
            output::say(&event.data)?;
        } else {
            arguments.print(&serde_json::from_str(&event.data).unwrap_or_default())?;
        }
        Ok(ControlFlow::Continue(()))
    };
    stream::follow(&client, &arguments.url(&client, arguments.after.as_deref(), &[]), print).await
}

impl Arguments {
    /// The address of the feed behind a cursor.
    fn url(&self, client: &Client, after: Option<&str>, further: &[(&str, &str)]) -> Url {
        let query =
            [("subject", self.subject.as_deref()), ("target", self.target.as_deref()), ("after", after)];
        let query = query.into_iter().filter_map(|(name, value)| Some((name, value?)));
        client.url(&["v1", "feed"], query.chain(further.iter().copied()))
    }

    fn print(&self, notification: &Value) -> Result<(), Error> {
        let said = if self.client.json {
            output::say(notification)
        } else {
            output::say(output::notification(notification))
        };
        Ok(said?)
    }

    /// Page by page, up to where the feed ends now; what comes meanwhile is left out.
    async fn until_now(&self, client: &Client) -> Result<(), Error> {
        let page = async |after: Option<String>| {
            let url = self.url(client, after.as_deref(), &[("limit", "1000")]);
            let page = client.send(client.request(Method::GET, url)).await?.body;
            let cursor = page["next_cursor"].as_str().and_then(|cursor| cursor.parse::<Cursor>().ok());
            Ok::<_, Error>((page, cursor.ok_or_else(|| Error::Usage("the feed has no cursor".to_owned()))?))
        };
        let (_, end) = page(None).await?;
        let mut after = self.after.clone().unwrap_or_else(|| "start".to_owned());
        loop {
            let (found, cursor) = page(Some(after)).await?;
            let items = found["items"].as_array().into_iter().flatten();
            items.filter(|item| is_before(item, &end)).try_for_each(|item| self.print(item))?;
            if cursor.reaches(&end) {
                return Ok(());
            }
            after = cursor.to_string();
        }
    }
}

fn is_before(notification: &Value, end: &Cursor) -> bool {
    let partition = notification["partition"].as_u64().and_then(|partition| partition.try_into().ok());
    let offset = notification["offset"].as_str().and_then(|offset| offset.parse::<i64>().ok());
    matches!((partition, offset), (Some(partition), Some(offset)) if offset <= end.offset(partition))
}
