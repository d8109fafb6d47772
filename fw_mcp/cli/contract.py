"""`fw-mcp doctor --contract FILE`: what the service's answers are like, beside what is expected.

It only reads, and what it writes down are types, counts and words of its own: no text, address,
guid or key of the library.
"""

import json
import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import uuid4

import anyio

from fw_mcp import __version__
from fw_mcp.api.models import PAGE_LIMIT, LibraryName, ListImagesRequest, read_date
from fw_mcp.cli.output import new_file
from fw_mcp.errors import ApiError, Reason, TransportError

if TYPE_CHECKING:
    from fw_mcp.assembly import Assembly
    from fw_mcp.images.account import Account

    Raw = Mapping[str, object]

# As much as is read of one library.
_MOST_PAGES = 100
_ENOUGH = 10
_SOME = 2
_TEXT = frozenset({"text", "empty_text", "number_as_text", "date", "date_without_offset", "url"})
_NAME = frozenset({*_TEXT, "null"})
_URL = frozenset({"url", "empty_text", "null"})
_DATE = frozenset({"date", "date_without_offset", "null"})
_INTEGER = frozenset({"integer"})
_PRODUCTS = frozenset({"list", "empty_list", "null"})
_FIELDS: "Mapping[str, frozenset[str]]" = {
    "id": _INTEGER,
    "guid": frozenset({"guid"}),
    "title": _NAME,
    "description": _NAME,
    "file_name": _TEXT,
    "file_size": _INTEGER,
    "thumbnail_file_name": _NAME,
    "preview_file_name": _NAME,
    "hires_file_name": _NAME,
    "public_thumbnail_uri": _URL,
    "public_preview_uri": _URL,
    "private_hires_uri": _URL,
    "pix_w": _INTEGER,
    "pix_h": _INTEGER,
    "date_added": _DATE,
    "active": frozenset({"boolean"}),
    "products": _PRODUCTS,
}
_ENVELOPE: "Mapping[str, frozenset[str]]" = {
    "status": frozenset({"object"}),
    "images": frozenset({"list", "empty_list", "null"}),
    "count": _INTEGER,
    "per_page": _INTEGER,
}
_GUID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_NUMBER = re.compile(r"\s*[+-]?[0-9]+(\.[0-9]+)?\s*")
_MEMBER = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,39}")
_ENTITY = re.compile(r"&(amp|lt|gt|quot|#[0-9]{1,5});")
_OFFSET = re.compile(r"(Z|[+-][0-9]{2}:?[0-9]{2})$")


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was compared.

    Attributes:
        expected: in words of ours, or a number.
        seen: the same; None where there was nothing to see it on.
    """

    expected: str | int
    seen: str | int | None

    @property
    def differs(self) -> bool:
        """Whether something else was seen than expected."""
        return self.seen not in {None, self.expected}


@dataclass(frozen=True, slots=True)
class Report:
    """What the answers are like.

    Attributes:
        images: library → how many images were read.
        fields: field → what its values are → in how many images.
        odd_fields: field → what is in it and is not expected there.
        missing_fields: those that no image has.
    """

    fw_mcp: str
    images: Mapping[str, int]
    findings: Mapping[str, Finding]
    fields: Mapping[str, Mapping[str, int]]
    odd_fields: Mapping[str, Sequence[str]]
    missing_fields: Sequence[str]


@dataclass
class _Library:
    """What the pages of a library held.

    Attributes:
        rows: each image once, as it was listed first.
        pages: how many rows each page had.
        first: the first answer.
        twice: whether a page listed an image twice.
        whole: whether the last page was read.
    """

    rows: "dict[str, Raw]" = field(default_factory=dict)
    pages: list[int] = field(default_factory=list)
    first: "Raw" = field(default_factory=dict)
    twice: bool = False
    whole: bool = False


def compare(assembly: "Assembly", file: Path) -> int:
    """Read what the service answers, write the report, and say in a few lines what differs.

    Args:
        assembly: whose library.
        file: a new one.

    Returns:
        0: a difference is a finding, and no failure.

    Raises:
        ConfigError: the file exists, or cannot be written; or the keys are missing.
        ApiError: the service could not be read.
    """
    with new_file(file) as out:
        report = anyio.run(_read_and_close, assembly)
        out.write(json.dumps(asdict(report), indent=2) + "\n")
    print("\n".join(told(report)))
    print(f"Report, without any text of the library: {file}")
    return 0


async def _read_and_close(assembly: "Assembly") -> Report:
    try:
        return await compared(assembly.parts.account)
    finally:
        await assembly.aclose()


async def compared(account: "Account") -> Report:
    """The report: what was seen, beside what is expected; types, counts and words of ours.

    Raises:
        ApiError: the service could not be read.
        ConfigError: the keys are missing.
    """
    service = _Service(account)
    inventory = await service.library("inventory")
    temporary = await service.library("temporary")
    findings = {
        **_of_pages(inventory),
        **_of_rows(list(inventory.rows.values())),
        **_of_both(inventory, temporary),
        **await service.of_filters(inventory),
    }
    rows = [*inventory.rows.values(), *temporary.rows.values()]
    fields = _kinds(rows)
    inside = {
        "status": [inventory.first.get("status")],
        "products": [one for row in rows for one in _list(row.get("products"))],
    }
    for name, objects in inside.items():
        fields |= {f"{name}.{one}": kinds for one, kinds in _kinds(objects).items()}
    return Report(
        fw_mcp=__version__,
        images={"inventory": len(inventory.rows), "temporary": len(temporary.rows)},
        findings=findings,
        fields={name: dict(sorted(kinds.items())) for name, kinds in sorted(fields.items())},
        odd_fields=_odd(fields),
        missing_fields=sorted(_FIELDS.keys() - fields.keys()) if inventory.rows else [],
    )


def told(report: Report) -> list[str]:
    """The report in a few lines for a person."""
    findings = report.findings
    fine = [name for name, one in findings.items() if one.seen == one.expected]
    unseen = [name for name, one in findings.items() if one.seen is None]
    differing = [
        *(
            f"{_words(name)}: {_words(str(one.seen))}, not {_words(str(one.expected))}"
            for name, one in findings.items()
            if one.differs
        ),
        *(
            f"field {name}: {', '.join(map(_words, kinds))}"
            for name, kinds in report.odd_fields.items()
        ),
        *(f"field {name}: missing" for name in report.missing_fields),
    ]
    counts = ", ".join(f"{count} {name}" for name, count in report.images.items())
    return [
        f"Images read: {counts}. Nothing was written to the library.",
        f"as expected: {_listed(fine)}",
        *(f"differs from what fw-mcp expects: {one}" for one in differing),
        *([f"nothing to check it on: {_listed(unseen)}"] if unseen else []),
    ]


class _Service:
    """Reads as they come, before any of our types is put on them."""

    def __init__(self, account: "Account") -> None:
        self._account = account

    async def library(self, name: LibraryName) -> _Library:
        """Each page, until nothing new comes."""
        library = _Library()
        for number in range(1, _MOST_PAGES + 1):
            answer = await self.page(name, page_number=number, list_products=True)
            library.first = library.first or answer
            rows = _rows(answer)
            library.pages.append(len(rows))
            guids = [_guid(row) for row in rows]
            library.twice |= len(set(guids)) < len(guids)
            known = len(library.rows)
            for guid, row in zip(guids, rows, strict=True):
                library.rows.setdefault(guid, row)
            if len(library.rows) == known:
                library.whole = True
                break
        return library

    async def page(self, name: LibraryName, **asked: object) -> "Raw":
        """One page, as it was answered."""
        async with self._account.reading() as client:
            library = client.library(name)
            request = {"library": library, "per_page": PAGE_LIMIT, **asked}
            return await client.list_images_as_answered(ListImagesRequest.model_validate(request))

    async def of_filters(self, inventory: _Library) -> dict[str, Finding]:
        """What a question finds that is for some of the images, or for none."""
        some = [guid for guid in inventory.rows if _GUID.fullmatch(guid)][:_SOME]
        nobody = str(uuid4())
        past = len(inventory.pages) + _MOST_PAGES
        oldest = await self._rows_of({"sort_direction": "ASC"})
        unasked = await self._rows_of({"list_products": False})
        named = await self._rows_of({"guid_filter": some, "list_products": True}) if some else None
        again = await self._rows_of({"list_products": True})
        two = min(_SOME, len(inventory.rows))
        return {
            "rows_of_two_asked_for": Finding(two, await self._found({"per_page": _SOME})),
            "page_past_the_end": Finding(0, await self._found({"page_number": past})),
            "order_asc": Finding("oldest_first", _order(oldest or [])),
            "products_unasked": Finding("null", _one_of(_products(unasked or []))),
            "rows_by_guid": Finding("the_same", _same(named, inventory) if some else None),
            "guid_of_nobody": Finding(0, await self._found({"guid_filter": [nobody]})),
            "word_of_nobody": Finding(0, await self._found({"search_filter": nobody})),
            "read_again": Finding("the_same", _same(again, inventory)),
            "unknown_selection": Finding("empty", await self._unknown_selection()),
        }

    async def _found(self, asked: "Mapping[str, object]") -> int | str:
        rows = await self._rows_of(asked)
        return "refused" if rows is None else len(set(map(_guid, rows)))

    async def _rows_of(self, asked: "Mapping[str, object]") -> "list[Raw] | None":
        """The rows of a page; None where the service refused it."""
        try:
            return _rows(await self.page("inventory", **asked))
        except ApiError as refused:
            _raise_unless_answered(refused)
            return None

    async def _unknown_selection(self) -> str:
        try:
            async with self._account.reading() as client:
                held = await client.list_file_selection(str(uuid4()))
        except ApiError as refused:
            _raise_unless_answered(refused)
            return "refused"
        return "not_empty" if held.guids else "empty"


def _same(rows: "list[Raw] | None", library: _Library) -> str:
    """Whether rows are what the library's pages held first; lists may be late."""
    if rows is None:
        return "refused"
    unique = {_guid(row): row for row in rows}
    held = list(library.rows.items())[: len(unique)]
    return "the_same" if list(unique.items()) == held else "other"


