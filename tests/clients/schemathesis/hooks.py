"""What schemathesis cannot know from the document."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import NAMESPACE_OID, uuid5

import schemathesis


# Lines are a text to the document.
@schemathesis.serializer("application/x-ndjson")
def from_text(ctx: schemathesis.SerializationContext, value: str) -> bytes:
    return value.encode()


@schemathesis.deserializer("application/x-ndjson")
def to_text(ctx: schemathesis.DeserializationContext, response: schemathesis.Response) -> str:
    return response.content.decode()


used: set[str] = set()


def unused(key: str) -> str:
    """The key itself, or another where it was used: what it goes with is never the same again."""
    if key.strip('"') in used:
        key = str(uuid5(NAMESPACE_OID, str(len(used))))
    used.add(key.strip('"'))
    return key


@schemathesis.hook
def before_call(ctx: schemathesis.HookContext, case: schemathesis.Case, kwargs: dict[str, Any]) -> None:
    """No schema of the document says what these may hold. Cursors are made by the server alone. Keys are of one
    request. The data of an envelope are those of its type, with a schema of its own at /v1/command-types. How late a
    command may be applied depends on the clock."""
    case.query.pop("cursor", None)
    if "after" in case.query:
        case.query["after"] = "start"
    case.headers.pop("Last-Event-ID", None)
    # Who may be called is for the settings to say.
    case.headers.pop("Callback-Url", None)
    if isinstance(case.body, dict):
        case.body.pop("callback_url", None)
        case.body.pop("client_url", None)
    if "Idempotency-Key" in case.headers:
        case.headers["Idempotency-Key"] = unused(case.headers["Idempotency-Key"])
    if isinstance(case.body, dict) and case.operation.label == "POST /v1/commands":
        case.body |= {"type": "pet.create", "data": {"name": "Fuzzy", "category": "dog"}}
        if isinstance(case.body.get("id"), str):
            case.body["id"] = unused(case.body["id"])
        if isinstance(case.body.get("not_before"), str):
            case.body["not_before"] = (datetime.now(UTC) + timedelta(seconds=1)).isoformat()
