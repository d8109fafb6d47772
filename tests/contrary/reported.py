"""A report of `fw-mcp doctor --contract` becomes a service that differs in the same ways."""

from collections.abc import Mapping
from typing import Any

from tests.contrary.service import Ways

ODD: Mapping[str, object] = {
    "null": None,
    "boolean": True,
    "integer": 6000,
    "number": 6000.5,
    "number_as_text": "6000",
    "empty_text": "",
    "text": "6000px",
    "empty_list": [],
    "list": ["6000px"],
    "object": {},
}
"""A value of each kind that a report tells."""
_COUNTS = frozenset({"exact", "low", "high", "zero", "negative", "text"})


def ways_from(report: Mapping[str, Any]) -> Ways:
    """The ways that reading can show; those of a service that writes stay as documented.

    Args:
        report: as it stands in the file.
    """
    seen = {name: one["seen"] for name, one in report["findings"].items()}
    rows = report["findings"]["rows_on_a_page"]
    odd = [(name, kinds[0]) for name, kinds in report["odd_fields"].items()]
    return Ways(
        text="entities" if seen["entities_in_texts"] == "yes" else "as_sent",
        bits=seen["file_size_in"] == "bits",
        upper_guids=seen["guid_letters"] == "upper",
        most_a_page=rows["seen"] if (rows["seen"] or 0) < rows["expected"] else 50,
        count=seen["count"] if seen["count"] in _COUNTS else "exact",
        twice=seen["rows_twice"] == "yes",
        null_products=seen["no_products_in_inventory"] in {"null", "mixed"},
        odd=(odd[0][0], ODD[odd[0][1]]) if odd else None,
        ignores_library=seen["libraries"] == "shared",
    )