def _raise_unless_answered(error: ApiError) -> None:
    """What the service refuses is a finding; that it cannot be reached is none."""
    if isinstance(error, TransportError) or error.reason is Reason.KEYS_REFUSED:
        raise error


def _of_pages(library: _Library) -> dict[str, Finding]:
    answer, held = library.first, len(library.rows)
    odd = [name for name, kinds in _ENVELOPE.items() if _kind(answer.get(name)) not in kinds]
    largest = max(library.pages, default=0)
    full = min(PAGE_LIMIT, held)
    first = len(_rows(answer))
    told_rows = answer.get("per_page")
    return {
        "envelope": Finding("as_expected", ",".join(odd) or "as_expected"),
        "rows_on_a_page": Finding(full, largest - library.twice if held else None),
        "rows_twice": Finding("no", ("yes" if library.twice else "no") if held else None),
        "per_page": Finding("rows_returned", "rows_returned" if told_rows == first else "other"),
        "count": Finding("exact", _count(answer.get("count"), held) if library.whole else None),
    }


def _count(count: object, held: int) -> str:
    if not isinstance(count, int) or isinstance(count, bool):
        return _kind(count)
    if count < 0:
        return "negative"
    if count == held:
        return "exact"
    return "zero" if count == 0 else "low" if count < held else "high"


