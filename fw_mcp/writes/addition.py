"""The call that adds images: by their URLs, or from files that are uploaded first."""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from fw_mcp.api.models import ImageDetails, ImageToAdd, LibraryName
from fw_mcp.errors import FwError, GuardError, Reason, StoreError
from fw_mcp.guard.question import PublicFolder, Target, digest, upload_question
from fw_mcp.images.account import Account, Progress
from fw_mcp.images.read import read_images
from fw_mcp.pictures.inspect import Inspector
from fw_mcp.pictures.masters import refused
from fw_mcp.store.uploads import Upload
from fw_mcp.text import counted
from fw_mcp.writes.add import add_in_batches, with_baseline
from fw_mcp.writes.chunks import WAITS_S, Run
from fw_mcp.writes.operation import Operation, Prepared
from fw_mcp.writes.outcomes import (
    Ended,
    Ends,
    Items,
    Kind,
    Outcome,
    all_good,
    is_settled,
)
from fw_mcp.writes.print_master import FileToAdd
from fw_mcp.writes.run import Writes
from fw_mcp.writes.uploads import Uploads
from fw_mcp.writes.verify import check_files

TOOL = "add_images"

_log = logging.getLogger(__name__)

# Of a call's time, what is left for registering when it waits no longer for uploads.
_TO_REGISTER = 0.4
UPLOADING = "Not sent: the upload is still running."
_NO_YES = "Not uploaded: no one was asked about its folder yet. Call again in ten minutes."
_ADDED_BEFORE = "Added from this file before."
# What tells an image from others, as the journal keeps it.
_SENT = ("private_hires_uri", "file_name", "library")
_MAY_BE_ADDED = "Not sent: an earlier call may have added it; search_images shows it."


def addition(
    account: Account,
    images: Sequence[ImageToAdd | FileToAdd],
    library: LibraryName,
    *,
    allow_duplicate: bool,
    inspector: Inspector | None = None,
    files: "FromFiles | None" = None,
) -> Operation:
    """The registration of images.

    Args:
        account: whose.
        images: metadata and URLs, or files.
        library: `inventory` or `temporary`.
        allow_duplicate: whether the same file may be registered twice on purpose.
        inspector: compares what is said of the files behind URLs with their headers first. It is
            no part of what is asked for: the same call with it or without it is one call.
        files: uploads those of this machine; needed where there are any.
    """
    given = [_recorded(image) for image in images]
    asked: dict[str, Any] = {"library": library, "allow_duplicate": allow_duplicate}
    keys = [digest(image) for image in given]
    items = dict(enumerate(images))
    urls = {item: one for item, one in items.items() if isinstance(one, ImageToAdd)}
    local = {item: one for item, one in items.items() if isinstance(one, FileToAdd)}
    if local and files is not None:
        # What may be public in one place may not be in another.
        asked["place"] = files.uploads.bucket.place

    async def read() -> Prepared:
        # Adding takes nothing away: what may be asked is whether files may become public.
        started = account.clock()
        public = await files.uploads.to_ask(list(local.values())) if local and files else []

        async def write(run: Run) -> Ends:
            if inspector:
                # What a former run did needs no look at files that may be gone by now.
                await check_files(account, inspector, run.due(urls), started=run.started)
            if not local or files is None:
                return await add_in_batches(run, urls, library, on_purpose=allow_duplicate)
            call = _Call(files, run, library, urls, local, on_purpose=allow_duplicate)
            return await call.write(public)

        async def still_so(settled: Items[Ended]) -> Items[Ended]:
            return await _still_listed(account, settled, library, started)

        return Prepared(
            read_at=started,
            would=untouched,
            write=write,
            summary=would_register(len(images)),
            targets=[_target(one, local) for one in public],
            question=upload_question(public, files.uploads.public_address)
            if public and files
            else "",
            weight=0,
            still_so=still_so,
        )

    untouched = {item: _not_sent(image, "") for item, image in items.items()}
    return Operation(
        tool=TOOL,
        arguments={"images": given, **asked},
        identity={"images": sorted(keys), **asked},
        keys=keys,
        untouched=untouched,
        read=read,
        made_of=lambda arguments: addition_again(account, arguments, files),
        resumes=True,
        is_complete=_is_complete,
    )


def would_register(images: int) -> str:
    """What a dry run says in all."""
    return f"{counted(images, 'image')} would be registered."


