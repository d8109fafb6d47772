"""Images that lists do not show yet; kept in memory, so that a restart shows them."""

from collections.abc import Iterable
from dataclasses import dataclass, replace


@dataclass(frozen=True)
class _Delay:
    lists: int
    until: int


class Unlisted:
    """The images that are stored and not listed yet."""

    def __init__(self) -> None:
        self._delays: dict[str, _Delay] = {}

    def add(self, guids: Iterable[str], *, lists: int, until: int) -> None:
        """Leave these out of the next `lists` lists, and of all before `until`.

        Args:
            guids: of stored images.
            lists: how many lists.
            until: microseconds since 1970.
        """
        self._delays |= dict.fromkeys(guids, _Delay(lists, until))

    def of_list(self, now: int) -> tuple[str, ...]:
        """The guids to leave out of one list, which counts as one.

        Args:
            now: microseconds since 1970.
        """
        late = {g: d for g, d in self._delays.items() if d.lists or now < d.until}
        self._delays = {g: replace(d, lists=max(0, d.lists - 1)) for g, d in late.items()}
        return tuple(late)
