"""`fw-mcp add PATH…`: pictures of this machine into the library, from a terminal."""

import csv
import os
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, cast

import anyio

from fw_mcp.cli.bar import Bar
from fw_mcp.cli.output import new_file, tell, told_to_a_person, typed_yes
from fw_mcp.cli.refusals import for_a_person, row_for_a_person
from fw_mcp.cli.spreadsheet.export import COLUMNS, ENCODING, cells_of
from fw_mcp.cli.spreadsheet.titles import Titled, read_titles, same_name
from fw_mcp.cli.terminal import AtTheTerminal, SaidYes, agreed, told, waiting_plan
from fw_mcp.errors import ArgumentsError, FetchError, FwError, Reason
from fw_mcp.images.account import chunked
from fw_mcp.pictures.folders import Folders, Found
from fw_mcp.pictures.threads import unwaited
from fw_mcp.server.end_rows import EndRow, RowOutcome, end_row, would_row
from fw_mcp.signals import stop_signals
from fw_mcp.text import counted, megabytes, quoted
from fw_mcp.writes.addition import TOOL, UPLOADING, FromFiles, addition
from fw_mcp.writes.already_there import already_there
from fw_mcp.writes.local_files import MOST
from fw_mcp.writes.operation import Caller, Declined, Done, Waiting, Written
from fw_mcp.writes.outcomes import GOOD, Ends, may_go_on
from fw_mcp.writes.print_master import FileToAdd
from fw_mcp.writes.uploads import Uploads
from fw_mcp.writes.would_add import seen

if TYPE_CHECKING:
    from fw_mcp.api.models import ImageDetails, LibraryName
    from fw_mcp.assembly import Assembly
    from fw_mcp.server.parts import Parts

    Keep = Callable[[Sequence[ImageDetails]], object]

_CALLER = "stdio:fw-mcp add"
_LEFT = 7
_COMMAND = "run the same command again"
_AGAIN = "Run the same command again: it continues, and uploads and adds nothing twice."


@dataclass(frozen=True, slots=True)
class _Named:
    """A path that was typed.

    Attributes:
        text: as it was typed.
        folder: that may be read for it.
        path: absolute; of that folder itself, or of what lies in it.
    """

    text: str
    folder: Path
    path: Path


@dataclass(frozen=True, slots=True)
class _Asked:
    """What the command line asks for."""

    named: Sequence[_Named]
    library: "LibraryName"
    titles: Mapping[str, Titled]


def add(assembly: "Assembly", own: Mapping[str, object], said_yes: SaidYes = typed_yes) -> int:
    """Upload and register pictures, or say what that would do.

    Args:
        assembly: whose library.
        own: the paths, the library, the files of titles and for what was added, whether only to
            say what would be done, and whether yes is said already.
        said_yes: asks the person.

    Returns:
        0 when every picture is in the library; 7 when some are not, which are named.

    Raises:
        FwError: nothing was added.
    """
    asked = _Asked(
        [_named(one) for one in cast("Sequence[str]", own["paths"])],
        cast("LibraryName", own["library"]),
        read_titles(Path(str(own["titles"]))) if own["titles"] else {},
    )
    code = _LEFT
    with _sheet(own["csv"]) as keep, told_to_a_person():
        answers = agreed if own["yes"] else said_yes
        work = _previewed if own["dry_run"] else partial(_added, said_yes=answers, keep=keep)
        code = anyio.run(_closed_after, assembly, work, asked)
    return code  # noqa: RET504  it is the first value where nobody read on


def _named(text: str) -> _Named:
    path = Path(os.path.abspath(text))  # noqa: PTH100  what is a link is found out below
    if path.is_dir():
        folder = path.resolve()
        return _Named(text, folder, folder)
    folder = path.parent.resolve()
    return _Named(text, folder, folder / path.name)


@contextmanager
def _sheet(file: object) -> "Iterator[Keep]":
    """Takes images into a new spreadsheet, as `fw-mcp export` has them, where one is wanted."""
    if not file:
        yield lambda _: None
        return
    with new_file(Path(str(file)), encoding=ENCODING, newline="") as out:
        sheet = csv.writer(out)
        sheet.writerow(COLUMNS)
        yield lambda images: sheet.writerows(map(cells_of, images))


