"""Images as whole records, for who asks for details: cut and escaped as rows are."""

import json
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from fw_mcp.api.models import ImageDetails, Product
from fw_mcp.errors import shown, visible

RECORD_TEXT_SHOWN = 2_000
_PRODUCTS_SHOWN = 20_000

Record = dict[str, Any]


def image_record(image: ImageDetails, *, show_hires: bool) -> Record:
    """The whole record of an image; the print master's address only where the operator allows.

    `cut` names each text that is longer than shown, with the characters that it has, and
    `more_products` counts the products beyond those shown.
    """
    record = image.model_dump(mode="json", exclude_none=True, exclude={"products"})
    if not show_hires:
        record.pop("private_hires_uri", None)
    record = _record(record)
    return record if image.products is None else record | _hung(record, image.products)


def first_that_fit(records: Iterable[Record], characters: int) -> list[Record]:
    """The first of `records`, at least one, whose JSON together takes no more than `characters`."""
    kept: list[Record] = []
    for record in records:
        characters -= len(compact(record))
        if kept and characters < 0:
            break
        kept.append(record)
    return kept


def compact(document: object) -> str:
    """JSON on one line."""
    return json.dumps(document, ensure_ascii=False, separators=(",", ":"))


def _hung(record: Record, hung: Sequence[Product]) -> Record:
    whole = (_record(one.model_dump(mode="json", exclude_none=True)) for one in hung)
    listed = first_that_fit(whole, _PRODUCTS_SHOWN)
    escaped = record.get("escaped") or any(one.get("escaped") for one in listed)
    more = len(hung) - len(listed)
    return {
        "products": listed,
        **({"more_products": more} if more else {}),
        **({"escaped": True} if escaped else {}),
    }


def _record(raw: Record) -> Record:
    views = {name: _view(value) for name, value in raw.items()}
    cut = {name: view.length for name, view in views.items() if view.length}
    return {
        **{name: view.value for name, view in views.items()},
        **({"cut": cut} if cut else {}),
        **({"escaped": True} if any(view.escaped for view in views.values()) else {}),
    }


class _View(NamedTuple):
    """A member of a record as it is shown; `length` is how long it really is, if it was cut."""

    value: object
    escaped: bool = False
    length: int = 0


def _view(value: object) -> _View:
    if isinstance(value, str):
        text = shown(value, RECORD_TEXT_SHOWN)
        return _View(text.text, text.escaped, len(value) if text.cut else 0)
    if not isinstance(value, dict | list):
        return _View(value)
    legible = _legible(value)
    json_text = compact(legible)
    if len(json_text) <= RECORD_TEXT_SHOWN:
        return _View(legible, legible != value)
    return _View(shown(json_text, RECORD_TEXT_SHOWN).text, legible != value, len(json_text))


def _legible(value: object) -> object:
    """JSON of any shape, its texts and names with escapes."""
    if isinstance(value, str):
        return visible(value)
    if isinstance(value, list):
        return [_legible(one) for one in value]
    if isinstance(value, dict):
        return {visible(name): _legible(one) for name, one in value.items()}
    return value
