"""What `details` says of an image beyond its row: a record beside it that repeats nothing."""

from dataclasses import dataclass
from typing import Annotated, Any, Literal, NamedTuple

from pydantic import BeforeValidator

from fw_mcp.api.models import ImageDetails, Product
from fw_mcp.images.products import short
from fw_mcp.server.product_rows import short_row
from fw_mcp.server.rows import ImageRow, Record, compact, record_of, with_products

Detail = Literal["description", "file", "urls", "products", "all"]

_MEMBERS: dict[Detail, frozenset[str]] = {
    "description": frozenset({"description"}),
    "file": frozenset({"file_size", "thumbnail_file_name", "preview_file_name", "hires_file_name"}),
    "urls": frozenset({"public_thumbnail_uri", "public_preview_uri", "private_hires_uri"}),
    "products": frozenset(),
}
_FILE_NAMES = ("thumbnail_file_name", "preview_file_name", "hires_file_name")
_COMPUTED = {"guid", "prints", "print_ppi", "trimmed_percent", "duplicate_group"}
# With its row, a record of one image is no longer than a result takes.
_WITH_PRODUCTS = 18_000


def _named(value: object) -> object:
    """Once this was true or false."""
    match value:
        case bool() as all_of_it:
            return ["all"] if all_of_it else []
        case [str() | bool() as word] if str(word).casefold() in {"true", "false"}:
            return ["all"] if str(word).casefold() == "true" else []
    return value


Details = Annotated[list[Detail], BeforeValidator(_named)]


class Listed(NamedTuple):
    """An image of a result: its row, and its record, if details were asked for."""

    row: ImageRow
    record: Record | None

    def line(self) -> str:
        """As text."""
        return "\n".join(
            filter(None, [self.row.line(), compact(self.record) if self.record else ""])
        )

    def structured(self) -> dict[str, Any]:
        """As JSON."""
        return {"row": self.row.structured(), "record": self.record}


@dataclass(frozen=True, slots=True)
class Depth:
    """How much is said of each image.

    Attributes:
        details: those that were asked for.
        show_hires: whether the operator lets the print master's address be shown.
    """

    details: frozenset[Detail]
    show_hires: bool

    def listed(self, image: ImageDetails, row: ImageRow) -> Listed:
        """The image with its record; what the record says leaves the row."""
        if not self.details:
            return Listed(row, None)
        if "all" in self.details:
            record = _once(record_of(image, show_hires=self.show_hires))
            kept = {name: one for name, one in row if name in _COMPUTED}
            return Listed(ImageRow(**kept, is_bare=True), self._hung(record, image))
        return self._some(image, row)

    def _some(self, image: ImageDetails, row: ImageRow) -> Listed:
        names = frozenset[str]().union(*(_MEMBERS[one] for one in self.details))
        if "description" in self.details:
            row = row.model_copy(update={"description": None})
            # A title that its row cuts is no less a text that is to be read whole.
            names |= {"title"} if row.title and row.title.endswith("…") else set()
        record = {
            "guid": row.guid,
            **_once(record_of(image, names, show_hires=self.show_hires)),
        }
        return Listed(row, self._hung(record, image) if "products" in self.details else record)

    def _hung(self, record: Record, image: ImageDetails) -> Record:
        if image.products is None:
            return record
        rows = (_product(one, image.title or "") for one in image.products)
        return with_products(record, rows, len(image.products), _WITH_PRODUCTS)


def _once(record: Record) -> Record:
    """Without the names of files that are the image's own, and that it is active, as most are."""
    own = record.get("file_name")
    names = {name for name in _FILE_NAMES if own and record.get(name) == own}
    if record.get("active") is True:
        names.add("active")
    return {name: one for name, one in record.items() if name not in names}


def _product(product: Product, title: str) -> Record:
    """One short object, without what the image says."""
    row = short_row(short(product, title))
    is_its = row.title is not None and title.casefold().startswith(row.title.rstrip("…").casefold())
    return row.model_copy(
        update={"image_guid": None, **({"title": None} if is_its else {})}
    ).structured()
