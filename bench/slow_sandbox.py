"""A sandbox over HTTP with many images that lets every listing wait, as a far service does."""

import sys
from dataclasses import replace
from pathlib import Path
from uuid import UUID

import anyio
import uvicorn
from starlette.types import ASGIApp, Receive, Scope, Send

from fw_mcp.sandbox.app import create_app
from fw_mcp.sandbox.central_time import utc_now
from fw_mcp.sandbox.images import Images, StoredImage, open_images
from fw_mcp.sandbox.seed import furnish

LATENCY_S = 0.1


class Late:
    """Answers each request late.

    Args:
        app: the sandbox.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Wait, then answer."""
        if scope["type"] == "http":
            await anyio.sleep(LATENCY_S)
        await self._app(scope, receive, send)


class _Kept(Images):
    """Keeps what the studio is furnished with, instead of storing it."""

    def stock(self, images: list[StoredImage], _: object) -> None:  # type: ignore[override]
        """Keep the permanent ones."""
        self.studio = [image for image in images if image.session_id is None]


def stock(file: Path, count: int) -> None:
    """Make a sandbox file of `count` images, each one of the studio's under a guid of its own."""

    def many(images: Images) -> None:
        kept = _Kept(images._connection)  # noqa: SLF001  the sandbox has no way in for so many
        furnish(kept, now=utc_now())
        studio = kept.studio
        images.stock(
            (
                replace(
                    studio[number % len(studio)],
                    guid=str(UUID(int=number + 1, version=4)),
                    file_size=studio[number % len(studio)].file_size + number,
                )
                for number in range(count)
            ),
            (),
        )

    open_images(file, furnish=many)


def main() -> None:
    """Serve the file on the port that are named."""
    file, port = sys.argv[1:]
    uvicorn.run(Late(create_app(file)), host="127.0.0.1", port=int(port), log_level="error")


if __name__ == "__main__":
    main()
