use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use wilco_application::asking::{Refused, invalid};
use wilco_application::engine::SubmitError;
use wilco_application::ports::StoreError;
use wilco_application::queries::QueryError;
use wilco_application::status::path_of;
use wilco_domain::kernel::{FieldError, Problem};

use crate::header_names::IDEMPOTENCY_REPLAYED;

/// Why a request is not answered as asked.
#[derive(Clone, Debug)]
pub struct Refusal(Box<Inner>);

#[derive(Clone, Debug)]
struct Inner {
    problem: Problem,
    headers: Vec<(HeaderName, HeaderValue)>,
}

/// A problem on its way to the layer that writes it: it travels with the response.
#[derive(Clone)]
pub(crate) struct Unwritten(pub(crate) Problem);

impl Refusal {
    /// A refusal with this slug, status and detail.
    pub fn new(slug: &str, status: StatusCode, detail: impl Into<String>) -> Self {
        Self(Box::new(Inner { problem: Problem::new(slug, status.as_u16(), detail), headers: Vec::new() }))
    }

    /// 400: not JSON, or not the JSON that is understood here.
    pub fn malformed(detail: impl Into<String>) -> Self {
        Self::new("malformed", StatusCode::BAD_REQUEST, detail)
    }

    /// 400: well-formed, but these members are wrong.
    pub fn invalid(errors: Vec<FieldError>) -> Self {
        Self::of(invalid(errors))
    }

    /// 400: one member is wrong.
    pub fn member(pointer: impl Into<String>, detail: impl Into<String>) -> Self {
        Self::invalid(vec![FieldError { pointer: pointer.into(), detail: detail.into() }])
    }

    /// 400: a parameter in the path or the query is wrong.
    pub fn parameter(name: &str, detail: impl Into<String>) -> Self {
        Self::named("invalid-parameter", name, detail)
    }

    /// 400: a header is wrong.
    pub fn header(name: &HeaderName, detail: impl Into<String>) -> Self {
        Self::named("invalid-header", name.as_str(), detail)
    }

    /// 400: a cursor was not made by this server, or not for this list.
    pub fn cursor(name: &str) -> Self {
        Self::named("invalid-cursor", name, "the cursor was not made by this server for this list")
    }

    fn named(slug: &str, name: &str, detail: impl Into<String>) -> Self {
        let detail = detail.into();
        let mut refusal = Self::new(slug, StatusCode::BAD_REQUEST, format!("{name}: {detail}"));
        refusal.0.problem.errors = vec![FieldError { pointer: name.to_owned(), detail }];
        refusal
    }

    /// 404: there is no such thing.
    pub fn not_found(detail: impl Into<String>) -> Self {
        Self::new("not-found", StatusCode::NOT_FOUND, detail)
    }

    /// 400: the client hung up, or what it sent ended too early.
    pub fn cut_short() -> Self {
        Self::malformed("the body did not arrive whole")
    }

    /// 404: there is nothing at this path.
    pub fn unknown_route() -> Self {
        Self::new("unknown-route", StatusCode::NOT_FOUND, "there is nothing at this path")
    }

    /// 413: longer than is taken.
    pub fn too_large(limit: usize) -> Self {
        Self::new(
            "too-large",
            StatusCode::PAYLOAD_TOO_LARGE,
            format!("the body may have at most {limit} bytes"),
        )
    }

    /// 415: another content type is wanted.
    pub fn unsupported(wanted: &str) -> Self {
        Self::new(
            "unsupported-media-type",
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            format!("send Content-Type: {wanted}"),
        )
    }

    /// 406: nothing that is acceptable can be sent.
    pub fn not_acceptable(offered: &str) -> Self {
        Self::new("not-acceptable", StatusCode::NOT_ACCEPTABLE, format!("here is only {offered}"))
    }

    /// 500: a defect of the server. What went wrong is for the log, not for the client.
    pub fn internal() -> Self {
        Refused::internal().into()
    }

    /// A command's failure, as its waiting client gets it.
    pub fn of(problem: Problem) -> Self {
        Self(Box::new(Inner { problem, headers: Vec::new() }))
    }

    /// With `Retry-After`.
    #[must_use]
    pub fn retry_after(self, seconds: u64) -> Self {
        self.with(header::RETRY_AFTER, HeaderValue::from(seconds))
    }

    /// With a header more.
    #[must_use]
    pub fn with(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.0.headers.push((name, value));
        self
    }

    /// A submission that the engine refused; `data` is the pointer to the command's data in the request's body.
    pub fn of_submission(error: SubmitError, data: &str) -> Self {
        Refused::of(error, data).into()
    }

    /// 503: the server is on its way down.
    pub fn stopping() -> Self {
        Refused::stopping().into()
    }

    /// The problem, and nothing of its headers.
    pub fn into_problem(self) -> Problem {
        self.0.problem
    }
}

impl From<Refused> for Refusal {
    fn from(refused: Refused) -> Self {
        let mut refusal = Self::of(refused.problem);
        if let Some(id) = refused.replayed {
            refusal = refusal.with(IDEMPOTENCY_REPLAYED, HeaderValue::from_static("true"));
            let path = HeaderValue::try_from(path_of(id)).ok();
            refusal =
                path.into_iter().fold(refusal, |refusal, path| refusal.with(header::CONTENT_LOCATION, path));
        }
        refused.retry_after.into_iter().fold(refusal, Self::retry_after)
    }
}

impl From<StoreError> for Refusal {
    fn from(error: StoreError) -> Self {
        Refused::of_store(&error).into()
    }
}

impl From<QueryError> for Refusal {
    fn from(error: QueryError) -> Self {
        match error {
            QueryError::Store(error) => error.into(),
            other => {
                tracing::error!(error = &other as &dyn std::error::Error, "a stored thing could not be read");
                Self::internal()
            }
        }
    }
}

impl From<serde_json::Error> for Refusal {
    fn from(error: serde_json::Error) -> Self {
        tracing::error!(error = &error as &dyn std::error::Error, "an answer could not be written");
        Self::internal()
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let Inner { problem, headers } = *self.0;
        let mut response = Response::default();
        *response.status_mut() =
            StatusCode::from_u16(problem.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        response.headers_mut().extend(headers);
        response.extensions_mut().insert(Unwritten(problem));
        response
    }
}
