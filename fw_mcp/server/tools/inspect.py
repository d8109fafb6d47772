"""`inspect_files`: what files are, before they are registered."""

from typing import Annotated

from pydantic import Field

from fw_mcp.api.models import URI_LIMIT
from fw_mcp.images.print_sizes import largest_prints
from fw_mcp.pictures.inspect import Inspected
from fw_mcp.server.cutting import ROWS_SHOWN, how_many_fit, size_of
from fw_mcp.server.results import ToolResult
from fw_mcp.server.rows import Row
from fw_mcp.server.tool import Call, is_local, parts_of
from fw_mcp.text import counted, in_quotes, is_plain, shown

_SOURCE_SHOWN = 120
_NAME_SHOWN = 200
_NEEDS_URL = "add_images needs a URL for it that FinerWorks can reach."
_TAKES_FILE = "add_images takes it as file, with this path."
_TOO_LONG = f"Its URL is longer than the {URI_LIMIT} characters add_images accepts."
_NO_SIZE = "The server does not report its size."


class FileRow(Row):
    """One file, its texts already as they are shown."""

    source: str
    file_name: str | None = None
    file_size: int | None = None
    format: str | None = None
    pix_w: int | None = None
    pix_h: int | None = None
    orientation: str | None = None
    exif_orientation: int | None = None
    prints: dict[str, str] | None = None
    private_hires_uri: str | None = None
    detail: str | None = None
    error: str | None = None

    def line(self) -> str:
        """One line for a person."""
        prints = ", ".join(f"{size} at {ppi} ppi" for ppi, size in (self.prints or {}).items())
        parts = [
            in_quotes(self.source),
            in_quotes(self.file_name) if self.file_name else "",
            f"{self.file_size} bytes" if self.file_size is not None else "",
            f"{self.format} {self.pix_w}x{self.pix_h} {self.orientation}" if self.format else "",
            f"EXIF orientation {self.exif_orientation}" if self.exif_orientation else "",
            f"prints {prints}" if prints else "",
            self._uri(),
            self.detail or "",
            self.error or "",
        ]
        return " | ".join(part for part in parts if part)

    def _uri(self) -> str:
        if not self.private_hires_uri:
            return ""
        same = self.private_hires_uri == self.source
        return f"private_hires_uri {'as given' if same else self.private_hires_uri}"


class InspectFilesResult(ToolResult):
    """What each file is, in the order given."""

    files: list[FileRow]
    note: str | None = None

    def text(self) -> str:
        """A line that counts, then a line a file."""
        read = sum(not row.error for row in self.files)
        head = f"{read} of {counted(len(self.files), 'file')} read."
        return "\n".join([head, *filter(None, [self.note]), *(row.line() for row in self.files)])


async def inspect_files(
    ctx: Call,
    *,
    files: Annotated[
        list[Annotated[str, Field(max_length=2_000)]],
        Field(
            min_length=1, max_length=50, description="At most 50 URLs, or local paths over stdio."
        ),
    ],
) -> InspectFilesResult:
    """Check or inspect an image file by URL, link or path: resolution, dimensions, format, size.

    Reads pixel width and height from its header, and how large this file can be printed (JPEG, JPG,
    TIFF, PNG). Use it before add_images, which takes the file_name, file_size, pix_w, pix_h and
    private_hires_uri. For library images use search_images with print_sizes. Local paths work over
    stdio in folders the operator allowed.
    """
    parts = parts_of(ctx)
    within_s = parts.account.pace.total_s
    found = await parts.inspector.inspect(files, local=is_local(ctx), within_s=within_s)
    uploads = parts.files is not None and is_local(ctx) and parts.files.uploads.is_on
    rows = [_row(one, _TAKES_FILE if uploads else _NEEDS_URL) for one in found]
    kept = how_many_fit([size_of(row) for row in rows], ROWS_SHOWN)
    absent = len(rows) - kept
    note = f"{counted(absent, 'more file')} did not fit: call again with the last {absent} alone."
    return InspectFilesResult(files=rows[:kept], note=note if absent else None)


def _row(one: Inspected, of_a_path: str) -> FileRow:
    source = shown(one.source, _SOURCE_SHOWN).text
    if one.facts is None:
        return FileRow(source=source, error=one.error)
    facts = one.facts
    return FileRow(
        source=source,
        file_name=shown(one.file_name, _NAME_SHOWN).text or None,
        file_size=one.file_size,
        format=facts.format,
        pix_w=facts.pix_w,
        pix_h=facts.pix_h,
        orientation=_orientation(facts.pix_w, facts.pix_h),
        exif_orientation=facts.exif_orientation if facts.exif_orientation > 1 else None,
        prints=largest_prints(facts.pix_w, facts.pix_h) or None,
        private_hires_uri=one.source if _is_addable(one) else None,
        detail=_detail(one) if one.is_url else of_a_path,
    )


def _orientation(pix_w: int, pix_h: int) -> str:
    if pix_w == pix_h:
        return "square"
    return "landscape" if pix_w > pix_h else "portrait"


def _is_addable(one: Inspected) -> bool:
    return one.is_url and len(one.source) <= URI_LIMIT and is_plain(one.source)


def _detail(one: Inspected) -> str | None:
    """What is still missing before it can be registered."""
    missing = [
        _TOO_LONG if len(one.source) > URI_LIMIT else "",
        _NO_SIZE if one.file_size is None else "",
    ]
    return " ".join(part for part in missing if part) or None
