use std::net::SocketAddr;

use clap::Args;
use reqwest::Url;
use wilco_application::webhook::SigningKey;

use super::{output, serve};
use crate::config::{Log, Span};
use crate::sandbox::{self, Options};
use crate::{Name, telemetry};

/// How to be a third party.
#[derive(Debug, Args)]
pub struct Sandbox {
    /// The address and port to listen on, of loopback
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:8090", value_parser = loopback)]
    listen: SocketAddr,
    /// Where to tell what became of transactions: the server's `/v1/hooks/payment-provider`
    #[arg(long, value_name = "URL", value_parser = http_url)]
    hook_url: Option<Url>,
    /// The secret to sign that with
    #[arg(long, value_name = "SECRET", default_value = sandbox::SECRET)]
    secret: SigningKey,
    /// How long a transaction is pending before it is completed or declined; with 0s the first answer says so
    #[arg(long, value_name = "DURATION", default_value = "2s")]
    settle_after: Span,
    /// The secret that messages to /client must be signed with [default: all are taken]
    #[arg(long, value_name = "SECRET")]
    callback_secret: Option<SigningKey>,
}

/// Why it ends without success.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// It cannot start.
    #[error(transparent)]
    Sandbox(#[from] sandbox::Error),
    /// Signals cannot be received.
    #[error("signals cannot be received")]
    Signals(#[source] std::io::Error),
}

/// Plays until a signal comes.
pub(super) async fn run(name: Name, arguments: Sandbox) -> Result<(), Error> {
    telemetry::log(&Log::default(), None);
    let mut signals = serve::Signals::new().map_err(Error::Signals)?;
    let options = Options {
        hook_url: arguments.hook_url,
        callback_secret: arguments.callback_secret,
        settle_after: arguments.settle_after.0,
        ..Options::new(arguments.secret)
    };
    let sandbox = sandbox::Sandbox::bind(arguments.listen, options).await?;
    // Nobody may be reading.
    let _ = output::say(format_args!("{}'s sandbox is at {}", name.as_str(), sandbox.url()));
    sandbox.run(signals.next()).await;
    Ok(())
}

fn loopback(text: &str) -> Result<SocketAddr, String> {
    let address: SocketAddr =
        text.parse().map_err(|_| "127.0.0.1:PORT or [::1]:PORT is wanted".to_owned())?;
    if address.ip().is_loopback() {
        Ok(address)
    } else {
        Err(sandbox::Error::NotLoopback(address).to_string())
    }
}

fn http_url(text: &str) -> Result<Url, String> {
    let url = text.parse::<Url>().ok().filter(|url| matches!(url.scheme(), "http" | "https"));
    url.ok_or_else(|| "http://HOST:PORT/PATH is wanted".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_listens_on_loopback_only() {
        for text in ["127.0.0.1:0", "127.9.9.9:80", "[::1]:8090"] {
            assert!(loopback(text).is_ok(), "{text}");
        }
        for text in ["0.0.0.0:8090", "[::]:8090", "10.0.0.1:80", "192.168.1.1:80", "localhost", "127.0.0.1"] {
            assert!(loopback(text).is_err(), "{text}");
        }
    }
}
