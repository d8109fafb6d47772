"""Image records as the guard's targets: what a question names and a digest holds."""

from collections.abc import Iterable

from fw_mcp.api.models import ImageDetails
from fw_mcp.guard.targets import Change, HungProduct, Target
from fw_mcp.writes.update import Rewrite


def target_of(image: ImageDetails, changes: tuple[Change, ...] = ()) -> Target:
    """The image as a target."""
    return Target(
        guid=image.guid,
        title=image.title or "",
        description=image.description or "",
        file_name=image.file_name or "",
        products=hung_products([image]),
        changes=changes,
    )


def rewrite_target(rewrite: Rewrite) -> Target:
    """A rewritten image as a target, with what would change."""
    before = rewrite.before
    fields = (
        Change("title", before.title or "", rewrite.title),
        Change("description", before.description or "", rewrite.description),
    )
    return target_of(before, tuple(one for one in fields if one.before != one.after))


def hung_products(images: Iterable[ImageDetails]) -> tuple[HungProduct, ...]:
    """The products that hang on images, as questions name them."""
    return tuple(
        HungProduct(sku=product.sku or "", name=product.name or "", shops=product.shops)
        for image in images
        for product in image.hung
    )
