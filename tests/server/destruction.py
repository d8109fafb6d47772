"""The two calls that destroy, the ways to a yes, and the judge of what went."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import pytest
from mcp.client import Client
from mcp.client.session import ElicitationFnT
from mcp.types import CallToolResult

from fw_mcp.api.models import ImageDetails
from fw_mcp.guard.guard import Confirm, Limits
from tests.support.products import first_of
from tests.support.studio import Mode, Studio
from tests.support.truth import holdings, sold

Arguments = dict[str, Any]

NEW_TITLE = "Written anew"
NOBODY = "3f2b8c1e-0d4a-4e5f-8a6b-7c9d0e1f2a3b"
MODES: tuple[Mode, ...] = ("auto", "legacy")


@dataclass(frozen=True)
class Destruction:
    """A tool that destroys on images that carry products, and how it is told which."""

    tool: str
    names: Callable[[Sequence[str]], Arguments]

    def __str__(self) -> str:
        return self.tool

    def arguments(self, images: Sequence[ImageDetails], **more: object) -> Arguments:
        """The arguments of a call on these images."""
        return {**self.names([image.guid for image in images]), **more}


DELETION = Destruction("delete_images", lambda guids: {"guids": list(guids)})
REWRITING = Destruction(
    "update_image_metadata",
    lambda guids: {"images": [{"guid": guid, "title": NEW_TITLE} for guid in guids]},
)


@dataclass(frozen=True)
class Lane:
    """A way to a yes: a client's era, whether it shows questions, and who the operator asks."""

    mode: Mode
    shows_questions: bool = True
    confirm: Confirm = Confirm.AUTO

    def __str__(self) -> str:
        shows = "asks" if self.shows_questions else "cannot ask"
        return f"{self.mode}, {shows}, --confirm {self.confirm}"

    @property
    def asks_live(self) -> bool:
        """Whether the question comes to the person by itself."""
        return self.shows_questions and self.confirm is Confirm.AUTO

    def limits(self, **others: Any) -> Limits:  # noqa: ANN401  whatever a limit is
        """The operator's limits on this lane."""
        return Limits(confirm=self.confirm, **others)

    def client(self, studio: Studio, person: ElicitationFnT | None = None) -> Client:
        """A client on this lane; on a lane that shows questions somebody says yes."""
        somebody = person or studio.person()
        return studio.client(mode=self.mode, person=somebody if self.shows_questions else None)


LIVE = tuple(Lane(mode) for mode in MODES)
TWO_STEP = (
    *(Lane(mode, shows_questions=False) for mode in MODES),
    *(Lane(mode, confirm=Confirm.PLAN) for mode in MODES),
)
APPROVAL = (
    *(Lane(mode, confirm=Confirm.APPROVE) for mode in MODES),
    Lane("auto", shows_questions=False, confirm=Confirm.APPROVE),
)
LANES = (*LIVE, *TWO_STEP, *APPROVAL)

both_tools = pytest.mark.parametrize("job", [DELETION, REWRITING], ids=str)
both_eras = pytest.mark.parametrize("mode", MODES)
# In `make test` each era, each way to ask and each kind of client is there once.
every_lane = pytest.mark.parametrize(
    "lane",
    first_of(*LIVE, TWO_STEP[0], TWO_STEP[3], APPROVAL[1], *TWO_STEP[1:3], *APPROVAL[::2], first=5),
    ids=str,
)
live_lanes = pytest.mark.parametrize("lane", LIVE, ids=str)
two_step_lanes = pytest.mark.parametrize(
    "lane", first_of(TWO_STEP[0], TWO_STEP[3], *TWO_STEP[1:3], first=2), ids=str
)
some_lanes = pytest.mark.parametrize(
    "lane", first_of(LIVE[0], TWO_STEP[3], LIVE[1], TWO_STEP[0], first=2), ids=str
)


async def agreed(
    client: Client, studio: Studio, job: Destruction, arguments: Arguments
) -> CallToolResult:
    """Call; where a plan comes back, let the person agree to it and call again with it."""
    result = await client.call_tool(job.tool, arguments)
    plan_id = (result.structured_content or {}).get("plan_id")
    if plan_id is None:
        return result
    if studio.guard.limits.confirm is Confirm.APPROVE:
        assert await studio.plans.approve(plan_id, studio.clock())
    return await client.call_tool(job.tool, {**arguments, "plan_id": plan_id})


async def destroyed(studio: Studio, images: Sequence[ImageDetails]) -> int:
    """How many of these images, which carried products, are gone or lost them: the judge's word."""
    held = await holdings(studio)
    return sum(image.guid not in held or not held[image.guid].products for image in images)


async def assert_nothing_happened(studio: Studio, images: Sequence[ImageDetails]) -> None:
    """No write reached the service, and it still holds the images with their products."""
    assert studio.wire.writes == []
    assert await destroyed(studio, images) == 0


async def assert_happened_once(studio: Studio, images: Sequence[ImageDetails]) -> None:
    """One write reached the service, and it destroyed on all of the images."""
    assert len(studio.wire.writes) == 1
    assert await destroyed(studio, images) == len(images)


async def one_sold(studio: Studio) -> ImageDetails:
    """An image that carries products."""
    (image,) = await sold(studio, 1)
    return image
