"""A library of any number of images, answered on the way: what no sandbox holds or does."""

from dataclasses import dataclass, field
from uuid import UUID

import httpx

from tests.support.recorder import OnTheWay, Sent


async def _nothing(_: Sent) -> None:
    """Nothing happens before an answer."""


@dataclass
class Shelf:
    """Answers each listing from its images, or those named, a page at a time, first image first.

    Attributes:
        images: as JSON.
        claims: the count it tells; None for the true one.
        before: awaited before each answer; an answer that it gives goes out instead.
    """

    images: list[dict[str, object]]
    claims: int | None = None
    before: OnTheWay = field(default=_nothing)

    async def __call__(self, sent: Sent) -> httpx.Response:
        """The page that was asked for."""
        if (instead := await self.before(sent)) is not None:
            return instead
        size = sent.body["per_page"]
        first = (sent.body["page_number"] - 1) * size
        named = sent.body.get("guid_filter")
        images = [one for one in self.images if not named or one["guid"] in named]
        count = len(images) if named or self.claims is None else self.claims
        status = {"success": True, "status_code": 200}
        page = images[first : first + size]
        return httpx.Response(200, json={"status": status, "images": page, "count": count})


def guid_of(number: int) -> str:
    """The guid of one image of a shelf."""
    return str(UUID(int=number + 1, version=4))


def images_of(count: int) -> list[dict[str, object]]:
    """So many images."""
    return [{"guid": guid_of(number)} for number in range(count)]
