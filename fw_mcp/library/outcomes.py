"""How each item of a write ended, as read back from the service."""

from dataclasses import dataclass, field
from enum import StrEnum

from fw_mcp.api.models import ImageDetails, Product


class Outcome(StrEnum):
    """The closed list of ends."""

    CREATED = "created"
    ADOPTED = "adopted"
    UPDATED = "updated"
    DELETED = "deleted"
    ALREADY_GONE = "already_gone"
    NOT_FOUND = "not_found"
    FAILED = "failed"
    UNKNOWN = "unknown"
    NOT_ATTEMPTED = "not_attempted"


GOOD = frozenset({Outcome.CREATED, Outcome.ADOPTED, Outcome.UPDATED, Outcome.DELETED})
GONE = frozenset({Outcome.ALREADY_GONE, Outcome.NOT_FOUND})


@dataclass(frozen=True, slots=True)
class Ended:
    """One item of a write.

    Attributes:
        guid: the image; None when none is known yet.
        outcome: as read back, never as requested.
        detail: why, or how to find out; "" where the outcome says it all.
        before: the record as it stood; None when there was none.
        after: the record as read back; None when there is none.
        stored: the guids that a selection holds, as read back; None of an image.
        again_after_s: seconds after which it may be sent again, since certainly nothing was done,
            or nothing is to be seen of it; None when it may not.
        doubled: whether the service lists the image more often than it was asked for.
    """

    guid: str | None
    outcome: Outcome
    detail: str = ""
    before: ImageDetails | None = field(default=None, repr=False)
    after: ImageDetails | None = field(default=None, repr=False)
    stored: tuple[str, ...] | None = None
    doubled: bool = False
    again_after_s: float | None = None

    @property
    def products_gone(self) -> tuple[Product, ...]:
        """The products that hung on the image before and were not read back after.

        None while it is not known what the service holds now.
        """
        if self.after is None and self.outcome not in {Outcome.DELETED, Outcome.NOT_FOUND}:
            return ()
        kept = {product_key(product) for product in products(self.after)}
        return tuple(one for one in products(self.before) if product_key(one) not in kept)


def products(image: ImageDetails | None) -> tuple[Product, ...]:
    """The virtual-inventory products of an image; none when it is None or they were not asked."""
    return tuple((image.products if image else None) or ())


def at_stake(image: ImageDetails | None) -> object:
    """What of an image a person agreed to lose; None when it does not exist."""
    if image is None:
        return None
    hung = sorted(
        (product_key(one), one.sku or "", one.name or "", one.shops) for one in products(image)
    )
    return image.title or "", image.description or "", hung


def product_key(product: Product) -> str:
    """What tells one product of an image from another."""
    return product.product_guid or product.sku or ""
