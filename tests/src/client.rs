//! An HTTP client for the suites: it follows no redirects and takes no refusal for an error.

use std::collections::BTreeMap;
use std::time::Duration;

use reqwest::{Method, RequestBuilder, StatusCode};
use serde_json::{Value, json};

use crate::wait_for;

/// A client of one server.
#[derive(Clone, Debug)]
pub struct Client {
    http: reqwest::Client,
    base: String,
}

/// An answer.
#[derive(Clone, Debug)]
pub struct Reply {
    /// Its status.
    pub status: u16,
    /// Its headers, in lower case.
    pub headers: BTreeMap<String, String>,
    /// Its body, if that is JSON.
    pub body: Value,
    /// Its body as it is.
    pub text: String,
}

impl Reply {
    /// A header that must be there.
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).unwrap_or_else(|| panic!("no {name} in {self:?}"))
    }

    /// The id of the command it is about.
    pub fn id(&self) -> String {
        self.body["id"].as_str().unwrap_or_else(|| panic!("no id in {self:?}")).to_owned()
    }

    /// The slug of the problem that the body is.
    pub fn slug(&self) -> &str {
        slug(&self.body)
    }
}

/// The slug of a problem; empty if it is none.
pub fn slug(problem: &Value) -> &str {
    problem["type"].as_str().and_then(|kind| kind.strip_prefix("/problems/")).unwrap_or_default()
}

impl Client {
    /// A client of the server at this address.
    pub fn new(base: impl Into<String>) -> Self {
        crate::use_ring();
        let http = reqwest::Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .timeout(Duration::from_secs(70))
            .no_proxy()
            .build()
            .expect("a client");
        Self { http, base: base.into() }
    }

    /// The server's address.
    pub fn base(&self) -> &str {
        &self.base
    }

    /// A request that is not sent yet.
    pub fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.http.request(method, format!("{}{path}", self.base))
    }

    /// Sends a request. An error, as text, when there was no answer.
    pub async fn send(&self, request: RequestBuilder) -> Result<Reply, String> {
        let response = request.send().await.map_err(|error| format!("{error:?}"))?;
        let status = response.status().as_u16();
        let text_of =
            |value: &reqwest::header::HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
        let headers = response
            .headers()
            .iter()
            .map(|(name, value)| (name.as_str().to_owned(), text_of(value)))
            .collect();
        let text = response.text().await.map_err(|error| format!("{error:?}"))?;
        let body = serde_json::from_str(&text).unwrap_or_default();
        Ok(Reply { status, headers, body, text })
    }

    /// GETs a path. An error when there was no answer.
    pub async fn get(&self, path: &str) -> Result<Reply, String> {
        self.send(self.request(Method::GET, path)).await
    }

    /// GETs a path of a server that must answer.
    pub async fn read(&self, path: &str) -> Reply {
        self.get(path).await.expect("the server answers")
    }

    /// POSTs JSON, with further headers, to a server that must answer.
    pub async fn post(&self, path: &str, body: &Value, headers: &[(&str, &str)]) -> Reply {
        let request = self.request(Method::POST, path).json(body);
        let request = headers.iter().fold(request, |request, (name, value)| request.header(*name, *value));
        self.send(request).await.expect("the server answers")
    }

    /// Gives a command through the generic door.
    pub async fn submit(&self, envelope: &Value) -> Reply {
        self.post("/v1/commands", envelope, &[]).await
    }

    /// Gives a command that must be accepted, and waits until it is settled; its status.
    pub async fn done(&self, envelope: &Value) -> Value {
        let reply = self.submit(envelope).await;
        assert_eq!(reply.status, 202, "{reply:?}");
        self.settled(&reply.id()).await
    }

    /// How a command stands.
    pub async fn status(&self, id: &str) -> Reply {
        self.read(&format!("/v1/commands/{id}?redirect=false")).await
    }

    /// Waits until a command is settled; its status.
    pub async fn settled(&self, id: &str) -> Value {
        let settled = |reply: &Reply| is_settled(&reply.body);
        wait_for("the command to be settled", async || self.status(id).await, settled).await.body
    }

    /// Everything of the feed from its beginning, page by page; `query` narrows it.
    pub async fn feed(&self, query: &str) -> Vec<Value> {
        let mut items = Vec::new();
        let mut cursor = "start".to_owned();
        loop {
            let page = self.feed_page(&format!("after={cursor}&limit=1000&{query}")).await;
            let found = page["items"].as_array().expect("items").clone();
            let next = page["next_cursor"].as_str().expect("there always is a cursor").to_owned();
            // A filtered page may be empty and the feed go on behind it; the cursor stands still at the end.
            if found.is_empty() && next == cursor {
                return items;
            }
            items.extend(found);
            cursor = next;
        }
    }

    /// One page of the feed.
    pub async fn feed_page(&self, query: &str) -> Value {
        let request =
            self.request(Method::GET, &format!("/v1/feed?{query}")).header("Accept", "application/json");
        let reply = self.send(request).await.expect("the server answers");
        assert_eq!(reply.status, 200, "{reply:?}");
        reply.body
    }

    /// Every command there is, page by page; `query` narrows it.
    pub async fn commands(&self, query: &str) -> Vec<Value> {
        self.all(&format!("/v1/commands?{query}")).await
    }

    /// Everything of a list, page by page; the path has a query.
    pub async fn all(&self, path: &str) -> Vec<Value> {
        let mut items = Vec::new();
        let mut cursor = String::new();
        loop {
            let reply = self.read(&format!("{path}&limit=500{cursor}")).await;
            assert_eq!(reply.status, 200, "{reply:?}");
            items.extend(reply.body["items"].as_array().expect("items").iter().cloned());
            match reply.body["next_cursor"].as_str() {
                Some(next) => cursor = format!("&cursor={next}"),
                None => return items,
            }
        }
    }

    /// Every resource of a type, by id.
    pub async fn resources(&self, kind: &str) -> BTreeMap<String, Value> {
        let all = self.all(&format!("/v1/{kind}s?")).await;
        all.into_iter().map(|one| (one["id"].as_str().unwrap_or_default().to_owned(), one)).collect()
    }

    /// Opens a stream of server-sent events at a server that must answer.
    pub async fn stream(&self, path: &str, last_id: Option<&str>) -> Stream {
        self.open_stream(path, last_id).await.expect("the server answers with a stream")
    }

    /// Opens a stream of server-sent events. Without one: the status, if there was an answer.
    pub async fn open_stream(&self, path: &str, last_id: Option<&str>) -> Result<Stream, Option<u16>> {
        let mut request = self.request(Method::GET, path).header("Accept", "text/event-stream");
        if let Some(id) = last_id {
            request = request.header("Last-Event-ID", id);
        }
        let response = request.send().await.map_err(|_| None)?;
        if response.status() != StatusCode::OK {
            return Err(Some(response.status().as_u16()));
        }
        assert_eq!(response.headers()["content-type"], "text/event-stream");
        Ok(Stream { response, rest: Vec::new() })
    }
}

