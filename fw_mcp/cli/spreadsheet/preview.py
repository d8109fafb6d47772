"""`fw-mcp plan FILE.csv`: what `fw-mcp apply` would do. Sends nothing."""

from collections import Counter
from collections.abc import Mapping
from contextlib import aclosing
from pathlib import Path
from typing import TYPE_CHECKING

import anyio

from fw_mcp.cli.output import told_to_a_person
from fw_mcp.cli.spreadsheet.compare import SKIPPED, Verdict, each_compared
from fw_mcp.cli.spreadsheet.sheet import opened
from fw_mcp.writes.outcomes import hung

if TYPE_CHECKING:
    from fw_mcp.assembly import Assembly
    from fw_mcp.cli.spreadsheet.sheet import Sheet

_LEFT_OUT = 7
_SENDS = "Nothing was sent. fw-mcp apply sends it, and asks before products go."
_NOTHING = "Nothing was sent, and nothing is left to send."


def plan(assembly: "Assembly", own: Mapping[str, object]) -> int:
    """Print what each row would change, and what would go with it.

    Returns:
        0; 7 when rows would be skipped.

    Raises:
        ApiError: the images could not be read.
        ArgumentsError: the spreadsheet cannot be used.
    """
    code = 0
    with opened(Path(str(own["file"]))) as sheet, told_to_a_person():
        rows = anyio.run(_plan, assembly, sheet)
        code = _LEFT_OUT if any(rows[one] for one in SKIPPED) else 0
        print(_SENDS if rows[Verdict.CHANGES] else _NOTHING)
    return code


async def _plan(assembly: "Assembly", sheet: "Sheet") -> Counter[Verdict]:
    rows: Counter[Verdict] = Counter()
    selling = lost = 0
    try:
        async with aclosing(each_compared(assembly.account, sheet.rows())) as each:
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
            "FinerWorks would remove the products of images that change, for good: "
            f"{lost}, of images: {selling}."
        )
    return rows
