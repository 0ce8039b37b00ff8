use std::time::Duration;

use reqwest::header::{ACCEPT, CONTENT_LOCATION};
use reqwest::{Method, RequestBuilder, Response, StatusCode, Url};
use serde_json::Value;

use super::output;
use super::settings;
use crate::Name;

/// A request did not come to a good end.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// It could not even be made.
    #[error("{0}")]
    Usage(String),
    /// The server does not answer.
    #[error("{url} does not answer; --url says where the server is")]
    Unreachable {
        /// Where it was looked for.
        url: String,
        /// Why.
        #[source]
        source: reqwest::Error,
    },
    /// The server refused.
    #[error("{}", output::problem(.0))]
    Refused(Value),
    /// The command was waited for, and failed.
    #[error("command {command}: {}", output::problem(problem))]
    Failed {
        /// Its id.
        command: String,
        /// Why.
        problem: Value,
    },
    /// The answer is none of Wilco's.
    #[error("{url} answered {status} with something else than JSON; is it the server?")]
    Foreign {
        /// Where it came from.
        url: String,
        /// With which status.
        status: StatusCode,
    },
    /// The output could not be written.
    #[error("the output could not be written")]
    Output(#[from] std::io::Error),
}

/// A server, seen from outside.
#[derive(Clone, Debug)]
pub struct Client {
    http: reqwest::Client,
    base: Url,
}

/// An answer that is no refusal.
#[derive(Debug)]
pub struct Answer {
    /// Its status.
    pub status: StatusCode,
    /// Its body.
    pub body: Value,
}

impl Client {
    /// A client of the server that the arguments name.
    pub fn new(name: Name, arguments: &settings::Client) -> Result<Self, Error> {
        let wrong = || Error::Usage("--url: http://HOST:PORT is wanted".to_owned());
        let base: Url = arguments.address.url(name).parse().map_err(|_| wrong())?;
        if !matches!(base.scheme(), "http" | "https") {
            return Err(wrong());
        }
        let http = reqwest::Client::builder()
            .connect_timeout(Duration::from_secs(5))
            // The status of a command that left a resource redirects to it; here the status is wanted.
            .redirect(reqwest::redirect::Policy::none())
            .user_agent(format!("{}/{}", name.as_str(), env!("CARGO_PKG_VERSION")))
            .build();
        let http = http.map_err(|source| Error::Unreachable { url: shown(&base), source })?;
        Ok(Self { http, base })
    }

    /// The address of `segments` below the server's, with these parameters.
    pub fn url<'a>(&self, segments: &[&str], query: impl IntoIterator<Item = (&'a str, &'a str)>) -> Url {
        let mut url = self.base.clone();
        if let Ok(mut path) = url.path_segments_mut() {
            path.pop_if_empty().extend(segments);
        }
        url.set_query(None);
        let mut query = query.into_iter().peekable();
        if query.peek().is_some() {
            url.query_pairs_mut().extend_pairs(query);
        }
        url
    }

    /// A request that the server answers soon.
    pub fn request(&self, method: Method, url: Url) -> RequestBuilder {
        /// Longer than the longest wait a server grants.
        const PATIENCE: Duration = Duration::from_secs(90);
        self.http.request(method, url).timeout(PATIENCE).header(ACCEPT, "application/json")
    }

    /// Sends it, and reads the JSON that comes back.
    pub async fn send(&self, request: RequestBuilder) -> Result<Answer, Error> {
        let response = request.send().await.map_err(|source| self.unreachable(source))?;
        self.read(response).await
    }

    /// The status of a command.
    pub async fn status(&self, command: &str) -> Result<Value, Error> {
        let url = self.url(&["v1", "commands", command], [("redirect", "false")]);
        Ok(self.send(self.request(Method::GET, url)).await?.body)
    }

    /// Opens a stream of events, which has no end in time.
    pub async fn stream(&self, url: Url) -> Result<Response, Error> {
        let response = self.http.get(url).header(ACCEPT, "text/event-stream").send().await;
        let response = response.map_err(|source| self.unreachable(source))?;
        if response.status().is_success() {
            return Ok(response);
        }
        Err(match self.read(response).await {
            Ok(answer) => Error::Foreign { url: shown(&self.base), status: answer.status },
            Err(error) => error,
        })
    }

    async fn read(&self, response: Response) -> Result<Answer, Error> {
        let status = response.status();
        let command =
            response.headers().get(CONTENT_LOCATION).and_then(|path| command_of(path.to_str().ok()?));
        let bytes = response.bytes().await.map_err(|source| self.unreachable(source))?;
        let Ok(body) = serde_json::from_slice::<Value>(&bytes) else {
            return Err(Error::Foreign { url: shown(&self.base), status });
        };
        match (status.is_client_error() || status.is_server_error(), command) {
            (false, _) => Ok(Answer { status, body }),
            (true, None) => Err(Error::Refused(body)),
            (true, Some(command)) => Err(Error::Failed { command, problem: body }),
        }
    }

    fn unreachable(&self, source: reqwest::Error) -> Error {
        Error::Unreachable { url: shown(&self.base), source: source.without_url() }
    }
}

/// The id in the path of a command's status.
fn command_of(path: &str) -> Option<String> {
    path.rsplit_once("/v1/commands/").map(|(_, id)| id.to_owned())
}

/// Where the server is, without user and password.
fn shown(base: &Url) -> String {
    let mut url = base.clone();
    // Refused only by URLs that have neither.
    let _ = url.set_username("");
    let _ = url.set_password(None);
    url.to_string()
}
