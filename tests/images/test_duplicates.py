"""Doubles: the same bytes and pixels, or hashes that differ in at most four bits."""

import random
import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fw_mcp.api.models import ImageDetails
from fw_mcp.images.duplicates import alike, content, same
from tests.support.products import first_of

GUID = "3f2b8c1e-0d4a-4e5f-8a6b-7c9d0e1f2a3b"
HASHES = st.integers(min_value=0, max_value=2**64 - 1)
FEW_BITS = st.lists(st.integers(min_value=0, max_value=63), max_size=6)


@pytest.mark.parametrize(
    ("fields", "facts"),
    [
        ({"file_size": 9, "pix_w": 3, "pix_h": 2}, (9, 3, 2)),
        ({"file_size": 0, "pix_w": 3, "pix_h": 2}, None),
        ({"file_size": 9, "pix_w": 3}, None),
        ({"pix_w": 3, "pix_h": 2}, None),
    ],
)
def test_content_is_bytes_and_pixels_all_of_them_known(
    fields: dict[str, Any], facts: tuple[int, int, int] | None
) -> None:
    """Two images of which nothing is known are no doubles."""
    assert content(ImageDetails.model_validate({"guid": GUID, **fields})) == facts


def test_groups_come_biggest_first_and_otherwise_in_the_order_of_rows() -> None:
    """An image that has no double is in no group."""
    keys = [("a", 1), ("b", 2), ("c", 3), ("d", 2), ("e", 1), ("f", 4), ("g", 2), ("h", None),
            ("i", None)]  # fmt: skip
    assert same(keys) == [["b", "d", "g"], ["a", "e"]]


def test_four_different_bits_still_look_alike_and_five_do_not() -> None:
    """The distance is told apart at its edge."""
    assert alike({"a": 0, "b": 0b1111}) == [["a", "b"]]
    assert alike({"a": 0, "b": 0b11111}) == []
    assert alike({"a": 2**64 - 1, "b": 2**64 - 1 - (1 << 63)}) == [["a", "b"]]


def test_what_looks_alike_by_way_of_another_is_one_group() -> None:
    """A series of small changes belongs together."""
    assert alike({"a": 0, "b": 0xF, "c": 0xFF, "x": 1 << 63 | 0xFFFF}) == [["a", "b", "c"]]


@given(HASHES, FEW_BITS)
def test_a_hash_finds_each_other_one_within_four_bits_wherever_they_differ(
    one: int, bits: list[int]
) -> None:
    """No band hides a pair."""
    other = one
    for bit in bits:
        other ^= 1 << bit
    close = (one ^ other).bit_count() <= 4
    assert alike({"a": one, "b": other}) == ([["a", "b"]] if close else [])


@given(st.lists(st.integers(min_value=0, max_value=2**12 - 1), max_size=25))
def test_groups_are_those_of_comparing_all_with_all(hashes: list[int]) -> None:
    """The short way ends where the long way does."""
    spread = [sum(1 << 5 * bit for bit in range(12) if one >> bit & 1) for one in hashes]
    named = {str(number): one for number, one in enumerate(spread)}
    together = {name: {name} for name in named}
    for name, one in named.items():
        for other, two in named.items():
            if (one ^ two).bit_count() <= 4:
                joined = together[name] | together[other]
                together.update(dict.fromkeys(joined, joined))
    expected = {frozenset(group) for group in together.values() if len(group) > 1}
    assert {frozenset(group) for group in alike(named)} == expected


PAIRS_A_SECOND = 4_000
few_or_many = pytest.mark.parametrize("pairs", first_of(2_000, 20_000))


@few_or_many
def test_forty_thousand_pictures_are_grouped_within_seconds(pairs: int) -> None:
    """Promise: a large library is no reason to wait; all with all would be 800 million pairs."""
    dice = random.Random(7)  # noqa: S311  dice, not secrets
    hashes: dict[str, int] = {}
    for number in range(pairs):
        one = dice.getrandbits(64)
        hashes[f"{number}a"] = one
        hashes[f"{number}b"] = one ^ (1 << dice.randrange(64))
    began = time.process_time()
    groups = alike(hashes)
    took_s = time.process_time() - began
    assert sorted(groups) == sorted([f"{number}a", f"{number}b"] for number in range(pairs))
    assert took_s < pairs / PAIRS_A_SECOND


@few_or_many
def test_forty_thousand_plain_skies_are_grouped_within_seconds(pairs: int) -> None:
    """A third of every picture is the same: those bits tell nothing apart."""
    dice = random.Random(7)  # noqa: S311  dice, not secrets
    skies = {str(number): dice.getrandbits(40) for number in range(2 * pairs)}
    skies |= {"one": 0xAAAAA << 20, "other": 0xAAAAA << 20 | 0b1111}
    began = time.process_time()
    groups = alike(skies)
    took_s = time.process_time() - began
    assert ["one", "other"] in groups
    assert took_s < pairs / PAIRS_A_SECOND


def test_comparing_ends_when_it_is_late() -> None:
    """Thousands that differ a little from each other take the square of their number."""
    hashes = {str(number): 1 << number % 64 | 1 << number // 64 for number in range(64 * 12)}
    asked: list[int] = []

    def late() -> bool:
        asked.append(len(asked))
        return len(asked) > 2

    assert alike(hashes, lambda: True) != alike(hashes)
    alike(hashes, late)
    assert asked == [0, 1, 2]
