"""Writes that a journal holds."""

from typing import Any

from fw_mcp.api.models import ImageDetails
from fw_mcp.store.journal import End, Intent
from tests.support.kept import Write, change
from tests.support.studio import Studio
from tests.support.truth import unsold

BEGUN = 1_800_000_000.0


async def three(studio: Studio) -> list[ImageDetails]:
    """Three images without products."""
    return await unsold(studio, 3)


def small(number: int, **facts: Any) -> Write:  # noqa: ANN401  of a change
    """A change of one image that ended well."""
    return Write(
        change(number, **facts),
        "delete_images",
        [Intent(f"{number}", {"guid": f"{number}"})],
        [End(f"{number}", "deleted")],
        begun_at=BEGUN + number,
        ended=True,
    )
