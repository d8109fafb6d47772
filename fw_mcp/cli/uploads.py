"""`fw-mcp uploads`: what was uploaded, what of it no image uses, what no longer answers."""

import json
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

import anyio

from fw_mcp.cli.output import told_to_a_person, typed_yes
from fw_mcp.cli.terminal import SaidYes, agreed, forgotten, told
from fw_mcp.images.print_masters import UNASKED, answered, not_done
from fw_mcp.text import counted, megabytes, on_the_clock, quoted
from fw_mcp.writes.addition import TOOL
from fw_mcp.writes.unused import Kept, Looked, Unused, UploadState

if TYPE_CHECKING:
    from fw_mcp.assembly import Assembly

_LEFT = 7
_NAMED = 5
_NOTHING = "Nothing was uploaded."
_KEEP_ON_ORDER = (
    "FinerWorks fetches a print master when it prints: keep those of images with open orders."
)


def uploads(assembly: "Assembly", own: Mapping[str, object], said_yes: SaidYes = typed_yes) -> int:
    """List the uploads, check them, or remove those that no image uses.

    Args:
        assembly: whose.
        own: what to do of these, whether as JSON, and whether yes is said already.
        said_yes: asks the person.

    Returns:
        0; 7 when images could not be read, a print master does not answer, or something unused is
        still there.

    Raises:
        FwError: the library or the record could not be read, or nothing may be removed.
    """
    code = _LEFT
    as_json = bool(own["json"])
    work: Callable[[Assembly], Awaitable[int]] = partial(_listed, as_json=as_json)
    if own["check"]:
        work = partial(_checked, as_json=as_json)
    elif own["remove_unused"]:
        work = partial(_removed, said_yes=agreed if own["yes"] else said_yes)
    with told_to_a_person():
        code = anyio.run(_closed_after, assembly, work)
    return code  # noqa: RET504  it is the first value where nobody read on


async def _closed_after(assembly: "Assembly", work: "Callable[[Assembly], Awaitable[int]]") -> int:
    try:
        return await work(assembly)
    finally:
        await assembly.aclose()


async def _looked(assembly: "Assembly") -> tuple[Unused, Looked]:
    unused = Unused(assembly.uploads, assembly.parts.writes)
    return unused, await unused.look(told)


async def _listed(assembly: "Assembly", *, as_json: bool) -> int:
    _, looked = await _looked(assembly)
    if as_json:
        _print_json(map(_record, looked.uploads), not_reached=looked.not_reached)
    else:
        for one in looked.uploads:
            print(f"    {_line(one)}")
        print(_summed_up(looked.uploads) or f"{_NOTHING}{forgotten(assembly)}")
        _tell_not_reached(looked)
        if any(one.is_unused for one in looked.uploads):
            print("fw-mcp uploads --remove-unused removes what no image uses, asking first.")
    return _LEFT if looked.not_reached else 0


async def _checked(assembly: "Assembly", *, as_json: bool) -> int:
    parts = assembly.parts
    parts.masters.check()
    _, looked = await _looked(assembly)
    target = assembly.uploads.target
    urls = {
        target.url(one.upload.master): one
        for one in looked.uploads
        if target is not None and one.state is UploadState.REGISTERED
    }
    account = parts.account
    answers = await answered(account, parts.masters, list(urls), account.clock(), told)
    broken = [one for url, one in urls.items() if answers.get(url) is False]
    not_checked = not_done("checked", "print masters", len(urls) - len(answers), len(urls), UNASKED)
    if as_json:
        _print_json(map(_record, broken), not_reached=looked.not_reached, not_checked=not_checked)
    else:
        for one in broken:
            print(f"    cannot be fetched: {_line(one)}")
        good = len(answers) - len(broken)
        print(f"Print masters of images: {len(urls)}. {good} can be fetched; {len(broken)} cannot.")
        _tell_not_reached(looked)
        if not_checked:
            print(not_checked)
    return _LEFT if broken or not_checked or looked.not_reached else 0


async def _removed(assembly: "Assembly", *, said_yes: SaidYes) -> int:
    assembly.parts.guard.admit(TOOL)
    unused, looked = await _looked(assembly)
    chosen = [one for one in looked.uploads if one.is_unused]
    _tell_not_reached(looked)
    if not chosen:
        print("Nothing was removed: every upload is in use, or not known to be unused.")
        return _LEFT if looked.not_reached else 0
    if not said_yes(_question(chosen)):
        print("Not confirmed. Nothing was removed.")
        return _LEFT
    gone = await unused.remove([one.upload for one in chosen], told)
    print(f"Removed: {len(gone)} of {counted(len(chosen), 'upload')}.")
    return 0 if len(gone) == len(chosen) else _LEFT


def _question(chosen: Sequence[Kept]) -> str:
    rows = [one.upload for one in chosen]
    size = megabytes(sum({one.master: one.size for one in rows}.values()))
    places = ", ".join(sorted({one.place for one in rows}))
    lines = [f"- {quoted(one.file_name)}, {megabytes(one.size)}" for one in rows[:_NAMED]]
    if len(rows) > _NAMED:
        lines.append(f"- and {counted(len(rows) - _NAMED, 'more upload')}")
    head = f"Remove {counted(len(rows), 'upload')}, {size}, from {places}? No image uses them."
    return "\n".join([head, *lines, _KEEP_ON_ORDER])


def _summed_up(kept: Sequence[Kept]) -> str:
    counts = Counter(one.state for one in kept)
    told_of = "; ".join(f"{count} {_words(state)}" for state, count in counts.items())
    return f"Uploads: {len(kept)}. {told_of}." if kept else ""


def _line(one: Kept) -> str:
    row = one.upload
    parts = [
        _words(one.state),
        quoted(row.file_name, 200),
        megabytes(row.size),
        _day(row.begun_at),
        *(f"{library} {guid}" for library, guid in sorted(row.guids.items())),
    ]
    return " | ".join(parts)


def _words(state: UploadState) -> str:
    return state.replace("_", " ")


def _day(moment: float) -> str:
    return on_the_clock(moment).date().isoformat()


def _record(one: Kept) -> dict[str, Any]:
    row = one.upload
    return {
        "file_name": row.file_name,
        "state": one.state,
        "unused": one.is_unused,
        "place": row.place,
        "file_size": row.size,
        "pix_w": row.pix_w,
        "pix_h": row.pix_h,
        "uploaded_at": row.uploaded_at,
        "guids": dict(row.guids),
        "change_id": row.change_id,
    }


def _print_json(records: "map[dict[str, Any]]", **notes: str) -> None:
    said = {name: note for name, note in notes.items() if note}
    print(json.dumps({"uploads": list(records), **said}, indent=2))


def _tell_not_reached(looked: Looked) -> None:
    if looked.not_reached:
        print(f"{looked.not_reached} What no image uses is not known until then.")
