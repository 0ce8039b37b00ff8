"""What schemathesis cannot know from the document."""

from datetime import UTC, datetime, timedelta
from typing import Any

import schemathesis


# Lines are a text to the document.
@schemathesis.serializer("application/x-ndjson")
def from_text(ctx: schemathesis.SerializationContext, value: str) -> bytes:
    return value.encode()


@schemathesis.deserializer("application/x-ndjson")
def to_text(ctx: schemathesis.DeserializationContext, response: schemathesis.Response) -> str:
    return response.content.decode()


@schemathesis.hook
def before_call(ctx: schemathesis.HookContext, case: schemathesis.Case, kwargs: dict[str, Any]) -> None:
    """No schema can say what these may hold: cursors are made by the server alone, and how late a command may be
    applied depends on the clock."""
    case.query.pop("cursor", None)
    if "after" in case.query:
        case.query["after"] = "start"
    case.headers.pop("Last-Event-ID", None)
    if isinstance(case.body, dict) and isinstance(case.body.get("not_before"), str):
        case.body["not_before"] = (datetime.now(UTC) + timedelta(seconds=1)).isoformat()
