"""Why something was not fetched: for the log, never for who asked."""

from typing import Literal

Cause = Literal[
    "bad_url",
    "host_not_listed",
    "not_resolved",
    "denied_address",
    "no_connection",
    "broken_answer",
    "bad_redirect",
    "too_many_redirects",
    "bad_status",
    "compressed",
    "bad_range",
    "too_large",
    "timed_out",
]


class Refused(Exception):  # noqa: N818  a decision, not yet the error that is told
    """Something that is not fetched.

    Attributes:
        cause: one word; it holds nothing of the URL.
    """

    def __init__(self, cause: Cause) -> None:
        super().__init__(cause)
        self.cause: Cause = cause