async def _closed_after(
    assembly: "Assembly", work: "Callable[[Assembly, _Asked], Awaitable[int]]", asked: _Asked
) -> int:
    try:
        return await work(assembly, asked)
    finally:
        await assembly.aclose()


async def _files(folders: Folders, asked: _Asked) -> tuple[list[FileToAdd], int]:
    """The files that the paths stand for, each once, and how many rows of titles name none."""

    def look() -> list[Found]:
        return [one for named in asked.named for one in _found(folders, named)]

    found = {one.path: one for one in await unwaited(look)}
    files = [_titled(one, asked.titles) for one in found.values()]
    if not files:
        raise _unusable("There are no pictures there.")
    names = {same_name(one.name) for one in found.values()}
    unmet = [(name, one.row) for name, one in asked.titles.items() if name not in names]
    for name, row in unmet:
        print(f"Row {row} of the titles matches none of the files: {quoted(name, 200)}.")
    size = megabytes(sum(one.file_size for one in files))
    print(f"{counted(len(files), 'picture')}, {size}.")
    return files, len(unmet)


def _found(folders: Folders, named: _Named) -> Sequence[Found]:
    try:
        if named.path != named.folder:
            return [folders.look(str(named.path))]
        listed = folders.list(str(named.path))
    except FetchError as unread:
        why = "is a link, or not a file" if os.path.lexists(named.path) else "is not there"
        raise _unusable(f"{quoted(named.text, 200)} {why}.") from unread
    if listed.others:
        print(f"{counted(listed.others, 'other file')} in {quoted(listed.name)} skipped.")
    return listed.pictures


def _titled(file: Found, titles: Mapping[str, Titled]) -> FileToAdd:
    said = titles.get(same_name(file.name))
    title, description = (said.title, said.description) if said else (None, None)
    return FileToAdd(file.path, file.size, file.mtime_ns, title, description)


async def _previewed(assembly: "Assembly", asked: _Asked) -> int:
    parts = assembly.reading([one.folder for one in asked.named], Bar().tell)
    uploads = _uploads(parts)
    files, left = await _files(uploads.folders, asked)
    for part in chunked(files, MOST):
        operation = addition(
            parts.account, part, asked.library, allow_duplicate=False, files=parts.files
        )
        prepared = await operation.read()
        looks = await seen(parts.account, uploads, dict(enumerate(part)))
        images, would = looks.images, {**prepared.would, **looks.unread}
        would, there = await already_there(parts.account, images, asked.library, would, told)
        for item in sorted(would):
            row = would_row(would[item], RowOutcome.WOULD_ADD)
            detail = " ".join(filter(None, (looks.found.get(item), row.detail)))
            _print(row.model_copy(update={"detail": detail}))
        print(" ".join(filter(None, (there, looks.told))))
        left += len(looks.unread)
    print("Nothing was sent.")
    return _LEFT if left else 0


async def _added(assembly: "Assembly", asked: _Asked, *, said_yes: SaidYes, keep: "Keep") -> int:
    assembly.parts.guard.admit(TOOL)
    adding = _Adding(assembly, asked, said_yes, keep)
    files, left = await _files(adding.uploads.folders, asked)
    with stop_signals(adding.stop):
        # Uploads go on while others are registered.
        async with adding.uploads.working():
            await adding.through(files)
    print(adding.summed_up())
    return _LEFT if left or adding.left else 0


def _uploads(parts: "Parts") -> Uploads:
    """What uploads for this command.

    Raises:
        UploadError: nothing can be uploaded.
    """
    uploads = cast("FromFiles", parts.files).uploads
    uploads.check()
    return uploads


