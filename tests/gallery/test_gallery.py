"""The gallery in a real browser: what a person sees, picks and does."""

from tests.gallery.conftest import Opening


def test_it_shows_a_search_as_a_grid(opened: Opening) -> None:
    """One tile an image, in the order of the search, with what a seller has to know."""
    gallery = opened(per_page=12)
    assert len(gallery.tiles()) == 12
