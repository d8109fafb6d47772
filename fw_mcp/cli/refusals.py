"""Refusals as a person at a terminal reads them: what to do next is a command, not a tool."""

import re
from types import MappingProxyType

from fw_mcp.errors import FwError, Reason

_TO_A_MODEL = re.compile(
    r"\b[a-z]+_(images|products|files|image_metadata|selection|changes?)\b|plan_id|finerworks://"
    r"|\b[Cc]all (again|it)\b|\b[Tt]ell the person\b|\b(ask|only) the operator\b|\bsmaller call"
)
_RUN_AGAIN = "Run the command again for a new question."
_IN_A_MINUTE = "Run the command again in a minute."
_STEPS = MappingProxyType(
    {
        Reason.READ_ONLY: "Run it without --read-only (FW_MCP_READ_ONLY).",
        Reason.WRITE_DISABLED: "Name it in --writes (FW_MCP_WRITES), too.",
        Reason.TOO_MANY_ITEMS: "Raise --max-items (FW_MCP_MAX_ITEMS) to do it at once.",
        Reason.HOURLY_LIMIT: "Wait an hour, or raise --deletions-per-hour "
        "(FW_MCP_DELETIONS_PER_HOUR).",
        Reason.UPLOAD_LIMIT: "Run it again in an hour, or raise --upload-mb-per-hour "
        "(FW_MCP_UPLOAD_MB_PER_HOUR).",
        Reason.UPLOAD_OFF: "Set --upload-to and --upload-public-url, and install fw-mcp[upload].",
        Reason.PLAN_UNKNOWN: _RUN_AGAIN,
        Reason.PLAN_EXPIRED: _RUN_AGAIN,
        Reason.PLAN_USED: _RUN_AGAIN,
        Reason.PLAN_MISMATCH: _RUN_AGAIN,
        Reason.TARGETS_CHANGED: _RUN_AGAIN,
        Reason.NOT_APPROVED: "Run fw-mcp approve PLAN first, with the same options.",
        Reason.HANDLE_UNKNOWN: _IN_A_MINUTE,
        Reason.STILL_RUNNING: _IN_A_MINUTE,
        Reason.CANNOT_UNDO: "fw-mcp changes lists what was done.",
    }
)
_ELSE = "fw-mcp changes shows what was done; run the command again after that."


_LOOK = re.compile(r"\bsearch_images\b(?: sorted by id)?")


def row_for_a_person(text: str) -> str:
    """What a row says, the way to look for oneself being a command."""
    return _LOOK.sub("fw-mcp export", text)


def for_a_person(error: FwError) -> str:
    """The whole message of an error, its next step that of a terminal."""
    if _TO_A_MODEL.search(error.next_step):
        error.next_step = _STEPS.get(error.reason, _ELSE)
    return str(error)
