"""What a row of a spreadsheet would do to its image as the library holds it now."""

import re
from collections.abc import AsyncGenerator, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from itertools import islice
from typing import TYPE_CHECKING

from fw_mcp.api.models import DESCRIPTION_LIMIT
from fw_mcp.cli.spreadsheet.cells import (
    is_error,
    is_misread,
    looks_alike,
    same_text,
    text_digest,
    with_line_ends,
)
from fw_mcp.guard.question import products_summary
from fw_mcp.images.read import read_images
from fw_mcp.server.arguments import TITLE_LIMIT
from fw_mcp.text import quoted, shown
from fw_mcp.writes.operation import hung_products
from fw_mcp.writes.outcomes import hung, text_of
from fw_mcp.writes.update import NewText

if TYPE_CHECKING:
    from fw_mcp.api.models import ImageDetails
    from fw_mcp.cli.spreadsheet.sheet import SheetRow
    from fw_mcp.images.account import Account

# As many as are read at once: four chunks.
BATCH = 200
_LONGEST = {"title": TITLE_LIMIT, "description": DESCRIPTION_LIMIT}
_SHOWN = 120
_ALIKE_SHOWN = 20
_BEYOND_ASCII = re.compile(r"[^\x00-\x7f]")
_PERHAPS_LOST = re.compile(r"[^\x00-\x7f]+\?*|\?+")


class Verdict(StrEnum):
    """What a row comes to."""

    UNCHANGED = "unchanged"
    CHANGES = "would change"
    LEFT_ALONE = "not edited, changed in the library since the export"
    CONFLICT = "skipped, changed in the library since the export"
    GONE = "skipped, not in the library"
    INVALID = "skipped, invalid"


SKIPPED = frozenset({Verdict.CONFLICT, Verdict.GONE, Verdict.INVALID})


@dataclass(frozen=True, slots=True)
class Compared:
    """A row beside its image.

    Attributes:
        new: title, description or both, where they would change.
        kept: the ones whose cell was emptied, which keeps the text.
        image: as the library holds it; None when it does not.
        why: more about a row that is skipped.
    """

    row: "SheetRow"
    verdict: Verdict
    image: "ImageDetails | None" = None
    new: dict[str, str] = field(default_factory=dict)
    kept: tuple[str, ...] = ()
    why: str = ""

    @property
    def sells(self) -> bool:
        """Whether products hang on the image, which an update removes."""
        return bool(hung(self.image))

    def update(self) -> NewText:
        """The image's part of a call that changes it."""
        return NewText(self.row.guid, **self.new)

    def lines(self) -> Iterator[str]:
        """What a person is told of it; nothing of a row that changes nothing."""
        head = f"row {self.row.number}  {shown(self.row.guid, 45).text}"
        if self.verdict is not Verdict.UNCHANGED:
            yield f"{head}  {self._told()}"
        if self.verdict is Verdict.CHANGES and self.sells and self.image:
            yield f"    removes {products_summary(hung_products([self.image]))}"
        for name in self.kept:
            stored = quoted(_texts(self.image)[name], _SHOWN)
            yield f"{head}  an empty cell leaves the {name} unchanged: {stored}"

    def _told(self) -> str:
        if self.verdict is not Verdict.CHANGES:
            return f"{self.verdict}{f': {self.why}' if self.why else ''}"
        before = _texts(self.image)
        return "; ".join(_diff(name, before[name], text) for name, text in self.new.items())


def compare(row: "SheetRow", image: "ImageDetails | None") -> Compared:
    """What `row` would do to `image`; None when the library has none with its guid."""
    if row.fault:
        return Compared(row, Verdict.INVALID, why=row.fault)
    if image is None:
        return Compared(row, Verdict.GONE)
    stored = _texts(image)
    as_exported = text_digest(*text_of(image)) == row.exported
    if text_digest(row.title, row.description) == row.exported:
        return Compared(row, Verdict.UNCHANGED if as_exported else Verdict.LEFT_ALONE, image)
    wished = {"title": row.title, "description": row.description}
    cells = {name: with_line_ends(text, stored[name]) for name, text in wished.items()}
    edited = {name: text for name, text in cells.items() if not same_text(text, stored[name])}
    # A cell of spaces is as empty to the eye; a text that nobody sees is nobody's wish.
    new = {name: text for name, text in edited.items() if text.strip()}
    kept = tuple(name for name in edited if name not in new and stored[name].strip())
    if not as_exported:
        return _since(row, image, new)
    if why := _damage(stored, new) or _too_long(new):
        return Compared(row, Verdict.INVALID, image, why=why)
    return Compared(row, Verdict.CHANGES if new else Verdict.UNCHANGED, image, new, kept)


