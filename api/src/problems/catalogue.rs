use std::borrow::Cow;
use std::collections::HashSet;

use wilco_domain::kernel::{RejectionKind, Rule};

/// What a problem means and what to do about it.
#[derive(Clone, Debug)]
pub struct Entry {
    /// The last segment of the problem's `type`.
    pub slug: Cow<'static, str>,
    /// The HTTP status it comes with.
    pub status: u16,
    /// What it means.
    pub text: &'static str,
    /// What to do about it; may be empty.
    pub advice: &'static str,
}

const fn entry(slug: &'static str, status: u16, text: &'static str, advice: &'static str) -> Entry {
    Entry { slug: Cow::Borrowed(slug), status, text, advice }
}

/// Every problem of the engine: first those of requests, then those of commands. The rules of a domain stand there.
pub const CATALOGUE: &[Entry] = &[
    entry(
        "malformed",
        400,
        "The body is not JSON as it is understood here: a syntax error, text that is not UTF-8, a number out of \
         range, a NUL character, a member named twice, too deep nesting, or a body that is missing. Nothing was \
         stored.",
        "Correct the body and send it again; `errors` names the member where that can be told.",
    ),
    entry(
        "malformed-http",
        400,
        "The request is not HTTP/1.1 as RFC 9112 has it, in a way that could be understood differently by two \
         servers on its way: conflicting lengths, an unknown transfer coding, a missing or doubled Host, bare \
         line feeds. The connection is closed.",
        "Send it with a client library, and look at what proxies on the way make of it.",
    ),
    entry(
        "invalid-request",
        400,
        "The body is JSON, but members of it are missing, unknown or of the wrong kind. `errors` names each by a \
         JSON Pointer. Nothing was stored.",
        "Correct those members. The schema of each command is listed at /v1/command-types.",
    ),
    entry(
        "invalid-parameter",
        400,
        "A parameter in the path or the query is unknown, given twice, or has a value it cannot have. `errors` \
         names it.",
        "Correct it, or leave it out. /openapi.json says what each may be.",
    ),
    entry(
        "invalid-header",
        400,
        "A header has a value it cannot have. `errors` names it.",
        "Correct it, or leave it out. /openapi.json says what each may be.",
    ),
    entry(
        "invalid-cursor",
        400,
        "A cursor is only good for the list that gave it.",
        "Begin again without one, or with the last one that was given.",
    ),
    entry(
        "not-found",
        404,
        "There is no such resource or command, or it belongs to somebody else. As the outcome of a command: the \
         aggregate it was for does not exist.",
        "Check the id. What was asked for a moment ago may not be made yet: follow its command.",
    ),
    entry(
        "not-yet",
        404,
        "The resource is not there, and a command that makes it is still open.",
        "Ask again after `Retry-After`, or follow the command that the `Link` header names.",
    ),
    entry(
        "unknown-route",
        404,
        "There is nothing at this path.",
        "Check the path: /openapi.json lists what there is.",
    ),
    entry(
        "unknown-command-type",
        404,
        "No command of this type is registered.",
        "Check the type: /v1/command-types lists them.",
    ),
    entry(
        "method-not-allowed",
        405,
        "The path exists, but not for this method.",
        "Use one of those that `Allow` lists.",
    ),
    entry(
        "cross-site",
        403,
        "A page of another origin asked for something to be changed. Nothing was.",
        "If the page may, list its origin in the setting `http.cors_origins`.",
    ),
    entry(
        "not-acceptable",
        406,
        "The `Accept` header rules out everything that could be sent.",
        "Accept what `detail` names, or anything.",
    ),
    entry(
        "request-timeout",
        408,
        "The request took too long to arrive. Nothing was stored.",
        "Send it again, over a better connection or in smaller parts.",
    ),
    entry(
        "command-settled",
        409,
        "The command is settled and cannot be cancelled any more.",
        "Read its status. What it did is undone by another command, if at all.",
    ),
    entry(
        "command-running",
        409,
        "A process works on the command, which cannot be cancelled any more.",
        "Read its status. Where the process can be told to stop there is a command for that.",
    ),
    entry(
        "process-parked",
        500,
        "A process met a defect and stands still; what is to come to it waits.",
        "Whoever runs the server has to see to it.",
    ),
    entry(
        "process-not-parked",
        409,
        "Only a process that stands still can be let go on, or be given up.",
        "Read how it stands: it goes on, or it has ended.",
    ),
    entry(
        "command-not-failed",
        409,
        "Only a failed command can be retried.",
        "Read its status: it is still open, or it succeeded.",
    ),
    entry(
        "command-expired",
        410,
        "The command was settled longer ago than statuses are kept.",
        "Read the resource itself; its history tells what became of it.",
    ),
    entry(
        "cursor-expired",
        410,
        "The cursor is no place in this feed any more: the store was returned to an earlier state (restored from \
         a backup) since it was given out.",
        "Begin again with `after=start`, and forget the offsets seen before: entries bear another `generation` \
         now.",
    ),
    entry("too-large", 413, "The body is longer than the server takes.", "Split it."),
    entry(
        "unsupported-media-type",
        415,
        "The body is of a content type that is not understood here.",
        "Send what `detail` names, and say so in `Content-Type`.",
    ),
    entry(
        "idempotency-key-reused",
        422,
        "The Idempotency-Key (or the command's own id) was used before, for a request with another method, path \
         or body.",
        "Use a new key for a new request.",
    ),
    entry(
        "unsupported-content-coding",
        415,
        "The body is in a content coding that is not understood here.",
        "Send it as it is, or in one that `Accept-Encoding` names.",
    ),
    entry(
        "misdirected-request",
        421,
        "The server listens on loopback, and was asked for by a name that is not one of loopback: such names are \
         bent to loopback by pages that mean harm (DNS rebinding).",
        "If the name is yours, add it to the setting `http.hosts`.",
    ),
    entry(
        "header-fields-too-large",
        431,
        "The request has too many headers, or too long ones.",
        "Send fewer: cookies of other servers on this host are the usual reason.",
    ),
    entry(
        "internal",
        500,
        "A defect of the server. A command that failed so is kept.",
        "Look at the server's log for the request's id; the command can be retried when the defect is mended.",
    ),
    entry(
        "backlog-full",
        503,
        "More commands wait than the server takes on. Nothing was stored.",
        "Come back after `Retry-After`.",
    ),
    entry(
        "store-unavailable",
        503,
        "The store does not answer. Whether the command was stored is unknown.",
        "Send it again with the same Idempotency-Key, and there will be one command.",
    ),
    entry(
        "shutting-down",
        503,
        "The server is stopping and takes no new commands.",
        "Send it again: another replica takes it, or the same server when it is back.",
    ),
    entry("http-version-not-supported", 505, "The server speaks HTTP/1.1.", "Let the client speak that."),
    entry(
        "validation",
        422,
        "The values of the command make no sense together, or for this aggregate.",
        "Read the aggregate, correct the values, and make a new command.",
    ),
    entry(
        "already-exists",
        409,
        "There is an aggregate with this id already.",
        "Choose another id, or let the server make one.",
    ),
    entry("gone", 410, "The resource was deleted.", "Nothing brings it back; its history remains."),
    entry(
        "version-conflict",
        412,
        "The aggregate has another version than the command expected, or a precondition (`If-Match`, \
         `If-None-Match`) does not hold.",
        "Read it again, and decide again.",
    ),
    entry(
        "unauthenticated",
        401,
        "It is not known who asks, or the message is not signed as it should be: its signature is missing, wrong or by \
         a secret that is not known here, or it is older than five minutes. Nothing was stored.",
        "Sign the body as it is sent, byte for byte, with a secret that is set for the source.",
    ),
    entry(
        "not-configured",
        503,
        "The server was not told what it needs for that. Nothing was stored.",
        "Whoever runs the server sets what `detail` names.",
    ),
    entry(
        "undeliverable",
        502,
        "A third party could not be asked, or did not take it, however often it was tried.",
        "Read `detail`. Where the outcome is said to be unknown, ask the third party whether it was done.",
    ),
    entry("declined", 409, "A third party has said no.", "Ask there why."),
    entry(
        "timed-out",
        504,
        "A third party has not said in time what has become of it. It may say so yet.",
        "Read the resource later, or ask the third party.",
    ),
    entry("rule-violated", 409, "A rule of the domain says no.", "Read `detail`, and the aggregate."),
    entry(
        "blocked",
        503,
        "The command is kept and waits: this version of the server cannot read what it needs (events of the resource \
         that were stored in another layout, or the command itself), or it stands behind such a command for the same \
         resource. It is the reason in `blocked` of a pending command's status, not a failure.",
        "Whoever runs the server starts a version that can read it, and the command goes on; `wilco migrate --check` \
         names what is missing. It can be cancelled meanwhile.",
    ),
    entry(
        "cancelled",
        409,
        "The command was cancelled before it was applied.",
        "Make it again, if it is still wanted.",
    ),
];

impl From<&Rule> for Entry {
    fn from(rule: &Rule) -> Self {
        let Rule { slug, text, advice } = rule.clone();
        Self { slug, status: RejectionKind::RuleViolated.status(), text, advice }
    }
}

/// Every problem of a program.
pub struct Catalogue(Vec<Entry>);

impl Catalogue {
    /// The engine's, and these of its modules.
    pub fn new<'r>(rules: impl IntoIterator<Item = &'r Rule>) -> Self {
        Self(CATALOGUE.iter().cloned().chain(rules.into_iter().map(Entry::from)).collect())
    }

    /// The entry of that slug.
    pub fn find(&self, slug: &str) -> Option<&Entry> {
        self.0.iter().find(|entry| entry.slug == slug)
    }

    /// A slug that is explained twice.
    pub fn twice(&self) -> Option<&str> {
        let mut slugs = HashSet::new();
        self.0.iter().map(|entry| &*entry.slug).find(|slug| !slugs.insert(*slug))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slug_is_listed_once() {
        assert_eq!(Catalogue::new([]).twice(), None);
    }
}
