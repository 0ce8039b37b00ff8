use uuid::Uuid;
use wilco_domain::kernel::{FieldError, Problem};

use crate::engine::SubmitError;
use crate::outage::Outage;
use crate::ports::StoreError;
use crate::status::path_of;

/// Why somebody is not answered as asked.
#[derive(Clone, Debug)]
pub struct Refused {
    /// What is told.
    pub problem: Problem,
    /// Seconds after which it may be asked again, where that may help.
    pub retry_after: Option<u64>,
    /// The command that the same request made before.
    pub replayed: Option<Uuid>,
}

/// Requests that the store did not answer: the first one is told of.
static OUTAGE: Outage = Outage::of_store();

/// Seconds after which a store that did not answer may be asked again.
const STORE_PAUSE: u64 = 1;

impl From<Problem> for Refused {
    fn from(problem: Problem) -> Self {
        Self { problem, retry_after: None, replayed: None }
    }
}

impl Refused {
    /// A submission that the engine refused; `data` is the pointer to the command's data in what was sent.
    pub fn of(error: SubmitError, data: &str) -> Self {
        match error {
            SubmitError::Invalid(mut errors) => {
                for error in &mut errors {
                    error.pointer.insert_str(0, data);
                }
                invalid(errors).into()
            }
            SubmitError::NoTarget => member("/target", "this command needs to say what it is for"),
            SubmitError::TooFar => member("/not_before", "more than a year away"),
            SubmitError::CallbackUrl(why) => member("/callback_url", &why),
            SubmitError::NotConfigured(setting) => Problem::new(
                "not-configured",
                503,
                format!("this server needs the setting {setting} for that"),
            )
            .into(),
            SubmitError::KeyReused => Problem::new(
                "idempotency-key-reused",
                422,
                "the key, or the id of the command, was used for another request",
            )
            .into(),
            SubmitError::Gone(id) => {
                let detail = "the command of this request is done, and its resource was deleted since";
                let problem = Problem::new("gone", 410, detail).at(path_of(id));
                Self { replayed: Some(id), ..problem.into() }
            }
            SubmitError::Expired => Problem::new(
                "command-expired",
                410,
                "a command with this id was settled longer ago than statuses are kept",
            )
            .into(),
            SubmitError::Backlog(seconds) => {
                let detail = "more commands wait than this server takes on";
                Self::for_now(Problem::new("backlog-full", 503, detail), seconds)
            }
            SubmitError::Stopping => Self::stopping(),
            SubmitError::Unavailable(error) => Self::of_store(&error),
        }
    }

    /// 503: the server is on its way down.
    pub fn stopping() -> Self {
        Self::for_now(Problem::new("shutting-down", 503, "the server is stopping"), STORE_PAUSE)
    }

    /// 503: the store did not answer; 500: what it holds cannot be read. The log is told.
    pub fn of_store(error: &StoreError) -> Self {
        if let StoreError::Data(_) = error {
            tracing::error!(
                error = error as &dyn std::error::Error,
                "the store refuses or holds unreadable data"
            );
            return Self::internal();
        }
        OUTAGE.failed(error, "a request was not answered");
        Self::for_now(Problem::new("store-unavailable", 503, "the store does not answer"), STORE_PAUSE)
    }

    /// 500: a defect of the server. What went wrong is for the log, not for the client.
    pub fn internal() -> Self {
        Problem::new("internal", 500, "the server could not do this; its log says why").into()
    }

    fn for_now(problem: Problem, seconds: u64) -> Self {
        Self { retry_after: Some(seconds), ..problem.into() }
    }
}

fn member(pointer: &str, detail: &str) -> Refused {
    invalid(vec![FieldError { pointer: pointer.to_owned(), detail: detail.to_owned() }]).into()
}

/// The problem of what is well-formed, but has these members at fault.
pub fn invalid(errors: Vec<FieldError>) -> Problem {
    let detail = match errors.as_slice() {
        [only] if only.pointer.is_empty() => only.detail.clone(),
        [only] => format!("{}: {}", only.pointer, only.detail),
        many => format!("{} members of the request are not valid", many.len()),
    };
    Problem { errors, ..Problem::new("invalid-request", 400, detail) }
}
