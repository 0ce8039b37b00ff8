//! The page that explains a problem.

use axum::body::Body;
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use serde_json::json;
use wilco_domain::kernel::Problem;

use crate::http::{Call, Media, answer};
use crate::openapi::{Answer, Operation, Parameter, Route};
use crate::problems::{Entry, Refusal};

/// What `GET /problems/{slug}` answers to programs.
#[derive(Serialize, schemars::JsonSchema)]
struct Explanation {
    /// The problem's `type`.
    #[schemars(example = &"/problems/pet-sold")]
    #[serde(rename = "type")]
    type_: String,
    /// Its short name.
    #[schemars(example = &"Pet sold")]
    title: String,
    /// The HTTP status it comes with.
    #[schemars(example = 409)]
    status: u16,
    /// What it means, and what to do about it.
    #[schemars(example = &"The pet is sold; it stays as it is. Choose another one.")]
    description: String,
}

pub(super) fn route() -> Route {
    let schema = json!({ "type": "string", "pattern": "^[a-z-]+$" });
    let slug = Parameter::path("slug", "The last segment of a problem's `type`.", schema, json!("pet-sold"));
    Route::get(
        "/problems/{slug}",
        explain,
        Operation::new("Operations", "explainProblem", "What a problem means, and what to do about it")
            .describe("As a page for people, and as JSON for programs.")
            .takes([slug])
            .answers(
                Answer::new(200, "The explanation.")
                    .text(Media::Html.name(), "<!doctype html>…")
                    .json::<Explanation>(),
            )
            .reads(&["not-found"]),
    )
}

/// Explains a problem, as a page or as JSON.
async fn explain(call: Call) -> Result<Response, Refusal> {
    call.query(&[])?;
    let slug = call.segment(2);
    let entry = call
        .state
        .problems()
        .find(&slug)
        .ok_or_else(|| Refusal::not_found("there is no problem of this name"))?;
    let problem = Problem::new(&entry.slug, entry.status, "");
    let response = match call.accept(&[Media::Html, Media::Json])? {
        Media::Html => page(entry, &problem),
        _ => answer::json(&Explanation {
            type_: problem.type_.into_owned(),
            title: problem.title.into_owned(),
            status: entry.status,
            description: format!("{} {}", entry.text, entry.advice).trim_end().to_owned(),
        })?,
    };
    Ok(answer::varies(response, "accept"))
}

fn page(entry: &Entry, problem: &Problem) -> Response {
    let advice = match entry.advice {
        "" => String::new(),
        advice => format!("<h2>What to do</h2>\n<p>{}</p>\n", escaped(advice)),
    };
    let html = format!(
        "<!doctype html>\n<html lang=\"en\">\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width\">\n<title>{title}</title>\n\
         <style>body{{font:1rem/1.5 system-ui;max-width:40rem;margin:3rem auto;padding:0 1rem}}</style>\n\
         <h1>{title}</h1>\n<p><code>{type_}</code>, HTTP status {status}</p>\n<p>{text}</p>\n\
         {advice}<p><a href=\"../docs/\">All routes and what they answer</a></p>\n\
         </html>\n",
        title = problem.title,
        type_ = problem.type_,
        status = entry.status,
        text = escaped(entry.text),
    );
    let mut response = Body::from(html).into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8"));
    headers.insert(
        header::CONTENT_SECURITY_POLICY,
        HeaderValue::from_static("default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'"),
    );
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("max-age=3600"));
    response
}

/// What stands beside a rule is text, whatever it looks like.
fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}
