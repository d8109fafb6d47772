"""What strangers send: JSON of every kind, text that looks like something, nearly valid calls."""

import json
from collections.abc import Mapping
from datetime import date, datetime, timedelta, timezone
from typing import Any
from uuid import UUID

from hypothesis import strategies as st

GUID = "3f2b8c1e-0d4a-4e5f-8a6b-7c9d0e1f2a3b"

_TEMPTING = (
    "", " ", "0", "-1", "1984", "true", "null", "[]", "{}", '["a"]', "[" * 300, "NaN", "1e999",
    GUID, GUID.upper(), f"{{{GUID}}}", GUID.replace("-", ""), f" {GUID}\n", "inventory", "DESC",
    "2025-10-27", "2025-10-27T14:14:39.5623224-05:00", "2025-W01-1", "20251027T1414", "0001-01-01",
    "9999-12-31", "2025-01-01T00:00:00+05:30:15", "https://images.example.com/a.jpg", "https://[",
    "../..", "%00", "\0", "\N{RIGHT-TO-LEFT OVERRIDE}txt", "\N{GRINNING FACE}", "x" * 600,
)  # fmt: skip

TEXTS = st.text(max_size=40) | st.sampled_from(_TEMPTING)
NUMBERS = (
    st.integers()
    | st.floats(allow_nan=False)
    | st.sampled_from((0, 1, 2**31, 2**63, -(2**63) - 1, 10**400, 1e300, 2.0))
)
VALUES: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | NUMBERS | TEXTS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXTS, inner, max_size=4),
    max_leaves=12,
)
_OFFSETS = st.timedeltas(timedelta(hours=-23), timedelta(hours=23)).map(timezone)
DATES = (
    st.datetimes(timezones=st.none() | st.timezones() | _OFFSETS).map(datetime.isoformat)
    | st.dates().map(date.isoformat)
    | st.sampled_from(_TEMPTING)
)
_BY_NAME = {
    "guid": st.integers(0, 2**128 - 1).map(lambda number: str(UUID(int=number))),
    "date": DATES,
    "uri": TEXTS.map("https://images.example.com/{}".format),
}
_BY_TYPE: dict[str, st.SearchStrategy[Any]] = {
    "integer": st.integers(1, 50),
    "boolean": st.booleans(),
}
OBJECTS = st.dictionaries(TEXTS, VALUES, max_size=6)


def written(value: object) -> bytes:
    """`value` as JSON on a wire; infinity as the largest number of a float."""
    return json.dumps(value).replace("Infinity", "1.7e308").encode()


def plausible(schema: Mapping[str, Any], name: str = "") -> st.SearchStrategy[Any]:
    """What `schema` describes, which is one type or an enumeration; `name` tells texts apart."""
    match schema:
        case {"enum": words}:
            return st.sampled_from(words)
        case {"type": "object"}:
            return near_object(schema)
        case {"type": "array", "items": items}:
            return st.lists(plausible(items, name), min_size=1, max_size=4)
        case {"type": "string"}:
            return next((texts for part, texts in _BY_NAME.items() if part in name), TEXTS)
        case _:
            return _BY_TYPE[schema["type"]]


def near_object(schema: Mapping[str, Any]) -> st.SearchStrategy[dict[str, Any]]:
    """An object by `schema`, but for a member or two of another kind, or that it does not know."""
    members = {
        name: plausible(member, name) for name, member in schema.get("properties", {}).items()
    }
    required = {name: members[name] for name in schema.get("required", ())}
    optional = {name: member for name, member in members.items() if name not in required}
    names = st.sampled_from(sorted(members)) if members else TEXTS
    odd = st.dictionaries(names, VALUES, max_size=2) | st.dictionaries(TEXTS, VALUES, max_size=1)
    return st.builds(
        lambda right, wrong: {**right, **wrong},
        st.fixed_dictionaries(required, optional=optional),
        st.just({}) | odd,
    )
