"""How each item of a write ended, and what a failed request proves by itself."""

from dataclasses import dataclass, field
from enum import StrEnum

from fw_mcp.api.models import ImageDetails, Product
from fw_mcp.errors import ApiError, Reason


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
        kept = {product_key(product) for product in hung(self.after)}
        return tuple(one for one in hung(self.before) if product_key(one) not in kept)


def hung(image: ImageDetails | None) -> tuple[Product, ...]:
    """The virtual-inventory products of an image; none when there is no image."""
    return image.hung if image else ()


def at_stake(image: ImageDetails | None) -> object:
    """What of an image a person agreed to lose; None when it does not exist."""
    if image is None:
        return None
    hung = sorted(
        (product_key(one), one.sku or "", one.name or "", one.shops) for one in image.hung
    )
    return image.title or "", image.description or "", hung


def product_key(product: Product) -> str:
    """What tells one product of an image from another."""
    return product.product_guid or product.sku or ""


def outcome_of_fault(fault: ApiError) -> Outcome:
    """How the items of a failed request ended, as far as the failure itself tells.

    Never sent, or refused for being one call too many: not attempted. Refused otherwise: failed.
    All else is unknown until it is read back.
    """
    if is_passing(fault) or not fault.sent:
        return Outcome.NOT_ATTEMPTED
    return Outcome.FAILED if fault.refused else Outcome.UNKNOWN


def is_passing(fault: ApiError) -> bool:
    """Whether nothing was done, for a reason that may soon be over."""
    if not fault.sent:
        return fault.reason in {Reason.UNREACHABLE, Reason.RATE_LIMITED}
    return fault.refused and fault.reason is Reason.RATE_LIMITED


def again_after_s(fault: ApiError) -> float | None:
    """Seconds after which a write may be sent again; None unless it certainly did nothing."""
    return (fault.retry_after_s or 0.0) if is_passing(fault) else None


def why_failed(fault: ApiError) -> str:
    """What to tell of a failed request, without the state sentence, which the outcome replaces."""
    return f"{fault.what} {fault.next_step}"
