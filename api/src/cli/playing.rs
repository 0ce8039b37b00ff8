//! A server with a sandbox beside it that stands for every third party.

use std::net::SocketAddr;

use wilco_application::webhook::SigningKey;

use crate::config::{Config, Hook, Secret};
use crate::modules::Payments;
use crate::sandbox::{Error, Options, SECRET, Sandbox};

/// Starts a sandbox for a server that listens there, and points its settings at it. It ends with the program: what is under
/// way when the server stops still asks it.
pub(super) async fn beside(listening: SocketAddr, config: &mut Config) -> Result<String, Error> {
    let known = || vec![Secret::from(SECRET.to_owned())];
    if config.callbacks.secrets.is_empty() {
        config.callbacks.secrets = known();
    }
    let callback_secret: Option<SigningKey> =
        config.callbacks.secrets.first().and_then(|secret| secret.reveal().parse().ok());
    let hook_url = format!("http://{listening}/v1/hooks/payment-provider").parse().ok();
    let options = Options { hook_url, callback_secret, ..Options::known() };
    let sandbox = Sandbox::bind(SocketAddr::from(([127, 0, 0, 1], 0)), options).await?;
    let url = sandbox.url();
    config.own.change::<Payments>(|payments| payments.provider = Some(url.clone()));
    config.hooks.insert("payment-provider".to_owned(), Hook { secrets: known() });
    config.egress.allow.extend(["127.0.0.0/8".to_owned(), "::1/128".to_owned()]);
    tokio::spawn(sandbox.run(std::future::pending()));
    Ok(url)
}
