"""The icon that hosts and registries show."""

from io import BytesIO

from PIL import Image, ImageChops

from tests.gallery.browser import Browser
from tests.gallery.icon import PACKAGING, SIDE, drawn
from tests.support.products import exhaustive


def test_the_icon_is_as_large_as_bundles_want_it() -> None:
    """512 by 512 pixels, clear at its corners, and small enough to be packed."""
    path = PACKAGING / "icon.png"
    with Image.open(path) as icon:
        corner = icon.convert("RGBA").getpixel((0, 0))
        assert (icon.format, icon.size, corner) == ("PNG", (SIDE, SIDE), (0, 0, 0, 0))
    assert path.stat().st_size < 30_000


@exhaustive
def test_the_icon_is_what_its_drawing_shows(chromium: Browser) -> None:
    """`python -m tests.gallery.icon` was run after the last change of the SVG."""
    with (
        Image.open(PACKAGING / "icon.png") as kept,
        Image.open(BytesIO(drawn(chromium))) as fresh,
    ):
        apart = ImageChops.difference(kept.convert("RGBA"), fresh.convert("RGBA"))
    assert max(apart.tobytes()) < 16
