"""The shapes an answer comes in: the envelope, and the Web API's own errors."""

import uuid
from collections.abc import Mapping

from starlette.responses import JSONResponse

BAD_REQUEST = "The request is invalid."
SERVER_ERROR = "An error has occurred."


def envelope(
    members: Mapping[str, object],
    *,
    domain: str | None,
    success: bool = True,
    status_code: int = 200,
    message: str | None = None,
) -> JSONResponse:
    """An answer of the service itself.

    Args:
        members: what the endpoint gives besides ``status``.
        domain: the host the request came to.
        success: what ``status.success`` says.
        status_code: HTTP's number, repeated in ``status``.
        message: the service's sentence, if it has one.
    """
    status = {
        "success": success,
        "status_code": status_code,
        "message": message,
        "debug": "sandbox: internals of the service, which no client should pass on",
        "reference_id": uuid.uuid4().hex,
        "domain": domain,
    }
    return JSONResponse({"status": status, **members}, status_code)


def web_api_error(
    status_code: int,
    message: str,
    *,
    model_state: Mapping[str, list[str]] | None = None,
    headers: Mapping[str, str] | None = None,
) -> JSONResponse:
    """An answer of the framework in front of the service: no envelope."""
    state = {"ModelState": model_state} if model_state else {}
    return JSONResponse({"Message": message, **state}, status_code, headers)


def keys_refused() -> JSONResponse:
    """The answer to a missing, wrong or doubled key; it is the same for all three."""
    refusal = {"ApiC.Models.authorization_credentials": ["Missing or unauthorized api credentials"]}
    return web_api_error(400, BAD_REQUEST, model_state=refusal)
