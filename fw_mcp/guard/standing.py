"""How the targets of a question stood, kept with its plan: what changed since can be named."""

import json
from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

from fw_mcp.guard.question import (
    Target,
    digest,
    image_named,
    live_in,
    price_of,
    product_named,
    targets_digest,
)
from fw_mcp.text import counted

_LONGEST = 450
_SHORT = 16
_KEY = 40


class _Product(NamedTuple):
    """A product as a question showed it.

    Attributes:
        key: what tells it from the other products of its image.
    """

    key: str
    named: str
    price: str
    live: str


class _Stood(NamedTuple):
    """An image as a question showed it.

    Attributes:
        state: the same for exactly the same image.
        text: the same for the same text.
    """

    guid: str
    state: str
    named: str
    text: str
    products: list[_Product]


def standing(targets: Sequence[Target]) -> str:
    """How targets stand, in whatever order: the same text for exactly the same state."""
    return json.dumps(sorted(map(_stands, targets)), separators=(",", ":"))


def guids_in(stood: str) -> set[str]:
    """The images of a standing; none where a former version wrote it."""
    return {one.guid for one in _read(stood)}


def changes_since(stood: str, targets: Sequence[Target]) -> str:
    """What is not as it stood, in a line; "" where that cannot be told."""
    before = {one.guid: one for one in _read(stood)}
    if not before:
        return ""
    now = sorted(map(_stands, targets))
    found = [one for image in now for one in _changed(before.get(image.guid), image)]
    left = before.keys() - {image.guid for image in now}
    found += [f"{before[guid].named} is no longer affected" for guid in sorted(left)]
    if not found:
        return ""
    named = found[:1]
    for one in found[1:]:
        if sum(map(len, named)) + len(one) > _LONGEST:
            break
        named.append(one)
    more = len(found) - len(named)
    told = "; ".join(named) + (f"; and {counted(more, 'more change')}" if more else "")
    return f"Changed since the last question: {told}."


def _changed(before: _Stood | None, now: _Stood) -> list[str]:
    if before is None:
        return [f"{now.named} is now affected too"]
    if before.state == now.state:
        return []
    found = []
    if before.named != now.named:
        found.append(f"{before.named} is now {now.named}")
    elif before.text != now.text:
        found.append(f"the text of {now.named} is different")
    former = {one.key: one for one in before.products}
    present = {one.key: one for one in now.products}
    found += [
        f"{now.named} {how}" for key in present if (how := _how(former.get(key), present[key]))
    ]
    found += [
        f"{now.named} no longer has {former[key].named}" for key in former if key not in present
    ]
    return found or [f"{now.named} is not quite as it was"]


def _how(before: _Product | None, now: _Product) -> str:
    """What of a product is not as it was, as a clause about its image."""
    if before is None:
        return f"now has {now.named} too"
    if before.named != now.named:
        return f"has {now.named} in place of {before.named}"
    if before.live != now.live:
        return f"has {now.named} now {now.live or 'in no shop'}"
    return "" if before.price == now.price else f"has {now.named} now at {now.price or 'no price'}"


def _stands(target: Target) -> _Stood:
    text = [target.title, target.description, target.file_name, *map(str, target.changes)]
    seen = Counter[str]()
    products = []
    for product in target.products:
        key = (product.sku or product.name)[:_KEY]
        seen[key] += 1
        shown = product_named(product), price_of(product), live_in(product)
        products.append(_Product(f"{key} {seen[key]}", *shown))
    return _Stood(
        target.guid,
        targets_digest([target]),
        image_named(target),
        digest(text)[:_SHORT],
        products,
    )


def _read(stood: str) -> list[_Stood]:
    """A former version kept one digest of all."""
    try:
        images = json.loads(stood)
    except ValueError:
        return []
    if not isinstance(images, list):
        return []
    return [
        _Stood(guid, state, named, text, [_Product(*one) for one in products])
        for guid, state, named, text, products in images
    ]