def addition_again(
    account: Account, arguments: Mapping[str, Any], files: "FromFiles | None" = None
) -> Operation:
    """The registration that the journal holds.

    Raises:
        GuardError: files were to become public in another place, where nobody was asked about.
    """
    place = files.uploads.target.place if files and files.uploads.target else None
    if arguments.get("place", place) != place:
        raise GuardError(
            "That call uploads to another place than this server does now.",
            state="Nothing was sent.",
            next_step="Repeat it with its first arguments, without continue_handle.",
            reason=Reason.HANDLE_UNKNOWN,
        )
    return addition(
        account,
        [
            FileToAdd(**image) if "path" in image else ImageToAdd.model_validate(image)
            for image in arguments["images"]
        ],
        arguments["library"],
        allow_duplicate=arguments["allow_duplicate"],
        files=files,
    )


@dataclass(frozen=True, slots=True)
class FromFiles:
    """What it takes to add images from files.

    Attributes:
        uploads: puts them where FinerWorks can fetch them.
        writes: knows what earlier calls made of them.
    """

    uploads: Uploads
    writes: Writes

    async def added(
        self, account: Account, files: Items[FileToAdd], library: LibraryName, run: Run
    ) -> Ends:
        """Those that calls before this one added from these very files, and the library holds.

        Raises:
            ApiError: it could not be read.
            StoreError: the record could not be read.
        """
        known = await self.uploads.known(files.values())
        rows = {item: known[one.same] for item, one in files.items() if one.same in known}
        told = {item: row.guids[library] for item, row in rows.items() if library in row.guids}
        ends: Ends = {}
        for item, row in rows.items():
            if item in told or row.change_id in {"", run.change.change_id}:
                continue
            # Its answer was lost, or the process ended before it was on record here.
            end = await self._made_by(files[item], row, library)
            if end and end.guid and is_settled(end):
                told[item] = end.guid
            elif end and end.outcome is Outcome.UNKNOWN:
                ends[item] = _not_sent(files[item], _MAY_BE_ADDED)
        listed = await read_images(
            account, list(told.values()), library, started=run.started, products=False
        )
        return ends | {
            item: _as_before(files[item], listed[guid])
            for item, guid in told.items()
            if guid in listed
        }

    async def _made_by(self, file: FileToAdd, row: Upload, library: LibraryName) -> Ended | None:
        """How an earlier call ended that was to add it; None where it was not begun."""
        image = self.uploads.image(file, row)
        sent = (image.private_hires_uri, image.file_name, library)
        change = await self.writes.history.change(row.change_id)
        items = await self.writes.history.items(row.change_id)
        for one in items:
            asked = one.sent or {}
            if change and one.kind == Kind.ADD and sent == tuple(map(asked.get, _SENT)):
                try:
                    return (await self.writes.settle(change)).get(one.item)
                except GuardError:
                    # It is at work.
                    return Ended(None, Outcome.UNKNOWN)
        return None


class _Call:
    """One run of a call that adds images of files."""

    def __init__(
        self,
        files: FromFiles,
        run: Run,
        library: LibraryName,
        urls: Items[ImageToAdd],
        local: Items[FileToAdd],
        *,
        on_purpose: bool,
    ) -> None:
        self._files = files
        self._uploads = files.uploads
        self._run = run
        self._library = library
        self._urls = urls
        self._local = local
        self._on_purpose = on_purpose
        self._up: dict[int, Upload] = {}

    async def write(self, public: Sequence[PublicFolder]) -> Ends:
        """Upload what is not up, and register what is.

        Args:
            public: folders that become public, and that a person was asked about for this call.
        """
        run = self._run
        ended: Ends = {item: end for item, end in run.settled.items() if item in self._local}
        due = run.due(self._local)
        if not self._on_purpose:
            ended |= await self._files.added(run.account, due, self._library, run)
        due = {item: one for item, one in due.items() if item not in ended}
        if run.change.accepted is None and public:
            # A former run of this call, which is gone on with, needed no yes.
            kept_back = {one.path for one in public}
            unasked = {item: one for item, one in due.items() if one.folder in kept_back}
            ended |= {item: _not_sent(one, _NO_YES) for item, one in unasked.items()}
            due = {item: one for item, one in due.items() if item not in unasked}
        elif public:
            await self._uploads.allow(public)
        ready: dict[int, ImageToAdd] = {}
        if due:
            ended |= await self._brought(due, ready)
        # One call at a time: another may have registered the same files meanwhile.
        async with self._uploads.registering:
            if not self._on_purpose:
                meanwhile = await self._there(ready)
                ended |= meanwhile
                ready = {item: one for item, one in ready.items() if item not in meanwhile}
            images = dict(sorted({**self._urls, **ready}.items()))
            return ended | await add_in_batches(
                self._run, images, self._library, on_purpose=self._on_purpose
            )

    async def _brought(self, due: Items[FileToAdd], ready: dict[int, ImageToAdd]) -> Ends:
        """Bring files where they are `ready` to be registered; the ends of those that are not."""
        run = await with_baseline(self._run, self._library)
        # On record before the first byte; so the call can be gone on with, whatever comes.
        await run.begin(Kind.ADD, {})
        reserve_s = _TO_REGISTER * run.account.pace.start_chunks_s
        files, images = len(due), len(due) + len(run.due(self._urls))
        ends = await self._uploads.bring(
            due,
            run.change.change_id,
            lambda: run.left_s() - reserve_s,
            _within(run.progress, 0, files + images),
        )
        brought = dict(ends)
        self._up = {item: one for item, one in brought.items() if isinstance(one, Upload)}
        _raise_if_nothing_else(brought, is_alone=not self._urls)
        taken = await self._uploads.store.asked(self._up.values(), run.change.change_id)
        for item in [item for item, one in self._up.items() if one in taken]:
            del self._up[item]
            brought[item] = refused("It was removed again in the meantime.", "Call again.")
        ready |= {item: self._uploads.image(due[item], one) for item, one in self._up.items()}
        # Where nothing goes on behind the call, it took the time that it took.
        started = run.started if self._uploads.goes_on else run.account.clock()
        self._run = replace(
            run,
            started=started,
            progress=_within(run.progress, files, files + images),
            there=run.there if self._on_purpose else self._there,
            keep=self._keep,
        )
        return {
            item: _why_not(due[item], one)
            for item, one in brought.items()
            if not isinstance(one, Upload)
        }

    async def _there(self, images: Items[ImageToAdd]) -> Ends:
        files = {item: self._local[item] for item in images if item in self._local}
        return await self._files.added(self._run.account, files, self._library, self._run)

    async def _keep(self, ended: Items[Ended]) -> None:
        """Remember which image each file became, before the journal closes its item."""
        guids = [
            (self._up[item], end.guid)
            for item, end in ended.items()
            if item in self._up and end.guid and is_settled(end)
        ]
        try:
            await self._uploads.store.registered(guids, self._library)
        except StoreError as unwritten:
            # The journal tells it, too.
            _log.warning("which images files became could not be recorded: %s", unwritten.what)


