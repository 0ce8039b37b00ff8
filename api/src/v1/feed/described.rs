use serde_json::{Value, json};

use super::{MOST, USUAL};
use crate::http::Media;
use crate::openapi::{self, Answer, Operation, Parameter, Schemas};

/// The cursors of the feed. Those of before generations have none.
const CURSOR: &str = r"([0-9]{1,18}-)?[0-9]{1,18}(\.[0-9]{1,18})*";
/// A part of a subject.
const TOKEN: &str = r"(\*|[!-\)+-\-/-=?-~]+)";

/// What is said of the feed.
pub(super) fn operation() -> Operation {
    Operation::new("Feed", "readFeed", "Every event and every outcome, as CloudEvents")
        .describe(
            "As server-sent events for whoever asks for `text/event-stream` (or for anything at all), each with a \
             cursor as its `id`: a client that reconnects with `Last-Event-ID` goes on without a gap or a repeat. Now \
             and then a block with an `id` alone moves the cursor past entries that the filter leaves out; by the \
             rules of server-sent events nothing is dispatched for it.\n\nWith `Accept: application/json`, one page: \
             go on from `next_cursor`, which is always there. A filtered page may be empty although later ones are \
             not. Order holds within a partition.",
        )
        .takes(parameters())
        .answers(
            Answer::new(200, "The feed.")
                .shaped(Media::Json.name(), page)
                .text(Media::EventStream.name(), "id: 1767258000000-17\nevent: wilco.pet.reserved\ndata: {…}\n\n"),
        )
        .reads_store(&["invalid-header", "invalid-cursor", "cursor-expired"])
}

fn parameters() -> [Parameter; 6] {
    let subject = json!({
        "type": "string", "maxLength": 512, "pattern": format!(r"^({TOKEN}\.)*({TOKEN}|>)$"),
        "examples": ["wilco.event.pet.>"],
    });
    let target = json!({
        "type": "string", "pattern": "^[a-z0-9_]+/[A-Za-z0-9_~-][A-Za-z0-9._~-]{0,127}$",
        "examples": ["pet/pet-42"],
    });
    let after = json!({ "type": "string", "pattern": format!("^(start|{CURSOR})$"), "examples": ["start"] });
    let seen = json!({ "type": "string", "pattern": format!("^(start|{CURSOR})?$"), "examples": ["start"] });
    let event =
        json!({ "type": "string", "enum": ["type", "none"], "default": "type", "examples": ["none"] });
    [
        Parameter::query("subject", "A NATS subject; `*` is any token, `>` any rest.", subject),
        Parameter::query("target", "Only about this aggregate: `pet/pet-42`.", target),
        Parameter::query("after", "A cursor, or `start`; without one the feed begins now.", after),
        Parameter::limit(USUAL, MOST),
        Parameter::query(
            "event",
            "What a stream's events are called: by their `type`, or `none`, so that `onmessage` hears them all.",
            event,
        ),
        Parameter::header(
            "Last-Event-ID",
            "The cursor seen last, or `start`; it counts more than `after`.",
            seen,
        ),
    ]
}

fn page(schemas: &mut Schemas) -> Value {
    let item = schemas.named("CloudEvent", cloud_event());
    let cursor = "Where to go on, now or later.";
    let page = json!({
        "type": "object",
        "required": ["items", "next_cursor"],
        "properties": {
            "items": { "type": "array", "items": item },
            "next_cursor": { "type": "string", "description": cursor, "examples": ["1767258000000-17"] },
        },
    });
    schemas.named("FeedPage", page)
}

fn cloud_event() -> Value {
    let text = |description: &str, example: &str| json!({ "type": "string", "description": description, "examples": [example] });
    let digits = |description: &str, example: &str| {
        let mut schema = text(description, example);
        schema["pattern"] = json!("^[0-9]+$");
        schema
    };
    let command = "018f4c7e-5a10-7c3e-9d2b-6f1a2b3c4d5e";
    let mut schema = json!({
        "type": "object",
        "description": "A CloudEvent 1.0.",
        "required": [
            "specversion", "id", "source", "type", "subject", "time", "datacontenttype", "partition", "offset",
            "generation", "tenant",
        ],
        "properties": {
            "specversion": { "type": "string", "const": "1.0" },
            "id": text("Of all messages, this one.", &format!("event:{command}:2")),
            "source": text("Which installation it is from.", "/wilco"),
            "type": text("`wilco.command.succeeded`, `wilco.command.failed`, or that of an event.", "wilco.pet.reserved"),
            "subject": text("The aggregate.", "pet/pet-42"),
            "time": { "type": "string", "format": "date-time" },
            "datacontenttype": text("Of `data`.", "application/json"),
            "partition": {
                "type": "integer", "format": "int32", "minimum": 0,
                "description": "Order holds within one; that of an aggregate is always the same.",
            },
            "offset": digits("Where it stands in its partition; a decimal number, which may be large.", "17"),
            "generation": digits(
                "Of the store that the offset is of: one that was restored from a backup has another.",
                "1767258000000",
            ),
            "correlationid": text("Shared by everything one request set off.", command),
            "causationid": text("The command that led to it.", command),
            "traceparent": text(
                "W3C Trace Context of that command.",
                "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
            ),
            "tenant": text("Whose it is.", "default"),
            "dataschema": text(
                "Of an event: names the version of the layout of `data`.",
                "urn:wilco:event:pet.reserved:1.0",
            ),
            "dataref": text("Instead of `data` that is too large: where it can be read.", "/v1/pets/pet-42/history"),
            "data": {
                "type": "object",
                "additionalProperties": true,
                "description":
                    "Of an event: as a history has it (see Event). Of `wilco.command.succeeded` and \
                     `wilco.command.failed`: a CommandStatus.",
                "examples": [{ "type": "reserved", "order_id": "order-1" }],
            },
        },
    });
    let mut example = openapi::example(&schema);
    // It stands for the data.
    example.as_object_mut().map(|members| members.remove("dataref"));
    schema["examples"] = json!([example]);
    schema
}
