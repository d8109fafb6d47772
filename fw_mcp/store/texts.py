"""Texts that PostgreSQL takes: without NUL and without halves of characters, and back again."""

import re
from typing import Any

# A character that nobody uses says that the code of one that cannot be kept follows.
_MARK = "\ue000"
_REFUSED = re.compile("[\0\ue000\ud800-\udfff]")
_KEPT = re.compile(f"{_MARK}([0-9a-f]{{4}})")


def as_kept(value: Any) -> Any:  # noqa: ANN401  whatever a column takes
    """What is put into a column; two that differ are kept as two that differ."""
    if not isinstance(value, str):
        return value
    return _REFUSED.sub(lambda one: f"{_MARK}{ord(one[0]):04x}", str(value))


def as_given(value: Any) -> Any:  # noqa: ANN401  as above
    """What was put into it."""
    if not isinstance(value, str) or _MARK not in value:
        return value
    return _KEPT.sub(lambda one: chr(int(one[1], 16)), value)
