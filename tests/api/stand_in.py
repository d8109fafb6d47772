"""What stands in for the service here: a handler behind httpx.MockTransport, and its answers."""

from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass
from datetime import UTC, datetime

import httpx
import pytest

from fw_mcp.api.client import FinerWorksClient
from fw_mcp.api.connection import Keys, Timeouts
from fw_mcp.api.pacing import Traffic
from fw_mcp.errors import ApiError

KEYS = Keys(web_api_key="canary-web-key", app_key="canary-app-key")
SESSION_ID = "0123456789abcdef0123456789abcdef"
GUID = "5f0c3c46-9a0b-4f0e-8a52-2d7f3a1b9c10"
OTHER_GUID = "8d1a6b52-0c4d-4a57-b1a4-6e2f9d3c7b21"
SUCCESS = {"success": True, "status_code": 200, "message": "Success", "reference_id": "ab" * 16}
EMPTY_PAGE = {"status": SUCCESS, "images": [], "page_number": 1, "per_page": 0, "count": 0}
REJECTION = {"status": {"success": False, "message": "No such library", "reference_id": "ab" * 16}}
BAD_KEYS = {
    "Message": "The request is invalid.",
    "ModelState": {
        "ApiC.Models.authorization_credentials": ["Missing or unauthorized api credentials"]
    },
}

Call = Callable[[FinerWorksClient], Awaitable[object]]
Handler = (
    Callable[[httpx.Request], httpx.Response]
    | Callable[[httpx.Request], Coroutine[None, None, httpx.Response]]
)


class Service:
    """Answers each request with the next of `answers`, the last one again and again."""

    def __init__(self, *answers: httpx.Response | Exception) -> None:
        """Keep the answers in order."""
        self.answers = list(answers)
        self.requests: list[httpx.Request] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        """Answer one request, or break the connection."""
        self.requests.append(request)
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, Exception):
            raise answer
        return httpx.Response(
            answer.status_code, headers=answer.headers, content=answer.content or None
        )


@dataclass
class Pauses:
    """A clock that moves only when somebody waits on it."""

    seconds: float = 0.0

    def __call__(self) -> float:
        """The time it is."""
        return self.seconds

    async def sleep(self, seconds: float) -> None:
        """Let that time pass at once."""
        self.seconds += seconds


def client_of(
    service: Handler,
    *,
    base_url: str = "https://api.finerworks.com",
    account_key: str | None = None,
    timeouts: Timeouts | None = None,
    max_body_bytes: int = 1_000_000,
) -> FinerWorksClient:
    """The real client over `service`, at noon of a fixed day; its pauses pass at once."""
    pauses = Pauses()
    return FinerWorksClient(
        base_url=base_url,
        keys=KEYS,
        session_id=SESSION_ID,
        account_key=account_key,
        transport=httpx.MockTransport(service),
        timeouts=timeouts,
        traffic=Traffic(pauses, pauses.sleep),
        sleep=pauses.sleep,
        max_body_bytes=max_body_bytes,
        now=lambda: datetime(2026, 1, 1, 12, tzinfo=UTC),
    )


async def failure_of(
    call: Call,
    service: Handler,
    *,
    timeouts: Timeouts | None = None,
    max_body_bytes: int = 1_000_000,
) -> ApiError:
    """The error that `call` ends with."""
    async with client_of(service, timeouts=timeouts, max_body_bytes=max_body_bytes) as client:
        with pytest.raises(ApiError) as caught:
            await call(client)
    return caught.value
