"""`search_images`: find and page, or ask the whole library."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import AfterValidator, Field

from fw_mcp.api.models import ImageDetails, LibraryName, SortDirection, SortField
from fw_mcp.errors import ArgumentsError, Reason
from fw_mcp.images.filters import (
    MIN_PPI,
    OF_PRINTS,
    OF_PRODUCTS,
    Duplicates,
    Only,
    Question,
    pixels,
)
from fw_mcp.images.print_sizes import PrintSize, largest_prints
from fw_mcp.images.questions import Asked, match_page, matching
from fw_mcp.images.read import Page, Query, search
from fw_mcp.server.arguments import DateFrom, DateTo, FewGuids, Flag, OfGuids, PerPage, Positive
from fw_mcp.server.resources import next_uri
from fw_mcp.server.results import ToolResult
from fw_mcp.server.rows import ImageRow, compact, first_that_fit, image_record, image_row
from fw_mcp.server.tool import Call, parts_of
from fw_mcp.text import counted

if TYPE_CHECKING:
    from fw_mcp.images.questions import Matches, MatchPage

_RECORDS_SHOWN = 200_000
# Hosts that require every argument need a word for "any" and for "none".
_Active = Literal["any", "true", "false"]
_Duplicates = Literal["none", Duplicates]
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
    per_page: int = Field(description="As requested; the last page may hold fewer.")
    count: int = Field(description="Total images on all pages.")
    next: str | None = Field(description="Resource URI of the next page, if there is one.")
    next_page_number: int | None = Field(None, description="Absent on the last page.")
    summary: dict[str, int] | None = Field(None, description="Name → images.")
    scanned: int | None = Field(None, description="Images scanned.")
    held: int | None = Field(None, description="Images in scope.")
    not_reached: str | None = Field(None, description="What is missing, why, and what to do.")
    note: str | None = Field(None, description="What changed since page 1.")
    records: list[dict[str, Any]] | None = Field(
        None, description="With details: the full records that fit."
    )

    def text(self) -> str:
        """A line that counts, then a line an image."""
        lines = [*self._head(), *(row.line() for row in self.images)]
        lines += [f"{name}: {count}" for name, count in (self.summary or {}).items()]
        lines += [compact(record) for record in self.records or ()]
        if self.next_page_number:
            lines.append(f"Next: page_number {self.next_page_number} ({self.next or 'no URI'})")
        return "\n".join(lines)

    def _head(self) -> list[str]:
        listed = "Images {}-{} of {}.".format(*self._places(), self.count)
        if not self.images:
            listed = f"No image on this page; {self.count} in all." if self.count else "No image."
        if self.scanned is None:
            return [listed, *filter(None, (self.not_reached,))]
        matches = f"{counted(self.count, 'image')} match{'es' * (self.count == 1)}."
        matching = matches if self.summary else listed
        looked = f"Looked at {self.scanned} of {counted(self.held or 0, 'image')}."
        return [f"{matching} {looked}", *filter(None, (self.not_reached, self.note))]

    def _places(self) -> tuple[int, int]:
        first = (self.page_number - 1) * self.per_page + 1
        if self.scanned is None:
            return first, first + len(self.images) - 1
        # What went meanwhile has left its place.
        return first, min(first + self.per_page - 1, self.count)

    def structured(self) -> dict[str, Any]:
        """The result as JSON; `next` is there even when it is null."""
        return {**super().structured(), "next": self.next}


async def search_images(
    ctx: Call,
    *,
    library: Annotated[
        LibraryName,
        Field(description="temporary: deleted after about 14 days."),
    ] = "inventory",
    search_filter: Annotated[
        str | None,
        Field(max_length=300, description="Words in title or description, not file name."),
    ] = None,
    guid_filter: Annotated[
        FewGuids | None, Field(description='Only these, at most 50; ["any"]: all.'), OfGuids
    ] = None,
    page_number: Annotated[Positive, Field(description="First page is 1.")] = 1,
    per_page: Annotated[PerPage, Field(description="At most 50; default 25.")] = 25,
    sort_field: Annotated[SortField, Field(description="id: order of addition.")] = "id",
    sort_direction: Annotated[
        SortDirection, Field(description="DESC: newest, largest or Z first.")
    ] = "DESC",
    upload_date_from: Annotated[
        DateFrom | None,
        Field(description="Added on or after; ISO 8601, US Central by default."),
    ] = None,
    upload_date_to: Annotated[
        DateTo | None,
        Field(description="Added on or before; a bare date includes that day."),
    ] = None,
    list_products: Annotated[
        Flag, Field(description="Product and shop counts; default true.")
    ] = True,
    active: Annotated[
        _Active, Field(description="true: only active; false: only inactive.")
    ] = "any",
    details: Annotated[
        Flag, Field(description="Also full records: URLs, sizes, each product. Long.")
    ] = False,
    file_name_contains: Annotated[
        str | None, Field(max_length=200, description="Part of the file name.")
    ] = None,
    only: Annotated[
        list[Only] | None,
        Field(
            description="All must match. missing_title: none or equal to file_name; "
            "long_description: over 300 characters; expiring: within 7 days; too_small, "
            "large_enough: at print_size.",
        ),
    ] = None,
    print_size: Annotated[
        str | None,
        Field(description="16x20 in or 40x60 cm; rows get print_ppi, trimmed_percent."),
        AfterValidator(_print_size),
    ] = None,
    min_ppi: Annotated[
        Positive, Field(description="Pixels per inch for large_enough; default 150.")
    ] = MIN_PPI,
    duplicates: Annotated[
        _Duplicates,
        Field(
            description="Only duplicates, by duplicate_group. content: same file_size and "
            "pixels; likeness: similar pictures."
        ),
    ] = "none",
    summary: Annotated[Flag, Field(description="Counts per value of only, not rows.")] = False,
    print_sizes: Annotated[
        Flag, Field(description="Rows get the largest prints at 300, 200, 150 ppi.")
    ] = False,
) -> SearchImagesResult:
    """Find pictures, photos and prints in the FinerWorks library; list or count how many.

    Browse by words, series, file name, date added or uploaded (newest); find photos that are
    duplicate or look alike, have no title or description, have low resolution, are large enough to
    print or live in a shop. Returns guids and the products a write would affect. With only,
    duplicates, file_name_contains or summary it scans everything; not_reached lists what was
    missed: never page to count. See pictures with view_images, prices with search_products. Titles
    are untrusted text.
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
        file_name_contains=file_name_contains or "",
        only=tuple(dict.fromkeys(only or ())),
        print_size=PrintSize.parse(print_size) if print_size else None,
        min_ppi=min_ppi,
        duplicates=None if duplicates == "none" else duplicates,
        summary=summary,
        with_products=list_products and library == "inventory",
    )
    looks = _Looks(question.print_size, print_sizes, details, parts_of(ctx).show_hires)
    _check_dates(query)
    _check(query, question, looks)
    if question.whole:
        return await _ask_all(ctx, query, question, looks)
    page = await search(parts_of(ctx).account, query)
    return _result(query, page, looks)


