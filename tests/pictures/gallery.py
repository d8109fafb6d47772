"""Images whose previews are served here, for what looks at them."""

from collections.abc import Mapping

import httpx

from fw_mcp.api.models import ImageDetails
from fw_mcp.pictures.fetch.fetcher import Fetcher

ORIGIN = "http://sandbox.localhost"


class Gallery:
    """Serves pictures by name.

    Attributes:
        served: name → the file, or the HTTP status instead of one.
        asked: the names asked for, in order.
    """

    def __init__(self, served: Mapping[str, bytes | int]) -> None:
        self.served = dict(served)
        self.asked: list[str] = []

    def fetcher(self) -> Fetcher:
        """A fetcher that reaches this gallery without a network."""
        return Fetcher(inside={ORIGIN: lambda: httpx.MockTransport(self._answer)})

    def _answer(self, request: httpx.Request) -> httpx.Response:
        name = request.url.path.removeprefix("/")
        self.asked.append(name)
        file = self.served.get(name, 404)
        return httpx.Response(file) if isinstance(file, int) else httpx.Response(200, content=file)


def image(number: int, *, preview: str | None = "", thumbnail: str | None = "") -> ImageDetails:
    """An image whose preview is served as `p1`, its thumbnail as `t1`, unless named otherwise."""
    return ImageDetails(
        guid=f"{number:08}-0000-4000-8000-000000000000",
        public_preview_uri=_uri(preview, f"p{number}"),
        public_thumbnail_uri=_uri(thumbnail, f"t{number}"),
    )


def _uri(name: str | None, usual: str) -> str | None:
    return None if name is None else f"{ORIGIN}/{name or usual}"
