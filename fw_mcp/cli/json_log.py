"""Log records as JSON, one line each, for programs that collect them."""

import json
import logging
from datetime import UTC, datetime

from fw_mcp.telemetry import served
from fw_mcp.text import visible

_LONGEST_ID = 64


class JsonFormatter(logging.Formatter):
    """A record as one JSON object in ASCII, so that no encoding of stderr can break it."""

    def format(self, record: logging.LogRecord) -> str:
        """Time, level, logger and message, and what is known of the request it belongs to."""
        at = datetime.fromtimestamp(record.created, UTC)
        line: dict[str, object] = {
            "time": at.isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        line |= _of_the_span() | _of_the_request() | getattr(record, "fields", {})
        return json.dumps(line)


def _of_the_request() -> dict[str, object]:
    request = served()
    if request is None:
        return {}
    # A client chooses both.
    caller, request_id = visible(request.caller), visible(request.request_id)[:_LONGEST_ID]
    return {"account": request.account, "caller": caller, "request_id": request_id}


def _of_the_span() -> dict[str, object]:
    from opentelemetry.trace import (  # noqa: PLC0415  not for a command without such a log
        format_span_id,
        format_trace_id,
        get_current_span,
    )

    span = get_current_span().get_span_context()
    if not span.is_valid:
        return {}
    return {"trace_id": format_trace_id(span.trace_id), "span_id": format_span_id(span.span_id)}
