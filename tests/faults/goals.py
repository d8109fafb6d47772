"""What a call is to bring about, and whether a row of its result told how far it came."""

from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tests.faults.stage import Held
from tests.support.truth import stored_in

Row = Mapping[str, Any]

GONE = frozenset({"deleted", "already_gone", "not_found"})
THERE = frozenset({"created", "adopted", "updated"})
UNTOUCHED = frozenset({"failed", "not_attempted", "skipped"})
UNDONE_BEFORE = "Not undone again"


class Goal(ABC):
    """What a call is to bring about."""

    @property
    def touched(self) -> frozenset[str]:
        """The guids of images that it may change."""
        return frozenset()

    @property
    def added(self) -> frozenset[str]:
        """The print masters of images that it may add."""
        return frozenset()

    @abstractmethod
    def is_met(self, now: Held, robbed: int = 0) -> bool:
        """Whether the service holds exactly what was asked.

        Args:
            now: what it holds.
            robbed: how many images somebody else deleted.
        """

    @abstractmethod
    def check(self, row: Row, item: int, before: Held, now: Held) -> None:
        """See that a row claims only what is so."""


@dataclass(frozen=True)
class Adding(Goal):
    """Print masters that no image had.

    Attributes:
        hires_uris: in the order of the call.
    """

    hires_uris: tuple[str, ...]

    @property
    def added(self) -> frozenset[str]:
        """All of them."""
        return frozenset(self.hires_uris)

    def is_met(self, now: Held, robbed: int = 0) -> bool:
        """Each is there once."""
        held = Counter(image.hires_uri for image in now.images.values())
        missing = sum(not held[uri] for uri in self.hires_uris)
        return missing <= robbed and all(held[uri] <= 1 for uri in self.hires_uris)

    def check(self, row: Row, item: int, before: Held, now: Held) -> None:
        """Its file is there under its guid, or not at all."""
        del before
        uri = self.hires_uris[item]
        held = {guid for guid, image in now.images.items() if image.hires_uri == uri}
        if row["outcome"] in THERE or row.get("detail", "").startswith(UNDONE_BEFORE):
            assert row["outcome"] in UNTOUCHED or {row["guid"]} == held, row
        else:
            assert row["outcome"] == "unknown" or not held, row


@dataclass(frozen=True)
class Rewriting(Goal):
    """Images and the text that they shall have."""

    texts: Mapping[str, tuple[str, str]]

    @property
    def touched(self) -> frozenset[str]:
        """Those images."""
        return frozenset(self.texts)

    def is_met(self, now: Held, robbed: int = 0) -> bool:
        """Each has its text."""
        del robbed
        return all(now.images[guid].text == text for guid, text in self.texts.items())

    def check(self, row: Row, item: int, before: Held, now: Held) -> None:
        """Its text is the new one, or the old one; the products that went are told."""
        guid, outcome = row["guid"], row["outcome"]
        assert guid == list(self.texts)[item] if item >= 0 else guid in self.texts, row
        if outcome in GONE:
            assert guid not in now.images, row
            return
        image, former = now.images[guid], before.images[guid]
        if outcome == "updated":
            assert image.text == self.texts[guid], row
            assert _removed(row) == former.products - image.products, row
        elif outcome in UNTOUCHED and not row.get("detail", "").startswith(UNDONE_BEFORE):
            assert image == former, row


@dataclass(frozen=True)
class Deleting(Goal):
    """Images that shall go."""

    guids: tuple[str, ...]

    @property
    def touched(self) -> frozenset[str]:
        """Those images."""
        return frozenset(self.guids)

    def is_met(self, now: Held, robbed: int = 0) -> bool:
        """None of them is left."""
        del robbed
        return not self.touched & now.images.keys()

    def check(self, row: Row, item: int, before: Held, now: Held) -> None:
        """It is gone with its products, or there as it was."""
        guid, outcome = row["guid"], row["outcome"]
        assert guid == self.guids[item] if item >= 0 else guid in self.guids, row
        if outcome in GONE:
            assert guid not in now.images, row
        elif outcome in UNTOUCHED and not row.get("detail", "").startswith(UNDONE_BEFORE):
            assert now.images.get(guid) == before.images.get(guid), row
        if outcome == "deleted":
            assert _removed(row) == before.images[guid].products, row


@dataclass(frozen=True)
class Choosing(Goal):
    """The images that the selection shall hold."""

    guids: tuple[str, ...]

    def is_met(self, now: Held, robbed: int = 0) -> bool:
        """It holds them, and no others."""
        del robbed
        return set(now.selection) == set(self.guids)

    def check(self, row: Row, item: int, before: Held, now: Held) -> None:
        """It holds what is told."""
        del item
        if row["outcome"] == "updated":
            assert self.is_met(now), row
        elif row["outcome"] == "not_attempted":
            assert now.selection == before.selection, row
        elif row["outcome"] == "failed":
            assert not self.is_met(now), row
        if "count" in row:
            assert sorted(stored_in(row)) == sorted(now.selection), row


def _removed(row: Row) -> frozenset[str]:
    return frozenset(product["sku"] for product in row.get("products_removed", ()))
