"""Which images are doubles of each other; knows no pages."""

from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from itertools import combinations
from typing import TypeVar

from fw_mcp.api.models import ImageDetails
from fw_mcp.images.filters import pixels

K = TypeVar("K", bound=Hashable)

_HASH_BITS = 64
MOST_DIFFERENT_BITS = 4
# Hashes that differ in at most four bits agree in two of six bands, whichever the bits are.
_BANDS = MOST_DIFFERENT_BITS + 2
_AGREEING = 2
_PAIRS_BETWEEN = 50_000


def content(image: ImageDetails) -> tuple[int, int, int] | None:
    """What two copies of a file share: bytes and pixels; None when any is not known."""
    sides, size = pixels(image), image.file_size or 0
    return (size, *sides) if sides and size > 0 else None


def same(keys: Iterable[tuple[str, Hashable]]) -> list[list[str]]:
    """Groups of two or more guids with an equal key, biggest first.

    Args:
        keys: guid and key of each image, in the order that rows have; None is equal to nothing.
    """
    groups: dict[Hashable, list[str]] = defaultdict(list)
    for guid, key in keys:
        if key is not None:
            groups[key].append(guid)
    return _doubles(groups.values())


def alike(hashes: Mapping[str, int], late: Callable[[], bool] = lambda: False) -> list[list[str]]:
    """Groups of two or more guids whose pictures look alike, biggest first.

    A group holds each picture that differs in at most four bits from another one of it.

    Args:
        hashes: guid → difference hash of 64 bits, in the order that rows have.
        late: asked now and then; once it is true, pairs that are left are not compared.
    """
    groups = _Groups(dict.fromkeys(hashes.values()))
    for number, (one, other) in enumerate(_candidates(list(dict.fromkeys(hashes.values())))):
        if number % _PAIRS_BETWEEN == 0 and late():
            break
        if (one ^ other).bit_count() <= MOST_DIFFERENT_BITS:
            groups.join(one, other)
    return same((guid, groups.root(one)) for guid, one in hashes.items())


def _doubles(groups: Iterable[list[str]]) -> list[list[str]]:
    return sorted((group for group in groups if len(group) > 1), key=len, reverse=True)


def _candidates(hashes: Sequence[int]) -> Iterator[tuple[int, int]]:
    """Every pair that agrees in two bands; comparing all with all would take the square."""
    for mask in _masks(hashes):
        bucket: dict[int, list[int]] = defaultdict(list)
        for one in hashes:
            bucket[one & mask].append(one)
        for members in bucket.values():
            yield from combinations(members, 2)


def _masks(hashes: Sequence[int]) -> Iterator[int]:
    """The bits of each two bands.

    Plain skies and white margins give thousands of pictures the same bits in the same places. Each
    band has its share of the bits that differ, or those that do not would make buckets of all.
    """
    half = len(hashes) / 2
    ones = [sum(one >> bit & 1 for one in hashes) for bit in range(_HASH_BITS)]
    telling = sorted(range(_HASH_BITS), key=lambda bit: abs(ones[bit] - half))
    bands = [sum(1 << bit for bit in telling[band::_BANDS]) for band in range(_BANDS)]
    return (sum(chosen) for chosen in combinations(bands, _AGREEING))


class _Groups:
    """Which hashes belong together."""

    def __init__(self, hashes: Iterable[int]) -> None:
        self._parent = {one: one for one in hashes}

    def root(self, one: int) -> int:
        """The hash that stands for the group."""
        while (parent := self._parent[one]) != one:
            self._parent[one] = one = self._parent[parent]
        return one

    def join(self, one: int, other: int) -> None:
        """Put two groups together."""
        self._parent[self.root(other)] = self.root(one)