def _of_rows(rows: "Sequence[Raw]") -> dict[str, Finding]:
    guids = [str(row.get("guid")) for row in rows]
    dates = [row.get("date_added") for row in rows]
    texts = [text for row in rows for text in (row.get("title"), row.get("description"))]
    entities = any(_ENTITY.search(text) for text in texts if isinstance(text, str))
    sizes = [size for row in rows if isinstance(size := row.get("file_size"), int)]
    in_bits = len(sizes) >= _ENOUGH and all(size % 8 == 0 for size in sizes)
    return {
        "guid_letters": Finding("lower", _letters(guids)),
        "order": Finding("newest_first", _order(rows)),
        "dates": Finding("with_offset", _one_of(map(_offset, filter(_is_date, dates)))),
        "entities_in_texts": Finding("no", ("yes" if entities else "no") if rows else None),
        "file_size_in": Finding("bytes", ("bits" if in_bits else "bytes") if sizes else None),
    }


def _of_both(inventory: _Library, temporary: _Library) -> dict[str, Finding]:
    """What `library` changes, and under which of its names products show."""
    shared = inventory.rows.keys() & temporary.rows.keys()
    both = "shared" if shared else "apart"
    without = [one for one in _products(inventory.rows.values()) if one != "list"]
    return {
        "libraries": Finding("apart", both if inventory.rows else None),
        "no_products_in_inventory": Finding("empty_list", _one_of(without)),
        "products_in_temporary": Finding("null", _one_of(_products(temporary.rows.values()))),
    }


