"""Logs: to stderr only, with both keys masked wherever they turn up."""

import logging
import re
import sys
from collections.abc import Iterable
from typing import TextIO

_MASK = "***"
_CHATTY = ("httpx", "httpcore")


class MaskingFormatter(logging.Formatter):
    """Formats a record, traceback included, and then masks the secrets in it.

    Args:
        secrets: the texts to mask, in any letter case.
    """

    def __init__(self, secrets: Iterable[str]) -> None:
        super().__init__("%(asctime)s %(levelname)s %(name)s: %(message)s")
        # Longest first, so that nothing is left of one that begins with another.
        longest_first = sorted(filter(None, secrets), key=len, reverse=True)
        # With nothing to mask it matches nothing.
        self._secret = re.compile("|".join(map(re.escape, longest_first)) or "$^", re.IGNORECASE)

    def format(self, record: logging.LogRecord) -> str:
        """The record as one text without secrets."""
        return self._secret.sub(_MASK, super().format(record))


def log_to_stderr(level: str, secrets: Iterable[str], stream: TextIO | None = None) -> None:
    """Send every log record to stderr, masked. Call it before the SDK sets up its own.

    Args:
        level: `debug`, `info`, `warning` or `error`.
        secrets: what to mask.
        stream: instead of stderr.
    """
    handler = logging.StreamHandler(stream or sys.stderr)
    handler.setFormatter(MaskingFormatter(secrets))
    logging.basicConfig(level=level.upper(), handlers=[handler], force=True)
    for name in _CHATTY:
        # They write a line a request, with its URL.
        logging.getLogger(name).setLevel(logging.WARNING)
