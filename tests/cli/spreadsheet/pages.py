"""A library of any size that answers `list_images` without holding an image."""

import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import httpx

from fw_mcp.api.client import FinerWorksClient
from fw_mcp.assembly import Assembly
from fw_mcp.images.account import Account
from tests.support.studio import on_account, sandbox_client

_STATUS = {"success": True, "status_code": 200, "message": "", "reference_id": "ab" * 16}
_GUID = "0000-4000-8000-000000000000"


def guid(number: int) -> str:
    """The guid of the image with this number."""
    return f"{number:08x}-{_GUID}"


class Pages(httpx.AsyncBaseTransport):
    """The service, as far as listing goes.

    Args:
        numbers: which images there are, oldest first.
        meanwhile: told each page number before the page is made; may change `numbers`.
    """

    def __init__(
        self, numbers: Sequence[int], meanwhile: Callable[[int], object] = lambda _: None
    ) -> None:
        self.numbers = numbers
        self.asked: list[int] = []
        self._meanwhile = meanwhile

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Answer `list_images`."""
        wanted = json.loads(request.content)
        if guids := wanted["guid_filter"]:
            return _page([int(one[:8], 16) for one in guids], len(guids))
        number, size = wanted["page_number"], wanted["per_page"]
        self.asked.append(number)
        self._meanwhile(len(self.asked))
        first = (number - 1) * size
        return _page(self.numbers[first : first + size], len(self.numbers))


def _page(numbers: Sequence[int], count: int) -> httpx.Response:
    images = [_image(number) for number in numbers]
    page = {"status": _STATUS, "images": images, "per_page": len(images), "count": count}
    return httpx.Response(200, json=page)


def _image(number: int) -> dict[str, Any]:
    return {
        "id": number,
        "guid": guid(number),
        "title": f"Work {number}",
        "description": "A long exposure of four minutes from a tripod half in the water. " * 4,
        "file_name": f"work_{number}.jpg",
        "pix_w": 6000,
        "pix_h": 4000,
        "active": True,
        "products": [{"sku": f"AP{number}", "name": "Canvas"}] if number % 3 == 0 else [],
    }


def on_pages(assembly: Assembly, pages: Pages) -> Assembly:
    """The parts of a command, over these pages."""

    async def connect() -> FinerWorksClient:
        return sandbox_client(pages)

    return replace(assembly, parts=on_account(assembly.parts, Account(connect)))
