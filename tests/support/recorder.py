"""What goes to the service, as a test sees it, and a place to stand in the way of it."""

import json
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

import httpx


@dataclass(frozen=True)
class Sent:
    """One request: the endpoint's name and what it was asked."""

    endpoint: str
    body: dict[str, Any]


OnTheWay = Callable[[Sent], Awaitable[httpx.Response | None]]


class Recorder(httpx.AsyncBaseTransport):
    """Keeps each request and passes it on.

    Args:
        service: answers what is passed on.

    Attributes:
        sent: every request, oldest first.
        most_at_once: endpoint → the most requests that were under way together.
        on_the_way: awaited with each request before it is passed on; what it raises is what became
            of the request, and an answer it gives is the answer.
    """

    def __init__(self, service: httpx.AsyncBaseTransport) -> None:
        self.sent: list[Sent] = []
        self.most_at_once: Counter[str] = Counter()
        self.on_the_way: OnTheWay | None = None
        self._service = service
        self._under_way: Counter[str] = Counter()

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Answer one request."""
        sent = _read(request)
        self.sent.append(sent)
        self._under_way[sent.endpoint] += 1
        self.most_at_once |= self._under_way
        try:
            answer = await self.on_the_way(sent) if self.on_the_way else None
            return answer or await self._service.handle_async_request(request)
        finally:
            self._under_way[sent.endpoint] -= 1

    def to(self, endpoint: str) -> list[dict[str, Any]]:
        """What `endpoint` was asked, oldest first."""
        return [one.body for one in self.sent if one.endpoint == endpoint]

    @property
    def writes(self) -> list[Sent]:
        """The requests that could change something."""
        return [one for one in self.sent if not one.endpoint.startswith("list_")]


def _read(request: httpx.Request) -> Sent:
    endpoint = request.url.path.rpartition("/")[2]
    body = json.loads(request.content) if request.content else dict(request.url.params)
    return Sent(endpoint, body)
