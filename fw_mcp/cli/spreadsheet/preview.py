"""`fw-mcp preview FILE.csv`: what `fw-mcp apply` would do. Sends nothing."""

from collections import Counter
from collections.abc import Mapping
from contextlib import aclosing
from pathlib import Path
from typing import TYPE_CHECKING

import anyio

from fw_mcp.cli.spreadsheet.compare import SKIPPED, Verdict, each_compared
from fw_mcp.cli.spreadsheet.sheet import opened
from fw_mcp.writes.outcomes import hung

if TYPE_CHECKING:
    from fw_mcp.assembly import Assembly
    from fw_mcp.cli.spreadsheet.sheet import Spreadsheet

_LEFT_OUT = 7
_SENDS = "Nothing was sent. fw-mcp apply sends it, and asks before products are removed."
_NOTHING = "Nothing was sent, and nothing is left to send."


def preview(assembly: "Assembly", own: Mapping[str, object]) -> int:
    """Print what each row would change, and what would go with it.

    Returns:
        0; 7 when rows would be skipped.

    Raises:
        ApiError: the images could not be read.
        ArgumentsError: the spreadsheet cannot be used.
    """
    with opened(Path(str(own["file"]))) as sheet:
        rows = anyio.run(_preview, assembly, sheet)
    print(_SENDS if rows[Verdict.CHANGES] else _NOTHING)
    return _LEFT_OUT if any(rows[one] for one in SKIPPED) else 0


async def _preview(assembly: "Assembly", sheet: "Spreadsheet") -> Counter[Verdict]:
    rows: Counter[Verdict] = Counter()
    selling = lost = 0
    try:
        async with aclosing(each_compared(assembly.parts.account, sheet.rows())) as each:
            async for one in each:
                rows[one.verdict] += 1
                if one.verdict is Verdict.CHANGES and one.sells:
                    selling, lost = selling + 1, lost + len(hung(one.image))
                for line in one.lines():
                    print(line)
    finally:
        await assembly.aclose()
    counts = "; ".join(f"{rows[one]} {one}" for one in Verdict if rows[one])
    print(f"Rows: {rows.total()}. {counts}.")
    if selling:
        print(
            "FinerWorks would permanently remove the products of changed images: "
            f"{lost}, of images: {selling}."
        )
    return rows