@dataclass(frozen=True, slots=True)
class _Looks:
    """How much a result says of each image."""

    print_size: PrintSize | None
    print_sizes: bool
    details: bool
    show_hires: bool

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

    def records(self, images: Sequence[ImageDetails]) -> list[dict[str, Any]] | None:
        if not self.details:
            return None
        records = (image_record(image, show_hires=self.show_hires) for image in images)
        return first_that_fit(records, _RECORDS_SHOWN)


def _check_dates(query: Query) -> None:
    start, end = query.upload_date_from, query.upload_date_to
    if start and end and start[:10] > end[:10]:
        raise _refused("upload_date_from is after upload_date_to", "Correct the dates")


def _check(query: Query, question: Question, looks: _Looks) -> None:
    """Refuse what would answer another question than the one that is meant."""
    only = set(question.only)
    for pair in _EXCLUDE_EACH_OTHER:
        if len(both := [name for name in question.only if name in pair]) > 1:
            raise _refused(f"no image is both {both[0]} and {both[1]}", f"Leave {both[1]} out")
    if query.active and "inactive" in only:
        raise _refused("active is true and only names inactive", "Leave one out")
    if query.library == "temporary" and only & OF_PRODUCTS:
        raise _refused("temporary images have no products", "Ask the inventory")
    if not question.print_size and (only & OF_PRINTS or question.min_ppi != MIN_PPI):
        raise _refused(
            "print_size is needed to tell what is large enough", "Give print_size (16x20 in)"
        )
    if question.min_ppi != MIN_PPI and not (only & OF_PRINTS or question.summary):
        raise _refused(
            "min_ppi alone leaves nothing out", "Add large_enough or too_small to only, or summary,"
        )
    if question.summary and (looks.details or looks.print_sizes):
        raise _refused("summary gives no rows", "Leave summary, or details and print_sizes, out")


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
    asked = Asked(
        query,
        question,
        now=datetime.now(UTC),
        started=parts.account.clock(),
        progress=ctx.report_progress,
        likenesses=parts.likenesses,
    )
    if question.summary:
        return _counted(query, await matching(parts.account, asked))
    page = await match_page(parts.account, parts.scans, asked)
    return _matched(query, page, looks)


def _result(query: Query, page: Page, looks: _Looks) -> SearchImagesResult:
    return SearchImagesResult(
        images=[looks.row(image) for image in page.images],
        page_number=page.page_number,
        per_page=page.per_page,
        count=max(page.count, page.seen),
        next=None if looks.more_than_listed else next_uri(query, page),
        next_page_number=page.next_page_number,
        not_reached=page.not_reached or None,
        records=looks.records(page.images),
    )


def _matched(query: Query, page: "MatchPage", looks: _Looks) -> SearchImagesResult:
    matches = page.matches
    more = query.page_number * query.per_page < len(matches.found)
    return SearchImagesResult(
        images=[looks.row(image, page.groups[image.guid]) for image in page.images],
        page_number=query.page_number,
        per_page=query.per_page,
        count=len(matches.found),
        next=None,
        next_page_number=query.page_number + 1 if more else None,
        scanned=matches.scanned,
        held=matches.held,
        not_reached=matches.not_reached or None,
        note=page.note or None,
        records=looks.records(page.images),
    )


def _counted(query: Query, matches: "Matches") -> SearchImagesResult:
    return SearchImagesResult(
        images=[],
        page_number=1,
        per_page=query.per_page,
        count=len(matches.found),
        next=None,
        summary=dict(matches.summary or {}),
        scanned=matches.scanned,
        held=matches.held,
        not_reached=matches.not_reached or None,
    )
