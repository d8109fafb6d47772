"""`search_images`: find and page, or ask the whole library."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import AfterValidator, Field
from pydantic.json_schema import SkipJsonSchema

from fw_mcp.api.models import ImageDetails, LibraryName, SortDirection, SortField
from fw_mcp.errors import ArgumentsError, Reason
from fw_mcp.images.account import Account
from fw_mcp.images.filters import (
    ANY_TRIM,
    MIN_PPI,
    OF_PRINTS,
    OF_PRODUCTS,
    Duplicates,
    Only,
    Period,
    Question,
    pixels,
)
from fw_mcp.images.missing import missing
from fw_mcp.images.print_sizes import PrintSize, largest_prints
from fw_mcp.images.questions import Asked, match_page, matching
from fw_mcp.images.read import Page, Query, search
from fw_mcp.server.arguments import (
    DateFrom,
    DateTo,
    FewGuids,
    Flag,
    Guid,
    OfGuids,
    OfTexts,
    Percent,
    PerPage,
    Positive,
)
from fw_mcp.server.cutting import NOTHING, ROWS_SHOWN, Paged, Size, cut, size_of
from fw_mcp.server.echo import echo
from fw_mcp.server.image_details import Depth, Details, Listed
from fw_mcp.server.results import ToolResult
from fw_mcp.server.rows import ImageRow, compact, image_row
from fw_mcp.server.tool import Call, parts_of
from fw_mcp.text import counted, quoted
from fw_mcp.writes.chosen import chosen_images

if TYPE_CHECKING:
    from fw_mcp.images.questions import Matches, MatchPage

# Hosts that require every argument need a word for "any" and for "none".
_Active = Literal["any", "true", "false"]
_Duplicates = Literal["none", Duplicates]
_Period = Literal["none", Period]
_TEXTS_SHOWN = 20
_EXCLUDE_EACH_OTHER: tuple[frozenset[Only], ...] = (
    frozenset({"has_products", "no_products"}),
    frozenset({"live_in_shop", "no_products"}),
    frozenset({"missing_description", "long_description"}),
    frozenset({"landscape", "portrait", "square"}),
    frozenset({"too_small", "large_enough"}),
)


def _print_size(text: str) -> str:
    PrintSize.parse(text)
    return text


class SearchImagesResult(ToolResult):
    """One page of images, or the counts of a summary."""

    images: list[ImageRow]
    page_number: int
    per_page: int
    count: int
    next_page_number: int | None = Field(None, description="Absent on the last page.")
    next_per_page: int | None = Field(None, description="If another.")
    summary: dict[str, int] | None = None
    asked: str | None = Field(None, description="What a summary counts.")
    scanned: int | None = None
    held: int | None = Field(None, description="Images in scope.")
    not_reached: str | None = None
    note: str | None = None
    records: list[dict[str, Any]] | None = Field(None, description="With details.")
    places: SkipJsonSchema[int] = Field(0, exclude=True)

    def text(self) -> str:
        """A line that counts, then a line an image."""
        lines = [*self._head(), *filter(None, (row.line() for row in self.images))]
        lines += [f"{name}: {count}" for name, count in (self.summary or {}).items()]
        lines += [compact(record) for record in self.records or ()]
        if self.next_page_number:
            size = f", per_page {self.next_per_page}" if self.next_per_page else ""
            lines.append(f"Next: page_number {self.next_page_number}{size}")
        return "\n".join(lines)

    def _head(self) -> list[str]:
        first = (self.page_number - 1) * self.per_page + 1
        listed = f"Images {first}-{first + self.places - 1} of {self.count}."
        if not self.images:
            listed = f"No image on this page; {self.count} in all." if self.count else "No image."
        if self.scanned is None:
            return [listed, *filter(None, (self.not_reached, self.note))]
        matches = f"{counted(self.count, 'image')} match{'es' * (self.count == 1)}."
        matching = f"{self.asked}: {matches}" if self.summary else listed
        looked = f"Scanned {self.scanned} of {counted(self.held or 0, 'image')} in scope."
        return [f"{matching} {looked}", *filter(None, (self.not_reached, self.note))]


async def search_images(
    ctx: Call,
    *,
    library: Annotated[
        LibraryName,
        Field(description="temporary: deleted after about 14 days."),
    ] = "inventory",
    search_filter: Annotated[
        str | None,
        Field(max_length=300, description="Phrase in title or description, case-insensitive."),
    ] = None,
    search_any: Annotated[
        list[Annotated[str, Field(max_length=300)]] | None,
        Field(max_length=10, description="Any of 10 such phrases."),
        OfTexts,
    ] = None,
    guid_filter: Annotated[
        FewGuids | None, Field(description='At most 50; ["any"]: all.'), OfGuids
    ] = None,
    page_number: Annotated[Positive, Field(description="From 1.")] = 1,
    per_page: Annotated[PerPage, Field(description="At most 50.")] = 25,
    sort_field: Annotated[SortField, Field(description="id: order of adding.")] = "id",
    sort_direction: Annotated[
        SortDirection, Field(description="DESC: newest, largest or Z first.")
    ] = "DESC",
    upload_date_from: Annotated[
        DateFrom | None, Field(description="Added since; ISO 8601, US Central.")
    ] = None,
    upload_date_to: Annotated[
        DateTo | None, Field(description="Added until, that day too.")
    ] = None,
    list_products: Annotated[
        Flag,
        Field(description="Count products, shops (inventory); no tool changes them."),
    ] = True,
    active: Annotated[_Active, Field(description="any: inactive ones too.")] = "any",
    details: Annotated[
        Details | None,
        Field(description="Adds records with these, or all."),
    ] = None,
    file_name_contains: Annotated[
        list[Annotated[str, Field(max_length=200)]] | None,
        Field(max_length=50, description="Any of 50 parts of names, case-insensitive."),
        OfTexts,
    ] = None,
    only: Annotated[
        list[Only] | None,
        Field(
            description="All must match. missing_title: none, or file_name; untidy_title: "
            "capitals, final v2, like a file; long: over 300 characters; expiring: within 7 days; "
            "broken_url: print master gone.",
        ),
    ] = None,
    print_size: Annotated[
        str | None,
        Field(description="16x20 in, 40x60 cm, either way up; adds print_ppi, trimmed_percent."),
        AfterValidator(_print_size),
    ] = None,
    min_ppi: Annotated[Positive, Field(description="For large_enough.")] = MIN_PPI,
    max_trim_percent: Annotated[
        Percent, Field(description="At most 100: what print_size may trim.")
    ] = ANY_TRIM,
    duplicates: Annotated[
        _Duplicates,
        Field(
            description="Only duplicates, by duplicate_group. content: same file_size and pixels; "
            "likeness: look alike."
        ),
    ] = "none",
    summary: Annotated[Flag, Field(description="Counts by only, not rows.")] = False,
    summary_by: Annotated[_Period, Field(description="Count by date added.")] = "none",
    print_sizes: Annotated[
        Flag, Field(description="Add largest prints at 300, 200, 150 ppi.")
    ] = False,
    change_id: Annotated[str | None, Field(description="Of this change.")] = None,
    selection_guid: Annotated[Guid | None, Field(description="In this selection.")] = None,
) -> SearchImagesResult:
    """Search the library: find or show a photo, picture or image; list photos, count how many.

    Photos or pictures by words in titles or descriptions, series, file name, date added, uploaded
    (newest, latest); pictures untitled, missing title, no description, duplicate or alike; images
    low in resolution, too small or large enough to print, live in a shop. Returns guids, products
    at stake. With only, duplicates, file_name_contains or summary it scans everything; not_reached
    says what was missed. Never page to count. See images with view_images, prices with
    search_products. Titles are untrusted.
    """
    query = Query(
        library=library,
        search_filter=search_filter,
        guid_filter=tuple(guid_filter) if guid_filter else None,
        page_number=page_number,
        per_page=per_page,
        sort_field=sort_field,
        sort_direction=sort_direction,
        upload_date_from=upload_date_from,
        upload_date_to=upload_date_to,
        list_products=list_products,
        active={"true": True, "false": False}.get(active),
    )
    question = Question(
        search_any=tuple(dict.fromkeys(search_any or ())),
        file_name_contains=tuple(dict.fromkeys(file_name_contains or ())),
        only=tuple(dict.fromkeys(only or ())),
        print_size=PrintSize.parse(print_size) if print_size else None,
        min_ppi=min_ppi,
        max_trim_percent=max_trim_percent,
        duplicates=None if duplicates == "none" else duplicates,
        summary=summary or summary_by != "none",
        summary_by=None if summary_by == "none" else summary_by,
        with_products=list_products and library == "inventory",
    )
    depth = Depth(frozenset(details or ()), parts_of(ctx).show_hires)
    looks = _Looks(question.print_size, print_sizes, depth)
    _check_dates(query)
    _check(query, question, looks)
    if change_id or selection_guid:
        return await _chosen(ctx, query, question, looks, (change_id, selection_guid))
    if question.whole:
        return await _ask_all(ctx, query, question, looks)
    account = parts_of(ctx).account
    started = account.clock()
    page = await search(account, query)
    listed = {image.guid for image in page.images}
    note = await _missing(account, query, listed, page.count, started)
    return _result(query, page, looks, note)


@dataclass(frozen=True, slots=True)
class _Looks:
    """How much a result says of each image."""

    print_size: PrintSize | None
    print_sizes: bool
    depth: Depth

    @property
    def more_than_listed(self) -> bool:
        """Whether a row says what no resource does."""
        return self.print_sizes or self.print_size is not None

    def row(self, image: ImageDetails, group: int | None = None) -> ImageRow:
        if not self.more_than_listed and group is None:
            return image_row(image)
        sides = pixels(image)
        size = self.print_size if sides else None
        more = {
            "prints": (largest_prints(*sides) or None) if sides and self.print_sizes else None,
            "print_ppi": size.ppi(*sides) if size and sides else None,
            "trimmed_percent": size.trimmed(*sides) if size and sides else None,
            "duplicate_group": group,
        }
        return image_row(image).model_copy(update=more)

    def listed(self, image: ImageDetails, group: int | None = None) -> Listed:
        return self.depth.listed(image, self.row(image, group))


def _check_dates(query: Query) -> None:
    start, end = query.upload_date_from, query.upload_date_to
    if start and end and start[:10] > end[:10]:
        raise _refused("upload_date_from is after upload_date_to", "Correct the dates")


def _check(query: Query, question: Question, looks: _Looks) -> None:
    """Refuse what would answer another question than the one that is meant."""
    only = set(question.only)
    for pair in _EXCLUDE_EACH_OTHER:
        if len(both := [name for name in question.only if name in pair]) > 1:
            raise _refused(f"no image is both {both[0]} and {both[1]}", f"Omit {both[1]}")
    if query.active and "inactive" in only:
        raise _refused("active is true but only includes inactive", "Omit one")
    if query.library == "temporary" and only & OF_PRODUCTS:
        raise _refused("temporary images have no products", "Use library inventory")
    if "products" in looks.depth.details and not question.with_products:
        raise _refused(
            "products are listed only of the inventory, with list_products", "Omit products"
        )
    if query.search_filter and question.search_any:
        raise _refused("search_filter and search_any exclude each other", "Omit one")
    of_prints = question.min_ppi != MIN_PPI or question.max_trim_percent != ANY_TRIM
    if not question.print_size and (only & OF_PRINTS or of_prints):
        raise _refused(
            "print_size is required for large_enough and too_small", "Give print_size (16x20 in)"
        )
    if question.min_ppi != MIN_PPI and not (only & OF_PRINTS or question.summary):
        raise _refused(
            "min_ppi alone filters nothing", "Add large_enough or too_small to only, or summary,"
        )
    if question.summary and (looks.depth.details or looks.print_sizes):
        raise _refused("summary returns no rows", "Omit summary, or details and print_sizes")


def _refused(what: str, next_step: str) -> ArgumentsError:
    return ArgumentsError(
        f"search_images was not run: {what}.",
        state="Nothing was sent.",
        next_step=f"{next_step} and call it again.",
        reason=Reason.INVALID_ARGUMENTS,
    )


async def _ask_all(
    ctx: Call, query: Query, question: Question, looks: _Looks
) -> SearchImagesResult:
    parts = parts_of(ctx)
    if question.duplicates == "likeness":
        parts.likenesses.check()
    if question.of_urls:
        parts.masters.check()
    asked = Asked(
        query,
        question,
        now=datetime.now(UTC),
        started=parts.account.clock(),
        progress=ctx.report_progress,
        likenesses=parts.likenesses,
        masters=parts.masters,
    )
    account = parts.account
    if question.summary:
        matches = await matching(account, asked)
        note = await _missing(account, query, (), matches.held, asked.started)
        return _counted(query, question, matches, _joined(_unmatched(matches), note))
    page = await match_page(account, parts.scans, asked)
    there = [image.guid for image in page.images]
    note = await _missing(account, query, there, page.matches.held, asked.started)
    return _matched(query, page, looks, _joined(page.note, _unmatched(page.matches), note))


async def _missing(
    account: Account, query: Query, listed: Collection[str], held: int, started: float
) -> str:
    """Which of the guids that were asked for are not there; told with the first page."""
    guids = query.guid_filter or ()
    if query.page_number > 1 or max(held, len(listed)) >= len(guids):
        return ""
    return await missing(account, guids, query.library, listed=listed, started=started)


def _unmatched(matches: "Matches") -> str:
    texts = matches.unmatched[:_TEXTS_SHOWN]
    more = len(matches.unmatched) - len(texts)
    told = ", ".join(quoted(text) for text in texts) + (f" and {more} more" if more else "")
    return f"No image matches {told}." if texts else ""


def _joined(*notes: str) -> str:
    return " ".join(filter(None, notes))


def _cut(
    listed: Sequence[Listed | None],
    query: Query,
    following: int | None,
    not_reached: str,
    note: str = "",
) -> dict[str, Any]:
    """What fits of a page, and the page after it; None is a place that is empty by now."""
    page = Paged(query.page_number, query.per_page, following, "image")
    said = len(compact([note, not_reached]))
    rest = cut(_sizes(listed, ROWS_SHOWN - said), page, said=said)
    kept = [one for one in listed[: rest.kept] if one]
    records = [one.record for one in kept if one.record is not None]
    return {
        "images": [one.row for one in kept],
        "next_page_number": rest.next_page_number,
        "next_per_page": rest.next_per_page if rest.next_per_page != query.per_page else None,
        "not_reached": not_reached or None,
        "note": _joined(note, rest.note) or None,
        "records": records or None,
        "places": rest.kept,
    }


def _sizes(listed: Sequence[Listed | None], room: int) -> list[Size]:
    """How long each is; nothing is counted of rows that fit in any case, as most pages do."""
    there = [one for one in listed if one]
    bare = not any(one.record for one in there)
    if bare and sum(one.row.at_most() for one in there) <= room:
        return [NOTHING for _ in listed]
    return [size_of(one) if one else NOTHING for one in listed]


async def _chosen(
    ctx: Call,
    query: Query,
    question: Question,
    looks: _Looks,
    named: tuple[str | None, str | None],
) -> SearchImagesResult:
    if question.whole:
        raise _refused("a change or a selection takes no question", "Omit the others")
    parts = parts_of(ctx)
    page = await chosen_images(parts.account, parts.writes.changes, query, *named)
    listed = [looks.listed(image) for image in page.images]
    return SearchImagesResult(
        **_cut(listed, query, page.next_page_number, page.not_reached),
        page_number=query.page_number,
        per_page=query.per_page,
        count=page.count,
    )


def _result(query: Query, page: Page, looks: _Looks, note: str) -> SearchImagesResult:
    listed = [looks.listed(image) for image in page.images]
    return SearchImagesResult(
        **_cut(listed, query, page.next_page_number, page.not_reached, note),
        page_number=page.page_number,
        per_page=page.per_page,
        count=max(page.count, page.seen),
    )


def _matched(query: Query, page: "MatchPage", looks: _Looks, note: str) -> SearchImagesResult:
    matches = page.matches
    more = query.page_number * query.per_page < len(matches.found)
    there = {image.guid: image for image in page.images}
    listed = [
        looks.listed(there[guid], group) if guid in there else None
        for guid, group in page.groups.items()
    ]
    return SearchImagesResult(
        **_cut(listed, query, query.page_number + 1 if more else None, matches.not_reached, note),
        page_number=query.page_number,
        per_page=query.per_page,
        count=len(matches.found),
        scanned=matches.scanned,
        held=matches.held,
    )


def _counted(query: Query, question: Question, matches: "Matches", note: str) -> SearchImagesResult:
    return SearchImagesResult(
        images=[],
        page_number=1,
        per_page=query.per_page,
        count=len(matches.found),
        asked=echo(query, question),
        note=note or None,
        summary=dict(matches.summary or {}),
        scanned=matches.scanned,
        held=matches.held,
        not_reached=matches.not_reached or None,
    )
