"""The ring of keys that seal a question, so that its answer can come to another replica."""

from pathlib import Path

from mcp.server.request_state import AESGCMRequestStateCodec

from fw_mcp.server.private_file import Watched, read_private, unusable

_KIND = "state keys"
_LEAST_BYTES = 32
_WAY_OUT = "Make a key with openssl rand -hex 32."


def read_keys(path: Path) -> tuple[str, ...]:
    """The keys of a file, one a line: the first seals, all of them open.

    Raises:
        ConfigError: it cannot be read, others can read it, or it does not hold keys.
    """
    text = read_private(path, _KIND)
    found: list[str] = []
    for number, line in enumerate(text.splitlines(), 1):
        key = line.strip()
        if not key or key.startswith("#"):
            continue
        if len(key.encode()) < _LEAST_BYTES:
            fault = f"has a key of less than {_LEAST_BYTES} bytes in line {number}"
            raise unusable(path, _KIND, fault, _WAY_OUT)
        if key in found:
            raise unusable(path, _KIND, f"has a key twice, in line {number}", "Remove one.")
        found.append(key)
    if not found:
        raise unusable(path, _KIND, "holds no key", _WAY_OUT)
    return tuple(found)


class StateKeys:
    """Seals and opens what clients carry, by the keys of a file, which may change meanwhile.

    Args:
        path: the file.

    Raises:
        ConfigError: it cannot be used; once it could, a later fault leaves what there was.
    """

    def __init__(self, path: Path) -> None:
        self._keys = Watched(
            path,
            lambda one: AESGCMRequestStateCodec(read_keys(one)),
            "The keys read before are still used.",
        )

    def seal(self, payload: bytes) -> str:
        """What a client carries, sealed with the first key."""
        return self._keys.now().seal(payload)

    def unseal(self, token: str) -> bytes:
        """What was sealed with any of the keys.

        Raises:
            InvalidRequestState: it was not.
        """
        return self._keys.now().unseal(token)