def _recorded(image: ImageToAdd | FileToAdd) -> dict[str, Any]:
    return asdict(image) if isinstance(image, FileToAdd) else image.model_dump(mode="json")


def _target(folder: PublicFolder, files: Items[FileToAdd]) -> Target:
    """A folder as the guard knows it again: by its files as they stand."""
    stand = sorted(
        (one.path, one.file_size, one.mtime_ns)
        for one in files.values()
        if one.folder == folder.path
    )
    return Target(digest(folder.path), folder.name, digest(stand), "")


def _within(whole: Progress, done: int, all_: int) -> Progress:
    """Progress that is a part of a longer one."""

    async def tell(progress: float, total: float | None = None, message: str | None = None) -> None:
        del total
        await whole(done + progress, all_, message)

    return tell


def _raise_if_nothing_else(brought: Items[object], *, is_alone: bool) -> None:
    """Raise what the guard refused all files with, where the call asks for nothing else."""
    refused = [one for one in brought.values() if isinstance(one, GuardError)]
    if is_alone and refused and len(refused) == len(brought):
        raise refused[0]


def _why_not(file: FileToAdd, fault: FwError | Upload | None) -> Ended:
    if not isinstance(fault, FwError):
        return _not_sent(file, UPLOADING)
    why = f"Not uploaded: {fault.what} {fault.next_step}"
    outcome = Outcome.NOT_ATTEMPTED if isinstance(fault, GuardError) else Outcome.FAILED
    return Ended(None, outcome, why, name=file.file_name, called=file.title)


def _not_sent(file: ImageToAdd | FileToAdd, why: str) -> Ended:
    return Ended(None, Outcome.NOT_ATTEMPTED, why, name=file.file_name, called=file.title)


def _as_before(file: FileToAdd, image: ImageDetails) -> Ended:
    return Ended(
        image.guid,
        Outcome.ADOPTED,
        _ADDED_BEFORE,
        before=image,
        after=image,
        name=file.file_name,
        called=file.title,
    )


def _is_complete(ends: Ends) -> bool:
    return all_good(ends) and not any(end.doubled for end in ends.values())


async def _still_listed(
    account: Account, settled: Items[Ended], library: LibraryName, started: float
) -> Items[Ended]:
    """What is not listed any more is registered again."""
    guids = [end.guid for end in settled.values() if end.guid]
    listed: dict[str, ImageDetails] = {}
    # A list that is late must not have it registered twice.
    for wait_s in WAITS_S:
        left = [guid for guid in guids if guid not in listed]
        if not left or account.time_left_s(started) <= wait_s:
            break
        await account.sleep(wait_s)
        listed |= await read_images(account, left, library, started=started, products=False)
    return {
        item: end
        for item, end in settled.items()
        # One that has a guid and does not show yet is on its way.
        if end.outcome is Outcome.UNKNOWN or end.guid in listed
    }