class _Adding:
    """Files on their way into the library.

    Args:
        assembly: whose.
        asked: from where and to where.
        said_yes: asks the person.
        keep: takes the images that were added, or were there from these files.
    """

    def __init__(
        self, assembly: "Assembly", asked: _Asked, said_yes: SaidYes, keep: "Keep"
    ) -> None:
        self._bar = Bar()
        folders = [one.folder for one in asked.named]
        self._parts = assembly.reading(folders, self._bar.tell)
        self._plans = assembly.plans
        self._library = asked.library
        self._said_yes = said_yes
        self._keep = keep
        self._ends: Counter[str] = Counter()
        self._stopped = False
        self.uploads = _uploads(self._parts)

    @property
    def left(self) -> bool:
        """Whether a picture is not in the library."""
        return not GOOD.issuperset(self._ends)

    def stop(self) -> None:
        """Begin nothing more; what is being registered is registered."""
        tell("Stopping after the current step; press again to stop at once.")
        self._stopped = True

    def summed_up(self) -> str:
        """How the pictures ended, and what to do next."""
        counts = "; ".join(f"{count} {end}" for end, count in self._ends.items())
        lines = [f"Pictures: {self._ends.total()}. {counts or 'Nothing was sent'}."]
        return "\n".join([*lines, _AGAIN] if self.left else lines)

    async def through(self, files: Sequence[FileToAdd]) -> None:
        """Add them, as many in a call as one takes."""
        self._bar.expect(len(files), sum(one.file_size for one in files))
        parts = chunked(files, MOST)
        for place, part in enumerate(parts):
            ends = {} if self._stopped else await self._sent(part)
            if not ends:
                self._stopped = True
                self._ends["not sent"] += sum(map(len, parts[place:]))
                return
            self._tell(ends)
            self._bar.call_ended(len(part), sum(one.file_size for one in part))

    async def _sent(self, part: Sequence[FileToAdd]) -> Ends:
        """How the files of one call ended, made again while that brings more; {} if it was not."""
        done: Done | None = None
        before = -1
        while done is None or (_goes_on(done, before) and not self._stopped):
            before = _in_library(done.ends) if done else -1
            try:
                written = await self._made(part)
            except FwError as refused:
                self._bar.clear()
                print(for_a_person(refused))
                self._stopped = True
                break
            if not isinstance(written, Done):
                self._tell_why(written)
                return {}
            if done is None and written.replayed:
                print(written.replayed)
            done = written
        if done and done.change_id and any(end.outcome in GOOD for end in done.ends.values()):
            self._bar.clear()
            print(f"fw-mcp undo {done.change_id} undoes it.")
        return done.ends if done else {}

    async def _made(self, part: Sequence[FileToAdd]) -> Written:
        parts = self._parts
        operation = addition(
            parts.account, part, self._library, allow_duplicate=False, files=parts.files
        )
        plan_id = await waiting_plan(self._plans, parts.guard, _CALLER, operation)
        ask = AtTheTerminal(parts.guard, self._said_yes, plan_id, _COMMAND)
        return await parts.writes.run(Caller(_CALLER, self._bar.progress), operation, ask)

    def _tell_why(self, written: Written) -> None:
        if isinstance(written, Waiting):
            print(written.plan.question)
            print(written.message)
        elif isinstance(written, Declined):
            print(written.message or "Not confirmed. Nothing was uploaded.")

    def _tell(self, ends: Ends) -> None:
        self._bar.clear()
        self._ends += Counter(str(end.outcome) for end in ends.values())
        self._keep([end.after for end in ends.values() if end.outcome in GOOD and end.after])
        for item in sorted(ends):
            if ends[item].outcome not in GOOD:
                _print(end_row(ends[item]))


def _goes_on(done: Done, before: int) -> bool:
    """Whether the same call made again may bring more."""
    ends = done.ends.values()
    if any(end.detail == UPLOADING for end in ends):
        return True
    return any(map(may_go_on, ends)) and _in_library(done.ends) > before


def _in_library(ends: Ends) -> int:
    return sum(end.outcome in GOOD for end in ends.values())


def _print(row: EndRow) -> None:
    print(f"    {row_for_a_person(row.line())}")


def _unusable(why: str) -> ArgumentsError:
    return ArgumentsError(
        why,
        state="Nothing was sent.",
        next_step="Name pictures, or folders with pictures in them.",
        reason=Reason.INVALID_ARGUMENTS,
    )