def _products(rows: "Iterable[Raw]") -> list[str]:
    return [_kind(row.get("products")) for row in rows]


def _kinds(objects: Iterable[object]) -> dict[str, Counter[str]]:
    """Field → what its values are, and how often; a name that looks like a text is left out."""
    kinds: dict[str, Counter[str]] = {}
    for one in objects:
        for name, value in one.items() if isinstance(one, dict) else ():
            if _MEMBER.fullmatch(name):
                kinds.setdefault(name, Counter())[_kind(value)] += 1
    return kinds


def _odd(fields: "Mapping[str, Counter[str]]") -> dict[str, list[str]]:
    """Field → what is in it and is not expected there."""
    odd = {
        name: sorted(fields[name].keys() - expected)
        for name, expected in _FIELDS.items()
        if name in fields
    }
    return {name: kinds for name, kinds in odd.items() if kinds}


def _kind(value: object) -> str:
    """What a value is, in words of ours."""
    if isinstance(value, str):
        return next((name for name, fits in _TEXTS if fits(value)), "text")
    if value == []:
        return "empty_list"
    # A boolean is an integer, too: it comes first.
    return next((name for kind, name in _JSON if isinstance(value, kind)), "null")


_JSON = (
    (bool, "boolean"),
    (int, "integer"),
    (float, "number"),
    (list, "list"),
    (dict, "object"),
)
_TEXTS: "tuple[tuple[str, Callable[[str], object]], ...]" = (
    ("empty_text", lambda text: not text),
    ("guid", _GUID.fullmatch),
    ("number_as_text", _NUMBER.fullmatch),
    ("url", lambda text: text.startswith(("http://", "https://"))),
    ("date", lambda text: read_date(text) and _OFFSET.search(text)),
    ("date_without_offset", read_date),
)


def _is_date(value: object) -> bool:
    return _kind(value) in {"date", "date_without_offset"}


def _offset(value: object) -> str:
    return "with_offset" if _kind(value) == "date" else "without_offset"


def _letters(guids: Sequence[str]) -> str | None:
    if not guids:
        return None
    lower = all(guid == guid.lower() for guid in guids)
    upper = all(guid == guid.upper() for guid in guids)
    return "lower" if lower else "upper" if upper else "mixed"


def _order(rows: "Sequence[Raw]") -> str | None:
    """By which end of the ids a list begins; None where it cannot be told."""
    told = [row.get("id") for row in rows]
    ids = list(dict.fromkeys(one for one in told if isinstance(one, int)))
    if len(ids) <= 1:
        return None
    if ids == sorted(ids):
        return "oldest_first"
    return "newest_first" if ids == sorted(ids, reverse=True) else "other"


def _one_of(kinds: Iterable[str]) -> str | None:
    """What all of them are; "mixed" where they are not the same, None where there are none."""
    found = set(kinds)
    return "mixed" if len(found) > 1 else next(iter(found), None)


def _rows(answer: "Raw") -> "list[Raw]":
    return [row for row in _list(answer.get("images")) if isinstance(row, dict)]


def _list(value: object) -> list[object]:
    return value if isinstance(value, list) else []


def _guid(row: "Raw") -> str:
    return str(row.get("guid")).lower()


def _listed(names: Sequence[str]) -> str:
    return ", ".join(map(_words, names)) or "nothing"


def _words(name: str) -> str:
    return name.replace("_", " ")
