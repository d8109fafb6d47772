"""`check_public`: whether an upload can be fetched by everyone, before it is registered."""

import logging
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

import anyio

from fw_mcp.errors import FetchError
from fw_mcp.pictures.fetch.fetcher import Fetcher
from fw_mcp.pictures.formats import is_html
from fw_mcp.pictures.upload.trouble import Trouble, told

if TYPE_CHECKING:
    from fw_mcp.pictures.fetch.guard import Cause
    from fw_mcp.pictures.fetch.hops import Answer

_READ = 1024
_FIRST_S = 0.5
_FOUND = frozenset({200, 206})
_BY_STATUS = {
    401: Trouble.PRIVATE,
    403: Trouble.PRIVATE,
    404: Trouble.WRONG_URL,
    410: Trouble.WRONG_URL,
}
_NEVER = frozenset({"bad_url", "host_not_listed", "denied_address"})
"""What the guard refuses: waiting does not change it."""

_log = logging.getLogger("fw_mcp.pictures")


async def check_public(
    fetcher: Fetcher,
    url: str,
    size: int,
    sleep: Callable[[float], Awaitable[None]] = anyio.sleep,
    within_s: float = 20,
) -> None:
    """See that the public URL gives the file; one that is late is waited for.

    Args:
        fetcher: asks for the first bytes, under its guard.
        url: below the operator's public URL.
        size: of the file in bytes.
        sleep: waits for so many seconds.
        within_s: seconds of waiting in all, and for all of it.

    Raises:
        UploadError: it does not, and why.
    """
    trouble: Trouble | None = Trouble.NOT_REACHED
    pause_s, left_s = _FIRST_S, within_s
    with anyio.move_on_after(within_s):
        while trouble := await _asked(fetcher, url, size):
            if trouble is Trouble.NOT_PUBLIC or not left_s:
                break
            await sleep(min(pause_s, left_s))
            pause_s, left_s = 2 * pause_s, max(0, left_s - pause_s)
    if trouble:
        _log.info("an upload is not public: %s", trouble.name)
        raise told(trouble)


async def _asked(fetcher: Fetcher, url: str, size: int) -> Trouble | None:
    try:
        return _trouble(await fetcher.look(url, _READ), size)
    except FetchError:
        raise told(Trouble.NOT_FETCHED) from None


def _trouble(found: "Answer | Cause", size: int) -> Trouble | None:
    if isinstance(found, str):
        return Trouble.NOT_PUBLIC if found in _NEVER else Trouble.NOT_REACHED
    if found.status_code not in _FOUND:
        return _BY_STATUS.get(found.status_code, Trouble.NOT_REACHED)
    if found.media_type == "text/html" or is_html(found.beginning):
        return Trouble.WEB_PAGE
    return None if found.size == size else Trouble.WRONG_SIZE
