"""Which process writes, so that another can tell a write under way from one that was cut off."""

import os
import secrets


def this_process() -> str:
    """A name for this process: its id, and a word that no other process of that id has."""
    return f"{os.getpid()}-{secrets.token_hex(4)}"


def may_be_running(owner: str) -> bool:
    """Whether the process of that name may still be there; True when it cannot be told."""
    pid = owner.partition("-")[0]
    if os.name != "posix":
        # There the signal 0 would end the process instead of asking for it.
        return True
    if not pid.isdecimal():
        return False
    try:
        os.kill(int(pid), 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
