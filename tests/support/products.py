"""Products of cases: every one of them in `make check`, a covering sample in `make test`."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import product
from typing import Any, TypeVar
from zlib import crc32

import pytest

Case = TypeVar("Case")

Chosen = Callable[[Sequence[Any], str], Sequence[Any]]

_Value = tuple[tuple[str, int], ...]
_Member = tuple[pytest.Item, frozenset[_Value]]

exhaustive = pytest.mark.exhaustive
"""Marks what `make test` leaves to `make check`."""


def covering(*axes: Mapping[str, Any] | Iterable[Any]) -> list[Any]:
    """Every combination, of which a sample that has each value at least once is not exhaustive.

    Args:
        *axes: the values of each parameter; a mapping's by name.
    """
    named = [_named(axis) for axis in axes]
    longest = max(map(len, named))
    sample = {tuple(place % len(axis) for axis in named) for place in range(longest)}
    return [
        _case([axis[n] for axis, n in zip(named, at, strict=True)], in_sample=at in sample)
        for at in product(*(range(len(axis)) for axis in named))
    ]


def first_of(*cases: Any, first: int = 1, ids: Iterable[str] | None = None) -> list[Any]:  # noqa: ANN401
    """All cases, of which only the first so many are not exhaustive; a tuple is one case."""
    names = list(ids) if ids is not None else [None] * len(cases)
    return [
        pytest.param(
            *(case if isinstance(case, tuple) else (case,)),
            id=name,
            marks=() if place < first else exhaustive,
        )
        for place, (case, name) in enumerate(zip(cases, names, strict=True))
    ]


def mark_products(items: Iterable[pytest.Item]) -> None:
    """Of what several parametrisations of a test multiply, leave each value of each of them once.

    What one parametrisation lists stays whole, and so does what is there in no other combination.
    """
    families = defaultdict[str, list[_Member]](list)
    for item in items:
        values = frozenset(_values(item))
        if len(values) > 1 and not item.get_closest_marker(exhaustive.name):
            families[item.nodeid.partition("[")[0]].append((item, values))
    for family in families.values():
        missing = set[_Value]().union(*(values for _, values in family))
        while missing:
            needed = max(family, key=lambda one: len(one[1] & missing))
            family.remove(needed)
            missing -= needed[1]
        for item, _ in family:
            item.add_marker(exhaustive)


def _values(item: pytest.Item) -> Iterator[_Value]:
    """Which case of each parametrisation an item is."""
    for mark in item.iter_markers("parametrize"):
        names = mark.args[0]
        listed = names.replace(",", " ").split() if isinstance(names, str) else names
        params = item.callspec.params  # type: ignore[attr-defined]
        yield tuple((name, id(params[name])) for name in listed)


def all_of(cases: Sequence[Case], name: str) -> Sequence[Case]:
    """Every case; `name` is that of the test."""
    del name
    return cases


def one_of(cases: Sequence[Case], name: str) -> Sequence[Case]:
    """One of the cases: always the same for a test's name, and another for most other names."""
    return [cases[crc32(name.encode()) % len(cases)]] if cases else []


one_or_all = pytest.mark.parametrize("chosen", [one_of, pytest.param(all_of, marks=exhaustive)])
"""A test that goes through cases goes through one, and through all where that is wanted."""


def _named(axis: Mapping[str, Any] | Iterable[Any]) -> list[tuple[str, Any]]:
    return list(axis.items()) if isinstance(axis, Mapping) else [(str(one), one) for one in axis]


def _case(values: Sequence[tuple[str, Any]], *, in_sample: bool) -> Any:  # noqa: ANN401  pytest's own
    names = "-".join(name for name, _ in values)
    marks = () if in_sample else (exhaustive,)
    return pytest.param(*(value for _, value in values), id=names, marks=marks)