/// Whether a status is a settled one.
pub fn is_settled(status: &Value) -> bool {
    matches!(status["status"].as_str(), Some("succeeded" | "failed" | "cancelled"))
}

/// An envelope that creates a pet.
pub fn create_pet(id: &str) -> Value {
    json!({ "type": "pet.create", "target": id, "data": pet("Rex") })
}

/// The description of a pet.
pub fn pet(name: &str) -> Value {
    json!({ "name": name, "category": "dog" })
}

/// A stream of server-sent events.
pub struct Stream {
    response: reqwest::Response,
    /// What has arrived of the next events.
    rest: Vec<u8>,
}

/// A server-sent event.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Event {
    /// Its name.
    pub name: String,
    /// Its id; empty if it has none.
    pub id: String,
    /// Its data; null if it has none.
    pub data: Value,
}

impl Stream {
    /// The next event; `None` when the stream has ended. Waits at most 20 s.
    pub async fn next(&mut self) -> Option<Event> {
        tokio::time::timeout(Duration::from_secs(20), self.read()).await.expect("an event within 20 s")
    }

    async fn read(&mut self) -> Option<Event> {
        loop {
            let event = self.block().await?;
            if !event.data.is_null() {
                return Some(event);
            }
        }
    }

    /// The next block, which may be no more than a comment or an id; `None` when the stream has ended.
    pub async fn block(&mut self) -> Option<Event> {
        loop {
            if let Some(end) = self.rest.windows(2).position(|two| two == b"\n\n") {
                let block: Vec<u8> = self.rest.drain(..end + 2).collect();
                return Some(parse(&String::from_utf8_lossy(&block)));
            }
            self.rest.extend(self.response.chunk().await.ok()??);
        }
    }
}

fn parse(block: &str) -> Event {
    let mut event = Event::default();
    for (field, value) in block.lines().filter_map(|line| line.split_once(':')) {
        let value = value.strip_prefix(' ').unwrap_or(value);
        match field {
            "event" => value.clone_into(&mut event.name),
            "id" => value.clone_into(&mut event.id),
            "data" => event.data = serde_json::from_str(value).expect("the data is JSON"),
            _ => {}
        }
    }
    event
}