def _since(row: "SheetRow", image: "ImageDetails", new: dict[str, str]) -> Compared:
    """An edited row whose image changed since the export; maybe to what the row says."""
    if not new:
        return Compared(row, Verdict.UNCHANGED, image)
    stored = _texts(image)
    now = ", ".join(f"{name} is now {quoted(stored[name])}" for name in new)
    return Compared(row, Verdict.CONFLICT, image, why=f"{now}; export again to edit it")


async def compared(account: "Account", rows: Sequence["SheetRow"]) -> list[Compared]:
    """Each row beside its image, read just now.

    Raises:
        ApiError: the images could not be read.
    """
    guids = [row.guid for row in rows if not row.fault]
    found = await read_images(account, guids, "inventory", started=account.clock())
    return [compare(row, found.get(row.guid)) for row in rows]


async def each_compared(account: "Account", rows: Iterable["SheetRow"]) -> AsyncGenerator[Compared]:
    """Each row beside its image, 200 rows in memory at a time.

    Raises:
        ApiError: images could not be read.
        ArgumentsError: the spreadsheet cannot be used.
    """
    left = iter(rows)
    while batch := list(islice(left, BATCH)):
        for one in await compared(account, batch):
            yield one


def _texts(image: "ImageDetails | None") -> dict[str, str]:
    title, description = text_of(image) if image else ("", "")
    return {"title": title, "description": description}


def _damage(stored: dict[str, str], new: dict[str, str]) -> str:
    """What a program did to texts on the way, which is nobody's wish."""
    errors = (
        f"the {name} is {quoted(text)}, which a program wrote instead of text: type it again"
        for name, text in new.items()
        if is_error(text)
    )
    misread = (
        f"the {name} was read in another encoding: export again, and open it as UTF-8"
        for name, text in new.items()
        if is_misread(text, stored[name])
    )
    lost = _lost_letters(stored, new)
    return "; ".join([*errors, *misread, *([lost] if lost else [])])


def _lost_letters(stored: dict[str, str], new: dict[str, str]) -> str:
    """Of texts that a program saved in an encoding that lacks their letters."""
    return "; ".join(
        f"characters of the {name} were lost (saved as ?): export again, and save it as CSV UTF-8"
        for name, text in new.items()
        if text.count("?") > stored[name].count("?")
        and len(_BEYOND_ASCII.findall(text)) < len(_BEYOND_ASCII.findall(stored[name]))
        and _PERHAPS_LOST.sub("?", text) == _PERHAPS_LOST.sub("?", stored[name])
    )


def _too_long(new: dict[str, str]) -> str:
    return "; ".join(
        f"the {name} has {len(text):,} characters, and at most {_LONGEST[name]:,} may be sent"
        for name, text in new.items()
        if len(text) > _LONGEST[name]
    )


def _diff(name: str, before: str, after: str) -> str:
    """The change of one text; of long ones, the part where they begin to differ."""
    pairs = enumerate(zip(before, after, strict=False))
    alike = next(
        (place for place, (one, other) in pairs if one != other), min(len(before), len(after))
    )
    start = alike - _ALIKE_SHOWN if alike > _SHOWN - _ALIKE_SHOWN else 0
    lead = "…" if start else ""
    old, new = (quoted(text and lead + text[start:], _SHOWN) for text in (before, after))
    alike_to_the_eye = old == new or looks_alike(before, after)
    note = " (spaces or quotation marks differ)" if alike_to_the_eye else ""
    return f"{name} {old} → {new}{note}"
