"""Calls that write, and somebody who answers what they ask."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

import pytest

from fw_mcp.api.models import ImageDetails, ImageToUpdate, UpdateImagesRequest
from fw_mcp.errors import GuardError, Reason
from fw_mcp.guard.guard import Plan
from fw_mcp.writes.addition import addition
from fw_mcp.writes.delete import deletion
from fw_mcp.writes.operation import Answer, Caller, Done, Operation, Yes
from fw_mcp.writes.select import Wish, selection
from fw_mcp.writes.update import NewText, Rewrite, update
from tests.images.progress import Progress
from tests.support.studio import Studio
from tests.support.truth import sold, unsold
from tests.writes.runs import to_add

CALLER = Caller("stdio:tests", Progress())
GUID = "3f2b8c1e-0d4a-4e5f-8a6b-7c9d0e1f2a3b"
Made = Callable[[Studio], Awaitable[Operation]]


@dataclass
class Person:
    """Gives one answer, and remembers the plans that it was asked about.

    Attributes:
        plan_id: the plan that the call answers.
        meanwhile: what happens while the question is open.
    """

    answer: Answer = field(default_factory=lambda: Yes("a test"))
    plan_id: str | None = None
    meanwhile: Callable[[], Awaitable[None]] | None = None
    asked: list[Plan] = field(default_factory=list)

    @property
    def key(self) -> str:
        """The answer, by the plan that it is for."""
        return self.plan_id or ""

    @property
    def lane(self) -> str:
        """No lane of a server."""
        return "a test"

    async def __call__(self, plan: Plan) -> Answer:
        """Answer it."""
        self.asked.append(plan)
        if self.meanwhile is not None:
            await self.meanwhile()
        return self.answer

    def way_on(self, plan: Plan) -> str:
        """Name the plan."""
        return f"Answer {plan.plan_id}."


async def ran(studio: Studio, operation: Operation, person: Person | None = None) -> Done:
    """What a call did that was carried out."""
    written = await studio.writes.run(CALLER, operation, person or Person())
    assert isinstance(written, Done)
    return written


async def retitle(studio: Studio, image: ImageDetails, title: str) -> None:
    """A new title, not of this server."""
    text = ImageToUpdate(guid=image.guid, title=title, description=image.description or "")
    await studio.api.update_images(UpdateImagesRequest(images=(text,)))


def meant(image: ImageDetails, text: NewText) -> Rewrite:
    """What is not given stays."""
    return Rewrite(image, text.title or image.title or "", image.description or "")


async def a_deletion(studio: Studio) -> Operation:
    """Of one image that carries products, one that carries none, and one that is none."""
    images = [*await sold(studio, 1), *await unsold(studio, 1)]
    return deletion(studio.account, [*(image.guid for image in images), GUID], "inventory")


async def an_update(studio: Studio) -> Operation:
    """Of one that gets a new title, one that has it already, and one that is none."""
    new, same = await unsold(studio, 2)
    texts = [NewText(new.guid, "New"), NewText(same.guid, same.title), NewText(GUID, "New")]
    return update(studio.account, texts, meant)


async def an_addition(studio: Studio) -> Operation:
    """Of six images: two requests."""
    images = list(to_add(6).values())
    return addition(studio.account, images, "inventory", allow_duplicate=False)


async def a_selection(studio: Studio) -> Operation:
    """Of one image that exists and one that does not."""
    (image,) = await unsold(studio, 1)
    return selection(studio.account, Wish([image.guid, GUID]), None)


def refused(told: pytest.ExceptionInfo[GuardError]) -> Reason:
    """Why a call was not let through; such a call says that it sent nothing."""
    assert "sent nothing" in told.value.state or told.value.state == "Nothing was sent."
    return told.value.reason
